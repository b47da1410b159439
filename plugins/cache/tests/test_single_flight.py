"""Single flight over real sockets: of identical requests one goes to the provider, whatever happens to it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from pointsman.testing import Received, Script, StreamClient

Boot = Callable[..., AbstractAsyncContextManager[Any]]
CHAT = "/v1/chat/completions"
ALWAYS = {"always": True}
BROKEN = Script.json({"error": {"message": "no", "type": "server_error"}}, status=500)


class Gate:
    """Answers of a provider that wait until they are let go, one by one; some are bad, by their number."""

    def __init__(self, numbered: Callable[[Received, int], Script], **bad: Script) -> None:
        self._numbered = numbered
        self._bad = {int(name[1:]): script for name, script in bad.items()}
        self._free = asyncio.Semaphore(0)
        self.calls = 0

    async def __call__(self, received: Received) -> Script:
        self.calls += 1
        number = self.calls
        await self._free.acquire()
        return self._bad.get(number) or self._numbered(received, number)

    def open(self) -> None:
        """Let one answer go."""
        self._free.release()


def waiting(place: Any) -> int:
    """How many wait for another's answer."""
    return sum(len(line) for line in place.cache._flights._waiting.values())


def start(place: Any, number: int, key: str = "alice", **more: Any) -> list[asyncio.Task[httpx.Response]]:
    """So many identical requests, at once."""
    ask: Callable[..., Awaitable[httpx.Response]] = place.ask
    loop = asyncio.get_running_loop()
    return [loop.create_task(ask(CHAT, place.body(CHAT, **more), key)) for _ in range(number)]  # type: ignore[arg-type]


def statuses(answers: list[httpx.Response]) -> Counter[tuple[int, str]]:
    return Counter((each.status_code, each.headers["x-pointsman-cache"]) for each in answers)


@pytest.mark.parametrize("stream", [False, True])
async def test_of_ten_at_once_one_goes(lab: Boot, numbered: Any, stream: bool) -> None:
    gate = Gate(numbered)
    async with lab(ALWAYS, answers=gate) as place:
        tasks = start(place, 10, stream=stream)
        await place.until(lambda: gate.calls == 1 and waiting(place) == 9)
        gate.open()
        answers = await asyncio.gather(*tasks)
        assert statuses(answers) == {(200, "miss"): 1, (200, "hit"): 9}
        assert len({each.content for each in answers}) == 1
        assert len({each.headers["x-generation-id"] for each in answers}) == 10
        assert gate.calls == 1


async def test_where_the_first_fails_exactly_one_goes_next(lab: Boot, numbered: Any) -> None:
    gate = Gate(numbered, _1=BROKEN, _2=BROKEN)
    one = {"models": {"acme/m": {"endpoints": ["lab/m"]}}}
    async with lab(ALWAYS, answers=gate, more=one) as place:
        tasks = start(place, 5)
        for calls in (1, 2, 3):
            await place.until(lambda: gate.calls == calls and waiting(place) == 5 - calls)  # noqa: B023
            gate.open()
        answers = await asyncio.gather(*tasks)
        assert Counter(each.status_code for each in answers) == {502: 2, 200: 3}
        assert statuses([each for each in answers if each.status_code == 200]) == {
            (200, "miss"): 1,
            (200, "hit"): 2,
        }
        assert (gate.calls, len(place.cache._flights)) == (3, 0)


@pytest.mark.parametrize("stream", [False, True])
async def test_where_the_client_of_the_first_leaves_one_goes_next(
    lab: Boot, numbered: Any, stream: bool
) -> None:
    gate = Gate(numbered)
    async with lab(ALWAYS, answers=gate) as place:
        url, headers = f"{place.running.url}{CHAT}", {"x-api-key": "alice"}
        async with StreamClient(url, place.body(CHAT, stream=stream), headers=headers):
            await place.until(lambda: gate.calls == 1)
            tasks = start(place, 3, stream=stream)
            await place.until(lambda: waiting(place) == 3)
        await place.until(lambda: gate.calls == 2 and waiting(place) == 2)
        gate.open()
        gate.open()
        answers = await asyncio.gather(*tasks)
        assert statuses(answers) == {(200, "miss"): 1, (200, "hit"): 2}
        assert (gate.calls, len(place.cache._flights)) == (2, 0)


async def test_one_who_leaves_while_waiting_disturbs_nobody(lab: Boot, numbered: Any) -> None:
    gate = Gate(numbered)
    async with lab(ALWAYS, answers=gate) as place:
        tasks = start(place, 1)
        await place.until(lambda: gate.calls == 1)
        url, headers = f"{place.running.url}{CHAT}", {"x-api-key": "alice"}
        async with StreamClient(url, place.body(CHAT), headers=headers):
            await place.until(lambda: waiting(place) == 1)
            tasks += start(place, 1)
            await place.until(lambda: waiting(place) == 2)
        await place.until(lambda: waiting(place) == 1)
        gate.open()
        answers = await asyncio.gather(*tasks)
        assert statuses(answers) == {(200, "miss"): 1, (200, "hit"): 1}
        assert gate.calls == 1


async def test_what_cannot_be_kept_is_not_shared_and_all_are_answered(lab: Boot, numbered: Any) -> None:
    gate = Gate(numbered)
    async with lab({**ALWAYS, "max_entry": 50}, answers=gate) as place:
        tasks = start(place, 3)
        for calls in (1, 2, 3):
            await place.until(lambda: gate.calls == calls)  # noqa: B023
            gate.open()
        answers = await asyncio.gather(*tasks)
        assert statuses(answers) == {(200, "miss"): 3}
        await place.idle()
        assert (len(place.cache._store), len(place.cache._flights)) == (0, 0)


async def test_patience_is_bounded(lab: Boot, numbered: Any) -> None:
    gate = Gate(numbered)
    async with lab({**ALWAYS, "wait": "0s"}, answers=gate) as place:
        tasks = start(place, 3)
        await place.until(lambda: gate.calls == 3)
        for _ in tasks:
            gate.open()
        answers = await asyncio.gather(*tasks)
        assert statuses(answers) == {(200, "miss"): 3}
        await place.idle()
        assert (len(place.cache._store), len(place.cache._flights)) == (1, 0)


async def test_who_wants_a_fresh_answer_waits_for_nobody(lab: Boot, numbered: Any) -> None:
    gate = Gate(numbered)
    async with lab(ALWAYS, answers=gate) as place:
        tasks = start(place, 1)
        await place.until(lambda: gate.calls == 1)
        fresh = asyncio.ensure_future(place.ask(CHAT, place.body(CHAT), Cache_Control="no-cache"))
        await place.until(lambda: gate.calls == 2)
        gate.open()
        gate.open()
        answers = await asyncio.gather(*tasks, fresh)
        assert statuses(answers) == {(200, "miss"): 2}
        assert len({each.content for each in answers}) == 2


async def test_those_of_another_tenant_or_another_endpoint_do_not_get_it(lab: Boot, numbered: Any) -> None:
    gate = Gate(numbered)
    async with lab({**ALWAYS, "scope": "team"}, answers=gate) as place:
        alice = start(place, 1)
        await place.until(lambda: gate.calls == 1)
        carol = start(place, 1, "carol")
        await place.until(lambda: gate.calls == 2)
        erin = start(place, 1, "erin")
        await place.until(lambda: waiting(place) == 1)
        gate.open()
        gate.open()
        await place.until(lambda: gate.calls == 3)
        gate.open()
        answers = await asyncio.gather(*alice, *carol, *erin)
        assert statuses(answers) == {(200, "miss"): 3}
        assert answers[2].headers["x-pointsman-provider"] == "spare"


async def test_a_stop_ends_those_who_wait(lab: Boot, numbered: Any) -> None:
    gate = Gate(numbered)
    async with lab(ALWAYS, answers=gate) as place:
        tasks = start(place, 3)
        await place.until(lambda: gate.calls == 1 and waiting(place) == 2)
        place.running.gateway.end_running()
        answers = await asyncio.gather(*tasks)
        assert Counter(each.status_code for each in answers) == {503: 3}
        assert (len(place.cache._flights), gate.calls) == (0, 1)

"""Faults of all providers at once, 91 to 94, with endpoints balanced: what is down, and how it comes back."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest

from pointsman.testing import FakeProvider, Hang, Received, Running, Script, StreamClient

both_kinds = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
Play = Callable[[Received], Script]
NEVER = "3600s"
"""A time-out that is not waited for: a test that needed it would not end."""
GUARD = 30.0
"""Seconds after which a test has hung."""
REST = 6.5
"""Seconds in which the first rest of an endpoint is over, however long it was drawn."""
MOST_ATTEMPTS = 4
SHARE, FREE = 1.2, 3
"""What the retry budget allows: so many attempts a request, and a few."""


def failing(received: Received) -> Script:
    """A provider that always fails."""
    return Script.json({"error": {"message": "no", "type": "server_error"}}, status=500)


def overloaded(received: Received) -> Script:
    """A provider that has too much to do, for longer than anyone waits."""
    error = {"error": {"message": "no", "type": "server_error"}}
    return Script.json(error, status=503, headers={"retry-after": "300"})


def silent(received: Received) -> Script:
    """A provider that takes a request and says nothing."""
    return Script(steps=(Hang(),), framing="raw")


class Clock:
    """The monotonic clock, moved on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._moved, self._real = 0.0, time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: self._real() + self._moved)

    def move(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self._moved += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the gateway."""
    return Clock(monkeypatch)


@dataclass
class Fleet:
    """A gateway whose model `lab/all` is at several providers that play what they are told to."""

    served: Running
    dialect: Any
    playing: dict[str, Play]
    asked: Counter[str]

    def play(self, *playing: Play) -> None:
        """What each of them does from now on."""
        self.playing.update(zip(self.playing, playing, strict=True))
        self.asked.clear()

    async def ask(self, *, stream: bool) -> httpx.Response:
        """Ask once."""
        async with asyncio.timeout(GUARD):
            body = self.dialect.body("lab/all", stream=stream)
            return await self.served.client.post(self.dialect.path, json=body)

    async def idle(self) -> None:
        """Return once nothing is under way."""
        async with asyncio.timeout(GUARD):
            while self.served.gateway.running:
                await asyncio.sleep(0)


@pytest.fixture
def fleet(dialects: dict[str, Any], asking: Any) -> Any:
    """Boot a gateway in front of so many providers, or of these addresses; the first is to be preferred by
    its price where it is `cheap`."""

    @asynccontextmanager
    async def booted(places: int | Sequence[str], *, cheap: bool = False) -> AsyncIterator[Fleet]:
        dialect, asked = dialects["chat"], Counter[str]()
        names = [f"p{number}" for number in range(places if isinstance(places, int) else len(places))]
        playing: dict[str, Play] = dict.fromkeys(names, dialect.healthy)

        def play(received: Received, name: str) -> Script:
            asked[name] += 1
            return playing[name](received)

        async with AsyncExitStack() as stack:
            urls = [] if isinstance(places, int) else [*places]
            for name in names[len(urls) :]:
                provider = await stack.enter_async_context(FakeProvider(partial(play, name=name)))
                urls.append(provider.url)
            providers = {name: dialect.provider(url) for name, url in zip(names, urls, strict=True)}
            for number, section in enumerate(providers.values() if cheap else ()):
                section["price"] = {"input": 1 + 2 * number, "output": 1 + 2 * number}
            limits = dict.fromkeys(("connect_timeout", "first_content", "stall", "total"), NEVER)
            used: dict[str, Any] = {name: {} for name in ("openai", "vendors", "routes", "usage", "balance")}
            served = await stack.enter_async_context(
                asking.serving(
                    providers,
                    {"lab/all": [f"{name}/m" for name in names]},
                    plugins=used,
                    upstream={**limits, "max_wait": "1s", "ahead": 0},
                )
            )
            yield Fleet(served, dialect, playing, asked)

    return booted


def closed_ports(count: int) -> list[str]:
    """Addresses at which nobody listens."""
    return [f"http://127.0.0.1:{port}/v1" for port in range(2, 2 + count)]


@both_kinds
async def test_fault_91_where_no_provider_can_be_reached_a_client_is_told_at_once(
    fleet: Any, stream: bool
) -> None:
    """No time-out is waited for: each of them is an hour."""
    async with fleet(closed_ports(6)) as all_down:
        answers = [await all_down.ask(stream=stream) for _ in range(20)]
        for answer in answers:
            assert (answer.status_code, answer.headers["x-should-retry"]) == (503, "false")
            error = all_down.dialect.error(answer.content)
            assert error["metadata"]["error_type"] == "provider_unavailable"
        made = [int(answer.headers["x-pointsman-attempts"]) for answer in answers]
        assert made[0] == MOST_ATTEMPTS
        assert min(made) == 1, "there is always one"
        assert sum(made) <= 6 + SHARE * len(made) + FREE


@both_kinds
async def test_fault_91_where_all_are_overloaded_nobody_waits_for_longer_than_the_operator_allows(
    fleet: Any, stream: bool
) -> None:
    async with fleet(3) as all_down:
        all_down.play(*[overloaded] * 3)
        for _ in range(5):
            answer = await all_down.ask(stream=stream)
            assert (answer.status_code, answer.headers["x-should-retry"]) == (503, "false")
            assert 290 <= int(answer.headers["retry-after"]) <= 301
        assert all_down.asked.total() <= 3 + SHARE * 5 + FREE


@both_kinds
@pytest.mark.parametrize("places", [1, 2, 3])
async def test_fault_92_the_last_endpoint_is_never_taken_away(
    fleet: Any, clock: Clock, places: int, stream: bool
) -> None:
    """However often and long all of them failed, each request is tried, and the first that can be answered
    is, without any time passing."""
    async with fleet(places) as all_down:
        all_down.play(*[failing] * places)
        for _ in range(30):
            before = all_down.asked.total()
            assert (await all_down.ask(stream=stream)).status_code == 502
            assert all_down.asked.total() > before, "somebody was asked"
            clock.move(1.0)
        all_down.play(*[all_down.dialect.healthy] * places)
        assert (await all_down.ask(stream=stream)).status_code == 200


@both_kinds
async def test_fault_93_when_everything_fails_attempts_do_not_become_a_storm(
    fleet: Any, clock: Clock, stream: bool
) -> None:
    """A fifth more than requests, and three, once it is known that all fail; and again ten seconds later."""
    requests, places = 60, 5
    async with fleet(places) as all_down:
        all_down.play(*[failing] * places)
        while len(all_down.asked) < places:  # what is not known to fail may be tried
            assert (await all_down.ask(stream=stream)).status_code == 502
        for _ in range(2):
            spent = all_down.asked.total()
            answers = await asyncio.gather(*(all_down.ask(stream=stream) for _ in range(requests)))
            assert {answer.status_code for answer in answers} == {502}
            assert {answer.headers["x-should-retry"] for answer in answers} == {"false"}
            made = all_down.asked.total() - spent
            assert requests <= made <= SHARE * requests + FREE + SHARE * places
            clock.move(9.0)


async def to_rest(half_down: Fleet, *, stream: bool) -> None:
    """Let the first of two fail until it rests: nobody notices."""
    half_down.play(failing, half_down.dialect.healthy)
    for _ in range(20):
        assert (await half_down.ask(stream=stream)).status_code == 200
    assert half_down.asked == {"p0": 5, "p1": 20}, "five failures in a row"


@both_kinds
async def test_fault_94_one_that_recovers_is_tried_as_soon_as_its_rest_is_over_and_then_has_its_share(
    fleet: Any, clock: Clock, stream: bool
) -> None:
    async with fleet(2, cheap=True) as half_down:
        await to_rest(half_down, stream=stream)
        half_down.play(half_down.dialect.healthy, half_down.dialect.healthy)
        assert (await half_down.ask(stream=stream)).status_code == 200
        assert half_down.asked == {"p1": 1}, "it rests still"
        clock.move(REST)
        half_down.asked.clear()
        for _ in range(20):
            assert (await half_down.ask(stream=stream)).status_code == 200
        assert half_down.asked["p0"] >= 15, "within one interval it is what it was"


async def test_fault_94_a_trial_that_fails_is_the_only_one_of_its_interval(fleet: Any, clock: Clock) -> None:
    async with fleet(2, cheap=True) as half_down:
        await to_rest(half_down, stream=False)
        for seconds in (REST, 2 * REST, 4 * REST):
            half_down.asked.clear()
            clock.move(seconds)
            answers = await asyncio.gather(*(half_down.ask(stream=False) for _ in range(10)))
            assert {answer.status_code for answer in answers} == {200}
            assert half_down.asked == {"p0": 1, "p1": 10}


async def test_fault_94_a_client_that_leaves_takes_no_trial_with_it(fleet: Any, clock: Clock) -> None:
    """The request that tries an endpoint is given up by its client: the next one tries."""
    async with fleet(2, cheap=True) as half_down:
        await to_rest(half_down, stream=False)
        half_down.play(silent, half_down.dialect.healthy)
        clock.move(REST)
        body = half_down.dialect.body("lab/all", stream=False)
        async with StreamClient(f"{half_down.served.url}{half_down.dialect.path}", body):
            async with asyncio.timeout(GUARD):
                while not half_down.asked["p0"]:
                    await asyncio.sleep(0)
            assert (await half_down.ask(stream=False)).status_code == 200
            assert half_down.asked == {"p0": 1, "p1": 1}, "others wait for what comes of it"
        await half_down.idle()
        half_down.play(half_down.dialect.healthy, half_down.dialect.healthy)
        assert (await half_down.ask(stream=False)).status_code == 200
        assert half_down.asked == {"p0": 1}

"""Failover over several endpoints, keys and dialects: what a client is told when nothing is left to try."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import pytest_asyncio

from pointsman.testing import FakeProvider, Received, Running, Script

pytestmark = pytest.mark.asyncio(loop_scope="module")

both_kinds = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
both_dialects = pytest.mark.parametrize("client", ["chat", "messages"])
Playing = Callable[[Received], Script]


def failing(status: int, **headers: str) -> Playing:
    """A provider that always says so, in words that both dialects understand."""
    error = {"type": "error", "error": {"type": "api_error", "message": f"no: {status}"}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda received: Script.json(error, status=status, headers=named)


@dataclass
class Stage:
    """A server with two endpoints of each dialect, tried in turn as models `chat/…` or `messages/…` say."""

    served: Running
    asking: Any
    playing: dict[str, Playing] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def play(self, **playing: Playing) -> None:
        """What each provider does from now on."""
        self.playing = playing
        self.asked.clear()


PROVIDERS = {"chat1": "chat", "chat2": "chat", "messages1": "messages", "messages2": "messages"}
MODELS = {
    "alone/chat": ["chat1/m"],
    "alone/messages": ["messages1/m"],
    "both/mixed": ["chat1/m", "messages1/m"],
    "all/four": ["chat1/m", "messages1/m", "chat2/m", "messages2/m"],
    "more/five": ["chat1/a", "messages1/a", "chat2/a", "messages2/a", "chat1/b"],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(dialects: dict[str, Any], asking: Any) -> AsyncIterator[Stage]:
    staged: Stage

    async with AsyncExitStack() as stack:
        sections = {}
        for name, dialect in PROVIDERS.items():

            def play(received: Received, name: str = name) -> Script:
                staged.asked.append(name)
                return staged.playing[name](received)

            provider = await stack.enter_async_context(FakeProvider(play))
            sections[name] = dialects[dialect].provider(provider.url)
        upstream = {"max_connections": 1, "ahead": 0}
        served = await stack.enter_async_context(asking.serving(sections, MODELS, upstream=upstream))
        staged = Stage(served, asking)
        yield staged


@both_kinds
@both_dialects
async def test_when_every_endpoint_failed_a_client_is_told_not_to_try_again(
    stage: Stage, dialects: dict[str, Any], client: str, stream: bool
) -> None:
    stage.play(chat1=failing(500), messages1=failing(529), chat2=failing(503), messages2=failing(502))
    answer = await stage.asking.ask(stage.served, dialects[client], "all/four", stream=stream)
    assert answer.status_code == 502
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-pointsman-attempts"] == "4"
    assert stage.asked == ["chat1", "messages1", "chat2", "messages2"]
    error = dialects[client].error(answer.content)
    assert error["message"] == "all 4 attempts failed; the last said: no: 502"
    attempts = error["metadata"]["attempts"]
    assert [each["status"] for each in attempts] == [500, 529, 503, 502]
    lanes = ["bytes", "translated"] * 2 if client == "chat" else ["translated", "bytes"] * 2
    assert [each["lane"] for each in attempts] == lanes
    row = await stage.asking.row_of(stage.served, answer)
    assert (row["outcome"], row["status"], row["attempts"]) == ("failed", 502, 4)
    assert (row["endpoint"], row["input_tokens"]) == ("messages2/m", None)


@both_dialects
async def test_four_attempts_are_all_there_are(stage: Stage, dialects: dict[str, Any], client: str) -> None:
    stage.play(**dict.fromkeys(PROVIDERS, failing(500)))
    answer = await stage.asking.ask(stage.served, dialects[client], "more/five", stream=False)
    assert answer.status_code == 502
    assert len(stage.asked) == 4


@both_kinds
@both_dialects
@pytest.mark.parametrize(
    ("first", "second", "status", "wait"),
    [
        (failing(429, retry_after="30"), failing(429, retry_after="9"), 429, 10),
        (failing(429, retry_after="30"), failing(500), 502, 31),
        (failing(500), failing(529, retry_after="4"), 503, 5),
        (failing(404), failing(500), 404, None),
        (failing(500), failing(404), 404, None),
    ],
    ids=[
        "limited",
        "limited-then-broken",
        "broken-then-overloaded",
        "unknown-then-broken",
        "broken-then-unknown",
    ],
)
async def test_of_several_failures_the_client_is_told_the_one_that_helps_it(
    stage: Stage,
    dialects: dict[str, Any],
    client: str,
    stream: bool,
    first: Playing,
    second: Playing,
    status: int,
    wait: int | None,
) -> None:
    stage.play(chat1=first, messages1=second)
    answer = await stage.asking.ask(stage.served, dialects[client], "both/mixed", stream=stream)
    assert answer.status_code == status
    assert answer.headers["x-should-retry"] == "false"
    told = answer.headers.get("retry-after")
    assert told is None if wait is None else int(told) in (wait - 1, wait)
    assert "all 2 attempts failed" in dialects[client].error(answer.content)["message"]


@both_kinds
@both_dialects
@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_mistake_of_the_clients_is_told_at_once_and_tried_nowhere_else(
    stage: Stage, dialects: dict[str, Any], client: str, stream: bool, status: int
) -> None:
    stage.play(chat1=failing(500), messages1=failing(status), chat2=failing(500), messages2=failing(500))
    answer = await stage.asking.ask(stage.served, dialects[client], "all/four", stream=stream)
    assert answer.status_code == status
    assert stage.asked == ["chat1", "messages1"]
    assert dialects[client].error(answer.content)["message"] == f"no: {status}"


@both_kinds
@both_dialects
async def test_an_endpoint_of_another_dialect_takes_over(
    stage: Stage, dialects: dict[str, Any], client: str, stream: bool
) -> None:
    stage.play(
        chat1=failing(500), messages1=failing(529), chat2=failing(429), messages2=dialects["messages"].healthy
    )
    answer = await stage.asking.ask(stage.served, dialects[client], "all/four", stream=stream)
    assert answer.status_code == 200
    dialect = dialects[client]
    assert (dialect.said(answer.content) if stream else dialect.text(answer.content)) == "Fine"
    row = await stage.asking.row_of(stage.served, answer)
    assert (row["outcome"], row["attempts"], row["endpoint"]) == ("complete", 4, "messages2/m")
    assert row["lane"] == ("bytes" if client == "messages" else "translated")
    assert (row["input_tokens"], row["output_tokens"], row["estimated"]) == (7, 2, 0)


SPELLINGS: dict[str, Callable[[], dict[str, str]]] = {
    "seconds": lambda: {"retry_after": "20"},
    "fraction": lambda: {"retry_after": "19.5"},
    "milliseconds": lambda: {"retry_after_ms": "20000", "retry_after": "3"},
    "http-date": lambda: {
        "retry_after": format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    },
    "rfc-3339": lambda: {
        "anthropic_ratelimit_requests_remaining": "0",
        "anthropic_ratelimit_requests_reset": (datetime.now(UTC) + timedelta(seconds=20)).isoformat(),
    },
    "latest": lambda: {
        "anthropic_ratelimit_tokens_reset": (datetime.now(UTC) + timedelta(seconds=3)).isoformat(),
        "anthropic_ratelimit_requests_reset": (datetime.now(UTC) + timedelta(seconds=20)).isoformat(),
    },
    "not-used-up": lambda: {
        "anthropic_ratelimit_tokens_remaining": "5",
        "anthropic_ratelimit_tokens_reset": (datetime.now(UTC) + timedelta(seconds=300)).isoformat(),
        "anthropic_ratelimit_requests_reset": (datetime.now(UTC) + timedelta(seconds=20)).isoformat(),
    },
    "epoch": lambda: {"x_ratelimit_reset": str(int(time.time()) + 20)},
    "epoch-milliseconds": lambda: {"x_ratelimit_reset": str(int(time.time() * 1000) + 20_000)},
    "duration": lambda: {"x_ratelimit_reset_requests": "0m20s"},
}
"""Twenty seconds to wait, in many words: faults 13 to 15 and 17."""


@both_dialects
@pytest.mark.parametrize("provider", ["chat", "messages"])
@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_the_wait_is_passed_on_however_it_is_spelled(
    stage: Stage, dialects: dict[str, Any], client: str, provider: str, spelling: str
) -> None:
    stage.play(**{f"{provider}1": failing(429, **SPELLINGS[spelling]())})
    answer = await stage.asking.ask(stage.served, dialects[client], f"alone/{provider}", stream=True)
    assert answer.status_code == 429
    assert 18 <= int(answer.headers["retry-after"]) <= 21


@both_dialects
@pytest.mark.parametrize("provider", ["chat", "messages"])
@pytest.mark.parametrize("nonsense", ["soon", "-1", "inf", "1e400", "", "99999999"])
async def test_a_wait_that_makes_no_sense_is_not_passed_on(
    stage: Stage, dialects: dict[str, Any], client: str, provider: str, nonsense: str
) -> None:
    stage.play(**{f"{provider}1": failing(429, retry_after=nonsense)})
    answer = await stage.asking.ask(stage.served, dialects[client], f"alone/{provider}", stream=False)
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers


def key_of(received: Received) -> str:
    """The key that a request brought."""
    return received.headers.get("x-api-key") or received.headers["authorization"].removeprefix("Bearer ")


@both_dialects
@pytest.mark.parametrize("provider", ["chat", "messages"])
async def test_a_key_that_is_refused_is_replaced_within_the_request_and_then_left_out(
    dialects: dict[str, Any], asking: Any, client: str, provider: str
) -> None:
    """Fault 23: the other key is tried at once, and the one that was refused not again."""
    keys: list[str] = []

    def answer(received: Received) -> Script:
        keys.append(key_of(received))
        status = int(received.path.split("/")[1])
        refused: Playing = failing(status, retry_after="60")
        return refused(received) if keys[-1] == "key-one" else dialects[provider].healthy(received)

    async with FakeProvider(answer) as served_by:
        sections = {}
        for status, kind in itertools.product((401, 402, 403, 429), ("whole", "stream")):
            url = served_by.url.replace("/v1", f"/{status}/v1")
            section = dialects[provider].provider(url, api_keys=["key-one", "key-two"])
            del section["api_key"]
            sections[f"{kind}-{status}"] = section
        async with asking.serving(sections, {f"lab/{name}": [f"{name}/m"] for name in sections}) as served:
            for name in sections:
                keys.clear()
                stream = name.startswith("stream")
                found = [
                    await asking.ask(served, dialects[client], f"lab/{name}", stream=stream) for _ in range(3)
                ]
                assert [each.status_code for each in found] == [200] * 3
                assert keys == ["key-one", "key-two", "key-two", "key-two"]
                rows = [await asking.row_of(served, each) for each in found]
                assert [row["attempts"] for row in rows] == [2, 1, 1]
                assert all("key-" not in str(each.headers) + each.text for each in found)


@both_dialects
@pytest.mark.parametrize("provider", ["chat", "messages"])
async def test_a_last_key_is_tried_again_and_again_for_it_may_be_mended(
    stage: Stage, dialects: dict[str, Any], client: str, provider: str
) -> None:
    stage.play(**{f"{provider}1": failing(401)})
    refused = await stage.asking.ask(stage.served, dialects[client], f"alone/{provider}", stream=False)
    assert refused.status_code == 502
    stage.play(**{f"{provider}1": dialects[provider].healthy})
    mended = await stage.asking.ask(stage.served, dialects[client], f"alone/{provider}", stream=False)
    assert mended.status_code == 200


async def test_many_failures_at_once_leave_nothing_behind(
    stage: Stage, dialects: dict[str, Any], leftovers: Any
) -> None:
    """Faults of every kind, one after the other on one connection, and clients of both dialects at once."""
    stage.play(
        chat1=failing(500), messages1=failing(529), chat2=failing(429), messages2=dialects["messages"].healthy
    )
    for dialect in dialects.values():
        await stage.asking.ask(stage.served, dialect, "all/four", stream=False)
    await asyncio.gather(
        *(
            stage.asking.ask(stage.served, dialect, "all/four", stream=stream)
            for dialect in dialects.values()
            for stream in (False, True) * 3
        )
    )
    before = leftovers()
    answers = await asyncio.gather(
        *(
            stage.asking.ask(stage.served, dialect, "all/four", stream=stream)
            for dialect in dialects.values()
            for stream in (False, True) * 3
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    await before.none()
    assert stage.served.gateway.running == 0

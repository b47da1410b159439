"""Real providers in front of a real server: which of them is asked, and what that depends on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest

from pointsman.errors import ConfigError
from pointsman.testing import FakeProvider, Received, Running, Script, running
from pointsman_balance import Balance

ERROR = {"error": {"message": "no", "type": "server_error"}}
Play = Callable[[Received], Script]


def answer(received: Received, **headers: str) -> Script:
    """A small answer, with headers."""
    body = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": received.json["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
    return Script.json(body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def calling(arguments: str, *, stream: bool) -> Play:
    """A provider whose model calls a tool with these arguments."""
    call = {
        "index": 0,
        "id": "call-1",
        "type": "function",
        "function": {"name": "look", "arguments": arguments},
    }
    if not stream:
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        return lambda received: Script.json({"id": "1", "object": "chat.completion", "choices": [choice]})
    deltas: list[dict[str, Any]] = [{"role": "assistant", "tool_calls": [call]}, {}]
    events = [
        {
            "id": "1",
            "choices": [{"index": 0, "delta": delta, "finish_reason": None if delta else "tool_calls"}],
        }
        for delta in deltas
    ]
    sent = [f"data: {json.dumps(event)}\n\n".encode() for event in events]
    return lambda received: Script.sse([*sent, b"data: [DONE]\n\n"])


def refusing(status: int, message: str = "no", **headers: str) -> Play:
    """A provider that always refuses."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda received: Script.json({"error": {"message": message}}, status=status, headers=named)


def failing(received: Received) -> Script:
    return Script.json(ERROR, status=500)


class Market:
    """A server with some providers of one model, and who of them was asked."""

    def __init__(self, served: Running, asked: list[str], playing: dict[str, Play]) -> None:
        self.served = served
        self.asked = asked
        self.playing = playing

    async def chat(self, times: int = 1, **body: Any) -> list[httpx.Response]:
        """Ask one after the other."""
        message = {"role": "user", "content": "Hello"}
        answers = []
        for _ in range(times):
            asking = {"model": "acme/large", "messages": [message], **body}
            answers.append(await self.served.client.post("/v1/chat/completions", json=asking))
        return answers

    def first(self) -> Counter[str]:
        """Who was asked how often since the last time."""
        counted = Counter(self.asked)
        self.asked.clear()
        return counted

    @property
    def plugin(self) -> Balance:
        plugins = self.served.gateway.setup.plugins.plugins
        found = next(each.target for each in plugins if each.name == "balance")
        assert isinstance(found, Balance)
        return found


@asynccontextmanager
async def market(
    folder: Path,
    prices: dict[str, Any],
    *,
    use: str = "{}",
    endpoint: str = "",
    keys: int = 1,
    **settings: str,
) -> AsyncIterator[Market]:
    """Serve a model at as many providers as there are prices, with so many `keys` each; a rule uses them as
    `use` says. A second model, `acme/small`, is at the same providers."""
    asked: list[str] = []
    playing: dict[str, Play] = {}
    secrets = ", ".join(f"sk-key-{number}" for number in range(keys))
    async with AsyncExitStack() as stack:
        providers = ""
        for name, price in prices.items():

            def play(received: Received, name: str = name) -> Script:
                asked.append(name)
                return playing.get(name, answer)(received)

            fake = await stack.enter_async_context(FakeProvider(play))
            told = "" if price is None else f", price: {{input: {price}, output: {price}}}"
            providers += f'  {name}: {{base_url: "{fake.url}", api_keys: [{secrets}]{told}}}\n'
        small = ", ".join(f"{name}/small" for name in prices)
        endpoints = ", ".join(f"{{endpoint: {name}/large{endpoint}}}" for name in prices)
        balance = ", ".join(f"{name}: {value}" for name, value in settings.items())
        config = f"""
auth: none
plugins: {{balance: {{{balance}}}}}
providers:
{providers}
models: {{acme/large: {{endpoints: [{endpoints}]}}, acme/small: {{endpoints: [{small}]}}}}
routes: [{{name: all, use: {use}}}]
"""
        served = await stack.enter_async_context(running(config, folder=folder))
        yield Market(served, asked, playing)


async def test_the_cheapest_is_asked_most_of_the_time(tmp_path: Path) -> None:
    async with market(tmp_path, {"dear": 3, "cheap": 1, "unknown": None}, explore="0%") as served:
        answers = await served.chat(30)
        assert served.first() == {"cheap": 30}
        assert {each.headers["x-pointsman-provider"] for each in answers} == {"cheap"}


async def test_explored_ones_are_asked_now_and_then(tmp_path: Path) -> None:
    async with market(tmp_path, {"dear": 9, "cheap": 1}, explore="50%") as served:
        await served.chat(60)
        asked = served.first()
        assert 0 < asked["dear"] < asked["cheap"]


async def test_one_that_refuses_is_left_within_one_request_and_comes_back_by_itself(tmp_path: Path) -> None:
    async with market(tmp_path, {"cheap": 1, "dear": 3}, explore="0%") as served:
        served.playing["cheap"] = lambda received: Script.json(
            ERROR, status=429, headers={"retry-after": "0.2"}
        )
        (first,) = await served.chat()
        assert first.status_code == 200
        assert served.first() == {"cheap": 1, "dear": 1}
        await served.chat(3)
        assert served.first() == {"dear": 3}, "it asked us to wait"
        del served.playing["cheap"]
        served.served.gateway.rests._until.clear()  # the time it asked for is over
        for _ in range(200):
            await served.chat()
            if served.first()["cheap"]:
                break
        else:
            pytest.fail("it never came back")


async def test_one_that_fails_rests_and_one_request_tries_it_afterwards(tmp_path: Path) -> None:
    async with market(tmp_path, {"cheap": 1, "dear": 3}, explore="0%") as served:
        served.playing["cheap"] = failing
        answers = await served.chat(12)
        assert {each.status_code for each in answers} == {200}
        asked = served.first()
        assert asked["dear"] == 12
        assert asked["cheap"] <= 5
        breaker = served.plugin._board.health("cheap/large").breaker
        if breaker.until is None:  # its price with failures was enough to leave it
            assert asked["cheap"] < 5
            return
        del served.playing["cheap"]
        breaker.until = 0.0
        served.plugin._board._groups.clear()
        await served.chat()
        assert served.first()["cheap"] == 1
        assert breaker.until is None


async def test_the_last_endpoint_is_asked_however_it_fails(tmp_path: Path) -> None:
    async with market(tmp_path, {"one": 1, "two": 1}) as served:
        served.playing.update(one=failing, two=failing)
        await served.chat(20)
        served.first()
        served.playing.clear()
        (answered,) = await served.chat()
        assert answered.status_code == 200


@pytest.mark.parametrize(
    ("pick", "expected"),
    [("cheapest", ["two", "one", "three"]), ("ordered", ["one", "two", "three"])],
)
async def test_a_rule_says_how_to_pick(tmp_path: Path, pick: str, expected: list[str]) -> None:
    prices = {"one": 2, "two": 1, "three": None}
    async with market(tmp_path, prices, use=f"{{pick: {pick}}}") as served:
        served.playing.update(dict.fromkeys(prices, failing))
        await served.chat()
        assert served.asked == expected


async def test_a_key_that_is_refused_says_nothing_of_its_endpoint_while_another_is_free(
    tmp_path: Path,
) -> None:
    def first_only(received: Received) -> Script:
        refused = "sk-key-0" in received.headers["authorization"]
        return refusing(429, retry_after="60")(received) if refused else answer(received)

    async with market(tmp_path, {"cheap": 1, "dear": 3}, explore="0%", keys=2) as served:
        served.playing["cheap"] = first_only
        await served.chat(6)
        assert served.first() == {"cheap": 7}
        health = served.plugin._board.health("cheap/large")
        assert health.refusals.left(monotonic()) == 0
        served.playing["cheap"] = refusing(429, retry_after="60")
        answers = await served.chat(2)
        assert {each.status_code for each in answers} == {200}
        assert served.first() == {"cheap": 1, "dear": 2}, "now all of its keys rest"


async def test_an_overloaded_provider_is_left_with_all_its_endpoints(tmp_path: Path) -> None:
    async with market(tmp_path, {"cheap": 1, "dear": 3}, explore="0%") as served:
        await served.chat(model="acme/small")
        assert served.first() == {"cheap": 1}
        served.playing["cheap"] = refusing(503, "The service is overloaded")
        await served.chat()
        assert served.first() == {"cheap": 1, "dear": 1}
        await served.chat(2, model="acme/small")
        assert served.first() == {"dear": 2}


async def test_one_overloaded_model_says_nothing_of_the_others(tmp_path: Path) -> None:
    async with market(tmp_path, {"cheap": 1, "dear": 3}, explore="0%") as served:
        served.playing["cheap"] = refusing(503, "The model is overloaded. Please try again later.")
        await served.chat()
        assert served.first() == {"cheap": 1, "dear": 1}
        await served.chat(model="acme/small")
        assert served.first() == {"cheap": 1, "dear": 1}, "it was asked"


async def test_a_refusal_for_what_a_request_says_is_none_of_the_endpoints(tmp_path: Path) -> None:
    async with market(tmp_path, {"cheap": 1, "dear": 3}, explore="0%") as served:
        served.playing["cheap"] = refusing(403, "your input was flagged")
        await served.chat(3)
        assert served.first() == {"cheap": 3, "dear": 3}
        breaker = served.plugin._board.health("cheap/large")
        assert breaker.errors.left(monotonic()) == 0
        served.playing["cheap"] = refusing(403, "this key may not use the model")
        await served.chat()
        assert breaker.errors.left(monotonic()) > 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_tools_that_are_called_wrongly_are_counted_where_answers_are_translated(
    tmp_path: Path, stream: bool
) -> None:
    tools = [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}]
    body = {"model": "acme/large", "input": "Hello", "tools": tools, "stream": stream}
    async with market(tmp_path, {"cheap": 1, "dear": 3}, explore="0%") as served:
        health = served.plugin._board.health("cheap/large")
        for arguments, bad in (('{"at": "door"}', 0.0), ('{"at": ', 1.0)):
            served.playing["cheap"] = calling(arguments, stream=stream)
            answered = await served.served.client.post("/v1/responses", json=body)
            assert answered.status_code == 200
            assert health.bad_tools.left(monotonic()) == pytest.approx(bad, abs=0.1)
        assert health.tool_requests.left(monotonic()) == pytest.approx(2.0, abs=0.1)
        served.playing.clear()
        await served.chat()
        assert health.tool_requests.left(monotonic()) == pytest.approx(2.0, abs=0.1), "it called none"


async def test_the_least_busy_is_asked_and_the_fastest(tmp_path: Path) -> None:
    async with market(tmp_path, {"one": 1, "two": 1}, use="{pick: least-busy}") as served:
        await served.chat(2)
        assert served.first() == {"one": 2}
        served.plugin._board.health("one/large").in_flight = 2
        await served.chat(2)
        assert served.first() == {"two": 2}


@pytest.mark.parametrize("pick", ["fastest", "lowest-latency"])
async def test_the_fastest_is_asked_first(tmp_path: Path, pick: str) -> None:
    async with market(tmp_path, {"slow": 1, "fast": 1}, use=f"{{pick: {pick}}}") as served:
        await served.chat()
        for name, seconds in (("slow", 5.0), ("fast", 0.1)):
            health = served.plugin._board.health(f"{name}/large")
            now = monotonic()
            for _ in range(50):
                health.first_content.add(seconds, now)
                health.token.add(seconds / 100, now)
        served.plugin._board._groups.clear()
        served.first()
        await served.chat(5)
        assert served.first() == {"fast": 5}


async def test_weights_are_the_operators(tmp_path: Path) -> None:
    async with market(
        tmp_path, {"one": 1, "two": 1}, use="{pick: weighted}", endpoint=", weight: 0"
    ) as served:
        await served.chat(3)
        assert sum(served.first().values()) == 3
    async with market(tmp_path, {"one": 1, "two": 1}, use="{pick: weighted}") as served:
        await served.chat(40)
        assert 5 < served.first()["one"] < 35


async def test_room_that_a_provider_says_is_used_up_is_left_alone(tmp_path: Path) -> None:
    full = {"x_ratelimit_limit_requests": "100", "x_ratelimit_reset_requests": "60s"}
    async with market(tmp_path, {"cheap": 1, "dear": 3}, explore="0%") as served:
        served.playing["cheap"] = lambda received: answer(
            received, **full, x_ratelimit_remaining_requests="1"
        )
        await served.chat(1)
        assert served.first() == {"cheap": 1}
        served.plugin._board._groups.clear()
        await served.chat(5)
        assert served.first() == {"dear": 5}


async def test_a_conversation_stays_with_one_of_several_replicas(tmp_path: Path) -> None:
    async with market(tmp_path, {"one": 0, "two": 0, "three": 0}) as served:
        places = set()
        for number in range(8):
            await served.chat(4, session_id=f"session {number}")
            asked = served.first()
            assert len(asked) == 1, "each turn of it at the same one"
            places |= {*asked}
        assert len(places) > 1, "and not all of them at one"
        (record,) = await served.chat(session_id="session 1")
        assert record.status_code == 200


async def test_new_sessions_do_not_flood_a_replica_that_has_just_come_back(tmp_path: Path) -> None:
    async with market(tmp_path, {"one": 0, "two": 0}) as served:
        await served.chat()
        served.plugin._board.health("one/large").back = monotonic()
        served.plugin._board._groups.clear()
        served.first()
        for number in range(24):
            await served.chat(session_id=f"session {number}")
        assert served.first()["one"] < 9, "it is to get a tenth of a share"


async def test_a_session_leaves_a_replica_that_fails(tmp_path: Path) -> None:
    async with market(tmp_path, {"one": 0, "two": 0}) as served:
        await served.chat(2, session_id="s")
        ((before, _),) = served.first().items()
        served.playing[before] = failing
        answers = await served.chat(8, session_id="s")
        assert {each.status_code for each in answers} == {200}
        served.first()
        await served.chat(2, session_id="s")
        assert before not in served.first()


async def test_the_record_says_why(tmp_path: Path) -> None:
    async with market(tmp_path, {"cheap": 1, "dear": 3}, explore="0%") as served:
        body = {"model": "acme/large", "messages": [{"role": "user", "content": "Hello"}]}
        told = await served.served.client.post(
            "/v1/chat/completions", json=body, headers={"x-pointsman-explain": "true"}
        )
        identity = told.headers["x-generation-id"]
        await served.served.gateway.ledger.flush()
        record = (await served.served.client.get(f"/v1/decisions/{identity}")).json()
        assert record["seed"] is not None
        assert [each["endpoint"] for each in record["candidates"]] == ["cheap/large", "dear/large"]
        assert all("balanced: weight" in each["reasons"][-1] for each in record["candidates"])


async def test_a_model_with_one_endpoint_is_neither_drawn_nor_watched(tmp_path: Path) -> None:
    async with market(tmp_path, {"one": 1}) as served:
        served.playing["one"] = failing
        await served.chat(8)
        assert "one/large" not in served.plugin._board


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("edge", "0%", "`edge` must be more than nothing"),
        ("patience", "0s", "`patience` must be more than nothing"),
        ("explore", "60%", "half of the requests at most"),
        ("eddge", "5%", "did you mean"),
    ],
)
async def test_settings_that_cannot_work_are_refused(
    tmp_path: Path, setting: str, value: str, expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        async with market(tmp_path, {"one": 1}, **{setting: value}):
            pass

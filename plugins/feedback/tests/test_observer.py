"""What is told of answers by looking at them, and at what their clients do next."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.testing import Received, Script
from pointsman_feedback.evidence import evidence
from pointsman_feedback.observer import SIGNALS

Serve = Callable[..., Any]
Saying = Callable[..., Script]

CHECKS = "{checks: {sample: 100%}, signals: {sample: 0%}}"
WATCH = "{checks: {sample: 100%}, signals: {sample: 100%}}"
NOTHING = "{checks: {sample: 0%}, signals: {sample: 0%}}"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
TOOL = {"type": "function", "function": {"name": "add", "parameters": SCHEMA}}


def chunked(text: str) -> Script:
    """A text as a stream."""
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    deltas = [{"role": "assistant", "content": ""}, *({"content": each} for each in text), {}]
    events = [
        {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}]}
        for delta in deltas
    ]
    return Script.sse([*(f"data: {json.dumps(each)}\n\n".encode() for each in events), b"data: [DONE]\n\n"])


def told(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {row["kind"]: row["score"] for row in rows}


@pytest.mark.parametrize(
    ("text", "score"), [('{"n": 1}', 1.0), ('{"n": "one"}', 0.0), ("{}", 0.0), ("Sure! n is 1.", 0.0)]
)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_held_to_its_schema(
    serve: Serve, saying: Saying, text: str, score: float, stream: bool
) -> None:
    async with serve(chunked(text) if stream else saying(text), settings=CHECKS) as desk:
        id = await desk.ask(response_format=FORMAT, stream=stream)
        (row,) = await desk.rows()
    found = {
        "generation_id": id,
        "key_name": "alice",
        "team": "red",
        "model": "acme/large",
        "provider": "lab",
        "endpoint": "lab/large",
        "source": "check",
        "kind": "json_schema",
        "score": score,
        "weight": 0.7,
    }
    assert row.items() >= found.items()


@pytest.mark.parametrize(("text", "score"), [('{"a": []}', 1.0), ("[1]", 0.0), ("no", 0.0)])
async def test_json_is_json(serve: Serve, saying: Saying, text: str, score: float) -> None:
    async with serve(saying(text), settings=CHECKS) as desk:
        await desk.ask(response_format={"type": "json_object"})
        assert told(await desk.rows()) == {"json_object": score}


@pytest.mark.parametrize(
    ("calls", "found"),
    [
        ([("add", '{"n": 1}')], {"tool_name": 1.0, "tool_arguments": 1.0}),
        ([("add", '{"n": 1}'), ("add", "{}")], {"tool_name": 1.0, "tool_arguments": 0.0}),
        ([("add", '{"n": ')], {"tool_name": 1.0, "tool_arguments": 0.0}),
        ([("subtract", '{"n": 1}')], {"tool_name": 0.0}),
        ([], {}),
    ],
)
async def test_tools_are_called_as_they_are_declared(
    serve: Serve, saying: Saying, calls: list[tuple[str, str]], found: dict[str, float]
) -> None:
    answer = saying(None if calls else "Hi", calls=calls, finish="tool_calls" if calls else "stop")
    async with serve(answer, settings=CHECKS) as desk:
        await desk.ask(tools=[TOOL])
        assert told(await desk.rows()) == found


CALLED = {"type": "function_call", "id": "f", "call_id": "c0", "name": "add", "arguments": '{"n": "x"}'}
RESPONSE = {
    "id": "1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "output": [CALLED],
    "usage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4},
}
ASKED: dict[str, dict[str, Any]] = {
    "/v1/messages": {
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"name": "add", "input_schema": SCHEMA}],
    },
    "/v1/responses": {
        "input": "Hi",
        "tools": [{"type": "function", "name": "add", "parameters": SCHEMA}],
    },
}


@pytest.mark.parametrize("path", ASKED)
async def test_every_dialects_answers_are_checked(serve: Serve, saying: Saying, path: str) -> None:
    chat = saying(None, calls=[("add", '{"n": "x"}')], finish="tool_calls")

    def answer(received: Received) -> Script:
        return Script.json(RESPONSE) if received.path == "/v1/responses" else chat

    async with serve(answer, settings=CHECKS) as desk:
        given = await desk.post(path, {"model": "acme/large", **ASKED[path]})
        assert given.status_code == 200, given.text
        assert told(await desk.rows()) == {"tool_name": 1.0, "tool_arguments": 0.0}


async def test_only_what_has_a_shape_is_read(serve: Serve, saying: Saying) -> None:
    async with serve(saying('{"n": 1}'), settings=CHECKS) as desk:
        await desk.ask()
        await desk.ask("bob", "Say json_schema")
        assert await desk.rows() == []


async def test_what_is_large_or_not_drawn_is_not_checked(serve: Serve, saying: Saying) -> None:
    small = "{checks: {sample: 100%, max_size: 200B}, signals: {sample: 0%}}"
    async with serve(saying('{"n": 1}'), settings=small) as desk:
        await desk.ask(response_format=FORMAT)
        assert await desk.rows() == []
        await desk.served.reload(desk.served.config.replace(small, NOTHING))
        await desk.ask(response_format=FORMAT)
        assert await desk.rows() == []
        await desk.served.reload(desk.served.config.replace(NOTHING, CHECKS))
        await desk.ask(response_format=FORMAT)
        assert told(await desk.rows()) == {"json_schema": 1.0}


async def test_what_was_cut_off_is_not_checked(serve: Serve, saying: Saying) -> None:
    async with serve(saying('{"n":', finish="length"), settings=CHECKS) as desk:
        await desk.ask(response_format=FORMAT, max_tokens=2)
        assert await desk.rows() == []


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_errors_are_no_feedback(serve: Serve, status: int) -> None:
    async with serve(Script.json({"error": {"message": "no"}}, status=status), settings=WATCH) as desk:
        await desk.ask(response_format=FORMAT)
        await desk.ask(response_format=FORMAT)
        desk.observer.watch._clock = lambda: float("inf")
        desk.observer.settle()
        assert await desk.rows() == []


@pytest.mark.parametrize(("second", "kind"), [({}, "repeated"), ({"model": "acme/small"}, "switched")])
async def test_asking_again_says_that_the_answer_was_of_no_use(
    serve: Serve, second: dict[str, Any], kind: str
) -> None:
    async with serve(settings=WATCH) as desk:
        first = await desk.ask()
        await desk.rows()
        await desk.ask(**second)
        (row,) = await desk.rows()
    assert (row["generation_id"], row["model"]) == (first, "acme/large")
    assert (row["source"], row["kind"], row["score"], row["weight"]) == ("implicit", kind, 0.0, 0.3)


async def test_what_others_ask_or_what_is_asked_later_says_nothing(serve: Serve) -> None:
    async with serve(settings=WATCH) as desk:
        now = 1000.0
        desk.observer.watch._clock = lambda: now
        await desk.ask()
        await desk.rows()
        await desk.ask("bob")
        await desk.ask(text="Something else")
        await desk.rows()
        now += 121
        await desk.ask()
        assert await desk.rows() == []


async def test_that_nobody_asks_again_says_a_little(serve: Serve) -> None:
    async with serve(settings=WATCH) as desk:
        now = 1000.0
        desk.observer.watch._clock = lambda: now
        id = await desk.ask()
        await desk.rows()
        desk.observer.settle()
        assert await desk.rows() == []
        now += 121
        desk.observer.settle()
        desk.observer.settle()
        (row,) = await desk.rows()
        (found,) = await desk.served.gateway.ledger.read(evidence)
    assert (row["generation_id"], row["kind"], row["score"]) == (id, "kept", 1.0)
    assert found.sources["implicit"].weight == pytest.approx(SIGNALS["kept"])


@pytest.mark.parametrize(("fields", "kinds"), [({}, {"cut_short": 0.0}), ({"max_tokens": 5}, {})])
async def test_an_answer_that_ends_too_early_is_no_good(
    serve: Serve, saying: Saying, fields: dict[str, Any], kinds: dict[str, float]
) -> None:
    async with serve(saying("and then", finish="length"), settings=WATCH) as desk:
        await desk.ask(**fields)
        assert told(await desk.rows()) == kinds


@pytest.mark.parametrize(
    ("times", "results", "loops"), [(2, "same", True), (1, "same", False), (2, "other", False)]
)
async def test_calling_the_same_again_and_again_goes_in_circles(
    serve: Serve, saying: Saying, times: int, results: str, loops: bool
) -> None:
    call = {"id": "c0", "type": "function", "function": {"name": "add", "arguments": '{"n": 1}'}}
    turns: list[dict[str, Any]] = [{"role": "user", "content": "Add"}]
    for number in range(times):
        turns.append({"role": "assistant", "content": None, "tool_calls": [call]})
        result = results if results == "same" else f"{results} {number}"
        turns.append({"role": "tool", "tool_call_id": "c0", "content": result})
    answer = saying(None, calls=[("add", '{"n": 1}')], finish="tool_calls")
    async with serve(answer, settings=WATCH) as desk:
        await desk.ask(messages=turns, tools=[TOOL])
        rows = await desk.rows()
    assert ("tool_loop" in told(rows)) == loops
    if loops:
        assert next(row["weight"] for row in rows if row["kind"] == "tool_loop") == 0.5


async def test_the_task_is_kept_where_somebody_says_it(serve: Serve, saying: Saying) -> None:
    async with serve(saying('{"n": 1}'), settings=CHECKS) as desk:
        observer, finished = desk.observer, desk.observer.finished

        def classified(exchange: Any) -> None:
            exchange.notes["task"] = "maths"
            finished(exchange)

        observer.finished = classified  # type: ignore[method-assign]
        await desk.ask(response_format=FORMAT)
        assert [row["task"] for row in await desk.rows()] == ["maths"]


async def test_requests_at_the_same_time_are_not_asked_again(serve: Serve, saying: Saying) -> None:
    arrived: list[Received] = []

    async def together(received: Received) -> Script:
        arrived.append(received)
        async with asyncio.timeout(5):
            while len(arrived) < 4:
                await asyncio.sleep(0)
        return said

    said = saying()
    async with serve(together, settings=WATCH) as desk:
        desk.observer.watch.answered(("other", 1), {}, "m")  # so that somebody is watched
        await asyncio.gather(*(desk.ask() for _ in range(4)))
        assert await desk.rows() == []

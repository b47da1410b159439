"""Replies: what is said, what it counts as, and at which pace."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CLOCK = {"type": "function", "function": {"name": "get_time"}}


def call(name: str, arguments: str, number: int = 1) -> dict[str, Any]:
    return {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def conversation(*turns: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": "Rome?"}, *turns]


def asked(name: str = "get_weather") -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [call(name, "{}")]}


RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}


async def test_the_last_user_message_is_said_again(echoing: Callable[..., Any]) -> None:
    messages = [
        {"role": "system", "content": "be short"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "first"},
        {"role": "user", "content": [{"type": "text", "text": "second "}, {"type": "text", "text": "part"}]},
    ]
    async with echoing() as it:
        answer = (await it.post("echo/echo", messages=messages)).json()
        assert answer["choices"][0]["message"]["content"] == "second part"
        assert answer["choices"][0]["finish_reason"] == "stop"
        assert answer["model"] == "echo/echo"
        assert (answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]) == (6, 2)


async def test_nothing_said_is_answered_with_a_sentence(echoing: Callable[..., Any]) -> None:
    async with echoing() as it:
        choice = await it.choice("echo/echo", messages=[{"role": "system", "content": "x"}])
        assert choice["message"]["content"] == "Nothing was said, so there is nothing to say again."


async def test_the_same_request_has_the_same_answer_whole_and_streamed(echoing: Callable[..., Any]) -> None:
    async with echoing() as it:
        whole = await it.choice("echo/echo")
        assert await it.choice("echo/echo") == whole
        assert "".join(await it.chunks("echo/echo")) == whole["message"]["content"]


async def test_a_stream_is_cut_into_words_or_as_asked(echoing: Callable[..., Any]) -> None:
    async with echoing() as it:
        assert await it.chunks("echo/echo") == ["say", " it", " again"]
        assert await it.chunks("echo/echo", echo={"chunk": 5}) == ["say i", "t aga", "in"]
        assert (await it.events("echo/echo"))[-1] == "[DONE]"


async def test_several_choices_are_alike(echoing: Callable[..., Any]) -> None:
    async with echoing() as it:
        answer = (await it.post("echo/echo", n=3)).json()
        assert [choice["message"]["content"] for choice in answer["choices"]] == ["say it again"] * 3
        assert answer["usage"]["completion_tokens"] == 9


async def test_each_prompt_of_a_completion_is_answered(echoing: Callable[..., Any]) -> None:
    async with echoing() as it:
        answer = (await it.post("echo/echo", path="/v1/completions", prompt=["a b", "c"], n=2)).json()
        texts = [choice["text"] for choice in answer["choices"]]
        assert sorted(set(texts)) == ["a b", "c"]


async def test_text_reasoning_and_finish_are_as_scripted(echoing: Callable[..., Any]) -> None:
    script = {"text": "four", "reasoning": "two and two", "finish": "length"}
    async with echoing({"sum": script}) as it:
        for choice in (await it.choice("echo/sum"), await it.choice("echo/echo", echo=script)):
            assert choice["message"]["content"] == "four"
            assert choice["message"]["reasoning_content"] == "two and two"
            assert choice["finish_reason"] == "length"


async def test_an_empty_text_is_said_as_scripted(echoing: Callable[..., Any]) -> None:
    async with echoing() as it:
        assert (await it.choice("echo/echo", echo={"text": ""}))["message"]["content"] in ("", None)


async def test_tool_calls_are_as_scripted(echoing: Callable[..., Any]) -> None:
    script = {"tool_calls": [{"name": "a", "arguments": {"x": [1]}}, {"name": "b", "arguments": "{oops"}]}
    async with echoing({"calls": script}) as it:
        choice = await it.choice("echo/calls")
        assert choice["message"]["tool_calls"] == [call("a", '{"x": [1]}'), call("b", "{oops", 2)]
        assert choice["message"]["content"] is None
        assert choice["finish_reason"] == "tool_calls"


async def test_usage_is_as_scripted_and_the_rest_counted(echoing: Callable[..., Any]) -> None:
    scripted = {"input": 90, "cache_read": 50, "cache_write": 20, "output": 12, "reasoning": 10}
    async with echoing() as it:
        usage = (await it.post("echo/echo", echo={"usage": scripted})).json()["usage"]
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (90, 12)
        assert usage["prompt_tokens_details"]["cached_tokens"] == 50
        assert usage["completion_tokens_details"]["reasoning_tokens"] == 10
        usage = (await it.post("echo/echo", echo={"reasoning": "a b", "text": "c"})).json()["usage"]
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (3, 3)
        assert usage["completion_tokens_details"]["reasoning_tokens"] == 2


async def test_turns_follow_the_conversation_and_then_the_script_itself(echoing: Callable[..., Any]) -> None:
    script = {
        "turns": [{"tool_calls": [{"name": "get_weather"}]}, {"text": "It is sunny."}],
        "text": "Goodbye.",
    }
    async with echoing({"agent": script}) as it:
        first = await it.choice("echo/agent", messages=conversation())
        assert first["message"]["tool_calls"][0]["function"]["name"] == "get_weather"
        second = await it.choice("echo/agent", messages=conversation(asked(), RESULT))
        assert second["message"]["content"] == "It is sunny."
        more = (asked(), RESULT, {"role": "assistant", "content": "It is sunny."})
        third = await it.choice("echo/agent", messages=conversation(*more))
        assert third["message"]["content"] == "Goodbye."


async def test_tools_calls_the_first_tool_until_it_has_a_result(echoing: Callable[..., Any]) -> None:
    async with echoing() as it:
        choice = await it.choice("echo/tools", messages=conversation(), tools=[WEATHER, CLOCK])
        (made,) = choice["message"]["tool_calls"]
        assert made["function"]["name"] == "get_weather"
        assert json.loads(made["function"]["arguments"]) == {"city": "city"}
        answered = await it.choice("echo/tools", messages=conversation(asked(), RESULT), tools=[WEATHER])
        assert answered["message"]["content"] == "sunny"
        assert answered["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("tools", "choice", "called"),
    [
        ([WEATHER, CLOCK], {"type": "function", "function": {"name": "get_time"}}, "get_time"),
        ([WEATHER, CLOCK], "required", "get_weather"),
        ([WEATHER, CLOCK], "none", None),
        (None, None, None),
    ],
)
async def test_tools_heeds_the_choice(
    echoing: Callable[..., Any], tools: Any, choice: Any, called: str | None
) -> None:
    given = {"tools": tools, "tool_choice": choice} if tools else {}
    async with echoing() as it:
        message = (await it.choice("echo/tools", messages=conversation(), **given))["message"]
        names = [each["function"]["name"] for each in message.get("tool_calls") or ()]
        assert names == ([called] if called else [])
        assert message["content"] == (None if called else "Rome?")


async def test_reasoning_thinks_first(echoing: Callable[..., Any]) -> None:
    async with echoing() as it:
        events = await it.events("echo/reasoning")
        deltas = [choice["delta"] for event in events[:-1] for choice in event["choices"]]
        kinds = [key for delta in deltas for key in ("reasoning_content", "content") if delta.get(key)]
        assert kinds == sorted(kinds, reverse=True)
        assert set(kinds) == {"reasoning_content", "content"}


async def test_latency_and_interval_are_kept(echoing: Callable[..., Any]) -> None:
    async with echoing() as it:
        started = time.monotonic()
        assert len(await it.chunks("echo/echo", echo={"latency": "50ms", "interval": "20ms"})) == 3
        assert time.monotonic() - started >= 0.09


async def test_a_latency_beyond_the_clocks_is_a_timeout(echoing: Callable[..., Any]) -> None:
    async with echoing() as it:
        assert (await it.post("echo/echo", stream=True, echo={"latency": "5s"})).status_code == 504


async def test_a_script_can_break_off(echoing: Callable[..., Any]) -> None:
    script = {"text": "one two three four", "fail_after": 2}
    async with echoing({"breaks": script, "at-once": {"fail_after": 0}}) as it:
        events = await it.events("echo/breaks")
        assert await it.chunks("echo/breaks") == ["one", " two"]
        assert events[-1]["error"]["message"]
        assert (await it.post("echo/breaks")).status_code == 502
        assert (await it.post("echo/at-once", stream=True)).status_code == 502


async def test_a_script_that_would_break_off_later_breaks_off_at_its_end(echoing: Callable[..., Any]) -> None:
    async with echoing({"late": {"text": "one", "fail_after": 9}}) as it:
        assert (await it.post("echo/late")).status_code == 502

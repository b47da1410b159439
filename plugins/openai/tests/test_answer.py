"""Whole answers as canonical answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.errors import MalformedAnswer, UpstreamStatus
from pointsman.types import Choice, Finish, Message, Response, Text, ToolCall
from pointsman_openai.answer import decode_response, made_id


def read(*choices: Any, **members: Any) -> Response:
    body = {"id": "x", "object": "chat.completion", "created": 7, "model": "m", "choices": choices, **members}
    return decode_response(json.dumps(body).encode())


def test_a_plain_answer() -> None:
    found = read({"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"})
    choice = Choice(Message("assistant", [Text("hi")]), Finish("stop", "stop"))
    assert found == Response("x", "m", 7, [choice])


def test_usage_holds_the_tier_that_served() -> None:
    found = read(usage={"prompt_tokens": 1, "completion_tokens": 2}, service_tier="flex", provider="p")
    assert found.usage is not None
    assert (found.usage.input, found.usage.output, found.usage.service_tier) == (1, 2, "flex")
    assert found.extra == {"openai-chat": {"provider": "p"}}
    assert read(service_tier="flex").extra == {"openai-chat": {"service_tier": "flex"}}


def test_a_stop_that_calls_is_a_call() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    found = read({"message": {"content": None, "tool_calls": [call]}, "finish_reason": "stop"})
    assert found.choices[0].finish == Finish("tool_calls", "stop")
    assert found.choices[0].message.parts == [ToolCall("c", "f", "{}")]


def test_calls_without_ids_get_some_that_no_others_have() -> None:
    bare = {"message": {"tool_calls": [{"function": {"name": "f"}}, {"id": "", "function": {"name": "g"}}]}}
    parts = [part for choice in read(bare, bare).choices for part in choice.message.parts]
    ids = [part.id for part in parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == 4
    assert made_id("x", 0) == made_id("x", 0) != made_id("y", 0)


def test_choices_are_in_the_order_of_their_indexes() -> None:
    found = read(*({"index": index, "message": {"content": str(index)}} for index in (1, 0)))
    assert [choice.message.text for choice in found.choices] == ["0", "1"]


def test_log_probabilities_belong_to_their_texts() -> None:
    message = {"content": "a", "refusal": "b"}
    found = read({"message": message, "logprobs": {"content": [1], "refusal": [2]}}).choices[0]
    assert [part.logprobs for part in found.message.parts if isinstance(part, Text)] == [[1], [2]]
    assert found.extra == {}
    kept = read({"message": {"content": None}, "logprobs": {"content": [1]}}).choices[0]
    assert kept.extra == {"openai-chat": {"logprobs": {"content": [1]}}}


def test_the_stop_text_is_told() -> None:
    found = read({"message": {"content": "a"}, "finish_reason": "stop", "stop_reason": "END"}).choices[0]
    assert found.finish.sequence == "END"


@pytest.mark.parametrize(
    "members",
    [
        {"id": None, "model": 3, "created": None},
        {"created": 1e300, "usage": "many"},
        {"created": "now", "usage": None, "service_tier": None},
    ],
)
def test_odd_heads_are_read(members: dict[str, Any]) -> None:
    assert read({"message": {"content": "a"}}, **members).choices[0].message.text == "a"


@pytest.mark.parametrize(
    ("choice", "text"), [({"text": "a"}, "a"), ({}, ""), ({"message": None, "finish_reason": 3}, "")]
)
def test_odd_choices_are_read(choice: dict[str, Any], text: str) -> None:
    (found,) = read(choice).choices
    assert found.message.text == text
    assert found.finish.reason == "stop"


def test_what_is_no_choice_is_passed_over() -> None:
    assert read(1, None).choices == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"choices": null}', b'{"choices": {}}', b"\xff"])
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        decode_response(body)


def test_an_error_in_an_answer_is_raised() -> None:
    with pytest.raises(UpstreamStatus) as raised:
        decode_response(b'{"error": {"message": "slow down", "code": 429}}')
    assert raised.value.upstream_status == 429

"""Whole answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.errors import MalformedAnswer, UpstreamStatus
from pointsman.losses import Losses
from pointsman.testing import Recording
from pointsman.types import Choice, Finish, Message, Reasoning, Request, Response, Text, ToolCall, Usage
from pointsman_openai.responses.answer import decode_response, encode_response

ANSWER = {
    "id": "resp_1",
    "object": "response",
    "created_at": 5,
    "model": "m",
    "status": "completed",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
        }
    ],
    "usage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4},
}


def decoded(**members: Any) -> Response:
    return decode_response(json.dumps({**ANSWER, **members}).encode())


def encoded(response: Response, **asked: Any) -> tuple[dict[str, Any], Losses]:
    losses = Losses()
    request = Request.of({"model": "m", "input": "x", **asked})
    return json.loads(encode_response(response, request=request, losses=losses)), losses


def answer(*parts: Any, reason: Any = "stop") -> Response:
    return Response(
        "chatcmpl-1",
        "m",
        7,
        [Choice(Message("assistant", list(parts)), Finish(reason))],
        Usage(input=3, output=1),
    )


def test_an_answer_is_read() -> None:
    response = decoded(service_tier="flex", conversation={"id": "c"})
    (choice,) = response.choices
    assert (response.id, response.model, response.created) == ("resp_1", "m", 5)
    assert choice.message.text == "Hi"
    assert (choice.finish.reason, choice.finish.native) == ("stop", "completed")
    assert choice.extra == {"openai-responses": {"conversation": {"id": "c"}}}
    assert response.usage is not None
    assert (response.usage.input, response.usage.service_tier) == (3, "flex")


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"output": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}]}, "tool_calls"),
        ({"output": []}, "stop"),
    ],
)
def test_why_it_ended(members: dict[str, Any], reason: str) -> None:
    assert decoded(**members).choices[0].finish.reason == reason


@pytest.mark.parametrize(
    "members",
    [
        {"created_at": 5.5},
        {"usage": None},
        {"status": "queued", "output": [], "usage": None},
        {"later": {"a": 1}, "error": None, "instructions": [{"role": "user"}]},
        {"output": [{"type": "image_generation_call", "id": "ig", "result": "aGk="}]},
    ],
    ids=str,
)
def test_an_answer_comes_back_as_it_was(members: dict[str, Any]) -> None:
    body, losses = encoded(decoded(**members))
    assert body == {**ANSWER, **members}
    assert losses == Losses()


def test_what_is_none_raises() -> None:
    with pytest.raises(UpstreamStatus, match="broken"):
        decoded(status="failed", error={"message": "broken"})
    for output in (None, "x", [{"type": "function_call"}], [{"type": "message", "content": 1}]):
        with pytest.raises(MalformedAnswer):
            decoded(output=output)


def test_odd_members_do_not_matter() -> None:
    assert decoded(status=[], output=[{"type": []}]).choices[0].finish.reason == "stop"
    assert decoded(id=1, model=None, created_at="x", output=["x"]).choices[0].message.parts == []


def test_an_answer_of_elsewhere_repeats_its_request() -> None:
    tool = {"type": "function", "name": "f"}
    body, _ = encoded(
        answer(Text("Hi")),
        instructions="Be brief.",
        temperature=0.2,
        tools=[tool],
        reasoning={"effort": "low"},
        store=True,
    )
    assert body["id"] == "resp_chatcmpl-1"
    assert (body["object"], body["status"], body["created_at"]) == ("response", "completed", 7)
    assert (body["instructions"], body["temperature"]) == ("Be brief.", 0.2)
    assert body["reasoning"] == {"effort": "low", "summary": None}
    assert body["tools"] == [{**tool, "description": None, "parameters": None, "strict": None}]
    assert body["store"] is False
    assert body["error"] is body["incomplete_details"] is None
    assert body["usage"]["total_tokens"] == 4


@pytest.mark.parametrize(
    ("reason", "status", "details"),
    [
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
        ("tool_calls", "completed", None),
        ("error", "failed", None),
    ],
)
def test_how_an_answer_of_elsewhere_ended(reason: str, status: str, details: Any) -> None:
    body, _ = encoded(answer(Text("Hi"), reason=reason))
    assert (body["status"], body["incomplete_details"]) == (status, details)
    assert bool(body["error"]) == (reason == "error")


def test_what_has_no_place_is_told() -> None:
    response = answer(Text("Hi"), ToolCall("c", "f", "{}", {"openai-chat": {"odd": 1}}))
    response.choices.append(response.choices[0])
    response.extra = {"openai-chat": {"system_fingerprint": "fp", "~note": 1}}
    response.choices[0].extra = {"openai-chat": {"native_finish_reason": "x"}}
    assert encoded(response)[1].answer == [
        "choices",
        "tool_calls.odd",
        "system_fingerprint",
        "native_finish_reason",
    ]


def test_a_thought_of_elsewhere_comes_back_with_the_next_turn() -> None:
    thought = Reasoning("hm", signature="sig", origin="anthropic-messages")
    body, _ = encoded(answer(thought, Text("Hi")))
    from pointsman_openai.responses.decode import decode_request

    history = Request.of({"model": "m", "input": body["output"]})
    assert decode_request(history, model="m").messages[0].parts[0] == thought


def test_every_recorded_answer_comes_back_as_it_was(exchanges: list[Recording]) -> None:
    whole = [each for each in exchanges if each.status == 200 and not each.is_sse]
    assert whole
    for each in whole:
        losses = Losses()
        request = Request.of(each.request)
        written = encode_response(decode_response(each.body), request=request, losses=losses)
        assert json.loads(written) == json.loads(each.body), each.id
        assert losses == Losses()

"""Whole answers, both ways."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.dialects import Quirks
from pointsman.errors import MalformedAnswer, UpstreamStatus
from pointsman.losses import Losses
from pointsman.sealing import unseal
from pointsman.testing import Recording
from pointsman.types import (
    Choice,
    Citation,
    Finish,
    Media,
    Message,
    Part,
    Reasoning,
    Request,
    Response,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    Usage,
)
from pointsman_anthropic import MessagesCodec
from pointsman_anthropic.answer import decode_answer, encode_answer, message_id, stop_reason
from pointsman_anthropic.names import DIALECT, tool_id

ANSWER: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


def decoded(**fields: Any) -> Response:
    return decode_answer(json.dumps({**ANSWER, **fields}).encode())


def foreign(*parts: Part, finish: Finish | None = None, **fields: Any) -> tuple[dict[str, Any], Losses]:
    """What a client gets of an answer from another dialect."""
    choice = Choice(Message("assistant", list(parts)), finish or Finish("stop", "stop"))
    losses = Losses()
    response = Response("gen-1", "m", 0, [choice], **fields)
    return json.loads(encode_answer(response, losses=losses)), losses


def test_an_answer_is_read() -> None:
    response = decoded(stop_reason="stop_sequence", stop_sequence="END")
    choice = response.choices[0]
    assert (response.id, response.model, choice.message.text) == ("msg_1", "claude", "Hi")
    assert choice.finish == Finish("stop", "stop_sequence", "END")
    assert response.usage is not None
    assert (response.usage.input, response.usage.output) == (3, 2)


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
        ("model_context_window_exceeded", "length"),
        ("new_reason", "stop"),
        (None, "stop"),
        (3, "stop"),
    ],
)
def test_reasons_are_read_and_written_back(native: Any, reason: str) -> None:
    response = decoded(stop_reason=native)
    assert response.choices[0].finish.reason == reason
    assert json.loads(encode_answer(response, losses=Losses()))["stop_reason"] == native


@pytest.mark.parametrize(
    "fields",
    [
        {"container": {"id": "c"}, "context_management": None, "stop_details": {"type": "x"}, "new": [1]},
        {"content": []},
        {"usage": {"input_tokens": 1, "output_tokens": 2, "iterations": [{}], "inference_geo": "eu"}},
        {"content": [{"type": "tool_use", "id": "odd:1", "name": "f", "input": {}}, {"type": "new"}, 3]},
    ],
    ids=str,
)
def test_an_answer_written_back_is_what_it_was(fields: dict[str, Any]) -> None:
    losses = Losses()
    assert json.loads(encode_answer(decoded(**fields), losses=losses)) == {**ANSWER, **fields}
    assert losses.answer == []


def test_odd_members_do_not_matter() -> None:
    response = decode_answer(b'{"content": [null], "usage": 3, "id": null, "stop_sequence": 4}')
    assert (response.id, response.model, response.usage) == ("", "", None)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"content": "Hi"}', b'{"content": null}'])
def test_nonsense_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        decode_answer(body)


def test_an_error_is_an_error() -> None:
    with pytest.raises(UpstreamStatus) as caught:
        decode_answer(b'{"type": "error", "error": {"type": "overloaded_error", "message": "x"}}')
    assert caught.value.upstream_status == 529


def test_an_answer_from_elsewhere_has_the_shape_of_this_dialect() -> None:
    usage = Usage(input=10, output=5, cache_read=4, raw={"prompt_tokens": 10})
    body, losses = foreign(
        Text("Hi"), ToolCall("call:1", "f", '{"a": 1}'), finish=Finish("tool_calls"), usage=usage
    )
    assert body == {
        "id": "msg_gen-1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "text", "text": "Hi"},
            {"type": "tool_use", "id": tool_id("call:1"), "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 6,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 4,
            "output_tokens": 5,
        },
    }
    assert losses == Losses()


@pytest.mark.parametrize(
    ("finish", "word"),
    [
        (Finish("stop", "stop"), "end_turn"),
        (Finish("stop", "STOP", "END"), "stop_sequence"),
        (Finish("length", "length"), "max_tokens"),
        (Finish("tool_calls", "stop"), "tool_use"),
        (Finish("content_filter"), "refusal"),
        (Finish("error"), "end_turn"),
        (Finish("stop", "pause_turn"), "pause_turn"),
    ],
)
def test_reasons_from_elsewhere_have_a_word_here(finish: Finish, word: str) -> None:
    assert stop_reason(finish) == word


def test_thoughts_from_elsewhere_are_sealed() -> None:
    part = Reasoning("Hm", signature="enc", origin="openai-responses", id="rs_1")
    body, losses = foreign(part, Reasoning("plain"), Text("Hi"))
    first, second = body["content"][:2]
    assert (first["type"], first["thinking"]) == ("thinking", "Hm")
    assert unseal(first["signature"], first["thinking"]) == part
    assert unseal(second["signature"], second["thinking"]) == Reasoning("plain")
    assert losses == Losses()


def test_thoughts_of_this_dialect_are_their_own() -> None:
    body, _ = foreign(
        Reasoning("Hm", signature="s", origin=DIALECT), Reasoning("", redacted="r", origin=DIALECT)
    )
    assert body["content"] == [
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "r"},
    ]


def test_what_has_no_place_is_told() -> None:
    body, losses = foreign(
        Text("Hi", {"other": {"mood": 1}}, citations=[Citation("https://x")], logprobs=[{}]),
        Media("image", data="AAAA"),
        ToolResult("c", []),
        Unknown("other", {"type": "search_call"}),
        Unknown("other", 3),
        extra={"other": {"system_fingerprint": "x"}},
    )
    assert body["content"] == [{"type": "text", "text": "Hi"}]
    assert set(losses.answer) == {
        "system_fingerprint",
        "content.mood",
        "image",
        "search_call",
        "content",
        "logprobs",
        "annotations",
    }


def test_only_the_first_choice_has_a_place() -> None:
    choices = [Choice(Message("assistant", [Text(each)]), Finish("stop")) for each in "ab"]
    losses = Losses()
    body = json.loads(encode_answer(Response("1", "m", 0, choices), losses=losses))
    assert (body["content"][0]["text"], losses.answer) == ("a", ["choices"])
    assert json.loads(encode_answer(Response("1", "m", 0, []), losses=Losses()))["content"] == []


def test_ids() -> None:
    assert (message_id("msg_1"), message_id("gen-1")) == ("msg_1", "msg_gen-1")


def test_every_recorded_answer_written_back_is_what_it_was(answers: list[Recording]) -> None:
    codec = MessagesCodec()
    for each in answers:
        losses = Losses()
        response = codec.decode_response(each.body, quirks=Quirks())
        body = codec.encode_response(response, request=Request(b"{}"), losses=losses)
        assert json.loads(body) == json.loads(each.body), each.id
        assert losses == Losses()

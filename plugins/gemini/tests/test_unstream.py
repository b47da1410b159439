"""Streams as canonical events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.errors import MalformedAnswer, UpstreamStatus
from pointsman.events import Cited, Event, Finished, PartDelta, PartEnd, PartStart, Started, UsageUpdate
from pointsman.testing import Recording
from pointsman.types import Finish, Media, Reasoning, Response, Text, ToolCall, Unknown
from pointsman_gemini.answer import decode_answer
from pointsman_gemini.unstream import GeminiDecoder

Decoded = Callable[[bytes], tuple[list[Event], Response]]


def stream(*answers: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(each).encode() + b"\r\n\r\n" for each in answers)


def piece(*parts: Any, finish: str | None = None, index: int | None = None, **rest: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, **rest}
    if finish is not None:
        candidate["finishReason"] = finish
    if index is not None:
        candidate["index"] = index
    return {"candidates": [candidate], "responseId": "r1", "modelVersion": "m"}


def test_texts_and_thoughts_grow_and_end_where_the_other_begins(decoded: Decoded) -> None:
    events, response = decoded(
        stream(
            piece({"text": "H", "thought": True}),
            piece({"text": "m.", "thought": True}),
            piece({"text": "S"}),
            piece({"text": "o."}),
            piece({"text": ""}, finish="STOP"),
        )
    )
    assert [type(each) for each in events] == [
        *(Started, PartStart, PartDelta, PartDelta, PartEnd),
        *(PartStart, PartDelta, PartDelta, PartEnd, Finished),
    ]
    thought, text = response.choices[0].message.parts
    assert isinstance(thought, Reasoning)
    assert isinstance(text, Text)
    assert (thought.text, thought.summary, thought.origin, text.text) == ("Hm.", True, "gemini", "So.")
    assert response.choices[0].finish == Finish("stop", "STOP")


def test_signatures_are_thoughts_that_nobody_can_read(decoded: Decoded) -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "sx"}
    _, response = decoded(
        stream(
            piece({"text": "Hm.", "thought": True, "thoughtSignature": "st"}),
            piece({"text": "a"}),
            piece({"text": "", "thoughtSignature": "sa"}),
            piece({"text": "b", "thoughtSignature": "sb"}),
            piece(call, {"functionCall": {"name": "f", "args": {}}}, {"text": ""}, finish="STOP"),
        )
    )
    parts = response.choices[0].message.parts
    kinds = [type(part) for part in parts]
    assert kinds == [Reasoning, Text, Reasoning, Text, Reasoning, Reasoning, ToolCall, ToolCall]
    signatures = [part.signature or part.redacted for part in parts if isinstance(part, Reasoning)]
    assert signatures == ["st", "sa", "sb", "sx"]
    signs, first, second = parts[5:]
    assert isinstance(signs, Reasoning)
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert (signs.id, first.arguments) == (first.id, '{"a":1}')
    assert first.id != second.id
    assert response.choices[0].finish.reason == "tool_calls"


def test_other_parts_come_whole(decoded: Decoded) -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
    _, response = decoded(stream(piece({"text": "a"}), piece(picture, {"executableCode": {}}, finish="STOP")))
    assert [type(part) for part in response.choices[0].message.parts] == [Text, Media, Unknown]


def test_a_reason_that_comes_with_every_piece_ends_nothing(decoded: Decoded) -> None:
    events, response = decoded(
        stream(piece({"text": "a"}, finish="STOP"), piece({"text": "b"}, finish="STOP"))
    )
    assert len([each for each in events if isinstance(each, Finished)]) == 1
    assert response.choices[0].message.text == "ab"


def test_candidates_are_apart(decoded: Decoded) -> None:
    _, response = decoded(
        stream(
            piece({"text": "a"}, index=0),
            piece({"text": "b"}, index=1, finish="MAX_TOKENS"),
            piece({"text": "c"}, index=0, finish="STOP"),
        )
    )
    assert [choice.message.text for choice in response.choices] == ["ac", "b"]
    assert [choice.finish.reason for choice in response.choices] == ["stop", "length"]


def test_a_stream_without_a_reason_is_not_whole() -> None:
    decoder = GeminiDecoder()
    decoder.feed(stream(piece({"text": "a"})))
    assert (decoder.complete, decoder.ended, decoder.finish()) == (False, False, [])


def test_usage_comes_with_every_piece(decoded: Decoded) -> None:
    first, last = piece({"text": "a"}), piece(finish="STOP")
    first["usageMetadata"] = {"promptTokenCount": 15}
    last["usageMetadata"] = {"promptTokenCount": 13, "candidatesTokenCount": 8}
    events, response = decoded(stream(first, last))
    assert len([each for each in events if isinstance(each, UsageUpdate)]) == 2
    assert response.usage is not None
    assert (response.usage.input, response.usage.output) == (13, 8)


def test_a_prompt_that_is_blocked_is_a_refusal(decoded: Decoded) -> None:
    _, response = decoded(stream({"promptFeedback": {"blockReason": "SAFETY"}, "responseId": "r1"}))
    assert response.choices[0].message.parts == [Text("the prompt was blocked: SAFETY", refusal=True)]
    assert response.choices[0].finish.reason == "content_filter"


def test_citations_and_log_probabilities(decoded: Decoded) -> None:
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://a"}}],
        "groundingSupports": [{"segment": {"endIndex": 2}, "groundingChunkIndices": [0]}],
    }
    chosen = {"chosenCandidates": [{"token": "So", "logProbability": -0.1}]}
    events, response = decoded(
        stream(
            piece({"text": "So"}, logprobsResult=chosen), piece(finish="STOP", groundingMetadata=grounding)
        )
    )
    (text,) = response.choices[0].message.parts
    assert isinstance(text, Text)
    assert text.citations[0].url == "https://a"
    assert text.logprobs is not None
    assert [each for each in events if isinstance(each, Cited)]
    assert response.choices[0].extra["gemini"] == {"groundingMetadata": grounding}


def test_errors_and_nonsense_are_raised() -> None:
    with pytest.raises(UpstreamStatus):
        GeminiDecoder().feed(b'data: {"error": {"code": 500, "message": "no"}}\n\n')
    with pytest.raises(MalformedAnswer):
        GeminiDecoder().feed(b"data: {broken\n\n")
    assert GeminiDecoder().feed(b": comment\n\n") == []


def test_recorded_answers_say_the_same_as_a_stream(answers: list[Recording], decoded: Decoded) -> None:
    """The last thing both ways agree on: what a whole answer says, its stream says."""
    for recording in answers:
        _, streamed = decoded(b"data: " + json.dumps(json.loads(recording.body)).encode() + b"\n\n")
        whole = decode_answer(recording.body)
        assert [choice.finish for choice in streamed.choices] == [choice.finish for choice in whole.choices]
        for one, other in zip(streamed.choices, whole.choices, strict=True):
            assert one.message.text == other.message.text, recording.id
            assert _opaque(one.message.parts) == _opaque(other.message.parts), recording.id
            assert _calls(one.message.parts) == _calls(other.message.parts), recording.id
        assert streamed.usage == whole.usage


def _opaque(parts: list[Any]) -> list[Any]:
    return [part.signature or part.redacted for part in parts if isinstance(part, Reasoning)]


def _calls(parts: list[Any]) -> list[Any]:
    return [(part.name, part.arguments) for part in parts if isinstance(part, ToolCall)]


def test_recorded_streams_are_whole(streams: list[Recording], decoded: Decoded) -> None:
    for recording in streams:
        _, response = decoded(recording.body)
        assert response.choices, recording.id
        assert response.usage is not None, recording.id

"""Canonical events as streams."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from pointsman.dialects import Mark
from pointsman.events import Event, Finished, PartDelta, PartEnd, PartStart, Started, UsageUpdate, explode
from pointsman.losses import Losses
from pointsman.testing import Recording
from pointsman.types import (
    Choice,
    Citation,
    Finish,
    Media,
    Message,
    Part,
    Peek,
    Reasoning,
    Response,
    Text,
    ToolCall,
    Unknown,
    Usage,
)
from pointsman_gemini.parts import UNSIGNED, opened
from pointsman_gemini.stream import GeminiStream

Decoded = Callable[[bytes], tuple[list[Event], Response]]


def encoded(events: Iterable[Event]) -> tuple[list[Any], Losses, bytes]:
    losses = Losses()
    encoder = GeminiStream(Peek("asked"), losses)
    data = [encoder.feed(each) for each in events]
    tail = encoder.finish()
    assert [mark for _, mark in tail] == [Mark.HOLD | Mark.DONE]
    raw = b"".join([*data, *(each for each, _ in tail)])
    return [json.loads(each[6:]) for each in raw.split(b"\n\n") if each], losses, raw


def said(*parts: Part, finish: Finish | None = None, **fields: Any) -> Response:
    choice = Choice(Message("assistant", list(parts)), finish or Finish("stop"))
    return Response("r1", "m", 1, [choice], **fields)


def parts_of(answers: list[Any]) -> list[Any]:
    return [part for answer in answers for each in answer["candidates"] for part in each["content"]["parts"]]


def test_every_piece_is_an_answer() -> None:
    answers, losses, _ = encoded(
        [
            Started("r1", "m", 1),
            PartStart(0, 0, Text("")),
            PartDelta(0, 0, "Hel"),
            PartDelta(0, 0, "lo"),
            PartEnd(0, 0),
            Finished(0, Finish("length", "length")),
            UsageUpdate(Usage(5, 3)),
        ]
    )
    assert parts_of(answers) == [{"text": "Hel"}, {"text": "lo"}, {"text": ""}]
    assert all(each["responseId"] == "r1" and each["modelVersion"] == "m" for each in answers)
    assert answers[-1]["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert answers[-1]["usageMetadata"]["totalTokenCount"] == 8
    assert losses == Losses()


def test_calls_leave_whole_also_where_they_overlap() -> None:
    answers, _, _ = encoded(
        [
            Started("r1", "m", 1),
            PartStart(0, 0, ToolCall("x", "f", "")),
            PartStart(0, 1, ToolCall("y", "g", "")),
            PartDelta(0, 0, '{"a":'),
            PartDelta(0, 1, "{}"),
            PartDelta(0, 0, "1}"),
            PartEnd(0, 1),
            PartEnd(0, 0),
            Finished(0, Finish("tool_calls")),
        ]
    )
    assert parts_of(answers)[:2] == [
        {"functionCall": {"id": "y", "name": "g", "args": {}}, "thoughtSignature": UNSIGNED},
        {"functionCall": {"id": "x", "name": "f", "args": {"a": 1}}},
    ]


def test_thoughts_of_others_go_sealed_and_signatures_stand_on_calls() -> None:
    foreign = Reasoning("Hm.", "theirs", origin="other")
    answers, _, _ = encoded(
        explode(
            said(
                foreign,
                Reasoning("Own.", origin="gemini", summary=True),
                Reasoning("", redacted="sx", origin="gemini", id="x"),
                ToolCall("x", "f", "{}"),
                Reasoning("", redacted="st", origin="gemini"),
            )
        )
    )
    text, seal, own, call, behind, _ = parts_of(answers)
    assert (text, own) == ({"text": "Hm.", "thought": True}, {"text": "Own.", "thought": True})
    assert opened(seal["thoughtSignature"], "Hm.") == foreign
    assert call == {"functionCall": {"id": "x", "name": "f", "args": {}}, "thoughtSignature": "sx"}
    assert behind == {"text": "", "thoughtSignature": "st"}


def test_media_and_own_parts_and_what_has_no_place() -> None:
    tokens = [{"token": "a", "logprob": -1.0, "bytes": None, "top_logprobs": []}]
    cited = Citation("https://a")
    answers, losses, _ = encoded(
        explode(
            said(
                Text("a", citations=[cited], logprobs=tokens),
                Media("image", data="AA==", mime="image/png"),
                Unknown("gemini", {"executableCode": {}}),
                Unknown("other", {"type": "widget"}),
                finish=Finish("stop", sequence="END"),
                extra={"other": {"odd": 1}},
            )
        )
    )
    assert parts_of(answers)[1:3] == [
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"executableCode": {}},
    ]
    assert answers[0]["candidates"][0]["logprobsResult"]["chosenCandidates"][0]["token"] == "a"
    assert losses.answer == ["odd", "citations", "widget", "stop_sequence"]


def test_candidates_end_together() -> None:
    answers, _, _ = encoded(
        [
            Started("r1", "m", 1),
            PartStart(1, 0, Text("b")),
            PartEnd(1, 0),
            Finished(0, Finish("stop")),
            Finished(1, Finish("content_filter", "SPII")),
        ]
    )
    assert answers[0]["candidates"][0]["index"] == 1
    assert [each["finishReason"] for each in answers[-1]["candidates"]] == ["STOP", "SPII"]


def test_a_stream_that_told_nothing_has_an_end() -> None:
    answers, _, _ = encoded([])
    assert answers == [{"candidates": [], "modelVersion": "asked", "responseId": ""}]


@pytest.mark.parametrize("again", [False, True])
def test_recorded_streams_say_the_same_again(streams: list[Recording], decoded: Decoded, again: bool) -> None:
    for recording in streams:
        events, response = decoded(recording.body)
        _, losses, raw = encoded(explode(response) if again else events)
        _, back = decoded(raw)
        assert losses == Losses()
        for one in (response, back):
            for choice in one.choices:
                for part in choice.message.parts:
                    if not isinstance(part, Unknown):
                        part.extra = {}
                    if isinstance(part, ToolCall):
                        part.id = "any"
                    if isinstance(part, Reasoning) and part.id:
                        part.id = "any"
        assert back == response, recording.id

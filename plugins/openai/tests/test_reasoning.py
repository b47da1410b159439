"""What a model thought."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.sealing import seal
from pointsman.types import Message, Reasoning
from pointsman_openai.reasoning import decode_thoughts, detail_objects, origin_of, thought_members

CLAUDE = {"format": "anthropic-claude-v1", "index": 0}
OPENAI = {"format": "openai-responses-v1"}
MESSAGES: list[dict[str, Any]] = [
    {"reasoning_content": "hm"},
    {"reasoning": "hm"},
    {"reasoning": "hm", "reasoning_content": "hm"},
    {
        "reasoning": "hm",
        "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "s", **CLAUDE}],
    },
    {"reasoning_details": [{"type": "reasoning.encrypted", "data": "d", "id": "rs_1", "index": 0, **OPENAI}]},
    {
        "reasoning": "a summary",
        "reasoning_details": [
            {"type": "reasoning.summary", "summary": "a summary", "index": 0, **OPENAI},
            {"type": "reasoning.encrypted", "data": "d", "id": "rs_1", "index": 1, **OPENAI},
        ],
    },
    {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "signature": "s", "index": 0}]},
    {"reasoning_content": ""},
    {"reasoning": "otherwise", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
]


def read(message: dict[str, Any]) -> Message:
    parts, said = decode_thoughts(message)
    return Message("assistant", parts, {"openai-chat": {"~thought": said}})


@pytest.mark.parametrize("message", MESSAGES)
def test_thoughts_come_back_as_they_were(message: dict[str, Any]) -> None:
    assert thought_members(read(message)) == message


def only(message: dict[str, Any]) -> Reasoning:
    (found,) = read(message).parts
    assert isinstance(found, Reasoning)
    return found


def test_signatures_belong_to_the_dialect_their_format_names() -> None:
    found = only(MESSAGES[3])
    assert (found.text, found.signature, found.origin) == ("hm", "s", "anthropic-messages")
    found = only(MESSAGES[5])
    assert (found.text, found.redacted, found.origin) == ("a summary", "d", "openai-responses")
    assert (found.summary, found.id) == (True, "rs_1")
    assert only({"reasoning": "hm"}).origin is None


def test_an_opaque_part_without_a_format_is_our_own() -> None:
    assert origin_of({"signature": "s"}) == "openai-chat"
    assert origin_of({"data": "d", "format": "unknown"}) == "openai-chat"
    assert origin_of({"text": "x", "format": None}) is None
    assert origin_of({"format": "xai-responses-v1"}) == "xai-responses-v1"


def test_pieces_of_one_text_become_one() -> None:
    pieces: list[dict[str, Any]] = [
        {"type": "reasoning.text", "text": "a", **CLAUDE},
        {"type": "reasoning.text", "text": "b", **CLAUDE},
        {"type": "reasoning.text", "signature": "s", **CLAUDE},
    ]
    found = only({"reasoning_details": pieces})
    assert (found.text, found.signature) == ("ab", "s")
    assert detail_objects(found, index=0) == pieces
    two = read(
        {"reasoning_details": [*pieces, {"type": "reasoning.text", "text": "c", **CLAUDE, "index": 1}]}
    )
    assert [part.text for part in two.parts if isinstance(part, Reasoning)] == ["ab", "c"]


def test_a_thought_that_was_changed_is_not_what_the_details_say() -> None:
    message = read(MESSAGES[3])
    (thought,) = message.parts
    assert isinstance(thought, Reasoning)
    thought.text = "…"
    found = thought_members(message)
    assert found["reasoning"] == "…"
    assert found["reasoning_details"] == [{"type": "reasoning.text", "text": "…", "signature": "s", **CLAUDE}]


def test_thoughts_of_other_dialects_are_told_in_both_ways() -> None:
    hidden = Reasoning("sum", origin="openai-responses", redacted="d", summary=True, id="rs")
    message = Message("assistant", [Reasoning("a"), hidden])
    beside = {"format": "openai-responses-v1", "id": "rs"}
    assert thought_members(message) == {
        "reasoning_content": "asum",
        "reasoning_details": [
            {"type": "reasoning.text", "text": "a", "format": "unknown", "index": 0},
            {"type": "reasoning.summary", "summary": "sum", **beside, "index": 1},
            {"type": "reasoning.encrypted", "data": seal(hidden), **beside, "index": 2},
        ],
    }
    assert thought_members(Message("assistant", [])) == {}


def test_thoughts_that_were_taken_out_stay_out() -> None:
    message = read(MESSAGES[3])
    message.parts.clear()
    assert thought_members(message) == {}


def test_sealed_thoughts_come_back_as_they_were() -> None:
    signed = Reasoning("hm", "sig", origin="anthropic-messages")
    hidden = Reasoning("sum", origin="openai-responses", redacted="d", summary=True, id="rs")
    told = thought_members(Message("assistant", [signed, hidden]))
    assert "sig" not in [detail.get("signature") for detail in told["reasoning_details"]]
    assert decode_thoughts(told)[0] == [signed, hidden]

"""Whole answers, both ways."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.losses import Losses
from pointsman.sealing import seal
from pointsman.types import (
    Choice,
    Finish,
    Media,
    Message,
    Part,
    Reasoning,
    Response,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    derive_finish,
)

from .blocks import read_blocks, write_block
from .errors import nonsense
from .names import DIALECT, extra_of, members, tool_id
from .tap import parse_whole
from .usage import read_usage, usage_object

__all__ = [
    "HEAD",
    "REASONS",
    "decode_answer",
    "encode_answer",
    "finish_members",
    "lose_text",
    "message_id",
    "place_for",
    "stop_reason",
    "thought",
]

CHOICE = ("stop_details", "container", "context_management")
"""Members of an answer that a stream tells with its end."""
HEAD = frozenset({"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage", *CHOICE})
REASONS = frozenset(
    {
        "end_turn",
        "max_tokens",
        "stop_sequence",
        "tool_use",
        "refusal",
        "pause_turn",
        "model_context_window_exceeded",
        "compaction",
    }
)
"""The words this dialect has for the end of an answer."""
WORDS: Mapping[str, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "error": "end_turn",
}
"""Those words by canonical reason."""


def decode_answer(body: bytes) -> Response:
    """A provider's whole answer. Raises UpstreamStatus, MalformedAnswer."""
    answer = parse_whole(body, "content")
    blocks = answer["content"]
    if not isinstance(blocks, list):
        raise nonsense("the provider's answer has no list of content", phase="body")
    parts = read_blocks(blocks)
    rest = {name: value for name, value in answer.items() if name not in HEAD}
    response = Response(
        str(answer.get("id") or ""),
        str(answer.get("model") or ""),
        int(time.time()),
        [],
        read_usage(answer.get("usage")),
        {DIALECT: rest},
    )
    extra = finish_members(answer)
    native, sequence = answer.get("stop_reason"), answer.get("stop_sequence")
    finish = derive_finish(
        native if isinstance(native, str) else None,
        parts,
        sequence=sequence if isinstance(sequence, str) else None,
    )
    if finish.native not in REASONS:
        extra["~stop_reason"] = native
    response.choices.append(Choice(Message("assistant", parts), finish, extra_of(extra)))
    return response


def finish_members(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an answer, or of a stream's end, that belong to its choice."""
    return {name: answer[name] for name in CHOICE if name in answer}


def encode_answer(response: Response, *, losses: Losses) -> bytes:
    """A `message`. What it has no place for goes to `losses`."""
    choice = response.choices[0] if response.choices else Choice(Message("assistant", []), Finish("stop"))
    if len(response.choices) > 1:
        losses.answered("choices")
    own = DIALECT in response.extra
    losses.answered_extras(response.extra, own=DIALECT)
    losses.answered_extras(choice.extra, own=DIALECT, path="choices")
    losses.answered_extras(choice.message.extra, own=DIALECT, path="message")
    body: dict[str, Any] = {
        "id": message_id(response.id),
        "type": "message",
        "role": "assistant",
        "model": response.model,
        "content": [_block(part, losses, own) for part in choice.message.parts if place_for(part, losses)],
        "stop_reason": stop_reason(choice.finish),
        "stop_sequence": choice.finish.sequence,
        "usage": usage_object(response.usage, own=own),
        **members(response.extra),
        **members(choice.extra),
    }
    return msgspec.json.encode(body)


def message_id(given: str) -> str:
    """An answer's id as clients of this dialect know them."""
    return given if given.startswith("msg_") else f"msg_{given}"


def stop_reason(finish: Finish) -> str:
    """This dialect's word for the end of an answer."""
    if finish.native in REASONS:
        return str(finish.native)
    if finish.reason == "stop" and finish.sequence is not None:
        return "stop_sequence"
    return WORDS[finish.reason]


def place_for(part: Part, losses: Losses) -> bool:
    """Whether this dialect's answers have a place for a part; reports where not."""
    if isinstance(part, Unknown):
        if part.dialect == DIALECT:
            return True
        kind = part.data.get("type") if isinstance(part.data, dict) else None
        losses.answered(str(kind or "content"))
        return False
    if part.extra:
        losses.answered_extras(part.extra, own=DIALECT, path="content")
    if isinstance(part, Media):
        losses.answered(part.kind)
        return False
    return not isinstance(part, ToolResult)


def lose_text(part: Text, losses: Losses) -> None:
    """Report what a text of another dialect has that this one cannot say: its citations point into results
    that only this dialect's own searches have."""
    if part.logprobs:
        losses.answered("logprobs")
    if part.citations and any(DIALECT not in each.extra for each in part.citations):
        losses.answered("annotations")


def _block(part: Part, losses: Losses, own: bool) -> Any:
    if isinstance(part, Text):
        lose_text(part, losses)
    elif isinstance(part, Reasoning):
        return thought(part)
    block = write_block(part)
    if isinstance(part, ToolCall) and not own:
        block["id"] = tool_id(part.id)
    return block


def thought(part: Reasoning) -> dict[str, Any]:
    """A thought as the client sees it, and sends back: that of another dialect under a seal."""
    if part.origin == DIALECT:
        block: dict[str, Any] = write_block(part)
        return block
    return {"type": "thinking", "thinking": part.text, "signature": seal(part)}

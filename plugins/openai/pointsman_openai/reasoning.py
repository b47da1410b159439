"""What a model thought: its members in a message, both ways.

Hosts tell it in `reasoning_content` or `reasoning`, and gateways in `reasoning_details` too: objects of
text, summary or encrypted data, with the format of the dialect whose opaque parts they hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from pointsman.sealing import seal, unseal
from pointsman.types import Message, Part, Reasoning

from .errors import DIALECT
from .notes import note

__all__ = [
    "ORIGINS",
    "THOUGHTS",
    "decode_thoughts",
    "detail_objects",
    "format_of",
    "is_opaque",
    "origin_of",
    "sealed",
    "thought_members",
    "thoughts_of",
]

THOUGHTS = ("reasoning_content", "reasoning")
"""The members that hold plain text."""
TELLING = frozenset({*THOUGHTS, "reasoning_details"})
"""All members that tell what was thought."""
ORIGINS: Mapping[str, str] = {
    "anthropic-claude-v1": "anthropic-messages",
    "openai-responses-v1": "openai-responses",
    "google-gemini-v1": "gemini",
}
"""By the format of a detail: the dialect that its opaque parts belong to."""
_FORMATS = {origin: form for form, origin in ORIGINS.items()}
_TEXTS = {"reasoning.text": "text", "reasoning.summary": "summary"}


def origin_of(detail: Mapping[str, Any]) -> str | None:
    """Whose the opaque parts of a detail are; this dialect's own where no format says it."""
    form = detail.get("format")
    if isinstance(form, str) and form and form != "unknown":
        return ORIGINS.get(form, form)
    return DIALECT if is_opaque(detail) else None


def format_of(thought: Reasoning) -> str:
    """The format of the details that tell a thought."""
    return _FORMATS.get(thought.origin or "", thought.origin or "unknown")


def is_opaque(detail: Any) -> bool:
    """Whether a detail holds what only its origin understands."""
    return isinstance(detail, dict) and bool(detail.get("signature") or detail.get("data"))


def decode_thoughts(message: Mapping[str, Any]) -> tuple[list[Part], dict[str, Any]]:
    """What a message says was thought, and the members that said it: a note for `thought_members`.

    In the note a text is None where it is just what the parts say, joined.
    """
    if TELLING.isdisjoint(message):
        return [], {}
    given = message.get("reasoning_details")
    thoughts: list[Reasoning] = []
    if isinstance(given, list) and given and all(isinstance(each, dict) for each in given):
        thoughts = _read_details(given)
    said: dict[str, Any] = {name: message[name] for name in THOUGHTS if isinstance(message.get(name), str)}
    spoken = next((text for text in said.values() if text), "")
    if spoken and not any(thought.text for thought in thoughts):
        if len(thoughts) == 1:
            thoughts[0].text = spoken
        else:
            thoughts.insert(0, Reasoning(spoken))
    joined = "".join(thought.text for thought in thoughts)
    return list(thoughts), {name: None if text == joined and text else text for name, text in said.items()}


def _read_details(details: Sequence[Mapping[str, Any]]) -> list[Reasoning]:
    """Details as parts. Pieces of one text become one, and encrypted data joins the summary before it."""
    thoughts: list[Reasoning] = []
    last: Mapping[str, Any] = {}
    for detail in details:
        if thoughts and _continues(thoughts[-1], last, detail):
            thought = thoughts[-1]
        else:
            thought = Reasoning("", origin=origin_of(detail), extra={DIALECT: {"~details": []}})
            thoughts.append(thought)
        _take(thought, detail)
        thought.extra[DIALECT]["~details"].append(detail)
        last = detail
    return [unseal(each.signature or each.redacted or "", each.text) or each for each in thoughts]


def _continues(thought: Reasoning, last: Mapping[str, Any], detail: Mapping[str, Any]) -> bool:
    """Whether a detail belongs to the same thought as the one before it."""
    if thought.redacted is not None:
        return False
    if detail.get("type") == "reasoning.encrypted":
        return thought.summary and detail.get("format") == last.get("format")
    return (
        thought.signature is None
        and detail.get("type") == last.get("type")
        and detail.get("index") == last.get("index")
        and "index" in detail
    )


def _take(thought: Reasoning, detail: Mapping[str, Any]) -> None:
    text = detail.get(_TEXTS.get(str(detail.get("type")), ""))
    thought.text += text if isinstance(text, str) else ""
    thought.summary = thought.summary or detail.get("type") == "reasoning.summary"
    for name, member in (("signature", "signature"), ("redacted", "data"), ("id", "id")):
        value = detail.get(member)
        if isinstance(value, str) and value:
            setattr(thought, name, value)
    thought.origin = thought.origin or origin_of(detail)


def thoughts_of(message: Message) -> list[Reasoning]:
    """The thoughts of a message that do not stand in its content."""
    return [
        part
        for part in message.parts
        if isinstance(part, Reasoning) and not (part.extra and "~thinking" in part.extra.get(DIALECT, ()))
    ]


def thought_members(message: Message) -> dict[str, Any]:
    """The members that tell what was thought: those the message had, else `reasoning_content`, and
    `reasoning_details` where there is more than text."""
    thoughts = thoughts_of(message)
    said = note(message.extra, "~thought")
    if not thoughts and not said:
        return {}
    joined = "".join(thought.text for thought in thoughts)
    body: dict[str, Any] = {}
    for name, text in ({"reasoning_content": None} if said is None else said).items():
        value = joined if text is None else text
        if (value and thoughts) or text == "":
            body[name] = value
    if any(thought.signature or thought.redacted or note(thought.extra, "~details") for thought in thoughts):
        details: list[dict[str, Any]] = []
        for thought in thoughts:
            details += detail_objects(sealed(thought), index=len(details))
        body["reasoning_details"] = details
    return body


def sealed(thought: Reasoning) -> Reasoning:
    """A thought for a client. What is opaque to all but another dialect goes sealed, so that it is known
    for that when it comes back."""
    opaque = thought.signature or thought.redacted
    if not opaque or thought.origin == DIALECT or note(thought.extra, "~details"):
        return thought
    if thought.redacted or thought.summary:
        return replace(thought, signature=None, redacted=seal(thought))
    return replace(thought, signature=seal(thought))


def detail_objects(thought: Reasoning, *, index: int) -> list[dict[str, Any]]:
    """A thought as details, the first with this index: those it was read from, if it is still what they
    say."""
    given = note(thought.extra, "~details")
    if given:
        texts = [each.get(_TEXTS.get(str(each.get("type")), "")) for each in given]
        if "".join(text for text in texts if isinstance(text, str)) in (thought.text, ""):
            return list(given)
    beside: dict[str, Any] = {"format": format_of(thought)}
    if thought.id is not None:
        beside["id"] = thought.id
    details: list[dict[str, Any]] = []
    if thought.summary and thought.text:
        details.append({"type": "reasoning.summary", "summary": thought.text, **beside})
    elif thought.signature or thought.text:
        detail = {"type": "reasoning.text", "text": thought.text}
        if thought.signature:
            detail["signature"] = thought.signature
        details.append({**detail, **beside})
    if thought.redacted:
        details.append({"type": "reasoning.encrypted", "data": thought.redacted, **beside})
    return [{**detail, "index": index + place} for place, detail in enumerate(details)]

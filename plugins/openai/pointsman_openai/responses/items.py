"""Items: what a turn is made of here (messages, reasoning, calls, results), read and written.

An assistant's consecutive items are one canonical message. Their message items are noted on it as they were
(`~heads`, by the index of their first part), and which unknown parts are content of such an item and no
items themselves (`~inside`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pointsman.members import wrong
from pointsman.sealing import MARK, unseal
from pointsman.types import Extra, Part, Reasoning, Text, ToolCall, ToolResult, Unknown

from .content import ASKED, SAID, read_contents
from .notes import AS, DIALECT, beside
from .tools import wrap

__all__ = [
    "Turn",
    "is_reference",
    "read_item",
    "read_result",
    "write_call",
    "write_head",
    "write_reasoning",
]

_CALL = frozenset({"type", "call_id", "name", "arguments"})
_CUSTOM_CALL = frozenset({"type", "call_id", "name", "input"})
_RESULT = frozenset({"type", "call_id", "output"})
_HEAD = frozenset({"type", "role", "id", "status", "content"})
BREAK = "\n\n"
"""Between the texts of one reasoning item."""


class Turn(msgspec.Struct):
    """An assistant's items as parts, with the notes that restore the items."""

    parts: list[Part] = []
    heads: dict[int, Mapping[str, Any]] = {}
    inside: list[int] = []

    @property
    def extra(self) -> Extra:
        """The message's `extra`."""
        mine: dict[str, Any] = {}
        if self.heads:
            for head in self.heads.values():
                mine.update(unplaced(head))
            mine["~heads"] = self.heads
        if self.inside:
            mine["~inside"] = self.inside
        return {DIALECT: mine} if mine else {}


def write_head(head: Mapping[str, Any], content: list[dict[str, Any]]) -> dict[str, Any]:
    """A message item as it was, with content of now in the form it had."""
    was = head.get("content")
    texts = [part.get("text") for part in content]
    if isinstance(was, str) and all(isinstance(text, str) for text in texts):
        return {**head, "content": "".join(map(str, texts))}
    if was or any(texts):
        return {**head, "content": content}
    return dict(head)


def unplaced(item: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a message item that mean something and that no other dialect has."""
    if item.keys() <= _HEAD:
        return {}
    return {
        name: value
        for name, value in item.items()
        if name not in _HEAD and value is not None and not name.startswith("~")
    }


def is_reference(item: Mapping[str, Any]) -> bool:
    """Whether an item only names another, which the provider has kept."""
    return (
        "id" in item
        and item.get("type") in (None, "item_reference")
        and not item.keys() & {"role", "content"}
    )


def read_item(item: Mapping[str, Any], path: str, turn: Turn) -> None:
    """One of an assistant's items, added to its turn. Raises BadRequest that names the path at fault."""
    kind = item.get("type")
    if kind == "message" or (kind is None and not is_reference(item)):
        _read_message(item, path, turn)
        return
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    turn.parts.append(reader(item, path) if reader is not None else Unknown(DIALECT, item))


def _read_message(item: Mapping[str, Any], path: str, turn: Turn) -> None:
    turn.heads[len(turn.parts)] = item
    content = item.get("content")
    if isinstance(content, str) or not content:
        turn.parts.append(Text(content or ""))
        return
    if not isinstance(content, list):
        raise wrong(f"{path}.content", "a string or a list of parts")
    for part in read_contents(content, path, "content", SAID):
        if isinstance(part, Unknown):
            turn.inside.append(len(turn.parts))
        turn.parts.append(part)


def _text(item: Mapping[str, Any], name: str, path: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise wrong(f"{path}.{name}", "a string")
    return value


def _read_call(item: Mapping[str, Any], path: str) -> ToolCall:
    return ToolCall(
        _text(item, "call_id", path),
        _text(item, "name", path),
        _text(item, "arguments", path),
        beside(item, _CALL),
    )


def _read_custom_call(item: Mapping[str, Any], path: str) -> ToolCall:
    """A call with free text, which is wrapped as a function's arguments."""
    extra = beside(item, _CUSTOM_CALL)
    extra.setdefault(DIALECT, {})["~custom"] = True
    return ToolCall(
        _text(item, "call_id", path), _text(item, "name", path), wrap(_text(item, "input", path)), extra
    )


def _read_reasoning(item: Mapping[str, Any], path: str) -> Reasoning:
    """A thought: its own words where they are told, else what sums it up."""
    summary, content = _texts(item.get("summary")), _texts(item.get("content"))
    text = BREAK.join(content or summary)
    encrypted, ident = item.get("encrypted_content"), item.get("id")
    if isinstance(encrypted, str) and encrypted.startswith(MARK):
        opened = unseal(encrypted, text)
        if opened is not None:
            return opened
    form = {name: value for name, value in item.items() if name not in ("type", "encrypted_content")}
    if not isinstance(encrypted, str) and "encrypted_content" in item:
        form["encrypted_content"] = encrypted
    return Reasoning(
        text,
        extra={DIALECT: {AS: form, "~text": text}},
        origin=DIALECT,
        redacted=encrypted if isinstance(encrypted, str) else None,
        summary=bool(summary) and not content,
        id=ident if isinstance(ident, str) else None,
    )


def _texts(parts: Any) -> list[str]:
    if not isinstance(parts, list):
        return []
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return [text for text in texts if isinstance(text, str)]


_READERS: Mapping[str, Callable[[Mapping[str, Any], str], Part]] = {
    "function_call": _read_call,
    "custom_tool_call": _read_custom_call,
    "reasoning": _read_reasoning,
}


def read_result(item: Mapping[str, Any], path: str) -> ToolResult:
    """What a function or custom tool came to. Raises BadRequest."""
    extra = beside(item, _RESULT, ("id", "status", "name"))
    output = item.get("output")
    parts: list[Part] = []
    if isinstance(output, str):
        if output:
            parts.append(Text(output))
    elif isinstance(output, list):
        extra.setdefault(DIALECT, {})["~list"] = True
        parts = read_contents(output, path, "output", ASKED)
    elif output is not None:
        raise wrong(f"{path}.output", "a string or a list of parts")
    if item.get("type") == "custom_tool_call_output":
        extra.setdefault(DIALECT, {})["~custom"] = True
    return ToolResult(_text(item, "call_id", path), parts, extra=extra)


def write_reasoning(part: Reasoning, members: Mapping[str, Any]) -> dict[str, Any]:
    """A reasoning item with the texts of now; `members` are those it is begun with."""
    item: dict[str, Any] = {"type": "reasoning", **members}
    mine = part.extra.get(DIALECT, {})
    if part.text != mine.get("~text"):
        kind = "summary" if part.summary else "content"
        item["summary"] = []
        if part.text:
            item[kind] = [{"type": f"{'summary' if part.summary else 'reasoning'}_text", "text": part.text}]
    return item


def write_call(
    part: ToolCall, ident: str, members: Mapping[str, Any], *, custom: str | None
) -> dict[str, Any]:
    """A call of a function, or of a custom tool with the text `custom`."""
    if custom is not None:
        return {"type": "custom_tool_call", **members, "call_id": ident, "name": part.name, "input": custom}
    return {
        "type": "function_call",
        **members,
        "call_id": ident,
        "name": part.name,
        "arguments": part.arguments,
    }

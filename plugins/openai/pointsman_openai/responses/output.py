"""What an assistant says, as the output items of an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from pointsman.losses import Losses
from pointsman.sealing import seal
from pointsman.types import Citation, Media, Message, Part, Reasoning, Request, Text, ToolCall, Unknown

from .content import SAID, write_annotation, write_text
from .items import write_call, write_head, write_reasoning
from .notes import DIALECT, own, written
from .tools import unwrap

__all__ = ["Output"]

LONGEST_BASE = 40


class Output:
    """Writes parts as items of the answer `base` to a request; what has no place is told to `losses`."""

    def __init__(self, base: str, request: Request, losses: Losses) -> None:
        plain = base.removeprefix("resp_")
        if not plain.replace("-", "").replace("_", "").isalnum() or len(plain) > LONGEST_BASE:
            plain = hashlib.sha256(base.encode()).hexdigest()[:LONGEST_BASE]
        self._base = plain
        self._losses = losses
        self._custom = _custom_names(request.body.get("tools"))

    def items(self, message: Message, *, incomplete: bool) -> list[dict[str, Any]]:
        """The items of a whole message; of an `incomplete` one the last text is not complete."""
        mine = own(message.extra)
        heads, inside = mine.get("~heads", {}), mine.get("~inside", ())
        items: list[dict[str, Any]] = []
        head: Mapping[str, Any] | None = None
        content: list[dict[str, Any]] = []
        for index, part in enumerate(message.parts):
            is_content = isinstance(part, Text) or index in inside
            if head is not None and (not is_content or index in heads):
                items.append(write_head(head, content))
                head = None
            if not is_content:
                item = self.item(part, len(items))
                if item is not None:
                    items.append(item)
                continue
            if head is None:
                content = []
                head = heads.get(index) or {**self.head(len(items)), "content": content}
            if isinstance(part, Text):
                content.append(self.text(part))
            elif isinstance(part, Unknown):
                content.append(part.data)
        if head is not None:
            if incomplete and not heads:
                head = {**head, "status": "incomplete"}
            items.append(write_head(head, content))
        return items

    def head(self, place: int, status: str = "completed") -> dict[str, Any]:
        """A message item at `place` of the output, without its content."""
        return {"type": "message", "id": self._id("msg", place), "status": status, "role": "assistant"}

    def text(self, part: Text) -> dict[str, Any]:
        """A text as content of a message item."""
        for citation in part.citations:
            self._cited(citation)
        self._beside(part, "content")
        return write_text(part, SAID, full=True)

    def _cited(self, citation: Citation) -> None:
        if DIALECT in citation.extra:
            return
        if citation.url is None:
            self._losses.answered("citations")
        elif citation.quote is not None:
            self._losses.answered("citations.quote")
        self._losses.answered_extras(citation.extra, own=DIALECT, path="citations")

    def item(self, part: Part, place: int) -> dict[str, Any] | None:
        """A part that is an item of its own; None for one that has no place."""
        if isinstance(part, ToolCall):
            return self.call(part, place)
        if isinstance(part, Reasoning):
            return self.reasoning(part, place)
        if isinstance(part, Unknown) and part.dialect == DIALECT:
            data: dict[str, Any] = part.data
            return data
        if isinstance(part, Media) and part.kind == "image" and part.data is not None:
            return {
                "type": "image_generation_call",
                "id": self._id("ig", place),
                "status": "completed",
                "result": part.data,
            }
        self._losses.answered(_word(part))
        return None

    def is_custom(self, part: ToolCall) -> bool:
        """Whether a call is one of a tool that takes free text."""
        return "~custom" in own(part.extra) or part.name in self._custom

    def call(self, part: ToolCall, place: int, status: str = "completed") -> dict[str, Any]:
        """A call, as the kind of tool takes it that the request declared."""
        self._beside(part, "tool_calls")
        custom = unwrap(part.arguments) if self.is_custom(part) else None
        members = written(part.extra)
        if "id" not in members:
            members = {"id": self._id("fc" if custom is None else "ctc", place), "status": status, **members}
        return write_call(part, part.id, members, custom=custom)

    def reasoning(self, part: Reasoning, place: int) -> dict[str, Any]:
        """A thought. One that another dialect has made goes sealed, to come back with the next turn."""
        self._beside(part, "reasoning")
        if "~text" in own(part.extra):
            members = written(part.extra)
        else:
            members = {"id": self.reasoning_id(part, place), "summary": []}
        if part.origin != DIALECT:
            members["encrypted_content"] = seal(part, text=True)
        elif part.redacted is not None:
            members["encrypted_content"] = part.redacted
        return write_reasoning(part, members)

    def reasoning_id(self, part: Reasoning, place: int) -> str:
        """The id of a reasoning item: the provider's own, where it is of this dialect."""
        return (part.id if part.origin == DIALECT else None) or self._id("rs", place)

    def _beside(self, part: Text | ToolCall | Reasoning, path: str) -> None:
        if part.extra:
            self._losses.answered_extras(part.extra, own=DIALECT, path=path)

    def _id(self, prefix: str, place: int) -> str:
        return f"{prefix}_{self._base}_{place}"

    def annotation(self, citation: Citation) -> dict[str, Any] | None:
        """A citation; None for one that has no place."""
        self._cited(citation)
        return write_annotation(citation)


def _custom_names(tools: Any) -> Collection[Any]:
    """The names of those of a request's tools that take free text."""
    if not isinstance(tools, list):
        return ()
    return [tool.get("name") for tool in tools if isinstance(tool, dict) and tool.get("type") == "custom"]


def _word(part: Part) -> str:
    """What a part that has no place is called."""
    if isinstance(part, Media):
        return part.kind
    kind = part.data.get("type") if isinstance(part, Unknown) and isinstance(part.data, dict) else None
    return kind if isinstance(kind, str) else "content"

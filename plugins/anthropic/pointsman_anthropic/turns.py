"""Messages from another dialect as turns of this one.

User and assistant take turns here, the system prompt stands apart, and the results of a turn's tools come
first in the user's turn that follows it.
"""

from __future__ import annotations

import re
from typing import Any

from pointsman.arguments import arguments_object
from pointsman.losses import Losses
from pointsman.types import Media, Message, Part, Reasoning, Text, ToolCall, ToolResult, Unknown

from .blocks import write_block, write_media
from .names import DIALECT, suits_as_tool, tool_id

__all__ = ["Turns"]

IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
MAGIC = (
    ("/9j/", "image/jpeg"),
    ("iVBORw0KGgo", "image/png"),
    ("R0lGOD", "image/gif"),
    ("UklGR", "image/webp"),
)
"""How images begin in base64, for those that come without a type."""
PDF = "application/pdf"
_HTTPS = re.compile(r"https://", re.IGNORECASE)


class Turns:
    """Gathers messages: `system` blocks, and `turns`, messages of this dialect."""

    def __init__(self, losses: Losses) -> None:
        self.system: list[Any] = []
        self.turns: list[dict[str, Any]] = []
        self._losses = losses
        self._ids: dict[str, list[str]] = {}
        self._results: dict[str, int] = {}
        self._place = "", 0
        """Where the part that is being written stands: its message's path, and its index there."""

    def take(self, message: Message) -> None:
        """Add one message."""
        if message.extra:
            self._losses.extras(message.extra, own=DIALECT, path="messages")
        blocks = self._blocks(message)
        if message.role in ("system", "developer"):
            if self.turns and blocks:
                self._losses.parameter("messages.role")
            self.system += blocks
            return
        if not blocks:
            return
        role = "assistant" if message.role == "assistant" else "user"
        if self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["content"] += blocks
        else:
            self.turns.append({"role": role, "content": blocks})

    def finish(self) -> None:
        """Put every turn into the order and form that is required."""
        if not self.turns and self.system:
            self._losses.parameter("messages.role")
            self.turns, self.system = [{"role": "user", "content": self.system}], []
        for turn in self.turns:
            if turn["role"] == "user" and len(turn["content"]) > 1:
                turn["content"].sort(key=lambda block: block.get("type") != "tool_result")
        if self.turns and self.turns[-1]["role"] == "assistant":
            last = self.turns[-1]["content"][-1]
            if last.get("type") == "text":
                last["text"] = last["text"].rstrip()

    def _blocks(self, message: Message) -> list[Any]:
        found = []
        for index, part in enumerate(message.parts):
            self._place = message.path, index
            block = self._block(part, message.role)
            if block is not None:
                found.append(block)
        return found

    def _block(self, part: Part, role: str) -> dict[str, Any] | None:
        """A part as a block; None where there is nothing to write. Reports what has no place."""
        if not isinstance(part, Unknown) and part.extra:
            self._losses.extras(part.extra, own=DIALECT, path="messages.content")
        match part:
            case Text():
                block = self._text(part)
            case Reasoning():
                return self._reasoning(part, role)
            case Media():
                block = self._media(part)
            case ToolCall():
                block = self._call(part)
            case ToolResult():
                block = self._result(part)
            case Unknown():
                if part.dialect != DIALECT:
                    return self._lost(f"content that only {part.dialect} knows")
                return dict(part.data) if isinstance(part.data, dict) else None
        if block is not None and part.cache is not None:
            block["cache_control"] = part.cache
        return block

    def _text(self, part: Text) -> dict[str, Any] | None:
        """A text; this dialect takes none that is blank."""
        if part.citations:
            self._losses.parameter("annotations")
        text = part.text
        return {"type": "text", "text": text} if text and not text.isspace() else None

    def _reasoning(self, part: Reasoning, role: str) -> dict[str, Any] | None:
        """Thoughts are taken back only with the signature that this dialect gave them."""
        signed = part.signature is not None or part.redacted is not None
        if part.origin != DIALECT or not signed or role != "assistant":
            self._losses.parameter("reasoning")
            return None
        block: dict[str, Any] = write_block(part)
        return block

    def _media(self, part: Media) -> dict[str, Any] | None:
        mime = part.mime.partition(";")[0].strip() if part.mime else None
        if part.url is not None and _HTTPS.match(part.url) is None:
            return self._lost(f"a {part.kind} by a URL that is not https")
        if part.url is None and not part.data:
            return self._lost(f"a {part.kind} with neither data nor URL")
        if part.detail not in (None, "auto"):
            self._losses.parameter("messages.content.detail")
        if part.kind == "image":
            if mime is None and part.data is not None:
                mime = next((each for start, each in MAGIC if part.data.startswith(start)), None)
            mime = "image/jpeg" if mime == "image/jpg" else mime
            if part.url is None and mime not in IMAGES:
                return self._lost(f"an image of type {mime}")
        elif part.kind != "document":
            return self._lost(part.kind)
        elif part.url is None and mime is None and (part.data or "").startswith("JVBERi"):
            mime = PDF
        block = write_media(Media(part.kind, part.url, part.data, mime, name=part.name))
        source = block["source"]
        if source["type"] == "base64" and part.kind == "document" and mime != PDF:
            return self._lost(f"a document of type {mime}")
        return block

    def _lost(self, what: str) -> dict[str, Any] | None:
        """Report content that has no place."""
        path, index = self._place
        self._losses.part(f"{path}.content[{index}]", what)
        return None

    def _call(self, part: ToolCall) -> dict[str, Any] | None:
        if not suits_as_tool(part.name):
            return self._lost(f"a tool named {part.name!r}")
        return {
            "type": "tool_use",
            "id": self._called(part.id),
            "name": part.name,
            "input": arguments_object(part.arguments),
        }

    def _called(self, given: str) -> str:
        """The id of a call: no two may have the same, and some hosts begin to count again in every turn."""
        ids = self._ids.setdefault(given, [])
        base = tool_id(given)
        ids.append(base if not ids else tool_id(f"{given}#{len(ids)}"))
        return ids[-1]

    def _answered(self, given: str) -> str:
        """The id of the call that a result answers: of several with one id the first not answered yet."""
        ids = self._ids.get(given)
        if not ids:
            return tool_id(given)
        place = self._results.get(given, 0)
        self._results[given] = place + 1
        return ids[min(place, len(ids) - 1)]

    def _result(self, part: ToolResult) -> dict[str, Any]:
        block: dict[str, Any] = {"type": "tool_result", "tool_use_id": self._answered(part.call_id)}
        content = []
        for each in part.parts:
            if isinstance(each, Text | Media | Unknown):
                inner = self._block(each, "tool")
                if inner is not None:
                    content.append(inner)
            else:
                self._lost(f"a result of a tool with {type(each).__name__} in it")
        if content:
            block["content"] = content
        if part.is_error:
            block["is_error"] = True
        return block

"""Messages from another dialect as contents of this one.

User and model take turns here, the system prompt stands apart, and the results of a turn's calls come first
in the user's turn that follows it, each with the name of its function.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from pointsman.arguments import arguments_object
from pointsman.losses import Losses
from pointsman.types import Media, Message, Part, Reasoning, Text, ToolCall, ToolResult, Unknown

from .fit import is_signed, takes_media_results
from .names import DIALECT, suits_as_tool
from .parts import UNSIGNED, write_media, write_response

__all__ = ["Turns"]

MAGIC = (
    ("/9j/", "image/jpeg"),
    ("iVBORw0KGgo", "image/png"),
    ("R0lGOD", "image/gif"),
    ("UklGR", "image/webp"),
    ("JVBERi", "application/pdf"),
)
"""How files begin in base64, for those that come without a type."""
_ADDRESS = re.compile(r"(https?|gs)://", re.IGNORECASE)


class Turns:
    """Gathers messages for a model: parts of the `system` prompt, and `contents`."""

    def __init__(self, model: str, losses: Losses) -> None:
        self.system: list[Any] = []
        self.contents: list[dict[str, Any]] = []
        self._signed = is_signed(model)
        self._media_results = takes_media_results(model)
        self._losses = losses
        self._names: dict[str, str] = {}
        self._place = "", 0
        """Where the part that is being written stands: its message's path, and its index there."""

    def take(self, message: Message) -> None:
        """Add one message."""
        if message.extra:
            self._losses.extras(message.extra, own=DIALECT, path="messages")
        if message.role in ("system", "developer"):
            parts = self._each(message, self._told)
            if self.contents and parts:
                self._losses.parameter("messages.role")
            self.system += parts
            return
        if message.role == "assistant":
            role, parts = "model", _Turn(self, message).parts
        else:
            role, parts = "user", self._each(message, self._asked)
        if not parts:
            return
        if self.contents and self.contents[-1]["role"] == role:
            self.contents[-1]["parts"] += parts
        else:
            self.contents.append({"role": role, "parts": parts})

    def finish(self) -> None:
        """Put every turn into the order and form that is required."""
        if not self.contents and self.system:
            self._losses.parameter("messages.role")
            self.contents, self.system = [{"role": "user", "parts": self.system}], []
        for content in self.contents:
            if content["role"] == "user":
                content["parts"].sort(key=lambda part: "functionResponse" not in part)
            elif self._signed:
                first = next((part for part in content["parts"] if "functionCall" in part), None)
                if first is not None:
                    first.setdefault("thoughtSignature", UNSIGNED)

    def _each(self, message: Message, write: Callable[[Part], list[Any]]) -> list[Any]:
        found: list[Any] = []
        for index, part in enumerate(message.parts):
            self.at(message, index)
            self.check(part)
            found += write(part)
        return found

    def at(self, message: Message, index: int) -> None:
        """What is written next is this part of a message."""
        self._place = message.path, index

    def check(self, part: Part) -> None:
        """Report what stands beside a part and has no place."""
        if isinstance(part, Unknown):
            return
        if part.extra:
            self._losses.extras(part.extra, own=DIALECT, path="messages.content")
        if not isinstance(part, Reasoning) and part.cache is not None:
            self._losses.parameter("cache_control")

    def lost(self, what: str) -> list[Any]:
        """Report content that has no place."""
        path, index = self._place
        self._losses.part(f"{path}.content[{index}]", what)
        return []

    def _told(self, part: Part) -> list[Any]:
        """A part of the system prompt, which is text."""
        if isinstance(part, Text):
            return self.text(part)
        if isinstance(part, Unknown) and part.dialect == DIALECT:
            return [part.data]
        return self.lost(f"a system prompt with {type(part).__name__} in it")

    def _asked(self, part: Part) -> list[Any]:
        """A part of the user's, or of a tool's."""
        match part:
            case Text():
                return self.text(part)
            case Media():
                return self.media(part)
            case ToolResult():
                return self._result(part)
            case Unknown():
                return self.unknown(part)
            case Reasoning():
                self._losses.parameter("reasoning")
                return []
            case ToolCall():
                return self.lost("a call that the user makes")

    def text(self, part: Text) -> list[Any]:
        """A text; there is none that is empty."""
        if part.citations:
            self._losses.parameter("annotations")
            self._losses.parameter("citations")
        return [{"text": part.text}] if part.text else []

    def unknown(self, part: Unknown) -> list[Any]:
        """A part that only one dialect knows."""
        if part.dialect == DIALECT:
            return [part.data]
        return self.lost(f"content that only {part.dialect} knows")

    def media(self, part: Media) -> list[Any]:
        """A picture, sound, film or document."""
        if part.detail not in (None, "auto"):
            self._losses.parameter("messages.content.detail")
        if part.name is not None:
            self._losses.parameter("filename")
        mime = part.mime.partition(";")[0].strip() if part.mime else None
        if part.url is not None:
            if _ADDRESS.match(part.url) is None:
                return self.lost(f"a {part.kind} by a URL that is neither http nor gs")
            mime = mime or mimetypes.guess_type(part.url.partition("?")[0])[0]
        elif not part.data:
            return self.lost(f"a {part.kind} with neither data nor URL")
        elif mime is None:
            mime = next((each for start, each in MAGIC if part.data.startswith(start)), None)
            if mime is None:
                return self.lost(f"a {part.kind} without a type")
        mime = "image/jpeg" if mime == "image/jpg" else mime
        return [write_media(replace(part, mime=mime))]

    def call(self, part: ToolCall) -> list[Any]:
        """A call, whose name its result will need."""
        if not suits_as_tool(part.name):
            return self.lost(f"a tool named {part.name!r}")
        self._names[part.id] = part.name
        return [
            {"functionCall": {"id": part.id, "name": part.name, "args": arguments_object(part.arguments)}}
        ]

    def _result(self, part: ToolResult) -> list[Any]:
        name = self._names.get(part.call_id)
        if name is None:
            return self.lost("a result of a tool whose call is not there")
        inside: list[Any] = []
        for each in part.parts:
            self.check(each)
            if isinstance(each, Media):
                inside += self.media(each)
            elif isinstance(each, Unknown):
                inside += self.unknown(each)
            elif not isinstance(each, Text):
                self.lost(f"a result of a tool with {type(each).__name__} in it")
        response = {"id": part.call_id, "name": name, "response": write_response(part)}
        if inside and self._media_results:
            response["parts"] = inside
            inside = []
        return [{"functionResponse": response}, *inside]

    def thought(self, part: Reasoning) -> bool:
        """Whether a thought may go back: only those that this dialect has made."""
        if part.origin == DIALECT:
            return True
        self._losses.parameter("reasoning")
        return False

    def unplaced(self) -> None:
        """Report a signature whose call is gone."""
        self._losses.parameter("reasoning")


class _Turn:
    """Writes a model's turn: its signatures stand where they belong, however a client has moved them.

    That of a call goes by the call's id, that of a text to the next text; but one that came behind its text
    to the text before it, if it still stands there.
    """

    def __init__(self, turns: Turns, message: Message) -> None:
        self.parts: list[Any] = []
        self._turns = turns
        self._waiting: list[str] = []
        thoughts = [part for part in message.parts if isinstance(part, Reasoning) and part.origin == DIALECT]
        calls = {part.id for part in message.parts if isinstance(part, ToolCall)}
        self._by_call = {part.id: part.redacted for part in thoughts if part.id in calls}
        for index, part in enumerate(message.parts):
            turns.at(message, index)
            turns.check(part)
            self._take(part)
        self.parts += [{"text": "", "thoughtSignature": each} for each in self._waiting]

    def _take(self, part: Part) -> None:
        turns = self._turns
        match part:
            case Reasoning():
                if turns.thought(part):
                    self._thought(part)
            case Text():
                self._text(turns.text(part))
            case ToolCall():
                for written in turns.call(part):
                    signature = self._by_call.get(part.id)
                    self.parts.append({**written, "thoughtSignature": signature} if signature else written)
            case Media():
                self.parts += turns.media(part)
            case Unknown():
                self.parts += turns.unknown(part)
            case ToolResult():
                turns.lost("a result that the model brings")

    def _thought(self, part: Reasoning) -> None:
        if part.text:
            written: dict[str, Any] = {"text": part.text, "thought": True}
            if part.signature:
                written["thoughtSignature"] = part.signature
            self.parts.append(written)
        elif part.signature:
            self._waiting.append(part.signature)
        if part.redacted is None or part.id in self._by_call:
            return
        if part.id is not None:
            self._turns.unplaced()
            return
        last = self.parts[-1] if self.parts else {}
        if last.get("text") and not last.keys() & {"thought", "thoughtSignature"}:
            last["thoughtSignature"] = part.redacted
        else:
            self._waiting.append(part.redacted)

    def _text(self, written: list[Any]) -> None:
        for each in written:
            self.parts.append({**each, "thoughtSignature": self._waiting.pop(0)} if self._waiting else each)

"""Canonical content as requests of this dialect."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from pointsman.losses import Losses
from pointsman.types import Chat, Media, Message, Part, Reasoning, Text, Tool, ToolCall, ToolResult, Unknown
from pointsman_openai.thinking import thinks

from .content import ASKED, SAID, write_media, write_text
from .items import write_call, write_head, write_reasoning
from .notes import DIALECT, own, written
from .params import write_foreign_params, write_params
from .tools import unwrap, write_foreign_tool, write_tool, write_tool_choice

__all__ = ["encode_request"]

SHOWN = (Text, Media)
"""What stands in an assistant's message; its other parts are items of their own."""
LONGEST_ID = 64


def encode_request(chat: Chat, *, losses: Losses) -> dict[str, Any]:
    """See `Translator.encode_request`."""
    body: dict[str, Any] = {"model": chat.model}
    native = chat.dialect == DIALECT
    writer = _Writer(losses, native=native)
    for message in chat.messages:
        if native and "~instructions" in own(message.extra):
            body["instructions"] = message.text
        else:
            writer.message(message)
    alone = chat.messages[-1] if native and len(writer.items) == 1 else None
    if alone is not None and "~input" in own(alone.extra):
        body["input"] = alone.text
    elif writer.items or not native:
        body["input"] = writer.items
    tools = writer.tools(chat.tools)
    if tools:
        body["tools"] = tools
    if chat.tool_choice is not None and (tools or native):
        body["tool_choice"] = write_tool_choice(chat.tool_choice)
    if native:
        write_params(chat, body)
    else:
        write_foreign_params(chat, body, thinks=thinks(chat.model), losses=losses)
        if chat.extra:
            losses.extras(chat.extra, own=DIALECT)
    if chat.stream:
        body["stream"] = True
    return body


class _Writer:
    """Writes messages as items. `native` says that they were read from this dialect."""

    def __init__(self, losses: Losses, *, native: bool) -> None:
        self.items: list[dict[str, Any]] = []
        self._losses = losses
        self._native = native

    def message(self, message: Message) -> None:
        """One message as the items it is here."""
        if not self._native and message.extra:
            self._losses.extras(message.extra, own=DIALECT, path="messages")
        if message.role == "assistant":
            self._assistant(message)
        else:
            self._said(message)

    def _said(self, message: Message) -> None:
        """A message of another role than the assistant's: results of tools, and what is said after them."""
        role, path = message.role, message.path
        content = []
        for index, part in enumerate(message.parts):
            if isinstance(part, ToolResult):
                self.items.append(self._result(part, path, index))
            elif role == "tool" and isinstance(part, Unknown) and part.dialect == DIALECT:
                self.items.append(part.data)
            else:
                data = self._content(part, ASKED, path, index)
                if data is not None:
                    content.append(data)
        head = own(message.extra).get("~head") if message.extra else None
        if head is not None:
            self.items.append({**write_head(head, content), "role": role})
        elif content:
            said_by = "user" if role == "tool" else role
            self.items.append({"type": "message", "role": said_by, "content": content})

    def _assistant(self, message: Message) -> None:
        mine = own(message.extra)
        heads, inside = mine.get("~heads", {}), mine.get("~inside", ())
        head: Mapping[str, Any] | None = None
        content: list[dict[str, Any]] = []
        for index, part in enumerate(message.parts):
            is_content = isinstance(part, SHOWN) or index in inside
            if head is not None and (not is_content or index in heads):
                self.items.append(write_head(head, content))
                head = None
            if not is_content:
                self._item(part, message.path, index)
                continue
            data = self._content(part, SAID, message.path, index)
            if data is None:
                continue
            if head is None:
                content = []
                head = heads.get(index) or {"type": "message", "role": "assistant", "content": content}
            content.append(data)
        if head is not None:
            self.items.append(write_head(head, content))

    def _item(self, part: Part, path: str, index: int) -> None:
        """A part that is an item of its own."""
        if isinstance(part, ToolCall):
            self._beside(part, "messages.content")
            custom = unwrap(part.arguments) if "~custom" in own(part.extra) else None
            self.items.append(write_call(part, self._id(part.id), written(part.extra), custom=custom))
        elif isinstance(part, Reasoning):
            self._reasoning(part)
        elif isinstance(part, Unknown) and part.dialect == DIALECT:
            self.items.append(part.data)
        else:
            self._losses.part(f"{path}.content[{index}]", _words(part))

    def _reasoning(self, part: Reasoning) -> None:
        """A thought goes back only to those who can read it."""
        if part.origin != DIALECT or not (self._native or part.redacted):
            self._losses.parameter("reasoning")
            return
        members = written(part.extra)
        if "~text" not in own(part.extra):
            members = {"summary": []}
        if part.id is not None:
            members["id"] = part.id
        if part.redacted is not None:
            members["encrypted_content"] = part.redacted
        self.items.append(write_reasoning(part, members))

    def _result(self, part: ToolResult, path: str, index: int) -> dict[str, Any]:
        self._beside(part, "messages.content")
        mine = own(part.extra)
        if part.is_error:
            self._losses.parameter("messages.content.is_error")
        kind = "custom_tool_call_output" if "~custom" in mine else "function_call_output"
        item = {"type": kind, **written(part.extra), "call_id": self._id(part.call_id)}
        texts = [each.text for each in part.parts if isinstance(each, Text)]
        if "~list" not in mine and len(texts) == len(part.parts):
            if texts or "output" not in item:
                item["output"] = "\n".join(texts)
            return item
        path = f"{path}.content[{index}]"
        found = (self._content(each, ASKED, path, place) for place, each in enumerate(part.parts))
        item["output"] = [data for data in found if data is not None]
        return item

    def _content(self, part: Part, usual: str, path: str, index: int) -> dict[str, Any] | None:
        """A part as content, the one at `index` of that at `path`; None where it is nothing, or has no
        place."""
        if isinstance(part, Text):
            if not part.text and not self._native:
                return None
            if part.cache is None and not (part.extra or part.citations or part.refusal or part.logprobs):
                return {"type": usual, "text": part.text}
            self._beside(part, "messages.content")
            if not self._native and part.citations:
                self._losses.parameter("messages.content.citations")
            return write_text(part, usual)
        if isinstance(part, Media) and (usual == ASKED or self._native):
            self._beside(part, "messages.content")
            return write_media(part, f"{path}.content[{index}]", self._losses)
        if isinstance(part, Unknown) and part.dialect == DIALECT:
            data: dict[str, Any] = part.data
            return data
        self._losses.part(f"{path}.content[{index}]", _words(part))
        return None

    def _beside(self, part: Text | Media | ToolCall | ToolResult, path: str) -> None:
        """What other dialects know of a part."""
        if self._native:
            return
        if part.cache is not None:
            self._losses.parameter("cache_control")
        if part.extra:
            self._losses.extras(part.extra, own=DIALECT, path=path)

    def _id(self, ident: str) -> str:
        """A call's id, if only it is short enough: else one made of it, the same at each turn."""
        if self._native or 0 < len(ident) <= LONGEST_ID:
            return ident
        return f"call_{hashlib.sha256(ident.encode()).hexdigest()[:32]}"

    def tools(self, tools: list[Tool | Unknown]) -> list[Any]:
        """The tools, without those that only another dialect knows."""
        written: list[Any] = []
        for index, tool in enumerate(tools):
            if not isinstance(tool, Unknown):
                written.append(self._tool(tool))
            elif tool.dialect == DIALECT:
                written.append(tool.data)
            else:
                self._losses.part(f"tools[{index}]", "a tool that only its own dialect knows")
        return written

    def _tool(self, tool: Tool) -> dict[str, Any]:
        if self._native:
            return write_tool(tool)
        if tool.cache is not None:
            self._losses.parameter("cache_control")
        if tool.extra:
            self._losses.extras(tool.extra, own=DIALECT, path="tools")
        return write_foreign_tool(tool)


def _words(part: Part) -> str:
    """What a part is, in words."""
    if isinstance(part, Media):
        return f"{part.kind} that the assistant wrote"
    if isinstance(part, Unknown):
        return f"content that only {part.dialect} knows"
    return type(part).__name__.lower()

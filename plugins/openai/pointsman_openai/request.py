"""Canonical chats as requests of this dialect."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from pointsman.dialects import Quirks
from pointsman.losses import Losses
from pointsman.types import (
    Chat,
    Media,
    Message,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
)

from .errors import DIALECT
from .notes import members, note
from .params import encode_params
from .parts import IN_CONTENT, content_value, part_object
from .reasoning import detail_objects, thought_members
from .tools import call_object, choice_object, is_call, suited_id, tool_object, whole_schema
from .turns import citation_object, citations_of, image_object, in_content, is_plain, turn_parts

__all__ = ["encode_request"]

LONGEST_NAME = 64
"""Characters of a tool's name."""


def encode_request(chat: Chat, *, quirks: Quirks, losses: Losses) -> dict[str, Any]:
    """The body of a request with this content. See `Translator.encode_request`."""
    writer = _Writer(chat, quirks, losses)
    for message in chat.messages:
        writer.add(message)
    writer.flush()
    body: dict[str, Any] = {"model": chat.model, "messages": writer.messages}
    body.update(_tools(chat, quirks, losses))
    body.update(encode_params(chat, quirks=quirks, losses=losses))
    if chat.stream:
        body["stream"] = True
    if chat.extra:
        body.update(note(chat.extra, "~routing", {}))
        for name, value in members(chat.extra).items():
            body.setdefault(name, value)
        losses.extras(chat.extra, own=DIALECT)
    return body


def _tools(chat: Chat, quirks: Quirks, losses: Losses) -> dict[str, Any]:
    """The members that offer tools and choose among them."""
    cache = chat.dialect == DIALECT or "cache_control" in quirks.keeps
    tools: list[Any] = []
    functions: list[Any] = []
    for index, tool in enumerate(chat.tools):
        if isinstance(tool, Unknown):
            if tool.dialect == DIALECT:
                tools.append(tool.data)
            else:
                losses.part(f"tools[{index}]", f"a tool of type {_kind(tool)}")
            continue
        if tool.extra:
            losses.extras(tool.extra, own=DIALECT, path="tools")
        if chat.dialect != DIALECT and len(tool.name) > LONGEST_NAME:
            losses.part(f"tools[{index}]", f"a tool whose name has more than {LONGEST_NAME} characters")
        if tool.cache is not None and not cache:
            losses.parameter("cache_control")
        if note(tool.extra, "~older"):
            functions.append(tool_object(tool, cache=cache, bare=True))
        else:
            tools.append(tool_object(_complete(tool, chat), cache=cache))
    body: dict[str, Any] = {}
    if tools:
        body["tools"] = tools
    if functions:
        body["functions"] = functions
    if chat.tool_choice is not None:
        body.update(_choice(chat, chat.tool_choice, losses, offered=bool(body)))
    return body


def _complete(tool: Tool, chat: Chat) -> Tool:
    """A tool with parameters: other dialects may leave out that there are none, and some hosts may not."""
    if chat.dialect == DIALECT or "properties" in tool.parameters:
        return tool
    return replace(tool, parameters=whole_schema(tool.parameters))


def _choice(chat: Chat, choice: ToolChoice, losses: Losses, *, offered: bool) -> dict[str, Any]:
    older = note(choice.extra, "~older")
    if older is not None:
        return {"function_call": older}
    losses.extras(choice.extra, own=DIALECT, path=chat.called("tool_choice"))
    if not offered and chat.dialect != DIALECT:
        return {}
    return {"tool_choice": choice_object(choice)}


def _kind(part: Unknown) -> str:
    found = part.data.get("type") if isinstance(part.data, dict) else None
    return f"{found} of {part.dialect}" if isinstance(found, str) else f"only {part.dialect} knows"


class _Writer:
    """Writes messages in the order this dialect wants: right behind an assistant's calls a message for
    each result, and only then what else the user sent, pictures inside of results among it."""

    def __init__(self, chat: Chat, quirks: Quirks, losses: Losses) -> None:
        self.messages: list[dict[str, Any]] = []
        self._own = chat.dialect == DIALECT
        self._keeps = quirks.keeps
        self._reasoning = quirks.reasoning
        self._losses = losses
        self._cache = self._own or "cache_control" in quirks.keeps
        self._pending: list[dict[str, Any]] = []

    def add(self, message: Message) -> None:
        """Write one message."""
        role, extra = message.role, message.extra
        if extra:
            self._losses.extras(extra, own=DIALECT, path="messages")
        if len(message.parts) == 1 and not self._pending and not (extra and (self._own or DIALECT in extra)):
            text = _plain(message.parts[0])
            if text and (role in ("user", "assistant", "system") or self._own):
                self.messages.append({"role": role, "content": text})
                return
        if role == "assistant":
            self.flush()
            self.messages.append(self._assistant(message))
        elif role in ("user", "tool"):
            self._user(message)
        else:
            self.flush()
            if role == "developer" and not self._own and "developer" not in self._keeps:
                role = "system"
            objects = self._objects(message, message.parts)
            self.messages.append(self._body(message, role, objects, joined="\n\n"))

    def flush(self) -> None:
        """Write what stood inside of results as what the user says next."""
        if self._pending:
            self.messages.append({"role": "user", "content": self._pending})
            self._pending = []

    def _body(
        self, message: Message, role: str, objects: list[dict[str, Any]], *, joined: str | None
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"role": role}
        if objects or note(message.extra, IN_CONTENT) != "absent":
            body["content"] = content_value(message.extra, objects, joined=joined, empty="")
        if message.extra:
            body.update({n: v for n, v in members(message.extra).items() if n not in body})
        return body

    def _user(self, message: Message) -> None:
        parts: list[Part] = []
        for index, part in enumerate(message.parts):
            if isinstance(part, ToolResult):
                self._result(message, part, f"{message.path}.content[{index}]")
            else:
                parts.append(part)
        if len(parts) < len(message.parts) and not parts:
            return
        objects = self._pending + self._objects(message, parts)
        pending, self._pending = bool(self._pending), []
        if objects or not message.parts:
            body = self._body(message, message.role, objects, joined=None)
            self.messages.append({**body, "content": objects} if pending else body)

    def _result(self, message: Message, result: ToolResult, path: str) -> None:
        """A message for one result. Pictures in it wait for the user message after it."""
        losses = self._losses
        if result.extra:
            losses.extras(result.extra, own=DIALECT, path="messages.content")
        if result.is_error:
            losses.parameter("is_error")
        if result.cache is not None and not self._cache:
            losses.parameter("cache_control")
        alone = message.role == "tool" and len(message.parts) == 1
        content: list[dict[str, Any]] = []
        for index, part in enumerate(result.parts):
            written = self._object(part, path, index, message)
            if written is not None:
                inside = self._own or written.get("type") == "text"
                (content if inside else self._pending).append(written)
        extra = message.extra if alone else {}
        function = note(extra, "~function")
        body: dict[str, Any] = {"role": "tool", "tool_call_id": self._id(result.call_id)}
        if function is not None:
            body = {"role": "function", "name": function}
        if content or note(extra, IN_CONTENT) != "absent":
            body["content"] = content_value(extra, content, joined="\n", empty="")
        self._place({**members(extra), **body} if extra else body, path)

    def _place(self, body: dict[str, Any], path: str) -> None:
        """Put a result right behind the calls it belongs to. Those of our own dialect stay in their order."""
        messages = self.messages
        if self._own:
            messages.append(body)
            return
        for place in range(len(messages) - 1, -1, -1):
            calls = messages[place].get("tool_calls") or ()
            if body["tool_call_id"] in [call["id"] for call in calls]:
                behind = place + 1
                while behind < len(messages) and messages[behind]["role"] == "tool":
                    behind += 1
                messages.insert(behind, body)
                return
        self._losses.part(path, "the result of a call that is not there")

    def _id(self, call_id: str) -> str:
        return call_id if self._own else suited_id(call_id)

    def _objects(self, message: Message, parts: list[Part]) -> list[dict[str, Any]]:
        found = []
        for index, part in enumerate(parts):
            written = self._object(part, message.path, index, message)
            if written is not None:
                found.append(written)
        return found

    def _object(self, part: Part, path: str, index: int, message: Message) -> dict[str, Any] | None:
        """Part `index` of the content at `path`; what has no place there is lost content."""
        losses = self._losses
        written = part_object(part, cache=self._cache)
        if isinstance(part, (Text, Media)):
            if part.extra:
                losses.extras(part.extra, own=DIALECT, path="messages.content")
            if part.cache is not None and not self._cache:
                losses.parameter("cache_control")
            if not self._own:
                if isinstance(part, Media):
                    if part.kind == "video" and "video_url" not in self._keeps:
                        written = None
                elif part.citations and message.role != "assistant":
                    losses.parameter("citations")
        if written is None:
            losses.part(f"{path}.content[{index}]", _words(part))
        return written

    def _assistant(self, message: Message) -> dict[str, Any]:
        objects: list[dict[str, Any]] = []
        calls: list[dict[str, Any]] = []
        images: list[dict[str, Any]] = []
        called = False
        for index, part in enumerate(message.parts):
            if isinstance(part, ToolCall):
                called = True
                calls += self._call(part)
            elif isinstance(part, Unknown) and part.dialect == DIALECT and is_call(part.data):
                calls.append(part.data)
            elif isinstance(part, Media) and not in_content(part):
                images += self._image(part, f"{message.path}.content[{index}]")
            elif in_content(part) or not isinstance(part, (Text, Reasoning)):
                written = self._object(part, message.path, index, message)
                if written is not None:
                    objects.append(written)
        body: dict[str, Any] = {"role": "assistant"}
        if objects or note(message.extra, IN_CONTENT) != "absent":
            body["content"] = content_value(message.extra, objects, joined="", empty=None if called else "")
        if not is_plain(message):
            body.update(self._thoughts(message))
            body.update(turn_parts(message))
            self._cite(message, body)
        if images:
            body["images"] = images
        if calls:
            body["tool_calls"] = calls
        if message.extra:
            body.update({n: v for n, v in members(message.extra).items() if n not in body})
        return body

    def _call(self, call: ToolCall) -> list[dict[str, Any]]:
        """A call; none for the older kind, which has a member of its own."""
        if call.extra:
            self._losses.extras(call.extra, own=DIALECT, path="messages.tool_calls")
        if call.cache is not None and not self._cache:
            self._losses.parameter("cache_control")
        if note(call.extra, "~older"):
            return []
        body = call_object(call, own=self._own)
        body["id"] = self._id(call.id)
        return [body]

    def _image(self, image: Media, path: str) -> list[dict[str, Any]]:
        """A picture the assistant made, for hosts that take it back."""
        written = image_object(image) if self._own or "images" in self._keeps else None
        if written is None:
            self._losses.part(path, f"{_words(image)} by the assistant")
            return []
        return [written]

    def _cite(self, message: Message, body: dict[str, Any]) -> None:
        """Where a text had something from is told back only to where it came from."""
        citations = citations_of(message.parts)
        if citations and not self._own:
            self._losses.parameter("citations")
        elif citations:
            written = [citation_object(citation, offset=offset) for citation, offset in citations]
            body["annotations"] = [each for each in written if each is not None]

    def _thoughts(self, message: Message) -> dict[str, Any]:
        """What was thought, in the member in which the host takes it back."""
        if self._own:
            return thought_members(message)
        thoughts = [part for part in message.parts if isinstance(part, Reasoning)]
        if not thoughts:
            return {}
        member = self._reasoning
        if member == "reasoning_details":
            details: list[dict[str, Any]] = []
            for thought in thoughts:
                shown = thought
                if _opaque(thought) and thought.origin != DIALECT:
                    self._losses.parameter("reasoning")
                    shown = replace(thought, signature=None, redacted=None, extra={})
                details += detail_objects(shown, index=len(details)) if shown.text else []
            return {member: details} if details else {}
        text = "\n\n".join(thought.text for thought in thoughts if thought.text)
        if member is None or member == "never" or (not text and any(map(_opaque, thoughts))):
            self._losses.parameter("reasoning")
            return {}
        return {member: text} if text else {}


def _plain(part: Part) -> str:
    """The text of a part that is nothing but text, as nearly every one is."""
    if not isinstance(part, Text) or part.extra or part.refusal or part.citations or part.cache:
        return ""
    return part.text


def _opaque(thought: Reasoning) -> bool:
    return thought.redacted is not None or thought.signature is not None


def _words(part: Part) -> str:
    """What a part is, for people."""
    if isinstance(part, Unknown):
        return f"a part of type {_kind(part)}"
    if not isinstance(part, Media):
        return f"a {type(part).__name__.lower()} in this place"
    how = "by URL" if part.data is None else (part.mime or "inline")
    return f"{part.kind} {how}"

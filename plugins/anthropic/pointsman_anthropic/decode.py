"""Requests of this dialect as canonical content."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pointsman.members import wrong
from pointsman.types import Chat, Message, Part, Request, Text, Tool, ToolChoice, Unknown

from .blocks import TEXT_ALONE, read_blocks
from .names import DIALECT, extra_of
from .params import read_params

__all__ = ["ROUTING", "TOP", "decode_chat"]

ROLES = ("user", "assistant", "system")
TOP = "~~top"
"""The note of a message that stands in `system` and not among the messages."""
ROUTING: Collection[str] = frozenset(
    {"models", "fallbacks", "provider", "route", "plugins", "preset", "session_id", "transforms", "trace"}
)
"""Members that are for the gateway."""
NAMED = frozenset({"models", "fallbacks", "provider", "session_id"})
"""Those of them that are heeded."""
READ = NAMED | {"model", "messages", "system", "tools", "tool_choice", "stream"}
_CHOICES = {"auto": "auto", "any": "required", "tool": "required", "none": "none"}


def decode_chat(request: Request, *, model: str) -> Chat:
    """The content of a chat request. Raises BadRequest that names the path at fault."""
    body = request.body
    chat = Chat(model, [], dialect=DIALECT, stream=body.get("stream") is True)
    own: dict[str, Any] = {name: value for name, value in body.items() if name not in READ}
    _system(body, chat, own)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise wrong("messages", "a list of at least one message")
    for index, message in enumerate(messages):
        chat.messages.append(_message(message, f"messages[{index}]"))
    _tools(body, chat, own)
    _tool_choice(body, chat, own)
    if "stream" in body and not chat.stream:
        own["~stream"] = body["stream"]
    read_params(chat, own)
    chat.extra = extra_of(own)
    return chat


def _system(body: dict[str, Any], chat: Chat, own: dict[str, Any]) -> None:
    """The system prompt: a text, or a list of blocks."""
    if "system" not in body:
        return
    system = body["system"]
    if system is None:
        own["~system"] = None
        return
    parts, form = _content(system, "system")
    chat.messages.append(Message("system", parts, extra_of({TOP: True, **form}), path="system"))


def _message(data: Any, path: str) -> Message:
    if not isinstance(data, dict):
        raise wrong(path, "an object with `role` and `content`")
    role = data.get("role")
    if role not in ROLES:
        raise wrong(f"{path}.role", f"one of {', '.join(ROLES)}")
    parts, form = _content(data.get("content"), f"{path}.content")
    if "content" not in data:
        raise wrong(f"{path}.content", "a string or a list of blocks")
    if len(data) > 2:
        form.update((name, value) for name, value in data.items() if name not in ("role", "content"))
    return Message(role, parts, extra_of(form), path=path)


def _content(content: Any, path: str) -> tuple[list[Part], dict[str, Any]]:
    """The parts of a content, and the notes of its form. Raises BadRequest."""
    if isinstance(content, str):
        return ([Text(content)] if content else []), {TEXT_ALONE: True}
    if content is None:
        return [], {"~content": None}
    if not isinstance(content, list):
        raise wrong(path, "a string or a list of blocks")
    parts = read_blocks(content)
    for index, part in enumerate(parts):
        if isinstance(part, Unknown) and not (isinstance(part.data, dict) and "type" in part.data):
            raise wrong(f"{path}[{index}]", "an object with a `type`, as in text")
    return parts, {}


def _tools(body: dict[str, Any], chat: Chat, own: dict[str, Any]) -> None:
    """The tools: functions of the client's, and those that only this dialect knows. Raises BadRequest."""
    tools = body.get("tools")
    if tools is None:
        if "tools" in body:
            own["~tools"] = None
        return
    if not isinstance(tools, list):
        raise wrong("tools", "a list")
    if not tools:
        own["~tools"] = []
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict):
            raise wrong(f"tools[{index}]", "an object")
        chat.tools.append(_tool(tool))


def _tool(data: dict[str, Any]) -> Tool | Unknown:
    name, schema, strict = data.get("name"), data.get("input_schema"), data.get("strict")
    if data.get("type") not in (None, "custom") or not isinstance(name, str) or not isinstance(schema, dict):
        return Unknown(DIALECT, data)
    tool = Tool(name, parameters=schema)
    rest = dict(data)
    del rest["name"], rest["input_schema"]
    if "type" in rest:
        rest["~type"] = rest.pop("type")
    if isinstance(strict, bool):
        tool.strict = rest.pop("strict")
    if isinstance(rest.get("description"), str):
        tool.description = rest.pop("description")
        if not tool.description:
            rest["~description"] = ""
    if isinstance(rest.get("cache_control"), dict):
        tool.cache = rest.pop("cache_control")
    if rest.get("defer_loading") is False:
        rest["~defer_loading"] = rest.pop("defer_loading")
    tool.extra = extra_of(rest)
    return tool


def _tool_choice(body: dict[str, Any], chat: Chat, own: dict[str, Any]) -> None:
    """The choice of tools, with which comes whether several may be called at once. Raises BadRequest."""
    if "tool_choice" not in body:
        return
    choice = own["~tool_choice"] = body["tool_choice"]
    if choice is None:
        return
    kind = choice.get("type") if isinstance(choice, dict) else None
    if not isinstance(kind, str) or kind not in _CHOICES:
        raise wrong("tool_choice", f"an object whose `type` is one of {', '.join(_CHOICES)}")
    mode: Any = _CHOICES[kind]
    names: tuple[str, ...] = ()
    if kind == "tool":
        if not isinstance(choice.get("name"), str):
            raise wrong("tool_choice.name", "the name of a tool")
        names = (choice["name"],)
    chat.tool_choice = ToolChoice(mode, names)
    if choice.get("disable_parallel_tool_use") is True:
        chat.params["parallel_tool_calls"] = False
        chat.names["parallel_tool_calls"] = "tool_choice.disable_parallel_tool_use"

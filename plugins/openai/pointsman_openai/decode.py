"""Requests of this dialect as canonical content."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pointsman.types import (
    Chat,
    Extra,
    Media,
    Message,
    Part,
    Reasoning,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Unknown,
)

from .errors import DIALECT
from .peek import wrong

__all__ = ["decode_chat", "decode_inputs"]

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
OURS = frozenset({"model", "models", "usage", "stream", "stream_options"})
"""Members that are not parameters of the answer."""
CHAT_MEMBERS = OURS | {"messages", "tools", "tool_choice", "functions", "function_call"}


def decode_chat(request: Request, *, model: str) -> Chat:
    """The content of a chat request. Raises BadRequest that names the path at fault."""
    body = request.body
    tools, unknown_tools = _tools(body)
    choice = body.get("tool_choice")
    return Chat(
        model,
        [_message(message, f"messages[{index}]") for index, message in enumerate(_list(body, "messages"))],
        tools=tools,
        tool_choice=choice if choice is not None else _named_function(body.get("function_call")),
        params={name: value for name, value in body.items() if name not in CHAT_MEMBERS},
        stream=body.get("stream") is True,
        extra={DIALECT: {"tools": unknown_tools}} if unknown_tools else {},
    )


def decode_inputs(request: Request, *, model: str, member: str) -> Chat:
    """A request whose `member` is one input or a list of them, each as a user message.

    An input is a text or a list of token numbers. Raises BadRequest that names the path at fault.
    """
    body = request.body
    given = body.get(member)
    single = isinstance(given, str) or _is_tokens(given)
    if not single and not isinstance(given, list):
        raise wrong(member, "a string or a list")
    messages = []
    for index, each in enumerate([given] if single else _list(body, member)):
        part: Part
        if isinstance(each, str):
            part = Text(each)
        elif _is_tokens(each):
            part = Unknown(DIALECT, each)
        else:
            raise wrong(f"{member}[{index}]", "a string or a list of token numbers")
        messages.append(Message("user", [part]))
    return Chat(
        model,
        messages,
        params={name: value for name, value in body.items() if name not in OURS | {member}},
        stream=body.get("stream") is True,
    )


def _is_tokens(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(each) is int for each in value)


def _list(body: Mapping[str, Any], name: str, path: str | None = None) -> list[Any]:
    """A member that is a list, or absent or null. Raises BadRequest."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise wrong(path or name, "a list")
    return value


def _text(data: Mapping[str, Any], name: str, path: str) -> str:
    """A member that must be a string. Raises BadRequest."""
    value = data.get(name)
    if not isinstance(value, str):
        raise wrong(f"{path}.{name}", "a string")
    return value


def _object(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong(path, "an object")
    return value


def _extra(data: Mapping[str, Any], known: Collection[str]) -> Extra:
    """What stands in an object beside the members we know."""
    rest = {name: value for name, value in data.items() if name not in known and value is not None}
    return {DIALECT: rest} if rest else {}


def _message(data: Any, path: str) -> Message:
    message = _object(data, path)
    role = _text(message, "role", path)
    if role not in ROLES:
        raise wrong(f"{path}.role", f"one of {', '.join(ROLES)}")
    if role in ("tool", "function"):
        return _result(message, role, path)
    known = {"role", "content"}
    parts: list[Part] = []
    if role == "assistant":
        known |= {"reasoning_content", "reasoning", "tool_calls", "function_call"}
        thought = message.get("reasoning_content") or message.get("reasoning")
        if isinstance(thought, str):
            parts.append(Reasoning(thought))
    parts += _parts(message.get("content"), f"{path}.content")
    if role == "assistant":
        parts += _calls(message, path)
    return Message(role, parts, _extra(message, known))


def _result(message: Mapping[str, Any], role: str, path: str) -> Message:
    """A message that answers a tool call; the older `function` messages name the function instead."""
    reference = "tool_call_id" if role == "tool" else "name"
    call_id = _text(message, reference, path)
    result = ToolResult(call_id, _parts(message.get("content"), f"{path}.content"))
    extra = _extra(message, ("role", "content", reference))
    if role == "function":
        extra.setdefault(DIALECT, {})["role"] = role
    return Message("tool", [result], extra)


def _calls(message: Mapping[str, Any], path: str) -> list[Part]:
    """The tool calls of an assistant message; the older `function_call` has its name for an id."""
    calls: list[Part] = []
    for index, data in enumerate(_list(message, "tool_calls", f"{path}.tool_calls")):
        where = f"{path}.tool_calls[{index}]"
        call = _object(data, where)
        if call.get("type", "function") != "function":
            calls.append(Unknown(DIALECT, call))
            continue
        function = _object(call.get("function"), f"{where}.function")
        calls.append(
            ToolCall(
                _text(call, "id", where),
                _text(function, "name", f"{where}.function"),
                _text(function, "arguments", f"{where}.function"),
                _extra(call, ("id", "type", "function", "index")),
            )
        )
    if message.get("function_call") is not None:
        where = f"{path}.function_call"
        function = _object(message["function_call"], where)
        name = _text(function, "name", where)
        calls.append(ToolCall(name, name, _text(function, "arguments", where)))
    return calls


def _parts(content: Any, path: str) -> list[Part]:
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)] if content else []
    if not isinstance(content, list):
        raise wrong(path, "a string or a list of parts")
    return [_part(data, f"{path}[{index}]") for index, data in enumerate(content)]


def _part(data: Any, path: str) -> Part:
    part = _object(data, path)
    kind = _text(part, "type", path)
    if kind == "text":
        return Text(_text(part, "text", path), _extra(part, ("type", "text")))
    if kind in ("image_url", "video_url"):
        return _linked(part, kind, path)
    if kind == "input_audio":
        audio = _object(part.get(kind), f"{path}.{kind}")
        form = _text(audio, "format", f"{path}.{kind}")
        return Media("audio", data=_text(audio, "data", f"{path}.{kind}"), mime=f"audio/{form}")
    file = part.get("file")
    if kind == "file" and isinstance(file, dict) and isinstance(file.get("file_data"), str):
        return _media("document", file["file_data"], _extra(file, ("file_data",)))
    return Unknown(DIALECT, part)


def _linked(part: Mapping[str, Any], kind: str, path: str) -> Media:
    """A picture or film by its URL; some clients send the URL without an object around it."""
    link = part.get(kind)
    if isinstance(link, str):
        link = {"url": link}
    link = _object(link, f"{path}.{kind}")
    url = _text(link, "url", f"{path}.{kind}")
    extra = _extra({**part, **link}, ("type", kind, "url"))
    return _media("image" if kind == "image_url" else "video", url, extra)


def _media(kind: Any, url: str, extra: Extra) -> Media:
    """Media by its URL, or by what a `data:` URL holds."""
    head, comma, data = url.partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        return Media(kind, data=data, mime=head[len("data:") : -len(";base64")] or None, extra=extra)
    return Media(kind, url=url, extra=extra)


def _tools(body: Mapping[str, Any]) -> tuple[list[Tool], list[Any]]:
    """The functions offered, and the tools of other kinds as they came."""
    tools: list[Tool] = []
    unknown: list[Any] = []
    for index, data in enumerate(_list(body, "tools")):
        tool = _object(data, f"tools[{index}]")
        if tool.get("type", "function") == "function":
            beside = _extra(tool, ("type", "function"))
            tools.append(_tool(tool.get("function"), f"tools[{index}].function", beside))
        else:
            unknown.append(tool)
    for index, data in enumerate(_list(body, "functions")):
        tools.append(_tool(data, f"functions[{index}]", {}))
    return tools, unknown


def _tool(data: Any, path: str, beside: Extra) -> Tool:
    function = _object(data, path)
    description, parameters = function.get("description"), function.get("parameters")
    if description is not None and not isinstance(description, str):
        raise wrong(f"{path}.description", "a string")
    extra = _extra(function, ("name", "description", "parameters"))
    merged = {**beside.get(DIALECT, {}), **extra.get(DIALECT, {})}
    return Tool(
        _text(function, "name", path),
        description or "",
        _object(parameters, f"{path}.parameters") if parameters is not None else {},
        {DIALECT: merged} if merged else {},
    )


def _named_function(choice: Any) -> Any:
    """The older `function_call` as a tool choice."""
    if isinstance(choice, dict):
        return {"type": "function", "function": choice}
    return choice

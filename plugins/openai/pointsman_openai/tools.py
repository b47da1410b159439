"""Tools and calls of them, both ways.

Custom tools take plain text. In canonical form they are functions whose only argument, `input`, is that
text; a note says so, and calls are wrapped and unwrapped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from pointsman.members import wrong
from pointsman.types import Extra, Request, Tool, ToolCall, ToolChoice, Unknown

from .errors import DIALECT
from .notes import inner, inner_members, keep, members, note, rest
from .parts import object_at, text_at

__all__ = [
    "call_object",
    "choice_object",
    "custom_names",
    "decode_call",
    "decode_choice",
    "decode_function",
    "decode_tool",
    "is_call",
    "suited_id",
    "tool_object",
    "unwrapped",
    "whole_schema",
    "wrapped",
]

INPUT: Mapping[str, Any] = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}
"""What a custom tool takes, as the parameters of a function."""
CALLED = frozenset({"name", "arguments", "input"})
"""The members of a call's function, or of what else it calls."""
LONGEST_ID = 40
"""The longest id of a call that OpenAI takes."""
_MODES = {"auto": "auto", "none": "none", "required": "required", "any": "required"}


def decode_tool(data: Any, path: str) -> Tool | Unknown:
    """One tool of a request. Raises BadRequest."""
    tool = object_at(data, path)
    kind = tool.get("type", "function")
    if kind == "custom" and isinstance(tool.get("custom"), dict):
        custom = tool["custom"]
        extra = rest(tool, ("type", "custom"))
        keep(extra, "~custom", True)
        description = custom.get("description")
        described = isinstance(description, str) and bool(description)
        inner(extra, "custom", custom, ("name", "description" if described else ""))
        name = text_at(custom, "name", f"{path}.custom")
        return Tool(name, description if described else "", INPUT, extra)
    if kind not in ("function", None):
        return Unknown(DIALECT, tool)
    found = decode_function(tool.get("function"), f"{path}.function")
    cache = tool.get("cache_control")
    taken = {"type", "function"}
    if isinstance(cache, dict):
        found.cache = cache
        taken.add("cache_control")
    if not tool.keys() <= taken:
        for name, value in rest(tool, taken)[DIALECT].items():
            keep(found.extra, name, value)
    if tool.get("type") is None:
        keep(found.extra, "~type", "null" if "type" in tool else "absent")
    return found


def decode_function(data: Any, path: str) -> Tool:
    """A function as it stands in a tool, or in the older `functions`. Raises BadRequest."""
    function = object_at(data, path)
    taken = {"name"}
    description, parameters = function.get("description"), function.get("parameters")
    strict = function.get("strict")
    if description is not None and text_at(function, "description", path):
        taken.add("description")
    if parameters is not None and object_at(parameters, f"{path}.parameters"):
        taken.add("parameters")
    if isinstance(strict, bool):
        taken.add("strict")
    tool = Tool(
        text_at(function, "name", path),
        description or "",
        parameters or {},
        strict=strict if isinstance(strict, bool) else None,
    )
    if not function.keys() <= taken:
        inner(tool.extra, "function", function, taken)
    return tool


def whole_schema(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters of a foreign tool: hosts refuse an object that does not say what it holds."""
    if parameters and (parameters.get("type") != "object" or "properties" in parameters):
        return parameters
    return {"type": "object", "properties": {}, **parameters}


def tool_object(tool: Tool, *, cache: bool, bare: bool = False) -> dict[str, Any]:
    """A tool as this dialect writes it; `bare` is a function as in the older `functions`."""
    if note(tool.extra, "~custom"):
        custom: dict[str, Any] = {"name": tool.name}
        if tool.description:
            custom["description"] = tool.description
        return {
            "type": "custom",
            "custom": {**custom, **inner_members(tool.extra, "custom")},
            **_beside(tool.extra, "custom"),
        }
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = tool.parameters
    if tool.strict is not None:
        function["strict"] = tool.strict
    if tool.extra:
        function.update(inner_members(tool.extra, "function"))
    if bare:
        return function
    body: dict[str, Any] = {"type": "function", "function": function}
    if tool.extra:
        body = _typed(tool.extra, body)
    if cache and tool.cache is not None:
        body["cache_control"] = tool.cache
    if tool.extra:
        body.update(_beside(tool.extra, "function"))
    return body


def _typed(extra: Extra, body: dict[str, Any]) -> dict[str, Any]:
    """The object with its type as it was: some leave it out."""
    given = note(extra, "~type")
    if given == "absent":
        del body["type"]
    elif given == "null":
        body["type"] = None
    return body


def _beside(extra: Extra, kind: str) -> dict[str, Any]:
    found = members(extra)
    found.pop(kind, None)
    return found


def decode_choice(given: Any) -> ToolChoice | None:
    """A `tool_choice`, or None where it is one of tools that only this dialect knows."""
    if isinstance(given, str):
        mode = _MODES.get(given)
        if mode is None:
            return None
        return ToolChoice(mode, extra={} if mode == given else {DIALECT: {"~choice": given}})  # type: ignore[arg-type]
    if not isinstance(given, dict):
        return None
    name = _named(given)
    if name is not None:
        plain = given == {"type": "function", "function": {"name": name}}
        return ToolChoice("required", (name,), {} if plain else {DIALECT: {"~choice": given}})
    allowed = given.get("allowed_tools")
    if given.get("type") != "allowed_tools" or not isinstance(allowed, dict):
        return None
    mode, tools = allowed.get("mode"), allowed.get("tools")
    if mode not in ("auto", "required") or not isinstance(tools, list):
        return None
    names = [_named(each) if isinstance(each, dict) else None for each in tools]
    if not names or None in names:
        return None
    return ToolChoice(mode, tuple(filter(None, names)), {DIALECT: {"~choice": given}})


def _named(choice: Mapping[str, Any]) -> str | None:
    """The one tool that a choice names, of functions and custom tools."""
    kind = choice.get("type", "function")
    found = choice.get(kind) if kind in ("function", "custom") else None
    name = found.get("name") if isinstance(found, dict) else None
    return name if isinstance(name, str) else None


def choice_object(choice: ToolChoice) -> Any:
    """A tool choice as this dialect writes it: as it was read, if it still says so."""
    given = note(choice.extra, "~choice")
    if given is not None:
        read = decode_choice(given)
        if read is not None and (read.mode, read.names) == (choice.mode, choice.names):
            return given
    if not choice.names or choice.mode == "none":
        return choice.mode
    named = [{"type": "function", "function": {"name": name}} for name in choice.names]
    if choice.mode == "required" and len(named) == 1:
        return named[0]
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": named}}


def decode_call(data: Any, path: str, *, made_id: Callable[[], str] | None = None) -> ToolCall | Unknown:
    """One tool call of a message. Without an id it gets one by `made_id`; without that, it needs one.

    Raises BadRequest.
    """
    call = object_at(data, path)
    kind = call.get("type", "function")
    custom = kind == "custom" and isinstance(call.get("custom"), dict)
    if kind not in ("function", None) and not custom:
        if not is_call(call):
            raise wrong(path, "a call with an `id` and, under the name of its `type`, what it calls")
        return Unknown(DIALECT, call)
    member = "custom" if custom else "function"
    where = f"{path}.{member}"
    function = object_at(call.get(member), where)
    call_id = call.get("id")
    if made_id is None:
        call_id = text_at(call, "id", path)
    elif not call_id or not isinstance(call_id, str):
        call_id = made_id()
    extra: Extra = {}
    if not call.keys() <= {"id", "type", member}:
        extra = rest(call, ("id", "type", member, "index"))
        if "index" in call:
            keep(extra, "~index", call["index"])
    if custom:
        keep(extra, "~custom", True)
        arguments = wrapped(text_at(function, "input", where))
    else:
        arguments = _arguments(function, extra)
    if not function.keys() <= CALLED:
        inner(extra, member, function, ("name", "input" if custom else "arguments"))
    if call.get("type") is None:
        keep(extra, "~type", "null" if "type" in call else "absent")
    return ToolCall(call_id, text_at(function, "name", where), arguments, extra)


def _arguments(function: Mapping[str, Any], extra: Extra) -> str:
    """The arguments of a call as JSON text; some hosts give an object, or nothing."""
    given = function.get("arguments")
    if isinstance(given, str):
        return given
    if "arguments" in function:
        keep(extra, "~arguments", given)
    else:
        keep(extra, "~bare", True)
    return "" if given is None else msgspec.json.encode(given).decode()


def call_object(
    call: ToolCall, *, custom: Collection[str] = (), whole: bool = True, own: bool = False
) -> dict[str, Any]:
    """A tool call as this dialect writes it, unwrapped where it is of one of the `custom` tools.

    A `whole` call has arguments, be they an empty object. `own` restores the very form a call was read
    in, as the history of a request needs it.
    """
    if call.name in custom or (call.extra and note(call.extra, "~custom")):
        text = {"name": call.name, "input": unwrapped(call.arguments)}
        body = {"id": call.id, "type": "custom", "custom": {**text, **inner_members(call.extra, "custom")}}
        return {**body, **_index(call), **_beside(call.extra, "custom")}
    function: dict[str, Any] = {"name": call.name, "arguments": call.arguments}
    if whole and not own and not call.arguments:
        function["arguments"] = "{}"
    body = {"id": call.id, "type": "function", "function": function}
    if not call.extra:
        return body
    if own and not call.arguments and note(call.extra, "~bare"):
        del function["arguments"]
    elif own and note(call.extra, "~arguments", "") != "":
        given = note(call.extra, "~arguments")
        if msgspec.json.encode(given).decode() == call.arguments or given is None:
            function["arguments"] = given
    function.update(inner_members(call.extra, "function"))
    if own:
        body = _typed(call.extra, body)
    return {**body, **_index(call), **_beside(call.extra, "function")}


def _index(call: ToolCall) -> dict[str, Any]:
    index = note(call.extra, "~index")
    return {} if index is None else {"index": index}


def is_call(data: Any) -> bool:
    """Whether an unknown part stood among the tool calls: what it calls has an id and its type's member."""
    if not isinstance(data, dict) or not isinstance(data.get("id"), str):
        return False
    kind = data.get("type")
    return isinstance(kind, str) and kind in data


def wrapped(text: str) -> str:
    """The input of a custom tool as the arguments of a function."""
    return msgspec.json.encode({"input": text}).decode()


def unwrapped(arguments: str) -> str:
    """The input of a custom tool in the arguments of a function, or these where they are something else."""
    try:
        found = msgspec.json.decode(arguments)
    except msgspec.DecodeError:
        return arguments
    text = found.get("input") if isinstance(found, dict) else None
    return text if isinstance(text, str) else arguments


def custom_names(request: Request) -> frozenset[str]:
    """The custom tools that a request declares."""
    tools = request.body.get("tools")
    found = [
        each["custom"].get("name")
        for each in (tools if isinstance(tools, list) else ())
        if isinstance(each, dict) and each.get("type") == "custom" and isinstance(each.get("custom"), dict)
    ]
    return frozenset(name for name in found if isinstance(name, str))


def suited_id(call_id: str) -> str:
    """An id of a call in a length that OpenAI takes: always the same for the same one."""
    if call_id and len(call_id) <= LONGEST_ID:
        return call_id
    return f"call_{hashlib.sha256(call_id.encode('utf-8', 'replace')).hexdigest()[:32]}"

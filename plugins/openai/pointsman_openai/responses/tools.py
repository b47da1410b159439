"""Tools and the choice among them, read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.members import wrong
from pointsman.types import Tool, ToolChoice, Unknown
from pointsman_openai.tools import whole_schema

from .notes import DIALECT, beside, own, written

__all__ = [
    "CUSTOM_HEAD",
    "CUSTOM_TAIL",
    "escaped",
    "read_tool",
    "read_tool_choice",
    "unwrap",
    "wrap",
    "write_foreign_tool",
    "write_tool",
    "write_tool_choice",
]

_FUNCTION = frozenset({"type", "name", "description", "parameters", "strict"})
_CUSTOM = frozenset({"type", "name", "description"})
_EMPTY = frozenset({"description"})
_NAMED = ("function", "custom")
FREE_TEXT: Mapping[str, Any] = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
"""What a custom tool takes, as a function would: one text."""
CUSTOM_HEAD, CUSTOM_TAIL = '{"input":"', '"}'
"""Around the input of a custom tool, as a function's arguments."""
_input = msgspec.json.Decoder(dict[str, Any])


def wrap(text: str) -> str:
    """The input of a custom tool, as a function's arguments."""
    return f"{CUSTOM_HEAD}{escaped(text)}{CUSTOM_TAIL}"


def escaped(text: str) -> str:
    """Text as it stands between the quotes of a JSON string."""
    return msgspec.json.encode(text).decode()[1:-1]


def unwrap(arguments: str) -> str:
    """The input of a custom tool from a function's arguments; arguments of another form as they are."""
    try:
        text = _input.decode(arguments).get("input")
    except (msgspec.DecodeError, RecursionError):
        return arguments
    return text if isinstance(text, str) else arguments


def read_tool(data: Any, path: str) -> Tool | Unknown:
    """A function or custom tool; those the host runs itself are `Unknown`. Raises BadRequest."""
    if not isinstance(data, dict):
        raise wrong(path, "an object with a `type`")
    kind = data.get("type")
    if kind not in _NAMED:
        return Unknown(DIALECT, data)
    name, description = data.get("name"), data.get("description")
    if not isinstance(name, str):
        raise wrong(f"{path}.name", "a string")
    if description is not None and not isinstance(description, str):
        raise wrong(f"{path}.description", "a string")
    if kind == "custom":
        return _custom(data, name, description)
    parameters, strict = data.get("parameters"), data.get("strict")
    if parameters is not None and not isinstance(parameters, dict):
        raise wrong(f"{path}.parameters", "an object")
    known = _FUNCTION if strict is None or isinstance(strict, bool) else _FUNCTION - {"strict"}
    extra = beside(data, known, ()) if description else beside(data, known - _EMPTY, _EMPTY)
    if parameters is None:
        extra.setdefault(DIALECT, {})["~open"] = True
    return Tool(
        name, description or "", parameters or {}, extra, strict if isinstance(strict, bool) else None
    )


def _custom(data: Mapping[str, Any], name: str, description: str | None) -> Tool:
    plain = data.get("format") == {"type": "text"}
    trivial = (("format",) if plain else ()) + (() if description else ("description",))
    extra = beside(data, _CUSTOM.difference(trivial), trivial)
    extra.setdefault(DIALECT, {})["~custom"] = True
    return Tool(name, description or "", FREE_TEXT, extra)


def write_tool(tool: Tool) -> dict[str, Any]:
    """A tool as this dialect writes it. A function of elsewhere is not strict unless it says so, which
    must be said here."""
    mine = own(tool.extra)
    if "~custom" in mine:
        data = {"type": "custom", **written(tool.extra), "name": tool.name}
        return {**data, "description": tool.description} if tool.description else data
    data = {"type": "function", **written(tool.extra), "name": tool.name}
    if tool.description:
        data["description"] = tool.description
    if tool.parameters or "~open" not in mine:
        data["parameters"] = tool.parameters
    if tool.strict is not None:
        data["strict"] = tool.strict
    return data


def write_foreign_tool(tool: Tool) -> dict[str, Any]:
    """A function that was read from another dialect."""
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": whole_schema(tool.parameters),
        "strict": bool(tool.strict),
    }


def read_tool_choice(data: Any) -> ToolChoice | None:
    """Which tools may or must be called; None for the choice of a tool that the host runs itself.

    Raises BadRequest.
    """
    if data in ("auto", "none", "required"):
        return ToolChoice(data)
    if not isinstance(data, dict):
        raise wrong("tool_choice", "auto, none, required, or an object with a `type`")
    kind = data.get("type")
    if kind in _NAMED and isinstance(data.get("name"), str):
        return ToolChoice("required", (data["name"],), {DIALECT: {"~as": data}})
    mode = data.get("mode")
    if kind == "allowed_tools" and mode in ("auto", "required"):
        names = _names(data.get("tools"))
        if names is not None:
            return ToolChoice(mode, names, {DIALECT: {"~as": data}})
    return None


def _names(tools: Any) -> tuple[str, ...] | None:
    """The names of allowed tools, or None where one is no function."""
    if not isinstance(tools, list) or not tools:
        return None
    names = []
    for tool in tools:
        if not isinstance(tool, dict) or tool.get("type") not in _NAMED:
            return None
        if not isinstance(tool.get("name"), str):
            return None
        names.append(tool["name"])
    return tuple(names)


def write_tool_choice(choice: ToolChoice) -> Any:
    """The choice as this dialect writes it."""
    form = own(choice.extra).get("~as")
    if form is not None:
        return form
    if not choice.names or choice.mode == "none":
        return choice.mode
    if choice.mode == "required" and len(choice.names) == 1:
        return {"type": "function", "name": choice.names[0]}
    tools = [{"type": "function", "name": name} for name in choice.names]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": tools}

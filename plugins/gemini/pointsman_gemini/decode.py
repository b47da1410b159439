"""Requests of this dialect as canonical content.

Model and stream stand in the path of a request here; the codec reads them as members, `model` and `stream`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pointsman.members import wrong
from pointsman.types import Chat, Message, Part, Request, Text, Tool, ToolChoice, Unknown

from .names import DIALECT, extra_of, made_id, pick, rest_of
from .params import keep, read_params
from .parts import read_part
from .schemas import plain_schema

__all__ = ["ABSENT", "ALONE", "FORM", "NAMED", "ROUTING", "TOP", "Ids", "decode_chat"]

ROLES: Mapping[Any, str] = {
    "user": "user",
    "model": "assistant",
    "function": "user",
    "tool": "user",
    None: "user",
}
FORM = "~~form"
"""The note of what a content holds beside its parts."""
ABSENT = "~~absent"
"""The note that a content had no parts at all."""
ALONE = "~~alone"
"""The note that something stood alone where a list of it, or an object around it, is usual."""
TOP = "systemInstruction"
ROUTING: Collection[str] = frozenset(
    {"models", "provider", "route", "plugins", "preset", "session_id", "transforms", "trace"}
)
"""Members that are for the gateway."""
NAMED = frozenset({"models", "provider", "session_id"})
"""Those of them that are heeded."""
READ = ("model", "stream", "contents", TOP, "tools", "toolConfig", *NAMED)
_MODES = {"AUTO": "auto", "VALIDATED": "auto", "ANY": "required", "NONE": "none"}


class Ids:
    """Makes ids for calls that have none, and finds the call that a result answers: the first of its
    function's that none has answered yet."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._made = 0
        self._open: list[tuple[str, str]] = []

    def call(self, name: str, given: str | None) -> str:
        """The id of a call."""
        identity = given or made_id(self._seed, self._made)
        self._made += given is None
        self._open.append((name, identity))
        return identity

    def result(self, name: str, given: str | None) -> str:
        """The id of the call that a result answers."""
        if given is None:
            given = next((identity for called, identity in self._open if called == name), None)
        if given is None:
            return self.call(name, None)
        if (name, given) in self._open:
            self._open.remove((name, given))
        return given


def decode_chat(request: Request, *, model: str) -> Chat:
    """The content of a request. Raises BadRequest that names the path at fault."""
    body = request.body
    chat = Chat(model, [], dialect=DIALECT, stream=body.get("stream") is True)
    own = rest_of(body, *READ)
    _system(body, chat, own)
    contents = body.get("contents")
    if isinstance(contents, dict):  # one alone is taken for a list of one
        own[ALONE] = True
        contents = [contents]
    if not isinstance(contents, list) or not contents:
        raise wrong("contents", "a list of at least one content")
    ids = Ids("contents")
    chat.messages += [_content(each, f"contents[{index}]", ids) for index, each in enumerate(contents)]
    _tools(body, chat, own)
    read_params(chat, own)
    _tool_config(body, chat, own)
    chat.extra = extra_of(own)
    return chat


def _content(data: Any, path: str, ids: Ids, role: str | None = None) -> Message:
    """A content as a message, of its own role if none is given. Raises BadRequest."""
    if not isinstance(data, dict):
        raise wrong(path, "an object with `role` and `parts`")
    role = role or ROLES.get(data.get("role")) if isinstance(data.get("role"), str | None) else None
    if role is None:
        raise wrong(f"{path}.role", "user or model")
    own = {**rest_of(data, "role", "parts"), FORM: {name: data[name] for name in data if name != "parts"}}
    given = data.get("parts")
    if isinstance(given, dict):
        own[ALONE] = True
        given = [given]
    if given is None:
        own[ABSENT] = True
    elif not isinstance(given, list):
        raise wrong(f"{path}.parts", "a list of parts")
    parts: list[Part] = []
    for each in given or ():
        answers = isinstance(each, dict) and pick(each, "functionResponse") is not None
        parts += read_part(each, ids.result if answers else ids.call)
    return Message(role, parts, extra_of(own), path=path)


def _system(body: Mapping[str, Any], chat: Chat, own: dict[str, Any]) -> None:
    """The system prompt: a content, or a text as some clients send it."""
    given = pick(body, TOP)
    if given is None:
        return
    if isinstance(given, str):
        message = Message("system", [Text(given)], extra_of({ALONE: True}), path=TOP)
    else:
        message = _content(given, TOP, Ids(TOP), "system")
    if TOP not in body:
        message.extra.setdefault(DIALECT, {})["~~snake"] = True
    chat.messages.append(message)


def _tools(body: Mapping[str, Any], chat: Chat, own: dict[str, Any]) -> None:
    """The tools: functions of the client's, and those that only this dialect knows. Raises BadRequest."""
    if "tools" not in body:
        return
    given = own["~tools"] = body["tools"]
    for index, each in enumerate([given] if isinstance(given, dict) else given or ()):
        if not isinstance(each, dict):
            raise wrong(f"tools[{index}]", "an object")
        declared = pick(each, "functionDeclarations")
        for data in declared if isinstance(declared, list) else (declared,) if declared is not None else ():
            if not isinstance(data, dict) or not isinstance(data.get("name"), str):
                raise wrong(f"tools[{index}].functionDeclarations", "a list of objects with a `name` each")
            chat.tools.append(_tool(data))
        rest = rest_of(each, "functionDeclarations")
        if rest:
            chat.tools.append(Unknown(DIALECT, rest))


def _tool(data: Mapping[str, Any]) -> Tool:
    schema = pick(data, "parametersJsonSchema")
    taken = ["name", "parametersJsonSchema"]
    if not isinstance(schema, dict):
        given = data.get("parameters")
        schema = plain_schema(given) if isinstance(given, dict) else {"type": "object", "properties": {}}
        taken.append("parameters")
    description = data.get("description")
    if isinstance(description, str | None):
        taken.append("description")
    return Tool(
        str(data["name"]),
        description if isinstance(description, str) else "",
        schema,
        extra_of(rest_of(data, *taken)),
    )


def _tool_config(body: Mapping[str, Any], chat: Chat, own: dict[str, Any]) -> None:
    """The choice of tools. Raises BadRequest."""
    given = pick(body, "toolConfig")
    if given is None:
        return
    calling = pick(given, "functionCallingConfig") if isinstance(given, dict) else None
    mode = calling.get("mode") if isinstance(calling, dict) else None
    word = mode.upper() if isinstance(mode, str) else "AUTO"
    if isinstance(calling, dict) and word in _MODES:
        names = pick(calling, "allowedFunctionNames") or []
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            raise wrong("toolConfig.functionCallingConfig.allowedFunctionNames", "a list of names")
        allowed = tuple(names)
        chosen: Any = _MODES[word]
        if allowed or word != "VALIDATED":
            chat.tool_choice = ToolChoice(chosen, allowed)
        if word == "VALIDATED":
            for tool in chat.tools:
                if isinstance(tool, Tool):
                    tool.strict = True
        keep(own, body, "toolConfig", "functionCallingConfig")
    else:
        own["toolConfig"] = given

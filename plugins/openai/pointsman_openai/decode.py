"""Requests of this dialect as canonical content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.members import wrong
from pointsman.types import Chat, Message, Part, Request, Text, ToolCall, ToolResult, Unknown

from .errors import DIALECT
from .notes import keep, note, rest
from .params import decode_params
from .parts import IN_CONTENT, decode_content, object_at, text_at
from .tools import decode_choice, decode_function, decode_tool
from .turns import decode_turn

__all__ = ["decode_chat", "decode_inputs"]

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
SPEAKERS = ("user", "assistant", "system", "developer")
REFERENCES = {"tool": "tool_call_id", "function": "name"}
"""By the role of a result: the member that says what it is the result of."""
OURS = frozenset({"model", "models", "provider", "session_id", "usage", "stream", "stream_options"})
"""Members that are not parameters of the answer."""


def decode_chat(request: Request, *, model: str) -> Chat:
    """The content of a chat request. Raises BadRequest that names the path at fault."""
    body = request.body
    given = _list(body, "messages")
    messages = [_message(each, f"messages[{index}]") for index, each in enumerate(given)]
    if any("function_call" in each for each in given):
        _number(messages)
    chat = Chat(model, messages, stream=body.get("stream") is True, dialect=DIALECT)
    taken = {"model", "messages", *decode_params(body, chat), *_tools(body, chat)}
    if chat.stream:
        taken.add("stream")
    left = body.keys() - taken
    if left:
        routing = {name: body[name] for name in OURS & left}
        chat.extra = _joined(chat.extra, rest(body, taken | routing.keys()))
        if routing:
            keep(chat.extra, "~routing", routing)
    return chat


def _joined(one: dict[str, dict[str, Any]], other: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    own = {**other.get(DIALECT, {}), **one.get(DIALECT, {})}
    return {DIALECT: own} if own else {}


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
        path = f"{member}[{index}]"
        part: Part
        if isinstance(each, str):
            part = Text(each)
        elif _is_tokens(each):
            part = Unknown(DIALECT, each)
        else:
            raise wrong(path, "a string or a list of token numbers")
        messages.append(Message("user", [part], path=member if single else path))
    chat = Chat(model, messages, stream=body.get("stream") is True, dialect=DIALECT)
    taken = decode_params(body, chat)
    chat.extra = _joined(chat.extra, rest(body, OURS | {member} | taken))
    return chat


def _is_tokens(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(each) is int for each in value)


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    """A member that is a list, or absent or null. Raises BadRequest."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise wrong(name, "a list")
    return value


def _message(data: Any, path: str) -> Message:
    message = object_at(data, path)
    role, content = message.get("role"), message.get("content")
    if len(message) == 2 and content and isinstance(content, str) and role in SPEAKERS:
        return Message(role, [Text(content)], {}, path)  # what nearly every message is
    if not isinstance(role, str):
        raise wrong(f"{path}.role", "a string")
    if role == "assistant":
        return decode_turn(message, path)
    if role not in ROLES:
        raise wrong(f"{path}.role", f"one of {', '.join(ROLES)}")
    parts, form = decode_content(message, path)
    taken = {"role", "content"}
    reference = REFERENCES.get(role)
    if reference is not None:
        taken.add(reference)
        parts = [ToolResult(text_at(message, reference, path), parts)]
    extra = rest(message, taken) if not message.keys() <= taken else {}
    found = Message("tool" if role == "function" else role, parts, extra, path)
    if role == "function":
        keep(found.extra, "~function", message["name"])
    if form is not None and form != "empty":
        keep(found.extra, IN_CONTENT, form)
    return found


def _number(messages: Sequence[Message]) -> None:
    """Give the older function calls ids that no two have, and their results the same.

    They have none of their own: a result belongs to the last call of its function.
    """
    told: dict[str, int] = {}
    for message in messages:
        function = note(message.extra, "~function") if message.extra else None
        for part in message.parts:
            if isinstance(part, ToolCall) and part.extra and note(part.extra, "~older"):
                told[part.name] = told.get(part.name, 0) + 1
                part.id = _numbered(part.name, told[part.name])
            elif function is not None and isinstance(part, ToolResult):
                part.call_id = _numbered(function, told.get(function, 1))


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}_{number}"


def _tools(body: Mapping[str, Any], chat: Chat) -> set[str]:
    """Fill in the tools offered and their choice; return the members that were read."""
    taken = set()
    tools = _list(body, "tools")
    if tools:
        taken.add("tools")
        chat.tools += [decode_tool(each, f"tools[{index}]") for index, each in enumerate(tools)]
    functions = _list(body, "functions")
    if functions:
        taken.add("functions")
        for index, each in enumerate(functions):
            function = decode_function(each, f"functions[{index}]")
            keep(function.extra, "~older", True)
            chat.tools.append(function)
    if "tool_choice" in body:
        chat.tool_choice = decode_choice(body["tool_choice"])
        if chat.tool_choice is not None:
            taken.add("tool_choice")
            return taken
    older = body.get("function_call")
    if older is None:
        return taken
    choice = decode_choice({"type": "function", "function": older} if isinstance(older, dict) else older)
    if choice is not None:
        taken.add("function_call")
        keep(choice.extra, "~older", older)
        chat.tool_choice = choice
        chat.names["tool_choice"] = "function_call"
    return taken

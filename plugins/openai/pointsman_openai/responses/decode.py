"""Requests of this dialect as canonical content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.members import wrong
from pointsman.types import Chat, Message, Part, Request, Text, Unknown
from pointsman_openai.peek import asks_accounting

from .content import ASKED, read_contents
from .items import Turn, is_reference, read_item, read_result, unplaced
from .notes import AS, DIALECT
from .params import read_params
from .tools import read_tool, read_tool_choice

__all__ = ["decode_request"]

ROLES = ("system", "developer", "user")
RESULTS = ("function_call_output", "custom_tool_call_output")
READ = frozenset(
    {"model", "models", "provider", "session_id", "input", "instructions", "tools", "tool_choice", "stream"}
)


def decode_request(request: Request, *, model: str) -> Chat:
    """The content of a request. Raises BadRequest that names the path at fault."""
    body = request.body
    chat = Chat(model, [], stream=body.get("stream") is True, dialect=DIALECT)
    mine: dict[str, Any] = {}
    form: dict[str, Any] = {}
    _instructions(body, chat, form)
    _input(body, chat, form)
    tools = body.get("tools")
    if tools:
        if not isinstance(tools, list):
            raise wrong("tools", "a list")
        chat.tools = [read_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools)]
    elif "tools" in body:
        form["tools"] = tools
    choice = body.get("tool_choice")
    if choice is not None:
        chat.tool_choice = read_tool_choice(choice)
        if chat.tool_choice is None:
            mine["tool_choice"] = choice
    elif "tool_choice" in body:
        form["tool_choice"] = None
    if "stream" in body and not chat.stream:
        form["stream"] = body["stream"]
    accounting = "usage" in body and asks_accounting(request.fields) is not None
    read_params(body, READ | {"usage"} if accounting else READ, chat)
    if mine or form:
        there = chat.extra.setdefault(DIALECT, {})
        there.update(mine)
        there[AS] = {**there.get(AS, {}), **form}
    return chat


def _instructions(body: Mapping[str, Any], chat: Chat, form: dict[str, Any]) -> None:
    """What stands outside of the input and before it."""
    instructions = body.get("instructions")
    if instructions:
        if not isinstance(instructions, str):
            raise wrong("instructions", "a string")
        extra = {DIALECT: {"~instructions": True}}
        chat.messages.append(Message("system", [Text(instructions)], extra, "instructions"))
    elif "instructions" in body:
        form["instructions"] = instructions


def _input(body: Mapping[str, Any], chat: Chat, form: dict[str, Any]) -> None:
    given = body.get("input")
    if isinstance(given, str):
        chat.messages.append(Message("user", [Text(given)], {DIALECT: {"~input": True}}, "input"))
    elif isinstance(given, list):
        if not given:
            form["input"] = given
        _items(given, chat.messages)
    elif given is not None:
        raise wrong("input", "a string or a list of items")
    elif "input" in body:
        form["input"] = None


def _items(items: list[Any], messages: list[Message]) -> None:
    """The input's items as messages: an assistant's that follow one another are one."""
    turn: Turn | None = None
    path = ""
    for index, item in enumerate(items):
        where = f"input[{index}]"
        if not isinstance(item, dict):
            raise wrong(where, "an object with a `role` or a `type`")
        message = _message(item, where)
        if message is None:
            if turn is None:
                turn, path = Turn(), where
            read_item(item, where, turn)
            continue
        if turn is not None:
            messages.append(_said(turn, path))
            turn = None
        messages.append(message)
    if turn is not None:
        messages.append(_said(turn, path))


def _said(turn: Turn, path: str) -> Message:
    """An assistant's earlier turn. Log probabilities of what it said nobody else takes back."""
    for part in turn.parts:
        if isinstance(part, Text) and part.logprobs:
            part.extra[DIALECT]["logprobs"] = part.logprobs
            part.logprobs = None
    return Message("assistant", turn.parts, turn.extra, path)


def _message(item: Mapping[str, Any], path: str) -> Message | None:
    """An item that is not the assistant's, as a message of its own; None for one that is."""
    kind = item.get("type")
    if kind == "message" or kind is None:
        role = item.get("role")
        if role == "assistant" or (kind is None and is_reference(item)):
            return None
        if role not in ROLES:
            raise wrong(f"{path}.role", "one of user, assistant, system, developer")
        content = item.get("content")
        if content and isinstance(content, list):
            parts = read_contents(content, path, "content", ASKED)
            if kind and len(item) == 3:  # written anew, it is the same
                return Message(role, parts, {}, path)
        else:
            parts = _text(content, path)
        return Message(role, parts, {DIALECT: {**unplaced(item), "~head": item}}, path)
    if kind in RESULTS and isinstance(item.get("call_id"), str):
        return Message("tool", [read_result(item, path)], {}, path)
    if _is_clients(item, kind):
        return Message("tool", [Unknown(DIALECT, item)], {}, path)
    return None


def _is_clients(item: Mapping[str, Any], kind: Any) -> bool:
    """Whether an item of a kind that only this dialect knows comes from the client and not the model."""
    return "role" in item or str(kind).endswith(("_output", "_response"))


def _text(content: Any, path: str) -> list[Part]:
    """The content of the item at `path` where it is a text, or nothing. Raises BadRequest."""
    if content and isinstance(content, str):
        return [Text(content)]
    if content is not None and not isinstance(content, str | list):
        raise wrong(f"{path}.content", "a string or a list of parts")
    return []

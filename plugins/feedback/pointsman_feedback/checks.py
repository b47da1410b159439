"""Checks: what can be told of an answer without anybody's opinion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pointsman.arguments import UNPARSED, arguments_object
from pointsman.members import BAD_JSON
from pointsman.types import Chat, Choice, Message, Response, Text, Tool, ToolCall, ToolResult

from .schemas import Undecided, is_valid

__all__ = ["SHAPED", "checked", "is_looping"]

SHAPED = (b"json_schema", b"json_object", b"responseSchema", b"response_schema", b"responseJsonSchema")
"""What stands in requests that want JSON."""
ROUNDS = 3
"""The same call of the same tools so often in a row goes in a circle, if it came to the same each time."""


def checked(chat: Chat, response: Response) -> dict[str, bool]:
    """What was looked at, and whether each answer passed: `json_schema`, `json_object`, `tool_name`,
    `tool_arguments`. What was cut off or declined is not looked at, nor what cannot be decided."""
    passed: dict[str, bool] = {}
    for choice in response.choices:
        if choice.finish.reason in ("stop", "tool_calls"):
            for kind, good in (*_shape(chat, choice), *_calls(chat, choice)):
                passed[kind] = passed.get(kind, True) and good
    return passed


def _shape(chat: Chat, choice: Choice) -> Iterator[tuple[str, bool]]:
    """Whether a text is the JSON that was asked for."""
    wanted = chat.params.get("response_format")
    if not isinstance(wanted, dict):
        return
    kind = wanted.get("type")
    texts = [part for part in choice.message.parts if isinstance(part, Text)]
    if kind not in ("json_object", "json_schema") or not texts or any(part.refusal for part in texts):
        return
    text = choice.message.text
    if not text.strip():
        return
    try:
        found = msgspec.json.decode(text)
    except BAD_JSON:
        yield kind, False
        return
    if kind == "json_object":
        yield kind, isinstance(found, dict)
    elif (valid := _valid(wanted.get("schema", True), found)) is not None:
        yield kind, valid


def _calls(chat: Chat, choice: Choice) -> Iterator[tuple[str, bool]]:
    """Whether the tools that are called are there, and are called with what they take."""
    tools = {tool.name: tool for tool in chat.tools if isinstance(tool, Tool)}
    calls = [part for part in choice.message.parts if isinstance(part, ToolCall)]
    if not tools or any(not isinstance(tool, Tool) for tool in chat.tools):
        return  # tools of a provider's own may be called by names that no request says
    for call in calls:
        tool = tools.get(call.name)
        yield "tool_name", tool is not None
        if tool is None:
            continue
        arguments = arguments_object(call.arguments)
        if UNPARSED in arguments:
            yield "tool_arguments", False
        elif (valid := _valid(tool.parameters or True, arguments)) is not None:
            yield "tool_arguments", valid


def _valid(schema: Any, value: Any) -> bool | None:
    try:
        return is_valid(schema, value)
    except Undecided:
        return None


def is_looping(chat: Chat, response: Response) -> bool:
    """Whether an answer asks for the very calls again that came to the same result each time before."""
    asked = [_called(choice.message) for choice in response.choices]
    if len(asked) != 1 or not asked[0]:
        return False
    before = _rounds(chat.messages)[-(ROUNDS - 1) :]
    same = all(calls == asked[0] and results == before[0][1] for calls, results in before)
    return len(before) == ROUNDS - 1 and same


Calls = tuple[tuple[str, str], ...]


def _called(message: Message) -> Calls:
    return tuple((part.name, part.arguments) for part in message.parts if isinstance(part, ToolCall))


def _rounds(messages: list[Message]) -> list[tuple[Calls, tuple[str, ...]]]:
    """The calls of each turn that made any, and what they came to."""
    rounds: list[tuple[Calls, tuple[str, ...]]] = []
    for message in messages:
        calls = _called(message)
        if calls:
            rounds.append((calls, ()))
        results = tuple(_text(part) for part in message.parts if isinstance(part, ToolResult))
        if results and rounds:
            rounds[-1] = (rounds[-1][0], rounds[-1][1] + results)
    return rounds


def _text(result: ToolResult) -> str:
    return "".join(part.text for part in result.parts if isinstance(part, Text))

"""Replies: what a script comes to for one conversation, and how it is said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pointsman.errors import BadRequest, UpstreamCut
from pointsman.events import Event, PartDelta, explode
from pointsman.types import (
    Chat,
    Choice,
    Message,
    Part,
    Reasoning,
    Response,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
    derive_finish,
)

from .arguments import arguments_for
from .provider import TOOLS
from .script import ScriptSettings, TurnSettings, UsageSettings
from .words import cut, words_in

if TYPE_CHECKING:
    from pointsman.exchange import Attempt, Exchange

__all__ = ["reply", "stream"]

MOST_CHOICES = 128
SILENCE = "Nothing was said, so there is nothing to say again."


def reply(
    exchange: Exchange, attempt: Attempt, chat: Chat, script: ScriptSettings
) -> tuple[Response, TurnSettings]:
    """The whole answer to a chat or a completion, and the turn of the script that it follows."""
    turn = _turn(chat, script)
    if exchange.surface == "completions":
        askers = chat.messages
    else:
        askers = [message for message in chat.messages if message.role == "user"][-1:]
    said = [asker.text for asker in askers] or [""]
    if exchange.peek.choices > MOST_CHOICES:
        raise BadRequest(f"at most {MOST_CHOICES} answers can be asked for at once", param="n")
    each = max(1, exchange.peek.choices // len(said))
    answers = [_parts(chat, turn, words, attempt.endpoint.native_id) for words in said for _ in range(each)]
    response = Response(
        id=exchange.generation_id,
        model=attempt.candidate.model,
        created=int(exchange.at.timestamp()),
        choices=[Choice(Message("assistant", parts), derive_finish(turn.finish, parts)) for parts in answers],
        usage=_usage(chat, answers, turn.usage),
    )
    return response, turn


async def stream(response: Response, turn: TurnSettings) -> AsyncIterator[Event]:
    """The events of an answer, in chunks, at the turn's pace. Raises UpstreamCut where it breaks off."""
    await asyncio.sleep(turn.latency)
    said = 0
    for event in explode(response):
        if not isinstance(event, PartDelta):
            yield event
            continue
        for chunk in cut(event.text, turn.chunk):
            if said == turn.fail_after:
                raise UpstreamCut("the script of this answer breaks off here", phase="stream")
            if said:
                await asyncio.sleep(turn.interval)
            yield replace(event, text=chunk)
            said += 1
    if turn.fail_after is not None:
        raise UpstreamCut("the script of this answer breaks off here", phase="stream")


def _turn(chat: Chat, script: ScriptSettings) -> TurnSettings:
    """The turn that this conversation has come to."""
    spoken = sum(message.role == "assistant" for message in chat.messages)
    return script.turns[spoken] if spoken < len(script.turns) else script


def _parts(chat: Chat, turn: TurnSettings, words: str, native_id: str) -> list[Part]:
    """What one choice says: thoughts, text, tool calls."""
    parts: list[Part] = [Reasoning(turn.reasoning)] if turn.reasoning else []
    calls = [
        (call.name, call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments))
        for call in turn.tool_calls
    ]
    text = turn.text
    if native_id == TOOLS and text is None and not calls:
        results = [part for part in _all_parts(chat) if isinstance(part, ToolResult)]
        if results:
            text = "".join(part.text for part in results[-1].parts if isinstance(part, Text))
        else:
            calls = _offered(chat)
    if text is None and not calls:
        text = words
    if text is not None:
        parts.append(Text(text or SILENCE if turn.text is None else text))
    before = sum(isinstance(part, ToolCall) for part in _all_parts(chat))
    parts += [ToolCall(f"call_{before + n}", name, given) for n, (name, given) in enumerate(calls, 1)]
    return parts


def _all_parts(chat: Chat) -> list[Part]:
    return [part for message in chat.messages for part in message.parts]


def _offered(chat: Chat) -> list[tuple[str, str]]:
    """A call of the tool that was chosen, else of the first; none where none is offered or wanted."""
    tools = [tool for tool in chat.tools if isinstance(tool, Tool)]
    choice = chat.tool_choice
    if not tools or (choice is not None and choice.mode == "none"):
        return []
    chosen = choice.names if choice is not None else ()
    tool = next((tool for tool in tools if tool.name in chosen), tools[0])
    return [(tool.name, json.dumps(arguments_for(tool.parameters)))]


def _usage(chat: Chat, answers: Sequence[list[Part]], told: UsageSettings) -> Usage:
    """The tokens the script tells, the others counted as words."""
    output = sum(words_in(parts) for parts in answers)
    thoughts = sum(words_in(part for part in parts if isinstance(part, Reasoning)) for parts in answers)
    reasoning = thoughts if told.reasoning is None else told.reasoning
    given = sum(words_in(message.parts) for message in chat.messages)
    return Usage(
        input=max(given, told.cache_read + told.cache_write) if told.input is None else told.input,
        output=max(output, reasoning) if told.output is None else told.output,
        cache_read=told.cache_read,
        cache_write=told.cache_write,
        reasoning=reasoning if told.output is None else min(reasoning, told.output),
    )

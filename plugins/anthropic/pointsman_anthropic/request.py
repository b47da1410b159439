"""Canonical content as a request of this dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.losses import Losses
from pointsman.types import Chat, Message, Reasoning, Text, Tool, ToolChoice, Unknown

from .blocks import TEXT_ALONE, write_block
from .decode import TOP
from .fit import fit, refuses_prefill
from .names import DIALECT, members, suits_as_tool
from .turns import Turns

__all__ = ["encode_chat"]

NUMBERS = ("max_tokens", "temperature", "top_p", "top_k")
DEFAULTS: Mapping[str, Any] = {
    "min_p": 0,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "repetition_penalty": 1,
    "logit_bias": {},
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "store": False,
    "verbosity": "medium",
    "metadata": {},
    "seed": None,
    "prompt_cache_key": None,
}
"""Parameters that this dialect does not have, with the value that says nothing."""
TIERS = {
    "auto": "auto",
    "default": "standard_only",
    "standard": "standard_only",
    "standard_only": "standard_only",
}


def encode_chat(chat: Chat, *, losses: Losses) -> dict[str, Any]:
    """The body of a request with this content; what has no place in it goes to `losses`."""
    return _own(chat, losses) if chat.dialect == DIALECT else _foreign(chat, losses)


def _own(chat: Chat, losses: Losses) -> dict[str, Any]:
    """A request that came from this dialect: what it was, but for thoughts of other origin."""
    body: dict[str, Any] = {"model": chat.model}
    messages = []
    for message in chat.messages:
        written = _message(message, losses)
        if written is None:
            continue
        if TOP in message.extra.get(DIALECT, {}):
            body["system"] = written["content"]
        else:
            messages.append(written)
    body["messages"] = messages
    _check_begun(chat, messages, losses)
    if chat.tools:
        body["tools"] = [each.data if isinstance(each, Unknown) else _tool(each) for each in chat.tools]
    if chat.stream:
        body["stream"] = True
    for name in (*NUMBERS, "service_tier"):
        if name in chat.params:
            body[name] = chat.params[name]
    body.update(members(chat.extra))
    return body


def _message(message: Message, losses: Losses) -> dict[str, Any] | None:
    """A message of this dialect as it was; None where nothing of it is left."""
    parts = [part for part in message.parts if not isinstance(part, Reasoning) or part.origin == DIALECT]
    if len(parts) < len(message.parts):
        losses.parameter("reasoning")
        if not parts:
            return None
    body: dict[str, Any] = {"role": message.role}
    if TEXT_ALONE in message.extra.get(DIALECT, {}):
        body["content"] = "".join(part.text for part in parts if isinstance(part, Text))
    else:
        body["content"] = [write_block(part) for part in parts]
    if message.extra:
        body.update(members(message.extra))
    return body


def _tool(tool: Tool) -> dict[str, Any]:
    body: dict[str, Any] = {"name": tool.name, "input_schema": tool.parameters}
    if tool.description:
        body["description"] = tool.description
    if tool.strict is not None:
        body["strict"] = tool.strict
    if tool.cache is not None:
        body["cache_control"] = tool.cache
    if tool.extra:
        body.update(members(tool.extra))
    return body


def _foreign(chat: Chat, losses: Losses) -> dict[str, Any]:
    """A request from another dialect."""
    turns = Turns(losses)
    for message in chat.messages:
        turns.take(message)
    turns.finish()
    _check_begun(chat, turns.turns, losses)
    body: dict[str, Any] = {"model": chat.model, "messages": turns.turns}
    if turns.system:
        body["system"] = turns.system
    _foreign_tools(chat, body, losses)
    if chat.stream:
        body["stream"] = True
    _params(chat, body, losses)
    if chat.extra:
        losses.extras(chat.extra, own=DIALECT)
        body.update(members(chat.extra))
    reasoning = chat.params.get("reasoning")
    for name in fit(body, reasoning if isinstance(reasoning, dict) else None, chat.model):
        losses.parameter(_called(chat, name))
    return body


def _check_begun(chat: Chat, turns: Sequence[Mapping[str, Any]], losses: Losses) -> None:
    """Report an answer that is begun already, for a model that only begins answers of its own."""
    if turns and turns[-1]["role"] == "assistant" and refuses_prefill(chat.model):
        losses.part(chat.messages[-1].path, "an answer that is begun already")


def _called(chat: Chat, name: str) -> str:
    first, dot, rest = name.partition(".")
    return chat.called(first) + dot + rest


def _foreign_tools(chat: Chat, body: dict[str, Any], losses: Losses) -> None:
    """The tools, and which of them may be called."""
    choice = chat.tool_choice
    some = choice is not None and choice.names and not (choice.mode == "required" and len(choice.names) == 1)
    tools: list[Any] = []
    for index, tool in enumerate(chat.tools):
        if isinstance(tool, Unknown):
            if tool.dialect == DIALECT:
                tools.append(tool.data)
            else:
                losses.part(f"tools[{index}]", f"a tool that only {tool.dialect} knows")
            continue
        losses.extras(tool.extra, own=DIALECT, path="tools")
        if not suits_as_tool(tool.name):
            losses.part(f"tools[{index}]", f"a tool named {tool.name!r}")
        elif choice is None or not some or tool.name in choice.names:
            written = _tool(tool)
            if "type" not in tool.parameters:
                written["input_schema"] = {"type": "object", **tool.parameters}
            if not tool.strict:
                written.pop("strict", None)
            tools.append(written)
    if tools:
        body["tools"] = tools
    if choice is not None:
        losses.extras(choice.extra, own=DIALECT, path="tool_choice")
        _choice(choice, body, losses)
    if tools and chat.params.get("parallel_tool_calls") is False:
        given = body.setdefault("tool_choice", {"type": "auto"})
        if given["type"] != "none":
            given["disable_parallel_tool_use"] = True


def _choice(choice: ToolChoice, body: dict[str, Any], losses: Losses) -> None:
    """The choice of tools; several names have no place, so that only these tools are shown."""
    known = [tool.get("name") for tool in body.get("tools", ())]
    for name in choice.names:
        if name not in known:
            losses.part("tool_choice", f"a choice of {name!r}, which is not among the tools")
            return
    if not known:
        if choice.mode == "required":
            losses.part("tool_choice", "a call required where there are no tools")
        return
    if choice.mode == "required" and len(choice.names) == 1:
        body["tool_choice"] = {"type": "tool", "name": choice.names[0]}
    else:
        body["tool_choice"] = {"type": "any" if choice.mode == "required" else choice.mode}


def _params(chat: Chat, body: dict[str, Any], losses: Losses) -> None:
    params = chat.params

    def lose(name: str) -> None:
        losses.parameter(chat.called(name))

    for name in NUMBERS:
        value = params.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            body[name] = value
        elif value is not None:
            lose(name)
    if body.get("temperature", 0) > 1:
        body["temperature"] = 1
        lose("temperature")
    if params.get("stop"):
        _stop(chat, body, losses)
    if "user" in params or "safety_identifier" in params:
        _user(chat, body, losses)
    if "response_format" in params:
        _format(chat, body, losses)
    tier = params.get("service_tier")
    if isinstance(tier, str) and tier in TIERS:
        if tier != "auto":
            body["service_tier"] = TIERS[tier]
    elif tier is not None:
        lose("service_tier")
    for name, default in DEFAULTS.items():
        if name in params and params[name] not in (None, default):
            lose(name)


def _stop(chat: Chat, body: dict[str, Any], losses: Losses) -> None:
    """The texts that end an answer; blank ones are refused."""
    given = chat.params["stop"]
    stop = [each for each in given if isinstance(each, str) and each.strip()]
    if len(stop) < len(given):
        losses.parameter(chat.called("stop"))
    if stop:
        body["stop_sequences"] = stop


def _user(chat: Chat, body: dict[str, Any], losses: Losses) -> None:
    """Whom the request is for: one place for two canonical parameters."""
    given = [name for name in ("user", "safety_identifier") if chat.params.get(name)]
    for name in [each for each in given if not isinstance(chat.params[each], str)]:
        given.remove(name)
        losses.parameter(chat.called(name))
    if given:
        body["metadata"] = {"user_id": chat.params[given[0]]}
    for name in given[1:]:
        if chat.params[name] != chat.params[given[0]]:
            losses.parameter(chat.called(name))


def _format(chat: Chat, body: dict[str, Any], losses: Losses) -> None:
    """The form of the answer. Without a schema there is no way to ask for JSON."""
    wanted = chat.params.get("response_format")
    if not isinstance(wanted, dict) or wanted.get("type") == "text":
        return
    name = chat.called("response_format")
    if wanted.get("type") == "json_schema" and isinstance(wanted.get("schema"), dict):
        body["output_config"] = {"format": {"type": "json_schema", "schema": wanted["schema"]}}
        if wanted.get("description"):
            losses.parameter(f"{name}.description")
    else:
        losses.parameter(name)

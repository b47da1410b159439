"""Canonical content as a request of this dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.losses import Losses
from pointsman.types import Chat, Message, Reasoning, Tool, ToolChoice, Unknown

from .decode import ABSENT, ALONE, FORM, TOP
from .fit import fit, refuses_prefill
from .names import DIALECT, members, note, suits_as_tool
from .params import CONFIG, NUMBERS
from .parts import write_part
from .turns import Turns

__all__ = ["encode_chat"]

MOST_STOPS = 5
DEFAULTS: Mapping[str, Any] = {
    "min_p": 0,
    "repetition_penalty": 1,
    "logit_bias": {},
    "store": False,
    "verbosity": "medium",
    "metadata": {},
    "parallel_tool_calls": True,
    "user": None,
    "safety_identifier": None,
    "prompt_cache_key": None,
}
"""Parameters that this dialect does not have, with the value that says nothing."""
SILENT: Mapping[str, Any] = {"n": 1, "presence_penalty": 0, "frequency_penalty": 0, "top_logprobs": 0}
"""Values that say nothing, and need not be sent."""
TIERS = {"default": None, "auto": None, "standard": "standard", "flex": "flex", "priority": "priority"}


def encode_chat(chat: Chat, *, losses: Losses) -> dict[str, Any]:
    """The body of a request with this content; what has no place in it goes to `losses`."""
    return _own(chat, losses) if chat.dialect == DIALECT else _foreign(chat, losses)


def _own(chat: Chat, losses: Losses) -> dict[str, Any]:
    """A request that came from this dialect: what it was, but for thoughts of other origin."""
    body: dict[str, Any] = {"model": chat.model}
    contents: list[Any] = []
    for message in chat.messages:
        written = _content(message, losses)
        if written is None:
            continue
        if message.role != "system":
            contents.append(written)
        elif note(message.extra, "~~snake"):
            body["system_instruction"] = written
        else:
            body[TOP] = written
    body["contents"] = contents[0] if note(chat.extra, ALONE) and len(contents) == 1 else contents
    if chat.stream:
        body["stream"] = True
    body.update(members(chat.extra))
    return body


def _content(message: Message, losses: Losses) -> Any:
    """A content of this dialect as it was; None where nothing of it is left."""
    kept = [part for part in message.parts if not isinstance(part, Reasoning) or part.origin == DIALECT]
    if len(kept) < len(message.parts):
        losses.parameter("reasoning")
        if not kept:
            return None
    parts = [written for part in kept if (written := write_part(part)) is not None]
    form = note(message.extra, FORM)
    if form is None:  # it was a text alone
        return "".join(part["text"] for part in parts)
    if note(message.extra, ABSENT):
        return dict(form)
    return {**form, "parts": parts[0] if note(message.extra, ALONE) and len(parts) == 1 else parts}


def _foreign(chat: Chat, losses: Losses) -> dict[str, Any]:
    """A request from another dialect."""
    turns = Turns(chat.model, losses)
    for message in chat.messages:
        turns.take(message)
    turns.finish()
    if turns.contents and turns.contents[-1]["role"] == "model" and refuses_prefill(chat.model):
        losses.part(chat.messages[-1].path, "an answer that is begun already")
    body: dict[str, Any] = {"model": chat.model, "contents": turns.contents}
    if turns.system:
        body[TOP] = {"parts": turns.system}
    _tools(chat, body, losses)
    if chat.stream:
        body["stream"] = True
    config = _config(chat, body, losses)
    if chat.extra:
        losses.extras(chat.extra, own=DIALECT)
        body.update(members(chat.extra))
    reasoning = chat.params.get("reasoning")
    for name in fit(config, reasoning if isinstance(reasoning, dict) else None, chat.model):
        losses.parameter(_called(chat, name))
    if config:
        body[CONFIG] = {**config, **body.get(CONFIG, {})}
    return body


def _called(chat: Chat, name: str) -> str:
    first, dot, rest = name.partition(".")
    return chat.called(first) + dot + rest


def _tools(chat: Chat, body: dict[str, Any], losses: Losses) -> None:
    """The tools, and which of them may be called."""
    declared: list[Any] = []
    tools: list[Any] = []
    strict = False
    for index, tool in enumerate(chat.tools):
        if isinstance(tool, Unknown):
            if tool.dialect == DIALECT:
                tools.append(tool.data)
            else:
                losses.part(f"tools[{index}]", f"a tool that only {tool.dialect} knows")
            continue
        losses.extras(tool.extra, own=DIALECT, path="tools")
        if tool.cache is not None:
            losses.parameter("cache_control")
        if not suits_as_tool(tool.name):
            losses.part(f"tools[{index}]", f"a tool named {tool.name!r}")
            continue
        declared.append(_declaration(tool))
        strict = strict or tool.strict is True
    if declared:
        tools.insert(0, {"functionDeclarations": declared})
    if tools:
        body["tools"] = tools
    choice = chat.tool_choice
    if choice is not None:
        losses.extras(choice.extra, own=DIALECT, path="tool_choice")
    calling = _calling(choice, [each["name"] for each in declared], losses, strict=strict)
    if calling:
        body["toolConfig"] = {"functionCallingConfig": calling}


def _declaration(tool: Tool) -> dict[str, Any]:
    """A function, its parameters by JSON Schema."""
    body: dict[str, Any] = {"name": tool.name}
    if tool.description:
        body["description"] = tool.description
    if tool.parameters:
        schema = tool.parameters
        body["parametersJsonSchema"] = schema if "type" in schema else {"type": "object", **schema}
    body.update(members(tool.extra))
    return body


def _calling(
    choice: ToolChoice | None, known: list[str], losses: Losses, *, strict: bool
) -> dict[str, Any] | None:
    """Whether functions may or must be called, and which. Their schemas are kept to where calls are
    validated, as they are where one must be made."""
    for name in choice.names if choice is not None else ():
        if name not in known:
            losses.part("tool_choice", f"a choice of {name!r}, which is not among the tools")
            return None
    if choice is None or not known:
        if choice is not None and choice.mode == "required":
            losses.part("tool_choice", "a call required where there are no tools")
        return {"mode": "VALIDATED"} if strict else None
    if choice.mode == "none":
        return {"mode": "NONE"}
    mode = "ANY" if choice.mode == "required" else "VALIDATED" if strict or choice.names else "AUTO"
    return {"mode": mode, "allowedFunctionNames": list(choice.names)} if choice.names else {"mode": mode}


def _config(chat: Chat, body: dict[str, Any], losses: Losses) -> dict[str, Any]:
    """The parameters of the answer, as members of `generationConfig`."""
    params = chat.params
    config: dict[str, Any] = {}

    def lose(name: str) -> None:
        losses.parameter(chat.called(name))

    _numbers(chat, config, losses)
    stop = params.get("stop")
    if stop:
        given = [each for each in stop if isinstance(each, str) and each]
        config["stopSequences"] = given[:MOST_STOPS]
        if len(config["stopSequences"]) < len(stop):
            lose("stop")
    _format(chat, config, losses)
    tier = params.get("service_tier")
    if isinstance(tier, str) and tier in TIERS:
        if TIERS[tier] is not None:
            body["serviceTier"] = TIERS[tier]
    elif tier is not None:
        lose("service_tier")
    for name, default in DEFAULTS.items():
        if name in params and params[name] not in (None, default):
            lose(name)
    return config


def _numbers(chat: Chat, config: dict[str, Any], losses: Losses) -> None:
    params = chat.params
    for name, written in NUMBERS.items():
        value = params.get(name)
        if value is None or value == SILENT.get(name):
            continue
        if isinstance(value, int | float) and not isinstance(value, bool):
            config[written] = value
        else:
            losses.parameter(chat.called(name))
    if params.get("logprobs") is True:
        config["responseLogprobs"] = True
    elif "logprobs" in config:
        del config["logprobs"]
        losses.parameter(chat.called("top_logprobs"))


def _format(chat: Chat, config: dict[str, Any], losses: Losses) -> None:
    """The form of the answer."""
    wanted = chat.params.get("response_format")
    if not isinstance(wanted, dict) or wanted.get("type") == "text":
        return
    name = chat.called("response_format")
    kind = wanted.get("type")
    if kind == "json_schema" and isinstance(wanted.get("schema"), dict):
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = wanted["schema"]
        if wanted.get("description"):
            losses.parameter(f"{name}.description")
    elif kind == "json_object":
        config["responseMimeType"] = "application/json"
    else:
        losses.parameter(name)

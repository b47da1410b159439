"""Parameters of a chat, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from pointsman.dialects import Quirks
from pointsman.losses import Losses
from pointsman.types import PARAMS, Chat

from .errors import DIALECT
from .notes import inner, inner_members, is_blank, keep, note
from .thinking import suited_effort, thinks

__all__ = ["decode_params", "encode_params", "suit_foreign"]

STRAIGHT = frozenset(PARAMS) - {"max_tokens", "stop", "response_format", "reasoning"}
"""Parameters that this dialect calls as we do and holds as we do."""
LONGEST_USER = 64
MOST_STOPS = 4
"""Characters of a user's name, and texts that end an answer, beyond which requests are refused."""
LIMITS = ("max_completion_tokens", "max_tokens")
BESIDE: Mapping[str, Any] = {"top_k": None, "min_p": 0, "repetition_penalty": 1}
"""Parameters that only some hosts know, with the value that changes nothing."""
EFFORTS = ((2048, "low"), (8192, "medium"))
"""Below how many tokens of thought which effort is asked for."""
_SCHEMA = ("name", "schema", "strict", "description")
_THOUGHT = ("effort", "max_tokens", "enabled", "exclude", "summary")


def decode_params(body: Mapping[str, Any], chat: Chat) -> set[str]:
    """Fill in a chat's parameters; return the members of the request that were read."""
    params = chat.params
    taken = set()
    for name, value in body.items():
        if name in STRAIGHT and value is not None:
            params[name] = value
            taken.add(name)
    for name in LIMITS:
        if body.get(name) is None:
            continue
        taken.add(name)
        if "max_tokens" in params:
            keep(chat.extra, f"~{name}", body[name])
        else:
            params["max_tokens"] = body[name]
            if name != "max_tokens":
                chat.names["max_tokens"] = name
    stop = body.get("stop")
    if isinstance(stop, (str, list)) and stop:
        taken.add("stop")
        params["stop"] = [stop] if isinstance(stop, str) else stop
        if isinstance(stop, str):
            keep(chat.extra, "~stop", "text")
    if "response_format" in body and _format(body["response_format"], chat):
        taken.add("response_format")
    if "reasoning" in body or "reasoning_effort" in body:
        taken |= _thinking(body, chat)
    return taken


def _format(given: Any, chat: Chat) -> bool:
    """Take a response format, flat; say whether it is of a kind that others have too."""
    if not isinstance(given, dict):
        return False
    kind = given.get("type")
    if kind in ("text", "json_object") and len(given) == 1:
        chat.params["response_format"] = dict(given)
        return True
    schema = given.get("json_schema")
    if kind != "json_schema" or not isinstance(schema, dict) or len(given) != 2:
        return False
    known = {name: schema[name] for name in _SCHEMA if schema.get(name) is not None}
    chat.params["response_format"] = {"type": kind, **known}
    inner(chat.extra, "response_format", schema, known)
    return True


def _thinking(body: Mapping[str, Any], chat: Chat) -> set[str]:
    """Take how much to think, from the object or the older word for it."""
    given, effort = body.get("reasoning"), body.get("reasoning_effort")
    taken = set()
    if isinstance(given, dict):
        taken.add("reasoning")
        known = {name: given[name] for name in _THOUGHT if given.get(name) is not None}
        chat.params["reasoning"] = known
        inner(chat.extra, "reasoning", given, known)
    if isinstance(effort, str):
        taken.add("reasoning_effort")
        if "reasoning" in taken:
            keep(chat.extra, "~reasoning_effort", effort)
            chat.params["reasoning"].setdefault("effort", effort)
            if isinstance(given, dict) and "effort" not in given:
                keep(chat.extra, "~effort", "word")
        else:
            chat.params["reasoning"] = {"effort": effort}
            chat.names["reasoning"] = "reasoning_effort"
    return taken


def encode_params(chat: Chat, *, quirks: Quirks, losses: Losses) -> dict[str, Any]:
    """The members of a request that say a chat's parameters."""
    own = chat.dialect == DIALECT
    body: dict[str, Any] = {}
    for name, value in chat.params.items():
        if name in STRAIGHT:
            if own or name not in BESIDE or name in quirks.keeps:
                body[name] = value
            elif value != BESIDE[name]:
                losses.parameter(chat.called(name))
        elif name == "max_tokens":
            body[_limit(chat, quirks)] = value
        elif name == "stop":
            alone = note(chat.extra, "~stop") == "text" and len(value) == 1
            body[name] = value[0] if alone else value
        elif name == "response_format":
            body[name] = _format_object(chat, value)
        elif name == "reasoning":
            body.update(_own_thinking(chat) if own else _foreign_thinking(chat, quirks, losses))
    if not own:
        _suit(chat, body, losses)
    for name in LIMITS if chat.extra else ():
        value = note(chat.extra, f"~{name}")
        if value is not None:
            body.setdefault(name, value)
    return body


def _suit(chat: Chat, body: dict[str, Any], losses: Losses) -> None:
    """Make what another dialect said fit this one."""
    suit_foreign(body)
    if not chat.tools:
        body.pop("parallel_tool_calls", None)
    if len(body.get("stop") or ()) > MOST_STOPS:
        body["stop"] = body["stop"][:MOST_STOPS]
        losses.parameter(chat.called("stop"))


def suit_foreign(body: dict[str, Any]) -> None:
    """Say what another dialect said of the user and the service as it is said here."""
    for name in ("user", "safety_identifier"):
        value = body.get(name)
        if isinstance(value, str) and len(value) > LONGEST_USER:
            body[name] = sha256(value.encode()).hexdigest()  # as stable, and as opaque
    if body.get("service_tier") in ("standard_only", "standard"):
        body["service_tier"] = "default"


def _limit(chat: Chat, quirks: Quirks) -> str:
    """What the host calls the limit of tokens; what the client called it where that was this dialect."""
    if chat.dialect == DIALECT:
        return chat.called("max_tokens")
    return "max_completion_tokens" if "max_completion_tokens" in quirks.keeps else "max_tokens"


def _format_object(chat: Chat, value: Mapping[str, Any]) -> dict[str, Any]:
    if value.get("type") != "json_schema":
        return dict(value)
    schema = {name: value[name] for name in _SCHEMA if name in value}
    if chat.dialect != DIALECT:
        schema.setdefault("name", "response")
    return {"type": "json_schema", "json_schema": {**schema, **inner_members(chat.extra, "response_format")}}


def _own_thinking(chat: Chat) -> dict[str, Any]:
    value = chat.params["reasoning"]
    if chat.called("reasoning") == "reasoning_effort" and value.keys() == {"effort"}:
        return {"reasoning_effort": value["effort"]}
    word = note(chat.extra, "~reasoning_effort")
    left_out = ("effort",) if note(chat.extra, "~effort") and value.get("effort") == word else ()
    given = {name: each for name, each in value.items() if name not in left_out}
    body: dict[str, Any] = {"reasoning": {**given, **inner_members(chat.extra, "reasoning")}}
    if word is not None:
        body["reasoning_effort"] = word
    return body


def _foreign_thinking(chat: Chat, quirks: Quirks, losses: Losses) -> dict[str, Any]:
    """How much to think, in a word; in full for hosts that know the object."""
    value = chat.params["reasoning"]
    if "reasoning" in quirks.keeps:
        return {"reasoning": dict(value)}
    name = chat.called("reasoning")
    for member in ("summary", "exclude"):
        if not is_blank(value.get(member)) and value[member] is not False:
            losses.parameter(f"{name}.{member}")
    effort, tokens = value.get("effort"), value.get("max_tokens")
    if not thinks(chat.model):
        if effort != "none" and value.get("enabled") is not False and value:
            losses.parameter(name)
        return {}
    if isinstance(effort, str):
        suited = suited_effort(chat.model, effort)
        if suited is None:
            losses.parameter(name)
        return {"reasoning_effort": suited} if suited is not None else {}
    if value.get("enabled") is False:
        losses.parameter(name)
        return {}
    if isinstance(tokens, int | float):
        return {"reasoning_effort": next((word for most, word in EFFORTS if tokens < most), "high")}
    return {"reasoning_effort": "medium"} if value.get("enabled") else {}

"""Parameters of a request, read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.losses import Losses
from pointsman.types import Chat
from pointsman_openai.params import suit_foreign
from pointsman_openai.thinking import suited_effort

from .notes import AS, DIALECT, own

__all__ = ["read_params", "write_foreign_params", "write_params"]

SAME = frozenset(
    {
        *("temperature", "top_p", "top_logprobs", "parallel_tool_calls", "service_tier", "user"),
        *("metadata", "prompt_cache_key", "safety_identifier", "store"),
    }
)
"""Parameters that are called here as everywhere."""
TRIVIAL: Mapping[str, Any] = {"truncation": "disabled", "background": False, "stream": False, "include": []}
"""What a request says with these it says without them."""
FORM_ONLY = frozenset({"stream_options"})
STORED = ("previous_response_id", "conversation", "prompt", "background")
"""Members that stand for what only this dialect's provider has or does."""
LOGPROBS = "message.output_text.logprobs"
ENCRYPTED = "reasoning.encrypted_content"
FORMATS = ("text", "json_object", "json_schema")
_EFFORTS = ((4096, "low"), (16384, "medium"))
"""Budgets of reasoning up to so many tokens, and the effort nearest to them; more is high."""
_DEFAULTS: Mapping[str, Any] = {
    "n": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "repetition_penalty": 1,
}
LEAST_TOKENS = 16
"""A smaller limit is refused here."""
ELSEWHERE = (
    "top_k",
    "min_p",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "logit_bias",
    "stop",
    "seed",
    "n",
)
"""Parameters that have no place here."""


def read_params(body: Mapping[str, Any], read: frozenset[str], chat: Chat) -> None:
    """Put the parameters of a request into `chat`: all but the members that are `read` already."""
    mine: dict[str, Any] = {}
    form: dict[str, Any] = {}
    for name, value in body.items():
        if name in read:
            continue
        if value is not None and name in SAME:
            chat.params[name] = value
        elif value is None or name in FORM_ONLY or (name in TRIVIAL and value == TRIVIAL[name]):
            form[name] = value
        elif name == "max_output_tokens":
            chat.params["max_tokens"] = value
            chat.names["max_tokens"] = name
        elif name == "text" and isinstance(value, dict):
            _read_text(value, mine, chat)
        elif name == "reasoning" and isinstance(value, dict):
            _read_reasoning(value, mine, chat)
        elif name == "include" and isinstance(value, list):
            _read_include(value, mine, chat)
        else:
            mine[name] = value
    if form:
        mine[AS] = form
    stored = [name for name in STORED if mine.get(name) is not None] if mine else ()
    if stored:
        mine["~content"] = stored
    if mine:
        chat.extra.setdefault(DIALECT, {}).update(mine)


def _read_text(text: Mapping[str, Any], mine: dict[str, Any], chat: Chat) -> None:
    rest = dict(text)
    shape, verbosity = text.get("format"), text.get("verbosity")
    if isinstance(shape, dict) and shape.get("type") in FORMATS:
        chat.params["response_format"] = shape
        chat.names["response_format"] = "text.format"
        del rest["format"]
    if isinstance(verbosity, str):
        chat.params["verbosity"] = verbosity
        chat.names["verbosity"] = "text.verbosity"
        del rest["verbosity"]
    _keep("text", rest, mine)


def _read_reasoning(reasoning: Mapping[str, Any], mine: dict[str, Any], chat: Chat) -> None:
    rest = dict(reasoning)
    known = {name: rest.pop(name) for name in ("effort", "summary") if isinstance(rest.get(name), str)}
    if known:
        chat.params["reasoning"] = known
    _keep("reasoning", rest, mine)


def _keep(name: str, rest: dict[str, Any], mine: dict[str, Any]) -> None:
    """Keep what is left of an object that was there: nulls and nothing as a note."""
    mine[f"~{name}"] = {each: value for each, value in rest.items() if value is None}
    rest = {each: value for each, value in rest.items() if value is not None}
    if rest:
        mine[name] = rest


def _read_include(include: list[Any], mine: dict[str, Any], chat: Chat) -> None:
    mine["~include"] = include
    if LOGPROBS in include:
        chat.params["logprobs"] = True
        chat.names["logprobs"] = "include"
    rest = [each for each in include if each not in (LOGPROBS, ENCRYPTED)]
    if rest:
        mine["include"] = rest


def write_params(chat: Chat, body: dict[str, Any]) -> None:
    """The parameters of a chat that was read from this dialect."""
    mine, params = own(chat.extra), chat.params
    body.update(mine.get(AS, ()))
    body.update({name: value for name, value in mine.items() if not name.startswith("~")})
    _write_same(chat, body)
    for name, known in (("text", _text(params)), ("reasoning", params.get("reasoning", {}))):
        if known or f"~{name}" in mine:
            body[name] = {**mine.get(f"~{name}", {}), **mine.get(name, {}), **known}
    include = mine.get("~include")
    if include is not None:
        body["include"] = include


def _write_same(chat: Chat, body: dict[str, Any]) -> None:
    for name, value in chat.params.items():
        if name in SAME:
            body[name] = value
        elif name == "max_tokens":
            body["max_output_tokens"] = value


def _text(params: Mapping[str, Any]) -> dict[str, Any]:
    text = {}
    if "response_format" in params:
        text["format"] = params["response_format"]
    if "verbosity" in params:
        text["verbosity"] = params["verbosity"]
    return text


def write_foreign_params(chat: Chat, body: dict[str, Any], *, thinks: bool, losses: Losses) -> None:
    """The parameters of a chat that was read from another dialect.

    Nothing is stored at the provider. `thinks` says that the model may reason: what it thought then comes
    encrypted with the answer, for the client to send back.
    """
    params = chat.params
    _write_same(chat, body)
    most = body.get("max_output_tokens")
    if isinstance(most, int) and most < LEAST_TOKENS:
        body["max_output_tokens"] = LEAST_TOKENS
        losses.parameter(chat.called("max_tokens"))
    if params.get("store"):
        losses.parameter(chat.called("store"))
    suit_foreign(body)
    body["store"] = False
    text = _text(params)
    if text:
        if text.get("format", {}).get("type") == "json_schema":
            text["format"] = {"name": "response", **text["format"]}
        body["text"] = text
    if "reasoning" in params:
        reasoning = _reasoning(chat, losses, thinks=thinks)
        if reasoning:
            body["reasoning"] = reasoning
    include = [ENCRYPTED] if thinks else []
    if params.get("logprobs"):
        include.append(LOGPROBS)
    elif "top_logprobs" in body:
        del body["top_logprobs"]
    if include:
        body["include"] = include
    for name in ELSEWHERE:
        if name in params and params[name] not in (None, [], {}, _DEFAULTS.get(name)):
            losses.parameter(chat.called(name))


def _reasoning(chat: Chat, losses: Losses, *, thinks: bool) -> dict[str, Any]:
    """How much to think: an effort, near a budget where only that is given."""
    asked = chat.params.get("reasoning")
    if not isinstance(asked, dict):
        return {}
    name = chat.called("reasoning")
    if not thinks:
        if asked and asked.get("effort") != "none" and asked.get("enabled") is not False:
            losses.parameter(name)
        return {}
    if asked.get("exclude"):
        losses.parameter(f"{name}.exclude")
    written = {name: asked[name] for name in ("effort", "summary") if asked.get(name)}
    if "effort" not in written:
        budget = asked.get("max_tokens")
        if asked.get("enabled") is False:
            written["effort"] = "none"
        elif isinstance(budget, int):
            written["effort"] = next((word for most, word in _EFFORTS if budget <= most), "high")
            losses.parameter(name)
        elif asked.get("enabled"):
            written["effort"] = "medium"
    if isinstance(written.get("effort"), str):
        suited = suited_effort(chat.model, written.pop("effort"))
        if suited is None:
            losses.parameter(name)
        else:
            written["effort"] = suited
    return written

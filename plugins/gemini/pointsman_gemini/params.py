"""Parameters of the answer, as canonical ones and back.

They stand in `generationConfig`, which is kept as a note too, word for word, so that a request written back
is what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.types import Chat

from .names import pick, rest_of, snake
from .schemas import plain_schema

__all__ = ["CONFIG", "NUMBERS", "keep", "read_params"]

CONFIG = "generationConfig"
NUMBERS: Mapping[str, str] = {
    "max_tokens": "maxOutputTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "n": "candidateCount",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "top_logprobs": "logprobs",
}
"""The parameters that are numbers, by their canonical names."""
EFFORTS = ("minimal", "low", "medium", "high", "xhigh")


def keep(own: dict[str, Any], body: Mapping[str, Any], name: str, *taken: str) -> None:
    """Turn a member into a note; what it holds beside what was taken stays a member."""
    written = name if name in body else snake(name)
    whole = own.pop(written, None)
    whole = body[written] if whole is None else whole
    rest = {key: value for key, value in rest_of(whole, *taken).items() if value is not None}
    if rest:
        own[written] = rest
    own[f"~{written}"] = whole  # behind the rest, which it stands for when written back


def read_params(chat: Chat, own: dict[str, Any]) -> None:
    """Take the parameters out of `own`, the members of a request that are not content.

    What is not of the type it should be stays there as it is.
    """
    for name in ("serviceTier", "service_tier"):
        if isinstance(own.get(name), str):
            chat.params["service_tier"] = own[name].lower()
            chat.names["service_tier"] = name
            own[f"~{name}"] = own.pop(name)
    config = pick(own, CONFIG)
    if not isinstance(config, dict):
        return
    taken = _numbers(chat, config)
    stop = pick(config, "stopSequences")
    if isinstance(stop, list) and all(isinstance(each, str) for each in stop):
        _take(chat, taken, "stop", "stopSequences", list(stop))
    if isinstance(pick(config, "responseLogprobs"), bool):
        _take(chat, taken, "logprobs", "responseLogprobs", pick(config, "responseLogprobs"))
    _thinking(chat, config, taken)
    _format(chat, config, taken)
    if pick(config, "responseModalities") == ["TEXT"]:
        taken.append("responseModalities")  # as without it
    keep(own, own.copy(), CONFIG, *taken)


def _take(chat: Chat, taken: list[str], name: str, written: str, value: Any) -> None:
    chat.params[name] = value
    chat.names[name] = f"{CONFIG}.{written}"
    taken.append(written)


def _numbers(chat: Chat, config: Mapping[str, Any]) -> list[str]:
    taken: list[str] = []
    for name, written in NUMBERS.items():
        value = pick(config, written)
        if isinstance(value, int | float) and not isinstance(value, bool):
            _take(chat, taken, name, written, value)
    return taken


def _thinking(chat: Chat, config: Mapping[str, Any], taken: list[str]) -> None:
    thinking = pick(config, "thinkingConfig")
    if not isinstance(thinking, dict):
        return
    reasoning: dict[str, Any] = {}
    budget, level = pick(thinking, "thinkingBudget"), pick(thinking, "thinkingLevel")
    shown = pick(thinking, "includeThoughts")
    if isinstance(budget, int) and not isinstance(budget, bool):
        if budget > 0:
            reasoning["max_tokens"] = budget
        else:
            reasoning["enabled"] = budget < 0  # -1 lets the model choose
    if isinstance(level, str) and level.lower() in EFFORTS:
        reasoning["effort"] = level.lower()
    if isinstance(shown, bool):
        if shown:
            reasoning["summary"] = "auto"
        elif reasoning:
            reasoning["exclude"] = True
    if rest_of(thinking, "thinkingBudget", "thinkingLevel", "includeThoughts"):
        return
    if reasoning:
        chat.params["reasoning"] = reasoning
        chat.names["reasoning"] = f"{CONFIG}.thinkingConfig"
    taken.append("thinkingConfig")


def _format(chat: Chat, config: Mapping[str, Any], taken: list[str]) -> None:
    """The form of the answer: JSON, and by which schema."""
    mime = pick(config, "responseMimeType")
    if mime == "text/plain":
        taken.append("responseMimeType")
        return
    if mime != "application/json":
        return
    taken.append("responseMimeType")
    schema, name = pick(config, "responseJsonSchema"), "responseJsonSchema"
    if not isinstance(schema, dict):
        schema, name = plain_schema(pick(config, "responseSchema")), "responseSchema"
    if isinstance(schema, dict):
        _take(chat, taken, "response_format", name, {"type": "json_schema", "schema": schema})
    else:
        chat.params["response_format"] = {"type": "json_object"}
        chat.names["response_format"] = f"{CONFIG}.responseMimeType"

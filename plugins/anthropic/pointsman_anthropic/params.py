"""Parameters of the answer, as canonical ones.

Each member that says something canonical is kept as a note too, word for word, so that a request written back
is what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.types import Chat

__all__ = ["read_params"]

_NUMBERS = ("temperature", "top_p", "top_k")


def read_params(chat: Chat, own: dict[str, Any]) -> None:
    """Take the parameters out of `own`, the members of a request that are not content.

    What is not of the type it should be stays there as it is.
    """
    if _is_count(own.get("max_tokens")):
        chat.params["max_tokens"] = own.pop("max_tokens")
    for name in _NUMBERS:
        if _is_number(own.get(name)):
            chat.params[name] = own.pop(name)
    stop = own.get("stop_sequences")
    if isinstance(stop, list) and all(isinstance(each, str) for each in stop):
        own["~stop_sequences"] = own.pop("stop_sequences")
        if stop:
            chat.params["stop"] = list(stop)
            chat.names["stop"] = "stop_sequences"
    if isinstance(own.get("service_tier"), str):
        chat.params["service_tier"] = own.pop("service_tier")
    if "metadata" in own:
        _metadata(chat, own)
    if "thinking" in own:
        _thinking(chat, own)
    if "output_config" in own or "output_format" in own:
        _output(chat, own)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _metadata(chat: Chat, own: dict[str, Any]) -> None:
    """Who the user is; anything else there stays."""
    metadata = own["metadata"]
    if not isinstance(metadata, dict) or not isinstance(metadata.get("user_id"), str):
        return
    chat.params["user"] = metadata["user_id"]
    chat.names["user"] = "metadata.user_id"
    _keep(own, "metadata", "user_id")


def _thinking(chat: Chat, own: dict[str, Any]) -> None:
    thinking = own["thinking"]
    if not isinstance(thinking, dict) or thinking.get("type") not in ("enabled", "adaptive", "disabled"):
        return
    reasoning: dict[str, Any] = {"enabled": thinking["type"] != "disabled"}
    if _is_count(thinking.get("budget_tokens")):
        reasoning["max_tokens"] = thinking["budget_tokens"]
    if thinking.get("display") == "omitted":
        reasoning["exclude"] = True
    elif thinking.get("display") == "summarized":
        reasoning["summary"] = "auto"
    chat.params["reasoning"] = reasoning
    chat.names["reasoning"] = "thinking"
    own["~thinking"] = own.pop("thinking")


def _output(chat: Chat, own: dict[str, Any]) -> None:
    """How much effort goes into an answer, and its format."""
    config = own.get("output_config")
    taken: list[str] = []
    if isinstance(config, dict):
        if isinstance(config.get("effort"), str):
            chat.params["reasoning"] = {**chat.params.get("reasoning", {}), "effort": config["effort"]}
            chat.names.setdefault("reasoning", "output_config.effort")
            taken.append("effort")
        if _format(chat, config.get("format")):
            chat.names["response_format"] = "output_config.format"
            taken.append("format")
        if taken or not config:
            _keep(own, "output_config", *taken)
    if "format" not in taken and _format(chat, own.get("output_format")):
        chat.names["response_format"] = "output_format"
        own["~output_format"] = own.pop("output_format")


def _format(chat: Chat, given: Any) -> bool:
    if not isinstance(given, dict) or given.get("type") != "json_schema":
        return False
    schema = given.get("schema")
    if not isinstance(schema, dict):
        return False
    found: dict[str, Any] = {"type": "json_schema", "schema": schema}
    chat.params["response_format"] = found
    return True


def _keep(own: dict[str, Any], name: str, *taken: str) -> None:
    """Turn a member into a note; what it holds beside what was taken stays a member."""
    whole: Mapping[str, Any] = own.pop(name)
    rest = {key: value for key, value in whole.items() if key not in taken and value is not None}
    if rest:
        own[name] = rest
    own[f"~{name}"] = whole  # behind the rest, which it stands for when written back

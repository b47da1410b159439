"""Parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pointsman.losses import Losses
from pointsman.types import Chat, Request
from pointsman_anthropic.decode import decode_chat
from pointsman_anthropic.names import DIALECT

Make = Callable[[dict[str, Any]], Request]
Again = Callable[[Request], dict[str, Any]]
SCHEMA = {"type": "object", "properties": {}}


def read(request_of: Make, body: dict[str, Any]) -> Chat:
    return decode_chat(request_of(body), model="m")


def test_plain_parameters(request_of: Make) -> None:
    body = {"max_tokens": 5, "temperature": 0.5, "top_p": 1, "top_k": 3, "service_tier": "auto"}
    assert read(request_of, body).params == body


def test_stop_texts(request_of: Make) -> None:
    chat = read(request_of, {"stop_sequences": ["a", "b"]})
    assert (chat.params["stop"], chat.called("stop")) == (["a", "b"], "stop_sequences")


@pytest.mark.parametrize(
    ("body", "reasoning", "name"),
    [
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            {"enabled": True, "max_tokens": 2000},
            "thinking",
        ),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}},
            {"enabled": True, "exclude": True},
            "thinking",
        ),
        ({"thinking": {"type": "disabled"}}, {"enabled": False}, "thinking"),
        ({"output_config": {"effort": "low"}}, {"effort": "low"}, "output_config.effort"),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
            {"enabled": True, "effort": "max"},
            "thinking",
        ),
    ],
)
def test_reasoning(request_of: Make, body: dict[str, Any], reasoning: dict[str, Any], name: str) -> None:
    chat = read(request_of, body)
    assert (chat.params["reasoning"], chat.called("reasoning")) == (reasoning, name)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}, "output_config.format"),
        ({"output_format": {"type": "json_schema", "schema": SCHEMA}}, "output_format"),
    ],
)
def test_the_form_of_the_answer(request_of: Make, body: dict[str, Any], name: str) -> None:
    chat = read(request_of, body)
    assert chat.params["response_format"] == {"type": "json_schema", "schema": SCHEMA}
    assert chat.called("response_format") == name


def test_the_user_is_in_the_metadata(request_of: Make) -> None:
    chat = read(request_of, {"metadata": {"user_id": "u", "team": "t"}})
    assert (chat.params["user"], chat.called("user")) == ("u", "metadata.user_id")
    losses = Losses()
    losses.extras(chat.extra, own="other")
    assert losses.parameters == ["metadata"]


@pytest.mark.parametrize(
    "body",
    [
        {
            "max_tokens": None,
            "temperature": None,
            "stop_sequences": None,
            "service_tier": None,
            "metadata": None,
        },
        {"temperature": "hot", "top_p": True, "max_tokens": 1.5, "stop_sequences": [3], "service_tier": 4},
        {"stop_sequences": [], "metadata": {}},
        {"metadata": {"user_id": None}, "thinking": None, "output_config": None},
        {"thinking": {"type": "enabled", "budget_tokens": 1024, "display": "summarized", "new": 1}},
        {"thinking": {"type": "new"}, "output_config": {"effort": 3, "format": {"type": "text"}}},
        {"output_config": {"effort": "high", "task_budget": {"total": 1}, "format": None}},
        {"output_config": {}, "output_format": {"type": "json_schema"}},
        {
            "output_config": {"task_budget": {}},
            "output_format": {"type": "json_schema", "schema": SCHEMA, "new": 1},
        },
        {
            "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
            "output_format": {"type": "x"},
        },
        {"metadata": {"user_id": "u", "more": [1]}},
    ],
    ids=str,
)
def test_odd_and_even_parameters_are_written_back(
    request_of: Make, again: Again, body: dict[str, Any]
) -> None:
    request = request_of(body)
    assert again(request) == request.body


def test_what_only_this_dialect_has_is_lost_to_others_by_name(request_of: Make) -> None:
    body = {
        "output_config": {"effort": "low", "task_budget": {}},
        "thinking": {"type": "adaptive"},
        "container": "c",
    }
    chat = read(request_of, body)
    losses = Losses()
    losses.extras(chat.extra, own="other")
    assert losses.parameters == ["container", "output_config"]
    assert chat.extra[DIALECT]["output_config"] == {"task_budget": {}}

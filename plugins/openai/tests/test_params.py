"""Parameters."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.dialects import Quirks
from pointsman.losses import Losses
from pointsman.types import Chat, Tool
from pointsman_openai.params import decode_params, encode_params

PLAIN = Quirks()


def read(body: dict[str, Any]) -> Chat:
    chat = Chat("m", [], dialect="openai-chat")
    taken = decode_params(body, chat)
    assert taken <= body.keys()
    return chat


def foreign(
    params: dict[str, Any], quirks: Quirks = PLAIN, names: dict[str, str] | None = None
) -> tuple[dict[str, Any], list[str]]:
    losses = Losses()
    chat = Chat("m", [], params=params, dialect="messages", names=names or {}, tools=[Tool("f")])
    return encode_params(chat, quirks=quirks, losses=losses), losses.parameters


@pytest.mark.parametrize(
    "body",
    [
        {"temperature": 0.5, "top_k": 3, "n": 2, "logit_bias": {"1": 2}, "store": True},
        {"max_tokens": 5},
        {"max_completion_tokens": 5},
        {"max_completion_tokens": 5, "max_tokens": 9},
        {"stop": "x"},
        {"stop": ["x"]},
        {"stop": ["x", "y"]},
        {"response_format": {"type": "json_object"}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {}, "strict": None, "more": 1},
            }
        },
        {"reasoning_effort": "low"},
        {"reasoning": {"effort": "low", "exclude": None, "mode": "pro"}},
        {"reasoning": {"max_tokens": 5}, "reasoning_effort": "low"},
        {"reasoning": {"effort": "high"}, "reasoning_effort": "low"},
        {"reasoning": {}},
    ],
)
def test_parameters_come_back_as_they_were(body: dict[str, Any]) -> None:
    losses = Losses()
    assert encode_params(read(body), quirks=PLAIN, losses=losses) == body
    assert losses == Losses()


@pytest.mark.parametrize(
    "body",
    [
        {"temperature": None},
        {"stop": None},
        {"stop": []},
        {"response_format": {"type": "grammar"}},
        {"response_format": {"type": "json_object", "schema": {}}},
        {"response_format": "json"},
        {"reasoning": "much"},
        {"reasoning_effort": None},
    ],
)
def test_what_is_no_parameter_of_ours_is_left(body: dict[str, Any]) -> None:
    chat = Chat("m", [], dialect="openai-chat")
    assert decode_params(body, chat) == set()
    assert chat.params == {}


def test_parameters_are_canonical() -> None:
    schema = {"name": "n", "schema": {"type": "object"}, "strict": True}
    chat = read(
        {
            "max_completion_tokens": 5,
            "stop": "x",
            "reasoning_effort": "low",
            "response_format": {"type": "json_schema", "json_schema": schema},
        }
    )
    assert chat.params == {
        "max_tokens": 5,
        "stop": ["x"],
        "reasoning": {"effort": "low"},
        "response_format": {"type": "json_schema", **schema},
    }
    assert chat.called("max_tokens") == "max_completion_tokens"
    assert chat.called("reasoning") == "reasoning_effort"


def test_the_limit_of_tokens_has_the_hosts_name() -> None:
    assert foreign({"max_tokens": 5})[0] == {"max_tokens": 5}
    openai = Quirks(keeps=frozenset({"max_completion_tokens"}))
    assert foreign({"max_tokens": 5}, openai)[0] == {"max_completion_tokens": 5}


def test_what_only_some_hosts_know_is_lost_on_others() -> None:
    params = {"top_k": 3, "min_p": 0, "repetition_penalty": 1.2}
    assert foreign(params) == ({}, ["top_k", "repetition_penalty"])
    assert foreign(params, Quirks(keeps=frozenset(params))) == (params, [])


def test_a_schema_needs_a_name() -> None:
    body, _ = foreign({"response_format": {"type": "json_schema", "schema": {}}})
    assert body["response_format"]["json_schema"] == {"name": "response", "schema": {}}


def test_calls_at_once_need_tools() -> None:
    chat = Chat("m", [], params={"parallel_tool_calls": False}, dialect="messages")
    assert encode_params(chat, quirks=PLAIN, losses=Losses()) == {}
    assert foreign({"parallel_tool_calls": False})[0] == {"parallel_tool_calls": False}


@pytest.mark.parametrize(
    ("reasoning", "effort", "lost"),
    [
        ({"effort": "low"}, "low", []),
        ({"effort": "max"}, "high", []),
        ({"effort": "none", "enabled": False}, "none", []),
        ({"max_tokens": 1024}, "low", []),
        ({"max_tokens": 2048}, "medium", []),
        ({"max_tokens": 8192, "enabled": True}, "high", []),
        ({"enabled": True}, "medium", []),
        ({"enabled": False}, None, ["thinking"]),
        ({"effort": "low", "summary": "auto", "exclude": False}, "low", ["thinking.summary"]),
        ({}, None, []),
    ],
)
def test_how_much_to_think_is_a_word(reasoning: dict[str, Any], effort: str | None, lost: list[str]) -> None:
    expected = {} if effort is None else {"reasoning_effort": effort}
    assert foreign({"reasoning": reasoning}, names={"reasoning": "thinking"}) == (expected, lost)


def test_a_gateway_is_told_in_full_how_much_to_think() -> None:
    reasoning = {"max_tokens": 5, "exclude": True}
    kept = foreign({"reasoning": reasoning}, Quirks(keeps=frozenset({"reasoning"})))
    assert kept == ({"reasoning": reasoning}, [])

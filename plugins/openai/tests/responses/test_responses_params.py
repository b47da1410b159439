"""Parameters of requests."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.losses import Losses
from pointsman.types import Chat, Message, Request, Text
from pointsman_openai.responses.decode import decode_request
from pointsman_openai.responses.encode import encode_request


def read(**members: Any) -> Chat:
    return decode_request(Request.of({"model": "m", "input": "x", **members}), model="m")


def foreign(model: str = "gpt-5", **params: Any) -> tuple[dict[str, Any], Losses]:
    chat = Chat(model, [Message("user", [Text("x")])], params=params, dialect="openai-chat")
    losses = Losses()
    return encode_request(chat, losses=losses), losses


def test_parameters_have_their_canonical_names() -> None:
    shape = {"type": "json_schema", "name": "a", "schema": {}, "strict": True}
    chat = read(
        max_output_tokens=9,
        temperature=0.5,
        text={"format": shape, "verbosity": "low"},
        reasoning={"effort": "low", "summary": "auto", "context": "all_turns"},
        include=["message.output_text.logprobs", "reasoning.encrypted_content", "file_search_call.results"],
        truncation="auto",
    )
    assert chat.params == {
        "max_tokens": 9,
        "temperature": 0.5,
        "response_format": shape,
        "verbosity": "low",
        "reasoning": {"effort": "low", "summary": "auto"},
        "logprobs": True,
    }
    assert chat.called("max_tokens") == "max_output_tokens"
    assert chat.called("response_format") == "text.format"
    losses = Losses()
    losses.extras(chat.extra, own="openai-chat")
    assert losses.parameters == ["reasoning", "include", "truncation"]


@pytest.mark.parametrize(
    "members",
    [
        {"temperature": None, "text": None, "reasoning": None, "include": None, "tools": None},
        {"text": {}, "reasoning": {}, "include": [], "tools": []},
        {"text": {"format": None, "verbosity": None, "later": 1}},
        {"text": {"format": {"type": "grammar"}}},
        {"reasoning": {"effort": None, "generate_summary": "concise"}},
        {"stream": False, "background": False, "truncation": "disabled", "store": False},
        {"stream": True, "stream_options": {"include_obfuscation": False}},
        {"usage": {"tokens": 1}, "text": "plain", "reasoning": 1, "include": "x"},
        {"tool_choice": None, "instructions": ""},
        {"tool_choice": {"type": "web_search"}},
    ],
    ids=str,
)
def test_every_form_comes_back_as_it_was(members: dict[str, Any]) -> None:
    body = {"model": "m", "input": "x", **members}
    assert encode_request(read(**members), losses=Losses()) == body


def test_defaults_are_no_loss_elsewhere() -> None:
    chat = read(truncation="disabled", background=False, include=["reasoning.encrypted_content"], text={})
    losses = Losses()
    losses.extras(chat.extra, own="openai-chat")
    assert losses.parameters == []


def test_foreign_chats_are_not_stored_and_their_reasoning_comes_encrypted() -> None:
    body, losses = foreign(max_tokens=100, response_format={"type": "json_schema", "schema": {}}, n=1)
    assert body["store"] is False
    assert body["include"] == ["reasoning.encrypted_content"]
    assert body["max_output_tokens"] == 100
    assert body["text"] == {"format": {"type": "json_schema", "name": "response", "schema": {}}}
    assert losses == Losses()


@pytest.mark.parametrize("model", ["gpt-4o", "openai/gpt-4.1-mini", "chatgpt-4o-latest", "gpt-3.5-turbo"])
def test_models_that_do_not_reason_are_not_asked_for_it(model: str) -> None:
    assert "include" not in foreign(model)[0]


def test_log_probabilities_are_included_where_they_are_asked_for() -> None:
    body, _ = foreign("gpt-4o", logprobs=True, top_logprobs=2)
    assert (body["include"], body["top_logprobs"]) == (["message.output_text.logprobs"], 2)
    assert "top_logprobs" not in foreign(logprobs=False, top_logprobs=0)[0]


def test_what_has_no_place_is_told() -> None:
    params = {"n": 2, "stop": ["x"], "seed": 1, "top_k": 5, "frequency_penalty": 0.5, "logit_bias": {"1": 1}}
    _, losses = foreign(**params, presence_penalty=0, repetition_penalty=1.0, min_p=None)
    assert sorted(losses.parameters) == sorted(params)
    assert foreign(store=True)[1].parameters == ["store"]


def test_a_limit_below_the_least_is_raised_and_told() -> None:
    body, losses = foreign(max_tokens=1)
    assert body["max_output_tokens"] == 16
    assert losses.parameters == ["max_tokens"]


@pytest.mark.parametrize(
    ("asked", "effort", "lost"),
    [
        ({"effort": "high"}, "high", []),
        ({"enabled": False}, "none", []),
        ({"enabled": True}, "medium", []),
        ({"max_tokens": 1024}, "low", ["reasoning"]),
        ({"max_tokens": 10000}, "medium", ["reasoning"]),
        ({"max_tokens": 32000, "enabled": True}, "high", ["reasoning"]),
    ],
)
def test_reasoning_is_an_effort(asked: dict[str, Any], effort: str, lost: list[str]) -> None:
    body, losses = foreign("gpt-5.1", reasoning=asked)
    assert body["reasoning"] == {"effort": effort}
    assert losses.parameters == lost

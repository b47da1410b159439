"""Parameters of the answer, as canonical ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pointsman.types import Chat

ChatOf = Callable[..., Chat]


def test_every_parameter_has_its_canonical_name(chat_of: ChatOf) -> None:
    chat = chat_of(
        generationConfig={
            "maxOutputTokens": 100,
            "temperature": 0.5,
            "top_p": 0.9,
            "topK": 40,
            "seed": 7,
            "candidateCount": 2,
            "presencePenalty": 0.1,
            "frequencyPenalty": 0.2,
            "responseLogprobs": True,
            "logprobs": 3,
            "stopSequences": ["END"],
            "responseModalities": ["TEXT"],
            "speechConfig": {"x": 1},
        },
        serviceTier="FLEX",
    )
    assert chat.params == {
        "max_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "seed": 7,
        "n": 2,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "logprobs": True,
        "top_logprobs": 3,
        "stop": ["END"],
        "service_tier": "flex",
    }
    assert chat.called("top_p") == "generationConfig.topP"
    assert chat.extra["gemini"]["generationConfig"] == {"speechConfig": {"x": 1}}


@pytest.mark.parametrize(
    ("thinking", "reasoning"),
    [
        ({"thinkingBudget": 2000}, {"max_tokens": 2000}),
        ({"thinkingBudget": 0}, {"enabled": False}),
        ({"thinking_budget": -1}, {"enabled": True}),
        ({"thinkingLevel": "HIGH", "includeThoughts": True}, {"effort": "high", "summary": "auto"}),
        ({"thinkingLevel": "low", "includeThoughts": False}, {"effort": "low", "exclude": True}),
        ({"includeThoughts": False}, None),
        ({"thinkingLevel": "new"}, None),
    ],
)
def test_thinking(chat_of: ChatOf, thinking: dict[str, Any], reasoning: dict[str, Any] | None) -> None:
    chat = chat_of(generationConfig={"thinkingConfig": thinking})
    assert chat.params.get("reasoning") == reasoning


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({"responseMimeType": "application/json"}, {"type": "json_object"}),
        (
            {"response_mime_type": "application/json", "responseJsonSchema": {"type": "object"}},
            {"type": "json_schema", "schema": {"type": "object"}},
        ),
        (
            {"responseMimeType": "application/json", "responseSchema": {"type": "STRING"}},
            {"type": "json_schema", "schema": {"type": "string"}},
        ),
        ({"responseMimeType": "text/plain"}, None),
    ],
)
def test_the_form_of_the_answer(chat_of: ChatOf, config: dict[str, Any], wanted: Any) -> None:
    chat = chat_of(generationConfig=config)
    assert chat.params.get("response_format") == wanted
    assert "generationConfig" not in chat.extra["gemini"]


def test_what_is_not_of_its_type_stays(chat_of: ChatOf) -> None:
    odd = {"temperature": "hot", "stopSequences": [5], "responseMimeType": "text/x.enum", "topK": True}
    chat = chat_of(generationConfig=odd, safetySettings=[{"category": "X"}])
    assert chat.params == {}
    assert chat.extra["gemini"]["generationConfig"] == odd
    assert chat.extra["gemini"]["safetySettings"] == [{"category": "X"}]
    assert chat_of(generationConfig=5).extra["gemini"]["generationConfig"] == 5

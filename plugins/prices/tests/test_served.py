"""Served: other spellings of a model are the same model, other models are not."""

from __future__ import annotations

import pytest

from pointsman_prices.served import is_among

SAME = [
    ("claude-3-opus-latest", "claude-3-opus-20240229"),
    ("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
    ("llama3.3-70b", "llama-3.3-70b"),
    ("computer-use-preview", "computer-use-preview-2025-03-11"),
    ("davinci-002", "davinci:2023-07-21-v2"),
    ("gpt-3.5-turbo", "gpt-3.5-turbo-0125"),
    ("gpt-4", "gpt-4-0613"),
    ("text-embedding-ada-002", "text-embedding-ada-002-v2"),
    ("anthropic/claude-sonnet-4-5", "anthropic/claude-4.5-sonnet-20250929"),
    ("anthropic/claude-sonnet-4.6", "anthropic/claude-4.6-sonnet-20260217"),
    ("openai/gpt-5-mini", "openai/gpt-5-mini-2025-08-07"),
    ("gemini-2.0-flash", "gemini-2.0-flash-001"),
    ("mistral-large-latest", "mistral-large-2411"),
    ("accounts/fireworks/models/deepseek-v3p1", "deepseek-v3p1"),
    ("minimax/minimax-m2:free", "minimax-m2"),
    ("Qwen/Qwen3-32B:fireworks-ai", "Qwen/Qwen3-32B"),
]
OTHER = [
    ("deepseek-reasoner", "deepseek-v4-flash"),
    ("compound-beta", "groq/compound"),
    ("gpt-5.6", "gpt-5.6-sol"),
    ("gpt-5", "gpt-5-mini"),
    ("google/gemini-2.0-flash-exp:free", "x-ai/grok-4"),
    ("llama3:8b", "llama3:70b"),
    ("claude-opus-4-1", "claude-opus-4"),
    ("gpt-4o", "gpt-4o-mini-2024-07-18"),
    ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
    ("qwen3-30b-2507", "qwen3-30b-2503"),
    ("grok-4-fast", "grok-4.3"),
]


@pytest.mark.parametrize(("asked", "served"), SAME)
def test_another_spelling_is_the_same_model(asked: str, served: str) -> None:
    assert is_among(served, ["something-else", asked])
    assert is_among(asked, [served])


@pytest.mark.parametrize(("asked", "served"), OTHER)
def test_another_model_is_not(asked: str, served: str) -> None:
    assert not is_among(served, [asked])
    assert not is_among(asked, [served])
    assert not is_among(served, [])

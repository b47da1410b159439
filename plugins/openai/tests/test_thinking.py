"""Which models think, and in which words."""

from __future__ import annotations

import pytest

from pointsman_openai.thinking import suited_effort, thinks


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4o", False),
        ("ft:gpt-4o-mini:acme", False),
        ("gpt-3.5-turbo", False),
        ("chatgpt-4o-latest", False),
        ("gpt-5-chat-latest", False),
        ("openai/gpt-4.1", False),
        ("gpt-5", True),
        ("gpt-5.2", True),
        ("o3-mini", True),
        ("deepseek-reasoner", True),
    ],
)
def test_which_models_think(model: str, expected: bool) -> None:
    assert thinks(model) is expected


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("o3", "none", None),
        ("gpt-5-mini", "none", None),
        ("gpt-5.1", "none", "none"),
        ("other", "none", "none"),
        ("gpt-5", "max", "high"),
        ("gpt-5.2", "max", "xhigh"),
        ("other", "xhigh", "high"),
        ("gpt-5", "minimal", "minimal"),
        ("gpt-5.1", "minimal", "low"),
        ("o3", "minimal", "low"),
        ("o3", "medium", "medium"),
    ],
)
def test_the_nearest_effort(model: str, effort: str, expected: str | None) -> None:
    assert suited_effort(model, effort) == expected

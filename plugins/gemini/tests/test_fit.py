"""What a model's generation takes."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman_gemini.fit import fit, is_signed, refuses_prefill, takes_media_results


def thinking(model: str, **reasoning: Any) -> tuple[dict[str, Any], list[str]]:
    config: dict[str, Any] = {}
    lost = fit(config, reasoning, model)
    return config.get("thinkingConfig", {}), lost


@pytest.mark.parametrize(
    ("model", "effort", "budget"),
    [
        ("gemini-2.5-flash", "low", 1024),
        ("gemini-2.5-flash", "medium", 8192),
        ("gemini-2.5-flash-preview-09-2025", "high", 24_576),
        ("gemini-2.5-pro", "max", 32_768),
        ("gemini-2.5-flash-lite", "minimal", 1024),
    ],
)
def test_effort_is_a_budget_in_2_5(model: str, effort: str, budget: int) -> None:
    assert thinking(model, effort=effort) == ({"thinkingBudget": budget, "includeThoughts": True}, [])


@pytest.mark.parametrize(
    ("model", "asked", "budget"),
    [
        ("gemini-2.5-pro", 10, 128),
        ("gemini-2.5-flash-lite", 99_999, 24_576),
        ("gemini-2.5-flash", 2000, 2000),
    ],
)
def test_a_budget_keeps_to_its_bounds_in_2_5(model: str, asked: int, budget: int) -> None:
    assert thinking(model, max_tokens=asked)[0]["thinkingBudget"] == budget


@pytest.mark.parametrize(
    ("model", "effort", "level"),
    [
        ("gemini-3-flash-preview", "minimal", "minimal"),
        ("gemini-3-flash-preview", "medium", "medium"),
        ("gemini-3-pro-preview", "minimal", "low"),
        ("gemini-3-pro-preview", "medium", "high"),
        ("gemini-3.1-pro", "medium", "medium"),
        ("gemini-flash-latest", "xhigh", "high"),
    ],
)
def test_effort_is_a_level_from_3_on(model: str, effort: str, level: str) -> None:
    assert thinking(model, effort=effort) == ({"thinkingLevel": level, "includeThoughts": True}, [])


def test_a_budget_beside_an_effort_has_no_place_from_3_on() -> None:
    assert thinking("gemini-3-flash", max_tokens=500)[0]["thinkingBudget"] == 500
    found, lost = thinking("gemini-3-flash", max_tokens=500, effort="low")
    assert (found["thinkingLevel"], "thinkingBudget" in found) == ("low", False)
    assert lost == ["reasoning.max_tokens"]


@pytest.mark.parametrize(
    ("model", "config", "lost"),
    [
        ("gemini-2.5-flash", {"thinkingBudget": 0}, []),
        ("gemini-2.5-pro", {"thinkingBudget": 128}, ["reasoning"]),
        ("gemini-3-flash", {"thinkingLevel": "minimal"}, []),
        ("gemini-3-pro", {"thinkingLevel": "low"}, ["reasoning"]),
        ("gemini-2.0-flash", {}, ["reasoning"]),
    ],
)
@pytest.mark.parametrize("asked", [{"effort": "none"}, {"enabled": False}])
def test_no_thinking_is_as_little_as_there_can_be(
    model: str, config: dict[str, Any], lost: list[str], asked: dict[str, Any]
) -> None:
    assert thinking(model, **asked) == (config, lost)


def test_thoughts_are_shown_unless_they_are_not_wanted() -> None:
    assert thinking("gemini-2.5-pro", enabled=True) == ({"includeThoughts": True}, [])
    assert thinking("gemini-2.5-pro", summary="auto") == ({"includeThoughts": True}, [])
    assert thinking("gemini-3-pro", effort="low", exclude=True)[0]["includeThoughts"] is False
    assert thinking("gemini-3-pro", effort=None) == ({}, [])


@pytest.mark.parametrize(
    ("model", "refuses"),
    [
        ("gemini-3.5-flash", False),
        ("gemini-3.5-flash-lite", True),
        ("gemini-3.6-flash", True),
        ("gemini-flash-latest", True),
        ("gemma-3", False),
        ("m", False),
    ],
)
def test_the_newest_sample_as_they_like(model: str, refuses: bool) -> None:
    assert refuses_prefill(model) is refuses
    config = {"temperature": 0.5, "topK": 3, "presencePenalty": 1, "maxOutputTokens": 9}
    lost = fit(config, None, model)
    assert lost == (["temperature", "top_k", "presence_penalty"] if refuses else [])
    assert config["maxOutputTokens"] == 9


def test_generations_tell_signatures_and_results() -> None:
    assert [is_signed(each) for each in ("gemini-2.5-pro", "gemini-3-pro", "m")] == [False, True, True]
    assert takes_media_results("gemini-3-flash-preview")
    assert not takes_media_results("gemini-1.5-pro")

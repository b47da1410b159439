"""Fitting requests to models."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman_anthropic.fit import fit, lacks_thought, most_tokens

OLD, BOTH, NEW, NEXT = "claude-sonnet-4-5-20250929", "claude-opus-4-6", "claude-opus-4-8", "claude-sonnet-5"


def fitted(model: str, reasoning: dict[str, Any] | None, **body: Any) -> tuple[dict[str, Any], list[str]]:
    lost = fit(body, reasoning, model)
    return body, lost


@pytest.mark.parametrize(
    ("effort", "budget"),
    [
        ("max", 9500),
        ("xhigh", 9500),
        ("high", 8000),
        ("medium", 5000),
        ("low", 2000),
        ("minimal", 1024),
        ("odd", 5000),
    ],
)
def test_effort_is_a_share_of_the_tokens(effort: str, budget: int) -> None:
    body, lost = fitted(OLD, {"effort": effort}, max_tokens=10_000)
    assert body == {"max_tokens": 10_000, "thinking": {"type": "enabled", "budget_tokens": budget}}
    assert lost == []


@pytest.mark.parametrize(
    ("reasoning", "most", "budget", "raised"),
    [
        ({"max_tokens": 2000}, 5000, 2000, 5000),
        ({"max_tokens": 10}, 5000, 1024, 5000),
        ({"max_tokens": 9000}, 5000, 4999, 5000),
        ({"max_tokens": 9000}, None, 9000, 17_192),
        ({"effort": "low"}, 500, 1024, 1524),
        ({"enabled": True}, None, 8192, 16_384),
    ],
)
def test_a_budget_is_within_the_tokens(
    reasoning: dict[str, Any], most: int | None, budget: int, raised: int
) -> None:
    given = {} if most is None else {"max_tokens": most}
    body, _ = fitted(OLD, reasoning, **given)
    assert (body["thinking"]["budget_tokens"], body["max_tokens"]) == (budget, raised)


@pytest.mark.parametrize(
    ("model", "effort", "written"),
    [
        (BOTH, "low", "low"),
        (BOTH, "minimal", "low"),
        (BOTH, "xhigh", "max"),
        (NEW, "xhigh", "xhigh"),
        (NEW, "max", "max"),
        ("anthropic/claude-4.6-sonnet-20260217", "high", "high"),
        ("claude-opus-4.7", "odd", "medium"),
        ("~anthropic/claude-opus-latest", "high", "high"),
    ],
)
def test_newer_models_take_effort(model: str, effort: str, written: str) -> None:
    body, lost = fitted(model, {"effort": effort}, max_tokens=5000)
    assert body["thinking"]["type"] == "adaptive"
    assert (body["output_config"], body["max_tokens"], lost) == ({"effort": written}, 5000, [])


def test_the_newest_are_asked_to_show_their_thoughts() -> None:
    assert fitted(NEW, {"enabled": True})[0]["thinking"] == {"type": "adaptive", "display": "summarized"}
    body, _ = fitted(NEW, {"effort": "low", "exclude": True})
    assert body["thinking"] == {"type": "adaptive", "display": "omitted"}


def test_a_budget_is_kept_where_it_is_taken_and_lost_where_not() -> None:
    assert fitted(BOTH, {"max_tokens": 2000}, max_tokens=4000)[0]["thinking"]["budget_tokens"] == 2000
    assert fitted(NEW, {"max_tokens": 2000})[1] == ["reasoning.max_tokens"]


@pytest.mark.parametrize(
    ("model", "thinking", "lost"),
    [
        (OLD, None, []),
        (NEW, None, []),
        (NEXT, {"type": "disabled"}, []),
        ("deepseek-chat", {"type": "disabled"}, []),
        ("claude-fable-5", None, ["reasoning"]),
    ],
)
@pytest.mark.parametrize("reasoning", [{"effort": "none"}, {"enabled": False}])
def test_no_thinking(model: str, reasoning: dict[str, Any], thinking: Any, lost: list[str]) -> None:
    body, found = fitted(model, reasoning)
    assert (body.get("thinking"), found) == (thinking, lost)


@pytest.mark.parametrize(
    ("reasoning", "lost"),
    [
        (None, []),
        ({}, []),
        ({"exclude": True}, ["reasoning.exclude"]),
        ({"summary": "auto", "effort": None}, ["reasoning.summary"]),
    ],
)
def test_how_thoughts_are_shown_asks_for_none(reasoning: dict[str, Any] | None, lost: list[str]) -> None:
    assert fitted(OLD, reasoning, max_tokens=9) == ({"max_tokens": 9}, lost)


def test_thinking_goes_without_sampling() -> None:
    body, lost = fitted(OLD, {"effort": "low"}, temperature=0.2, top_k=3, top_p=0.5)
    assert set(body) == {"thinking", "max_tokens"}
    assert lost == ["temperature", "top_k", "top_p"]
    body, lost = fitted(OLD, {"effort": "low"}, temperature=1, top_p=0.99)
    assert (body["top_p"], lost) == (0.99, [])


def test_the_newest_take_no_sampling_at_all() -> None:
    assert fitted(NEW, None, temperature=0.2, top_p=0.5, top_k=1) == ({}, ["temperature", "top_p", "top_k"])
    assert fitted(NEW, None, temperature=1) == ({}, [])


def test_newer_models_take_one_of_temperature_and_top_p() -> None:
    assert fitted(OLD, None, temperature=0.2, top_p=0.5) == ({"temperature": 0.2}, ["top_p"])
    both = {"temperature": 0.2, "top_p": 0.5}
    assert fitted("claude-3-5-haiku-20241022", None, **both) == (both, [])


def test_thinking_goes_without_a_forced_tool() -> None:
    choice = {"type": "tool", "name": "f", "disable_parallel_tool_use": True}
    body, lost = fitted(OLD, {"effort": "low"}, tool_choice=choice)
    assert (body["tool_choice"], "thinking" in body, lost) == (choice, False, ["reasoning"])
    body, lost = fitted(NEW, {"effort": "low"}, tool_choice=choice)
    assert (body["tool_choice"], body["thinking"]["type"], lost) == (choice, "adaptive", [])
    assert fitted(NEW, None, tool_choice=choice)[0]["tool_choice"] == choice


def test_a_format_survives_thinking() -> None:
    body, _ = fitted(NEW, {"effort": "low"}, output_config={"format": {}})
    assert body["output_config"] == {"format": {}, "effort": "low"}


def test_a_turn_under_way_without_its_thoughts_goes_on_without() -> None:
    call = {"role": "assistant", "content": [{"type": "tool_use"}]}
    result = {"role": "user", "content": [{"type": "tool_result"}]}
    body, lost = fitted(OLD, {"effort": "low"}, messages=[call, result])
    assert ("thinking" in body, lost) == (False, ["reasoning"])
    assert "thinking" in fitted(NEW, {"effort": "low"}, messages=[call, result])[0]


@pytest.mark.parametrize(
    ("messages", "lacks"),
    [
        ([], False),
        ([("user", "text")], False),
        ([("user", "text"), ("assistant", "tool_use"), ("user", "tool_result")], True),
        ([("user", "text"), ("assistant", "thinking", "tool_use"), ("user", "tool_result")], False),
        (
            [("assistant", "tool_use"), ("user", "tool_result"), ("assistant", "text"), ("user", "text")],
            False,
        ),
        ([("assistant", "text"), ("user", "tool_result")], False),
        ([("user", "tool_result")], False),
    ],
)
def test_turns_that_lack_their_thoughts(messages: list[tuple[str, ...]], lacks: bool) -> None:
    written = [{"role": role, "content": [{"type": kind} for kind in kinds]} for role, *kinds in messages]
    assert lacks_thought(written) is lacks


def test_a_text_alone_lacks_nothing() -> None:
    assert not lacks_thought([{"role": "user", "content": "Hi"}])


@pytest.mark.parametrize(
    ("model", "thinking", "most"),
    [
        (NEW, None, 8192),
        (OLD, {"type": "enabled", "budget_tokens": 2000}, 10_192),
        (OLD, {"type": "enabled", "budget_tokens": "x"}, 8192),
        ("claude-3-opus-20240229", None, 4096),
        ("claude-3-5-sonnet-20240620", None, 8192),
    ],
)
def test_a_request_without_a_limit_gets_one(model: str, thinking: Any, most: int) -> None:
    assert most_tokens(model, thinking) == most

"""What a model's generation takes of thinking and sampling, and how a request is made to fit it.

Up to 4.5 the models think within a budget of tokens. 4.6 knows adaptive thinking, steered by effort, and also
takes budgets; from 4.7 on there is nothing else, and sampling is no longer the client's to choose.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

__all__ = ["DEFAULT_MAX_TOKENS", "fit", "lacks_thought", "most_tokens", "refuses_prefill"]

DEFAULT_MAX_TOKENS = 8192
LEAST_BUDGET = 1024
FULL = 16_384
"""Tokens of which effort takes its share where the client sets no limit."""
SHARES = {"max": 95, "xhigh": 95, "high": 80, "medium": 50, "low": 20, "minimal": 10}
"""Percent of the tokens that go into thinking, by effort."""
EFFORTS = {"minimal": "low"}
ASKS = ("effort", "max_tokens", "enabled")
"""What asks for thinking, or for none: the rest only says how it is shown."""
SMALL = re.compile(r"claude-(?:2|instant|3-(?:opus|sonnet|haiku))")
"""Models that answer with 4,096 tokens at most."""
NEWEST = (99, 0)
_AFTER = re.compile(r"(opus|sonnet|haiku|fable|mythos)-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
_BEFORE = re.compile(r"claude-(\d{1,2})(?:[-.](\d{1,2}))?-(opus|sonnet|haiku|fable|mythos)")


@lru_cache(maxsize=256)
def _generation(model: str) -> tuple[int, int] | None:
    """A model's generation, as (4, 7); None for one that is not of this family, or does not say."""
    name = model.lower()
    found = _BEFORE.search(name)
    numbers = found.group(1, 2) if found else None
    if numbers is None and (found := _AFTER.search(name)):
        numbers = found.group(2, 3)
    if numbers is not None:
        return int(numbers[0]), int(numbers[1] or 0)
    return NEWEST if "claude" in name and "latest" in name else None


def refuses_prefill(model: str) -> bool:
    """Whether a model only begins answers of its own."""
    generation = _generation(model)
    return generation is not None and generation >= (4, 6)


def most_tokens(model: str, thinking: Any) -> int:
    """`max_tokens` for a request that has none: room for an answer, beside what thinking may take."""
    if SMALL.search(model.lower()):
        return DEFAULT_MAX_TOKENS // 2
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    return DEFAULT_MAX_TOKENS + (budget if isinstance(budget, int) and budget > 0 else 0)


def fit(body: dict[str, Any], reasoning: Mapping[str, Any] | None, model: str) -> list[str]:
    """Make a request from another dialect fit a model, in place: `reasoning` as this model takes it, and
    without what the model refuses. Returns the canonical names of what is lost.

    """
    generation = _generation(model)
    asked = reasoning if reasoning and any(reasoning.get(name) is not None for name in ASKS) else None
    lost = _think(body, asked, model.lower(), generation) if asked else []
    if asked and asked.get("exclude") and (generation is None or generation < (4, 7)):
        lost.append("reasoning.exclude")
    if reasoning and not asked:
        lost += [f"reasoning.{name}" for name in reasoning if reasoning[name] is not None]
    thinking = _object(body["thinking"]).get("type") if "thinking" in body else None
    if thinking == "enabled" and _is_forced(body.get("tool_choice")):
        del body["thinking"]  # within a budget a model thinks only where it is free not to call
        lost.append("reasoning")
        thinking = None
    if generation is not None and generation >= (4, 7):
        _drop(body, lost, "temperature", "top_p", keep=1)
        _drop(body, lost, "top_k")
    elif thinking in ("enabled", "adaptive"):
        _drop(body, lost, "temperature", keep=1)
        _drop(body, lost, "top_k")
        if _is_below(body.get("top_p"), 0.95):
            _drop(body, lost, "top_p")
    if "temperature" in body and "top_p" in body and generation is not None and generation >= (4, 1):
        _drop(body, lost, "top_p")
    return lost


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_forced(choice: Any) -> bool:
    return _object(choice).get("type") in ("any", "tool")


def _is_below(value: Any, least: float) -> bool:
    return isinstance(value, int | float) and value < least


def _drop(body: dict[str, Any], lost: list[str], *names: str, keep: Any = None) -> None:
    """Take members out; one that has its default value, `keep`, is not lost by that."""
    for name in names:
        if name in body and body.pop(name) != keep:
            lost.append(name)


def _think(
    body: dict[str, Any], reasoning: Mapping[str, Any], model: str, generation: tuple[int, int] | None
) -> list[str]:
    """Write `thinking` and the effort. Returns what is lost."""
    effort, budget = reasoning.get("effort"), reasoning.get("max_tokens")
    config = {
        name: value for name, value in _object(body.pop("output_config", None)).items() if name != "effort"
    }
    lost: list[str] = []
    if effort == "none" or reasoning.get("enabled") is False:
        if generation is None or generation >= (5, 0):
            if "fable" in model or "mythos" in model:
                lost.append("reasoning")
            else:
                body["thinking"] = {"type": "disabled"}
    elif generation is not None and (generation >= (4, 7) or (generation == (4, 6) and not budget)):
        body["thinking"] = {"type": "adaptive"}
        if generation >= (4, 7):
            body["thinking"]["display"] = "omitted" if reasoning.get("exclude") is True else "summarized"
        if isinstance(effort, str):
            config["effort"] = _effort(effort, generation)
        elif budget:
            lost.append("reasoning.max_tokens")
    elif lacks_thought(body.get("messages", [])):
        lost.append("reasoning")
    else:
        _budget(body, effort, budget)
    if config:
        body["output_config"] = config
    return lost


def _effort(effort: str, generation: tuple[int, int]) -> str:
    """The nearest effort that a generation knows."""
    if effort == "xhigh" and generation < (4, 7):
        return "max"
    return EFFORTS.get(effort, effort if effort in SHARES else "medium")


def _budget(body: dict[str, Any], effort: Any, budget: Any) -> None:
    """Thinking within a budget, which is part of `max_tokens`."""
    most = body.get("max_tokens")
    asked = isinstance(budget, int) and budget > 0
    wanted = budget if asked else (most or FULL) * SHARES.get(str(effort), SHARES["medium"]) // 100
    wanted = max(LEAST_BUDGET, wanted)
    if most is None:
        most = wanted + DEFAULT_MAX_TOKENS
    elif most <= LEAST_BUDGET:
        most += LEAST_BUDGET
    body["max_tokens"] = most
    body["thinking"] = {"type": "enabled", "budget_tokens": min(wanted, most - 1)}


def lacks_thought(messages: list[Any]) -> bool:
    """Whether a turn that still waits for the results of its tools does not begin with its thoughts, without
    which it cannot go on thinking within a budget."""
    for message in reversed(messages):
        content = message.get("content")
        kinds = (
            [each.get("type") for each in content if isinstance(each, dict)]
            if isinstance(content, list)
            else []
        )
        if message.get("role") != "assistant":
            if "tool_result" not in kinds:
                return False
        elif "tool_use" in kinds:
            return kinds[0] not in ("thinking", "redacted_thinking")
        else:
            return False
    return False

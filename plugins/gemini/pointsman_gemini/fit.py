"""What a model's generation takes of thinking and sampling, and how a request is made to fit it.

The models of 2.5 think within a budget of tokens, those from 3 on by levels, though they know budgets too;
older ones do not think. From 3.5 on (flash-lite) and 3.6 on, sampling is no longer the client's to choose,
and an answer cannot be begun for the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

__all__ = ["bills_each_search", "fit", "is_signed", "refuses_prefill", "takes_media_results"]

NEWEST = (99, 0)
"""The generation of a name that tells none."""
BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192}
"""Tokens of thinking by effort, where there are no levels; any higher effort has what the model takes."""
FLASH = (0, 24_576)
LITE = (512, 24_576)
PRO = (128, 32_768)
"""The least and the most of a budget in generation 2.5."""
LEVELS = ("minimal", "low", "medium", "high")
ASKS = ("effort", "max_tokens", "enabled")
SAMPLING = ("temperature", "topP", "topK")
PENALTIES = ("frequencyPenalty", "presencePenalty")
CANONICAL = {
    "topP": "top_p",
    "topK": "top_k",
    "frequencyPenalty": "frequency_penalty",
    "presencePenalty": "presence_penalty",
}
_GENERATION = re.compile(r"gemini-(\d{1,2})(?:\.(\d{1,2}))?(?!\d)")


@lru_cache(maxsize=256)
def _generation(model: str) -> tuple[int, int]:
    """A model's generation, as (2, 5)."""
    found = _GENERATION.search(model.lower())
    return (int(found[1]), int(found[2] or 0)) if found else NEWEST


def is_signed(model: str) -> bool:
    """Whether a model demands a signature on the first call of a turn."""
    return _generation(model) >= (3, 0)


def takes_media_results(model: str) -> bool:
    """Whether a function may answer a model with pictures and documents."""
    return _generation(model) >= (3, 0)


def bills_each_search(model: str) -> bool:
    """Whether every search of the web has its price, and not the request in which there are any."""
    return _generation(model) >= (3, 0)


def refuses_prefill(model: str) -> bool:
    """Whether a model only begins answers of its own, and samples as it likes."""
    generation, name = _generation(model), model.lower()
    if generation == NEWEST:
        return "gemini" in name and "latest" in name
    return generation >= (3, 6) or (generation == (3, 5) and "flash-lite" in name)


def fit(config: dict[str, Any], reasoning: Mapping[str, Any] | None, model: str) -> list[str]:
    """Make the `generationConfig` of a request from another dialect fit a model, in place: `reasoning` as
    this model takes it, and without what the model refuses. Returns the canonical names of what is lost."""
    lost = _think(config, reasoning, model.lower()) if reasoning else []
    if refuses_prefill(model):
        for name in (*SAMPLING, *PENALTIES):
            if config.pop(name, None) is not None:
                lost.append(CANONICAL.get(name, name))
    return lost


def _think(config: dict[str, Any], reasoning: Mapping[str, Any], model: str) -> list[str]:
    """Write `thinkingConfig`. Returns what is lost."""
    generation = _generation(model)
    effort, budget = reasoning.get("effort"), reasoning.get("max_tokens")
    asks = any(reasoning.get(name) is not None for name in ASKS)
    if generation < (2, 5):
        return ["reasoning"]
    thinking: dict[str, Any] = {}
    lost: list[str] = []
    silent = effort == "none" or reasoning.get("enabled") is False
    if silent:
        lost += _silence(thinking, model, generation)
    elif generation < (3, 0):
        least, most = _bounds(model)
        if isinstance(budget, int):
            thinking["thinkingBudget"] = min(max(budget, least), most)
        elif isinstance(effort, str):
            thinking["thinkingBudget"] = min(BUDGETS.get(effort, most), most)
    elif isinstance(effort, str):
        thinking["thinkingLevel"] = _level(effort, model, generation)
        if budget is not None:
            lost.append("reasoning.max_tokens")
    elif isinstance(budget, int):
        thinking["thinkingBudget"] = budget
    if reasoning.get("exclude") is True:
        thinking["includeThoughts"] = False
    elif not silent and (asks or reasoning.get("summary") is not None):
        thinking["includeThoughts"] = True
    if thinking:
        config["thinkingConfig"] = thinking
    return lost


def _silence(thinking: dict[str, Any], model: str, generation: tuple[int, int]) -> list[str]:
    """As little thinking as there can be. Returns what is lost where that is not none."""
    if generation < (3, 0):
        least, _ = _bounds(model)
        thinking["thinkingBudget"] = 0 if "pro" not in model else least
        return ["reasoning"] if "pro" in model else []
    thinking["thinkingLevel"] = _level("minimal", model, generation)
    return ["reasoning"] if "pro" in model else []


def _bounds(model: str) -> tuple[int, int]:
    if "lite" in model:
        return LITE
    return PRO if "pro" in model else FLASH


def _level(effort: str, model: str, generation: tuple[int, int]) -> str:
    """The nearest level that a model knows."""
    level = effort if effort in LEVELS else "high"
    if "pro" in model:
        if level == "minimal":
            return "low"
        if level == "medium" and generation == (3, 0):
            return "high"
    return level

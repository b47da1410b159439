"""Which of OpenAI's models think, and in which words they are told how much."""

from __future__ import annotations

import re

__all__ = ["suited_effort", "thinks"]

_UNTHINKING = re.compile(r"(?:^|[/:])(?:chatgpt|gpt-[34]|gpt-5(?:\.\d+)?-chat)")
_GENERATION = re.compile(r"(?:^|[/:])gpt-5(?:\.(\d+))?(?![\d.])")
_OLDER = re.compile(r"(?:^|[/:])o\d")


def thinks(model: str) -> bool:
    """Whether a model may think; those of others are not known, and may."""
    return _UNTHINKING.search(model) is None


def suited_effort(model: str, effort: str) -> str | None:
    """The nearest effort that a model knows; None where not to think cannot be asked of it."""
    generation = _GENERATION.search(model)
    minor = int(generation[1] or 0) if generation else None
    older = _OLDER.search(model) is not None
    if effort == "none":
        return None if older or minor == 0 else effort
    if effort == "max":
        effort = "xhigh"
    if effort == "xhigh":
        return "xhigh" if minor is not None and minor >= 2 else "high"
    if effort == "minimal":
        return "low" if older or (minor is not None and minor > 0) else effort
    return effort

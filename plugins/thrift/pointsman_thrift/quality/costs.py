"""Costs: how much a model writes, how long that takes, and what a good answer comes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .scale import HALF_LIFE, Scale

__all__ = ["Costs", "of_success"]

OUTPUT = 500.0
"""Tokens of an answer, where none has been seen."""
MASS = 5.0
"""Answers that a model's mean over all tasks counts as, where a task is asked for."""
LEAST = 1e-3
"""Quality that is divided by at least: what never succeeds costs a thousand times its price."""
VERSION = 1


class Costs:
    """Means that fade, by task and model: tokens of output, and seconds of an answer. Reasoning models write
    several times as much as others for the same question, so a price alone says little."""

    def __init__(self, half_life: float = HALF_LIFE) -> None:
        self._scale = Scale(half_life)
        self._sums: dict[tuple[str, str], list[float]] = {}
        """By task and model ('' is any): weight, tokens, weight of those timed, seconds."""

    def observe(
        self, task: str, model: str, *, output: int, seconds: float | None, at: float, count: int = 1
    ) -> None:
        """Count an answer that was whole, or so many with these means."""
        factor = count * self._scale.factor(at)
        for key in ((task, model), ("", model), ("", "")):
            sums = self._sums.setdefault(key, [0.0, 0.0, 0.0, 0.0])
            sums[0] += factor
            sums[1] += output * factor
            if seconds is not None:
                sums[2] += factor
                sums[3] += seconds * factor

    def output(self, task: str, model: str, at: float) -> float:
        """Tokens that a model writes in answer, on average."""
        found = self._mean(task, model, 0, self._scale.factor(at))
        return OUTPUT if found is None else found

    def seconds(self, task: str, model: str, at: float) -> float | None:
        """Seconds that a model's answer takes, on average; None where no model was timed."""
        return self._mean(task, model, 2, self._scale.factor(at))

    def as_json(self, at: float) -> dict[str, Any]:
        """All of it as JSON data."""
        factor = self._scale.factor(at)
        sums = [
            [task, model, *(each / factor for each in found)] for (task, model), found in self._sums.items()
        ]
        return {"version": VERSION, "at": at, "half_life": self._scale.half_life, "sums": sums}

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Costs:
        """What `as_json` wrote. Raises ValueError where it is something else."""
        try:
            if data["version"] != VERSION:
                raise ValueError(f"this is version {data['version']!r} of the figures, not {VERSION}")
            found = cls(float(data["half_life"]))
            factor = found._scale.factor(float(data["at"]))
            for task, model, weight, tokens, timed, seconds in data["sums"]:
                found._sums[task, model] = [each * factor for each in (weight, tokens, timed, seconds)]
        except (KeyError, TypeError) as error:
            raise ValueError(f"these are no figures of costs: {error}") from None
        return found

    def _mean(self, task: str, model: str, place: int, factor: float) -> float | None:
        """From all models' mean to the model's own to that in the task, each as far as it is known."""
        found: float | None = None
        for key in (("", ""), ("", model), (task, model)):
            sums = self._sums.get(key)
            if sums is None or sums[place] <= 0:
                continue
            weight, total = sums[place] / factor, sums[place + 1] / factor
            found = total / weight if found is None else (total + MASS * found) / (weight + MASS)
        return found


def of_success(cost: float, quality: float) -> float:
    """What a good answer costs: the cost of one, by the share of good ones."""
    return cost / max(quality, LEAST)

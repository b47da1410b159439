"""Told: a choice as the decision record has it, in words and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman_thrift.policy import Choice, Weighed

__all__ = ["BY", "Chosen", "Worth", "order_again"]

BY = "thrift"


@dataclass(frozen=True, slots=True)
class Worth:
    """Why a model has its place."""

    weighed: Weighed
    chosen: str | None
    """The cause and the reason, of the one that was chosen."""

    def __str__(self) -> str:
        low, high = self.weighed.estimate.interval
        mean, n = self.weighed.estimate.mean, self.weighed.estimate.n
        words = f"{BY}: quality {mean:.2f} ({low:.2f} to {high:.2f}, n {n:.0f}); {self.weighed.verdict}"
        return f"{words}; chosen: {self.chosen}" if self.chosen is not None else words

    def data(self) -> dict[str, Any]:
        """As JSON data."""
        return {"by": BY, **self.weighed.as_json(), "chosen": self.chosen}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The choice among models, by which it can be made again."""

    choice: Choice

    def data(self) -> dict[str, Any]:
        """As JSON data, in the shape of other choices."""
        told = self.choice.as_json()
        told.pop("models")
        return {"by": BY, "endpoints": [], "asleep": [], "swapped": False, "stays": None, **told}


def order_again(record: Mapping[str, Any], models: Sequence[str]) -> list[str] | None:
    """The order of these models by a record; None where it tells of others."""
    for told in record.get("health", ()):
        if told.get("by") == BY and {*models} <= {*told.get("order", ())}:
            return [model for model in told["order"] if model in models]
    return None

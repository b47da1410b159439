"""The loss budget: how much quality may be given up for price, on the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

__all__ = ["Controller", "Limits"]

WINDOW = 2000.0
"""Requests over which the budget is kept: the sums fade, one of so many requests ago counts a third."""
GAIN = 0.02
"""How far one request that used nothing of the budget moves the threshold, in budgets."""
EASE = 0.2
"""The last share of the budget, in which less is allowed."""
WIDEST = 40.0
"""The threshold is no more than so many budgets, whatever was saved up."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an operator allows. `loss` is the share of the best model's quality that may be lost on the whole,
    `task_loss` the most that may be expected to be lost in any one request, of a score from 0 to 1."""

    loss: float = 0.05
    task_loss: float = 0.15


class Controller:
    """Moves the threshold `tau`: a model may take a request when it is expected to lose less than that.

    Each request's expected loss, at the cautious end of what is known, is held against what the budget
    grants it. What is left over raises tau, what was overdrawn lowers it. So cheap models get the requests
    where they lose least, as many as the budget pays for.
    """

    __slots__ = ("_granted", "_lost", "limits", "tau")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.tau = limits.loss
        self._lost = 0.0
        self._granted = 0.0

    @property
    def share(self) -> float:
        """The share of the best quality that was lost of late."""
        return self._lost / self._granted if self._granted > 0 else 0.0

    @property
    def exhausted(self) -> bool:
        """Whether the budget is used up: nothing that loses anything is allowed until it is earned again."""
        return self._granted > 0 and self._lost > self.limits.loss * self._granted

    def allowed(self) -> float:
        """The loss that one request may be expected to have now: tau, and less of it the less is left of the
        budget, so that the last of it goes where least is lost."""
        if self.limits.loss <= 0:
            return 0.0
        left = (1.0 - self.share / self.limits.loss) / EASE
        return min(self.tau, self.limits.task_loss) * min(1.0, max(0.0, left))

    def spent(self, loss: float, best: float) -> None:
        """Count a request: what it is expected to lose against the best, of whose quality `best`. Requests
        that may not be moved are not counted, for they can earn nothing either."""
        loss, fade = max(0.0, loss), 1.0 - 1.0 / WINDOW
        self._lost = self._lost * fade + loss
        self._granted = self._granted * fade + best
        budget = self.limits.loss * best
        step = GAIN * (budget - loss)
        self.tau = min(max(self.tau + step, 0.0), WIDEST * self.limits.loss, 1.0)

    def as_json(self) -> dict[str, Any]:
        """For records and to go on after a restart."""
        return {
            "loss": self.limits.loss,
            "task_loss": self.limits.task_loss,
            "tau": self.tau,
            "lost": self._lost,
            "granted": self._granted,
        }

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Controller:
        """What `as_json` wrote. Raises ValueError where it is something else."""
        try:
            numbers = {name: float(data[name]) for name in ("loss", "task_loss", "tau", "lost", "granted")}
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no state of a loss budget: {error}") from None
        if not all(0.0 <= each < inf for each in numbers.values()):
            raise ValueError("a loss budget has no negative numbers")
        found = cls(Limits(numbers["loss"], numbers["task_loss"]))
        found.tau, found._lost, found._granted = numbers["tau"], numbers["lost"], numbers["granted"]
        return found

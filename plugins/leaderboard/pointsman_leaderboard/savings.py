"""Savings: what was spent, beside what the same requests would have cost with one model for all of them.

The tokens are those that were really used; another model would have written more or less. Prices are those of
now, of each model's cheapest endpoint; each request counts as large as the mean of its model's. Quality is
what the feedback shows of the model over its tasks, weighted by requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Any

from pointsman.catalogue import Catalogue, Endpoint
from pointsman.types import Usage
from pointsman_prices.book import price_at
from pointsman_usage.text import usd

from .quality import RANKED, Board
from .statistics import Z

__all__ = ["ASSUMPTIONS", "Savings"]

ASSUMPTIONS = (
    "tokens as they were used: another model would have written more or less",
    "list prices of now, of each model's cheapest endpoint, without markup and windows of other hours",
    "each request as large as the mean of its model's requests",
)
COUNTS = ("input", "output", "cache_read", "cache_write")

Row = dict[str, Any]


class Savings:
    """What was used by task and model, where the price of all of it is known, at prices of now."""

    def __init__(
        self, used: Sequence[Mapping[str, Any]], board: Board, catalogue: Catalogue, now: datetime
    ) -> None:
        self._used = [row for row in used if row["complete"] and row["priced"] and not row["unpriced"]]
        self._board = board
        self._spent = sum(row["cost_nano"] for row in self._used)
        costs = {model: self._cost(catalogue, model, now) for model in {row["model"] for row in self._used}}
        self._costs = {model: cost for model, cost in sorted(costs.items()) if cost is not None}

    def shown(self) -> Row:
        """What was spent and how good it was, beside three others: the best single model (of those with
        enough feedback for a rank), the cheapest of those used, and a random mix of these two that costs what
        was spent. Null is not known; nothing is claimed of a model without quality or price."""
        ranked = [model for model in self._costs if self._seen(model) >= RANKED]
        best = max(ranked, key=self._mean, default=None)
        cheapest = min(self._costs, key=lambda model: self._costs[model], default=None)
        return {
            "requests": sum(row["complete"] for row in self._used),
            "spent": _told(None, self._spent, self._quality(None)),
            "best_single": self._single(best),
            "cheapest": self._single(cheapest),
            "random_mix": self._mix(best, cheapest),
            "assumptions": list(ASSUMPTIONS),
        }

    def _cost(self, catalogue: Catalogue, model: str, now: datetime) -> int | None:
        """What all of it would cost with one model, at its cheapest endpoint; None where none has a price."""
        known = catalogue.models.get(model)
        sums = [self._cost_at(each, now) for each in known.endpoints] if known is not None else []
        return min((each for each in sums if each is not None), default=None)

    def _cost_at(self, endpoint: Endpoint, now: datetime) -> int | None:
        total = 0
        for row in self._used:
            n = row["complete"]
            counts = {name: row[f"{name}_tokens"] // n for name in COUNTS}
            cost = price_at(endpoint, Usage(**counts), now.timestamp())
            if cost is None:
                return None
            total += cost.nano * n
        return total

    def _quality(self, model: str | None) -> _Mean | None:
        """The mean quality of what was answered, or of the same requests with one model, over the tasks of
        which there is feedback; None without any."""
        total = squares = votes = weight = 0.0
        for row in self._used:
            if self._board.models(row["task"]):
                found, n = self._board.estimate(row["task"], model or row["model"]), row["complete"]
                total += n * found.mean
                squares += n * n * found.variance
                votes += found.n
                weight += n
        return _Mean(total / weight, squares / weight**2, votes) if weight else None

    def _mean(self, model: str) -> float:
        found = self._quality(model)
        return 0.0 if found is None else found.mean

    def _seen(self, model: str) -> float:
        """The effective votes on a model, at the tasks there were."""
        return sum(self._board.estimate(task, model).n for task in {row["task"] for row in self._used})

    def _single(self, model: str | None) -> Row | None:
        if model is None:
            return None
        saved = self._costs[model] - self._spent
        told = _told(model, self._costs[model], self._quality(model))
        return told | {"saved_nano": saved, "saved_usd": usd(saved)}

    def _mix(self, best: str | None, cheapest: str | None) -> Row | None:
        """The share of the best that costs what was spent, and what quality that comes to. None where the
        spend is not between the two's, or they are one."""
        if best is None or cheapest is None:
            return None
        most, least = self._costs[best], self._costs[cheapest]
        if not least <= self._spent <= most or most == least:
            return None
        share = (self._spent - least) / (most - least)
        high, low = self._quality(best), self._quality(cheapest)
        quality = None if high is None or low is None else high.mixed(low, share)
        return _told(None, self._spent, quality) | {"best_share": share}


@dataclass(frozen=True, slots=True)
class _Mean:
    """A mean of several estimates, its variance, and the effective votes behind it."""

    mean: float
    variance: float
    votes: float

    def mixed(self, other: _Mean, share: float) -> _Mean:
        """Of requests of which so large a share goes to this, and the rest to the other."""
        rest = 1.0 - share
        return _Mean(
            share * self.mean + rest * other.mean,
            share * share * self.variance + rest * rest * other.variance,
            self.votes + other.votes,
        )

    def shown(self) -> Row:
        """With its interval of 95 %."""
        reach = Z * sqrt(self.variance)
        return {
            "quality": self.mean,
            "low": max(0.0, self.mean - reach),
            "high": min(1.0, self.mean + reach),
            "effective": self.votes,
        }


UNKNOWN: Row = {"quality": None, "low": None, "high": None, "effective": 0.0}


def _told(model: str | None, nano: int, quality: _Mean | None) -> Row:
    said = UNKNOWN if quality is None else quality.shown()
    return {"model": model, "cost_nano": nano, "cost_usd": usd(nano), **said}

"""Quality: how good models' answers are at each task, from all feedback there is, and who ranks where.

What is counted, and how it fades and is drawn together, is what routes go by (`pointsman_thrift.quality`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pointsman.ledger import Reading
from pointsman.setup import Setup
from pointsman_feedback import share_of
from pointsman_feedback.evidence import MOST_SHARE, Said, faded
from pointsman_thrift.quality import Estimate, Priors, Quality
from pointsman_thrift.quality.scale import HALF_LIFE

from .statistics import Rank, ranks

__all__ = ["RANKED", "TASKLESS", "Beliefs", "Board", "board_of"]

RANKED = 30.0
"""Effective votes from which on a model has a rank."""
TASKLESS = ""
"""The task of what nobody has classified."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Beliefs:
    """How feedback is counted: the most of all weight that one key may have, the seconds after which it
    counts half, and what is believed without any."""

    share: float = MOST_SHARE
    half_life: float = HALF_LIFE
    priors: Priors = field(default_factory=Priors)

    @classmethod
    def of(cls, setup: Setup) -> Beliefs:
        """As a configuration has it."""
        if setup.plugins.get("thrift") is None:
            return cls(share_of(setup))
        choice = setup.settings("thrift").choice
        priors = Priors.of(choice.priors) if choice.priors is not None else Priors()
        return cls(share_of(setup), choice.half_life, priors)


class Board:
    """What is known at a time: posteriors by task and model, and the labels behind them."""

    def __init__(self, said: Iterable[Said], beliefs: Beliefs, now: datetime) -> None:
        self._quality = Quality(beliefs.priors, half_life=beliefs.half_life, key_share=beliefs.share)
        self.share = beliefs.share
        self._now = now.timestamp()
        self._ranks: dict[str, dict[str, Rank]] = {}
        self._labels: dict[tuple[str, str], dict[str, int]] = {}
        self._keys: dict[tuple[str, str], set[str]] = {}
        for each in said:
            place = each.task or TASKLESS, each.model
            mean = min(1.0, max(0.0, each.tally.good / each.tally.weight))
            self._quality.observe(
                *place, mean, weight=each.tally.weight, at=self._now, source=each.source, key=each.key_id
            )
            labels = self._labels.setdefault(place, {})
            labels[each.source] = labels.get(each.source, 0) + each.tally.labels
            self._keys.setdefault(place, set()).add(each.key_id)

    def tasks(self) -> list[str]:
        """Those of which anything is known."""
        return sorted({task for task, _ in self._labels})

    def most_known(self) -> str:
        """The task that most has been said of; none where nothing has."""
        said: dict[str, int] = {}
        for (task, _), labels in self._labels.items():
            said[task] = said.get(task, 0) + sum(labels.values())
        return max(sorted(said), key=lambda task: said[task], default=TASKLESS)

    def models(self, task: str) -> list[str]:
        """The models of which anything is known at a task."""
        return sorted(model for each, model in self._labels if each == task)

    def knows(self, task: str, model: str) -> bool:
        """Whether anything is known of a model at a task."""
        return (task, model) in self._labels

    def estimate(self, task: str, model: str) -> Estimate:
        """The posterior of a model at a task."""
        return self._quality.estimate(task, model, self._now)

    def ranked(self, task: str) -> dict[str, Rank]:
        """The ranks of the models of which enough is known."""
        if task not in self._ranks:
            found = {model: self.estimate(task, model) for model in self.models(task)}
            known = {model: each for model, each in found.items() if each.n >= RANKED}
            self._ranks[task] = ranks(known, task)
        return self._ranks[task]

    def rows(self, task: str) -> list[Row]:
        """The models of a task, those with a rank first, the best of them first; then the others by name."""
        placed = self.ranked(task)
        found = [self._row(task, model, placed) for model in self.models(task)]
        return sorted(found, key=lambda row: (not row["ranked"], -row["mean"] if row["ranked"] else 0.0))

    def _row(self, task: str, model: str, placed: Mapping[str, Rank]) -> Row:
        estimate, labels = self.estimate(task, model), self._labels[task, model]
        low, high = estimate.interval
        rank = placed.get(model)
        return {
            "task": task or None,
            "model": model,
            "mean": estimate.mean,
            "low": low,
            "high": high,
            "n": sum(labels.values()),
            "effective": estimate.n,
            "keys": len(self._keys[task, model]),
            "sources": {
                name: {"n": count, "effective": estimate.sources.get(name, 0.0)}
                for name, count in sorted(labels.items())
            },
            "prior_share": estimate.prior_share,
            "ranked": rank is not None,
            "needs": 0.0 if rank is not None else RANKED - estimate.n,
            "rank": None if rank is None else {"low": rank.low, "high": rank.high},
            "tied_with": [] if rank is None else list(rank.tied),
        }


def board_of(reading: Reading, beliefs: Beliefs, now: datetime) -> Board:
    """The board of all feedback in the ledger."""
    return Board(faded(reading, now=now, half_life=beliefs.half_life), beliefs, now)

"""Knowledge: how good models are, and what they write and take, as the ledger has it.

It is read again every now and then: what a vote changes, a shadow adds or an hour takes away shows by itself,
and a restart forgets nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.ledger import Ledger, Reading, ReadOnlyLedger
from pointsman_feedback.evidence import PRIOR, Judged, capped, judged, tallies
from pointsman_thrift.quality import Costs, Priors, Quality
from pointsman_thrift.quality.quality import KEPT
from pointsman_thrift.tasks.names import GENERAL

__all__ = ["Knowledge"]

BACK = timedelta(days=90)
"""How far back evidence is read: what is older counts for little."""
WROTE_BACK = timedelta(days=14)
VERSIONS = """
select model, served_model, min(at) as since from feedback
where served_model is not null group by model, served_model order by since
"""
WRITTEN = """
select coalesce(task, '') as task, model, sum(complete) as complete, sum(output_tokens) as output,
    sum(complete_ms) as ms
from usage_days where at >= :since and model is not null and complete > 0
group by coalesce(task, ''), model
"""

Changes = Mapping[str, str]
"""By model, the day since when it is served in another version."""


class Knowledge:
    """What is known at a time. `share` is the most of all weight that one key may have."""

    def __init__(self, priors: Priors, *, half_life: float, share: float) -> None:
        self._priors = priors
        self._half_life = half_life
        self._share = share
        self.quality = self._empty()
        self.costs = Costs(half_life)
        self.read_at: float | None = None
        """When it was read last, in seconds since 1970; None before."""

    async def read(self, ledger: Ledger | ReadOnlyLedger) -> None:
        """Read it anew. Raises Unavailable, with what was known before still there."""
        self.quality, self.costs = await ledger.read(self._read)
        self.read_at = time.time()

    def _empty(self) -> Quality:
        return Quality(self._priors, half_life=self._half_life, key_share=self._share)

    def _read(self, reading: Reading) -> tuple[Quality, Costs]:
        now = datetime.now(UTC)
        quality, costs = self._empty(), Costs(self._half_life)
        changes = dict(_changes(reading))
        for each in tallies(reading, since=now - BACK):
            weight = each.tally.weight * _kept(changes, each.day, each.model)
            quality.observe(
                each.task or GENERAL,
                each.model,
                min(1.0, max(0.0, each.tally.mean or 0.0)),
                weight=weight,
                at=_noon(each.day),
                source=each.source,
                key=each.key_id,
            )
        pairs = [
            each for each in judged(reading, since=now - BACK) if each.model < each.rival and each.weight > 0
        ]
        most = _most(pairs, self._share)
        for pair in pairs:
            if (part := _part(pair, most)) > 0:
                known = pair.own_score is not None and pair.rival_score is not None
                outcomes = (pair.own_score, pair.rival_score) if known else (pair.score, 1.0 - pair.score)
                day = pair.at[:10]
                kept = min(_kept(changes, day, pair.model), _kept(changes, day, pair.rival))
                quality.observe_pair(
                    pair.task or GENERAL,
                    pair.model,
                    pair.rival,
                    (outcomes[0] or 0.0, outcomes[1] or 0.0),
                    weight=pair.weight * kept * part,
                    at=datetime.fromisoformat(pair.at).replace(tzinfo=UTC).timestamp(),
                )
        for row in _written(reading, now):
            costs.observe(
                row["task"] or GENERAL,
                row["model"],
                output=round(row["output"] / row["complete"]),
                seconds=row["ms"] / row["complete"] / 1000,
                at=now.timestamp(),
                count=row["complete"],
            )
        return quality, costs


def _changes(reading: Reading) -> Iterator[tuple[str, str]]:
    """Models that were served in several versions, with the day of the last change."""
    if not reading.has_table("feedback"):
        return
    seen: set[str] = set()
    for row in reading.select_sync(VERSIONS):
        if row["model"] in seen:
            yield row["model"], row["since"][:10]
        seen.add(row["model"])


Place = tuple[str, str, str]
"""A task and two models."""


def _most(pairs: Sequence[Judged], share: float) -> dict[Place, tuple[float, dict[str, float]]]:
    """The most that votes of one key on two models at a task may weigh, and what those of each weigh. What a
    judge says is the gateway's own, and not bounded."""
    votes: dict[Place, dict[str, float]] = {}
    others: dict[Place, float] = {}
    for each in pairs:
        place = _place(each)
        if each.source == "vote":
            keys = votes.setdefault(place, {})
            keys[each.key_id] = keys.get(each.key_id, 0.0) + each.weight
        else:
            others[place] = others.get(place, 0.0) + each.weight
    return {
        place: (capped(keys.values(), share=share, prior=PRIOR + others.get(place, 0.0)), keys)
        for place, keys in votes.items()
    }


def _part(pair: Judged, most: Mapping[Place, tuple[float, Mapping[str, float]]]) -> float:
    """The part of a comparison's weight that counts."""
    if pair.source != "vote":
        return 1.0
    limit, keys = most[_place(pair)]
    return min(1.0, limit / keys[pair.key_id])


def _place(pair: Judged) -> Place:
    return pair.task or GENERAL, pair.model, pair.rival


def _kept(changes: Changes, day: str, model: str) -> float:
    """How much evidence of a day still says of a model as it is served now."""
    return KEPT if day < changes.get(model, "") else 1.0


def _written(reading: Reading, now: datetime) -> list[dict[str, Any]]:
    if not reading.has_table("usage_days"):
        return []
    return reading.select_sync(WRITTEN, {"since": (now - WROTE_BACK).date().isoformat()})


def _noon(day: str) -> float:
    return datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()

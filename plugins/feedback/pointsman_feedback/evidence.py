"""Evidence: what the feedback in the ledger comes to, for each task and model and for each pair of models.

Everybody who judges models by feedback reads it here, so that all count alike: what is old counts less where
a half-life is given, and no key carries more than its share. The functions make several queries, and run in
a thread of their own where a server reads: `await gateway.ledger.read(evidence)`.

Who says which of two answers is better says nothing of how good they are: of two that are perfect neither is
better. Such comparisons count among pairs only; where each answer has a score of its own, that counts, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import ceil, inf

from pointsman.ledger import Reading

from .records import FEEDBACK, FEEDBACK_DAYS, Source

__all__ = [
    "MOST_SHARE",
    "PRIOR",
    "Evidence",
    "Judged",
    "Paired",
    "Said",
    "Tally",
    "capped",
    "evidence",
    "faded",
    "judged",
    "paired",
    "tallies",
]

MOST_SHARE = 0.2
"""Of all weight, so much may come from one key."""
PRIOR = 10.0
"""The weight of what is believed without any feedback: it counts among all weight."""
DAY = 86_400.0
HALVES = 8
"""Half-lives after which nothing is left to speak of."""
BEGINNING, END = "", "9999"
"""Sort before and after every time."""

BY_DAY = """
select task, model, source, key_id, at as day, sum(labels) as labels, sum(weight) as weight, sum(good) as good
from feedback_days
where at >= :since and at < :until and (:task is null or task = :task)
group by task, model, source, key_id, at
"""
VOTES = """
select task, model, source, key_id, substr(at, 1, 10) as day, count(*) as labels, sum(weight) as weight,
    sum(weight * score) as good
from feedback
where source = 'vote' and pair is null and at >= :since and at < :until and (:task is null or task = :task)
group by task, model, source, key_id, substr(at, 1, 10)
"""
FADED_DAYS = """
with fading(day, share) as (values {left})
select task, model, source, key_id, sum(labels) as labels, sum(weight * share) as weight,
    sum(good * share) as good
from feedback_days join fading on at = day
where at >= :since and (:task is null or task = :task)
group by task, model, source, key_id
"""
FADED_VOTES = """
with fading(day, share) as (values {left})
select task, model, source, key_id, count(*) as labels, sum(weight * share) as weight,
    sum(weight * score * share) as good
from feedback join fading on substr(at, 1, 10) = day
where source = 'vote' and pair is null and at >= :since and (:task is null or task = :task)
group by task, model, source, key_id
"""
PAIRS = """
select f.pair, f.at, f.key_id, f.task, f.model, f.rival, f.source, f.score, f.own_score, f.rival_score,
    f.weight, f.generation_id
from feedback f
where f.source in ('shadow', 'vote') and f.at >= :since and f.at < :until and f.pair is not null
    and (:task is null or f.task = :task)
order by f.at, f.id
"""
SPENT = """
select id, input_tokens, output_tokens, cost_nano from generations where id in
    (select generation_id from feedback where pair is not null and at >= :since and at < :until)
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """So many labels, of this weight together, of which so much says that answers were good."""

    labels: int = 0
    weight: float = 0.0
    good: float = 0.0

    @property
    def mean(self) -> float | None:
        """The mean score, from 0 to 1; None without any weight."""
        return self.good / self.weight if self.weight > 0 else None

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.labels + other.labels, self.weight + other.weight, self.good + other.good)

    def times(self, factor: float) -> Tally:
        """As many labels, of another weight."""
        return Tally(self.labels, self.weight * factor, self.good * factor)


@dataclass(frozen=True, slots=True)
class Said:
    """What one key said of a model at a task on one day (ISO 8601), from one source."""

    task: str | None
    model: str
    source: Source
    key_id: str
    day: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a model at a task; `task` None is what nobody has classified.

    `total` is the sum of `sources`. Its `labels` are the n to tell, and its `weight` is how many votes they
    are worth: after age, and after the share of each key is bounded. `keys` is how many keys it comes from.
    """

    task: str | None
    model: str
    total: Tally
    sources: Mapping[Source, Tally]
    keys: int


@dataclass(frozen=True, slots=True)
class Paired:
    """How two models did on the same requests: `a` sorts before `b`.

    `labels` comparisons, worth `weight` votes; `wins`, `ties` and `losses` of `a` are parts of that weight.
    `a_good` and `b_good` are what judges gave each by itself, as mean scores; None where none did.
    """

    task: str | None
    a: str
    b: str
    labels: int
    weight: float
    wins: float
    ties: float
    losses: float
    a_good: float | None = None
    b_good: float | None = None

    @property
    def score(self) -> float | None:
        """The share that `a` wins, ties being half of one; None without any weight."""
        return (self.wins + self.ties / 2) / self.weight if self.weight > 0 else None


@dataclass(frozen=True, slots=True)
class Judged:
    """One side of one comparison, and what its answer used; None is not known.

    `score` is 1 where it was the better one, 0.5 for a tie; `own_score` what it was given by itself.
    """

    pair: str
    at: str
    key_id: str
    task: str | None
    model: str
    rival: str
    source: Source
    score: float
    own_score: float | None
    rival_score: float | None
    weight: float
    generation_id: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_nano: int | None = None


def capped(weights: Iterable[float], *, share: float = MOST_SHARE, prior: float = PRIOR) -> float:
    """The most that one key may weigh, so that none carries more than `share` of all weight, `prior` and the
    bounded weights of all keys together; infinite where none does anyway.

    Each key's own weight is bounded by it: `min(weight, capped(weights))`. A single key of default share has
    a quarter of the prior, five alike are not bounded at all.
    """
    falling = sorted(weights, reverse=True)
    rests = [*accumulate(reversed(falling), initial=prior)][::-1]
    if not falling or falling[0] <= share * rests[0]:
        return inf
    for bounded, rest in enumerate(rests[1:], 1):
        if share * bounded >= 1:
            break
        limit = share * rest / (1 - share * bounded)
        if bounded == len(falling) or limit >= falling[bounded]:
            return limit
    return inf


@dataclass(slots=True)
class _Cell:
    """Of one task and model: tallies by key and source."""

    keys: dict[str, dict[Source, Tally]] = field(default_factory=dict)

    def add(self, key: str, source: Source, tally: Tally) -> None:
        tallies = self.keys.setdefault(key, {})
        tallies[source] = tallies.get(source, Tally()) + tally

    def bounded(self, share: float, prior: float) -> Iterator[tuple[Source, Tally]]:
        weights = {key: sum(each.weight for each in found.values()) for key, found in self.keys.items()}
        limit = capped(weights.values(), share=share, prior=prior)
        for key, found in self.keys.items():
            factor = limit / weights[key] if weights[key] > limit else 1.0
            for source, tally in found.items():
                yield source, tally.times(factor)


def evidence(
    ledger: Reading,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    task: str | None = None,
    half_life: float | None = None,
    now: datetime | None = None,
    share: float = MOST_SHARE,
    prior: float = PRIOR,
    together: bool = False,
) -> list[Evidence]:
    """The evidence of each task and model, or of one `task`, from one day until before another (UTC).

    With a `half_life` in seconds what is so much older than `now` weighs half. `share` and `prior` as in
    `capped`, for each task and model by itself; `together` takes all tasks as one, None. What has no weight,
    such as a complaint about a bill, is left out.
    """
    today = (now or datetime.now(UTC)).date().toordinal()
    cells: dict[tuple[str | None, str], _Cell] = {}
    for each in tallies(ledger, since=since, until=until, task=task):
        place = (None if together else each.task, each.model)
        tally = each.tally.times(_left(each.day, today, half_life))
        cells.setdefault(place, _Cell()).add(each.key_id, each.source, tally)
    return [_evidence(place, cell, share, prior) for place, cell in sorted(cells.items(), key=_by_name)]


def tallies(
    ledger: Reading,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    task: str | None = None,
) -> Iterator[Said]:
    """All that has weight, as it was said: by day, key, source, task and model, with no bound on any key."""
    params = {"since": _day(since, BEGINNING), "until": _day(until, END), "task": task}
    for table, sql in ((FEEDBACK_DAYS.name, BY_DAY), (FEEDBACK.name, VOTES)):
        for row in ledger.select_sync(sql, params) if ledger.has_table(table) else ():
            if row["weight"] > 0:
                tally = Tally(row["labels"], row["weight"], row["good"])
                yield Said(row["task"], row["model"], row["source"], row["key_id"], row["day"], tally)


def faded(ledger: Reading, *, now: datetime, half_life: float, task: str | None = None) -> Iterator[Said]:
    """What each key said from each source, all days as one: what is so many seconds old as `half_life` weighs
    half, and what is older than some of them is not read. Sooner than `tallies`, where there is much."""
    today = now.astimezone(UTC).date()
    days = [today - timedelta(days=age) for age in range(ceil(HALVES * half_life / DAY) + 1)]
    left = ", ".join(f"('{day}', {0.5 ** (age * DAY / half_life)})" for age, day in enumerate(days))
    params = {"since": days[-1].isoformat(), "task": task}
    for table, sql in ((FEEDBACK_DAYS.name, FADED_DAYS), (FEEDBACK.name, FADED_VOTES)):
        for row in ledger.select_sync(sql.format(left=left), params) if ledger.has_table(table) else ():
            if row["weight"] > 0:
                tally = Tally(row["labels"], row["weight"], row["good"])
                yield Said(row["task"], row["model"], row["source"], row["key_id"], today.isoformat(), tally)


def _evidence(place: tuple[str | None, str], cell: _Cell, share: float, prior: float) -> Evidence:
    sources: dict[Source, Tally] = {}
    for source, tally in cell.bounded(share, prior):
        sources[source] = sources.get(source, Tally()) + tally
    return Evidence(*place, sum(sources.values(), Tally()), sources, len(cell.keys))


def paired(
    ledger: Reading,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    task: str | None = None,
    half_life: float | None = None,
    now: datetime | None = None,
    share: float = MOST_SHARE,
    prior: float = PRIOR,
) -> list[Paired]:
    """How models compare that answered the same requests, by task and pair; the rest as in `evidence`."""
    today = (now or datetime.now(UTC)).date().toordinal()
    cells: dict[tuple[str | None, str, str], dict[str, list[tuple[Judged, float]]]] = {}
    for each in _judged(ledger, since, until, task):
        if each.model < each.rival and each.weight > 0:
            weight = each.weight * _left(each.at[:10], today, half_life)
            keys = cells.setdefault((each.task, each.model, each.rival), {})
            keys.setdefault(each.key_id, []).append((each, weight))
    ordered = sorted(cells.items(), key=lambda cell: (cell[0][0] or "", *cell[0][1:]))
    return [_paired(place, keys, share, prior) for place, keys in ordered]


def _paired(
    place: tuple[str | None, str, str],
    keys: Mapping[str, list[tuple[Judged, float]]],
    share: float,
    prior: float,
) -> Paired:
    sums = {key: sum(weight for _, weight in found) for key, found in keys.items()}
    limit = capped(sums.values(), share=share, prior=prior)
    wins = ties = losses = known = a_good = b_good = 0.0
    labels = 0
    for key, found in keys.items():
        factor = limit / sums[key] if sums[key] > limit else 1.0
        for each, given in found:
            weight = given * factor
            labels += 1
            wins += weight if each.score > 0.5 else 0.0
            losses += weight if each.score < 0.5 else 0.0
            ties += weight if each.score == 0.5 else 0.0
            if each.own_score is not None and each.rival_score is not None:
                known += weight
                a_good += weight * each.own_score
                b_good += weight * each.rival_score
    means = (a_good / known, b_good / known) if known > 0 else (None, None)
    return Paired(*place, labels, wins + ties + losses, wins, ties, losses, *means)


def judged(
    ledger: Reading,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    task: str | None = None,
) -> list[Judged]:
    """Both sides of every comparison, the oldest first, with what each answer used and cost."""
    found = _judged(ledger, since, until, task)
    if not found or not ledger.has_table("generations"):
        return found
    params = {"since": _day(since, BEGINNING), "until": _day(until, END)}
    spent = {row.pop("id"): row for row in ledger.select_sync(SPENT, params)}
    return [replace(each, **spent.get(each.generation_id, {})) for each in found]


def _judged(
    ledger: Reading, since: datetime | None, until: datetime | None, task: str | None
) -> list[Judged]:
    if not ledger.has_table(FEEDBACK.name):
        return []
    params = {"since": _day(since, BEGINNING), "until": _day(until, END), "task": task}
    return [Judged(**row) for row in ledger.select_sync(PAIRS, params)]


def _day(moment: datetime | None, otherwise: str) -> str:
    return otherwise if moment is None else moment.astimezone(UTC).date().isoformat()


def _left(day: str, today: int, half_life: float | None) -> float:
    """What is left of the weight of a day."""
    if half_life is None:
        return 1.0
    age = max(0, today - datetime.fromisoformat(day).toordinal()) * DAY
    return float(0.5 ** (age / half_life))


def _by_name(cell: tuple[tuple[str | None, str], object]) -> tuple[str, str]:
    return cell[0][0] or "", cell[0][1]

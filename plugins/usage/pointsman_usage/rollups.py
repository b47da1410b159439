"""Roll-ups: generations added up by minute, hour and day, written in the same commit as they.

One row stands for a period, a key, its team and organisation, a model, a provider, an application and a
task; whoever asks about one of them adds up the rest. Tokens of answers from a cache count nowhere: nobody
used them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from operator import add, itemgetter
from typing import Any

import msgspec

from pointsman.ledger import Column, Derive, Table
from pointsman.money import drifts

__all__ = ["DAYS", "DIMENSIONS", "HOURS", "MINUTES", "ROLLUPS", "SUMS", "TIMES", "deriving", "following"]

DIMENSIONS = {
    "key_id": "The key.",
    "key_name": "The name of that key when the row began.",
    "team": "The id of its team.",
    "team_name": "The name of that team when the row began.",
    "organisation": "The id of its organisation.",
    "organisation_name": "The name of that organisation when the row began.",
    "model": "The model tried last, or the one asked for where none was tried.",
    "provider": "The provider tried last.",
    "app": "The application.",
    "task": "What the requests were about.",
}
SUMS = {
    "requests": "Requests.",
    "complete": "Those answered whole.",
    "errors": "Those that failed or broke off.",
    "cancelled": "Those whose client left.",
    "cached": "Those answered from a cache.",
    "unpriced": "Those that used something whose price is not known.",
    "priced": "Those whose cost is known.",
    "input_tokens": "Tokens of the whole inputs.",
    "output_tokens": "Tokens of the whole outputs.",
    "cache_read_tokens": "Input tokens read from providers' caches.",
    "cache_write_tokens": "Input tokens written to providers' caches.",
    "reasoning_tokens": "Output tokens spent on reasoning.",
    "cost_nano": "Their cost in nano-USD.",
    "billed_nano": "What is charged for them, in nano-USD.",
    "saved_nano": "What those answered from a cache would have cost, in nano-USD.",
    "drifted": "Those whose provider reports a bill more than 1 % away from the cost.",
}
LATER = ("saved_nano", "drifted")
"""Sums that older ledgers have rows without."""
TIMES = {
    "first_content_ms": "Milliseconds until the first content, of those answered whole, added up.",
    "complete_ms": "Milliseconds until the end, of those answered whole, added up.",
}


def _table(name: str, period: str) -> Table:
    return Table(
        name=name,
        columns={
            "id": Column("text", "The period, and a digest of all that the row stands for.", required=True),
            "at": Column("text", f"The beginning of the {period}, in UTC.", required=True),
            **{column: Column("text", help) for column, help in DIMENSIONS.items()},
            **{
                column: Column("integer", help, required=column not in LATER) for column, help in SUMS.items()
            },
            **{column: Column("real", help, required=True) for column, help in TIMES.items()},
        },
        primary_key="id",
        indexes=(("at",),),
        sums=(*SUMS, *TIMES),
    )


MINUTES = _table("usage_minutes", "minute")
HOURS = _table("usage_hours", "hour")
DAYS = _table("usage_days", "day")
ROLLUPS: Mapping[int, Table] = {16: MINUTES, 13: HOURS, 10: DAYS}
"""The tables, by how many characters of a time say the period."""

AMOUNTS = (
    *("outcome", "cached"),
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"),
    *("cost_nano", "billed_nano", "reported_nano", "saved_nano", "first_content_ms", "total_ms", "tried"),
)
"""The columns of a generation that are counted and added up."""
USED = '"cost_nano":'
"""What stands in `tried` where one of several attempts has used anything."""
MODEL = [*DIMENSIONS].index("model")

Groups = dict[tuple[Any, ...], Sequence[Any]]
"""What is added up, in the order of SUMS and TIMES, by the dimensions."""


def deriving(columns: Sequence[str]) -> Derive:
    """What makes roll-ups out of generations that have these columns."""
    place = [*columns].index
    at, asked = place("at"), place("model_asked")
    who, what = itemgetter(*map(place, DIMENSIONS)), itemgetter(*map(place, AMOUNTS))

    def derive(rows: Sequence[tuple[Any, ...]]) -> Mapping[str, Sequence[tuple[Any, ...]]]:
        alike: dict[tuple[str, tuple[Any, ...], str], list[Sequence[Any]]] = {}
        for row in rows:
            alike.setdefault((row[at][:16], who(row), row[asked]), []).append(what(row))
        periods: dict[str, Groups] = {}
        for (minute, told, model), said in alike.items():
            dimensions = told
            if told[MODEL] is None:
                dimensions = (*told[:MODEL], model, *told[MODEL + 1 :])
            _add(periods.setdefault(minute, {}), dimensions, _amounts(said))
        derived = {}
        for length, table in ROLLUPS.items():
            periods = _coarser(periods, length)
            derived[table.name] = [
                (f"{period}|{_digest(dimensions)}", period, *dimensions, *sums)
                for period, groups in periods.items()
                for dimensions, sums in groups.items()
            ]
        return derived

    return derive


def following(*several: Derive) -> Derive:
    """What makes all of it."""

    def derive(rows: Sequence[tuple[Any, ...]]) -> Mapping[str, Sequence[tuple[Any, ...]]]:
        return {name: made for each in several for name, made in each(rows).items()}

    return derive


def _amounts(said: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    """What generations add together, in the order of SUMS and TIMES, by what they say in AMOUNTS. They are
    many, and mostly alike: what is true of all of them is not asked of each."""
    outcomes, cached, given, *_ = columns = [*zip(*said, strict=True)]
    costs, billed, reported, saved = columns[7:11]
    complete, known = outcomes.count("complete"), len(said) - costs.count(None)
    using = said if True not in cached and None not in given else [each for each in said if _is_using(each)]
    whole = said if complete == len(said) else [each for each in said if each[0] == "complete"]
    return (
        len(said),
        complete,
        outcomes.count("failed") + outcomes.count("incomplete"),
        outcomes.count("cancelled"),
        cached.count(True),
        0 if known == len(said) else sum(map(_is_unpriced, said)),
        known,
        *(_sum(using, place, 0) for place in range(2, 7)),
        *(sum(filter(None, column)) for column in (costs, billed, saved)),
        0 if reported.count(None) == len(said) else sum(map(_has_drifted, said)),
        *(_sum(whole, place, 0.0) for place in (11, 12)),
    )


def _sum(said: Sequence[Sequence[Any]], place: int, nothing: float) -> float:
    return sum(filter(None, map(itemgetter(place), said)), nothing)


def _is_using(said: Sequence[Any]) -> bool:
    """Whether a generation used the tokens that it tells of."""
    return not said[1] and said[2] is not None


def _is_unpriced(said: Sequence[Any]) -> bool:
    """Whether a generation used something whose price is not known."""
    given, cost, tried = said[2], said[7], said[13]
    return cost is None and (given is not None or (tried is not None and USED in tried))


def _has_drifted(said: Sequence[Any]) -> bool:
    """Whether a provider's bill is not what a generation costs."""
    cost, reported = said[7], said[9]
    return reported is not None and cost is not None and drifts(cost, reported)


def _coarser(periods: dict[str, Groups], length: int) -> dict[str, Groups]:
    """The groups by longer periods, of whose beginning so many characters are left."""
    coarser: dict[str, Groups] = {}
    for period, groups in periods.items():
        sums = coarser.get(period[:length])
        if sums is None:
            coarser[period[:length]] = groups if len(periods) == 1 else {**groups}
            continue
        for dimensions, amounts in groups.items():
            _add(sums, dimensions, amounts)
    return coarser


def _add(groups: Groups, dimensions: tuple[Any, ...], amounts: Sequence[Any]) -> None:
    sums = groups.get(dimensions)
    groups[dimensions] = amounts if sums is None else tuple(map(add, sums, amounts))


@lru_cache(maxsize=65_536)
def _digest(dimensions: tuple[Any, ...]) -> str:
    """A short text for the dimensions, another one for others."""
    return blake2b(msgspec.json.encode(dimensions), digest_size=10).hexdigest()

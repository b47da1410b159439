"""Roll-ups: generations added up by minute, hour and day, written in the same commit as they.

One row stands for a period, a key, its team and organisation, a model, a provider and an application; whoever
asks about one of them adds up the rest. Tokens of answers from a cache count nowhere: nobody used them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from operator import add, itemgetter
from typing import Any

import msgspec

from pointsman.ledger import Column, Derive, Table

__all__ = ["DAYS", "DIMENSIONS", "HOURS", "MINUTES", "ROLLUPS", "SUMS", "TIMES", "deriving"]

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
}
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
            **{column: Column("integer", help, required=True) for column, help in SUMS.items()},
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

READ = (
    "at",
    *DIMENSIONS,
    "model_asked",
    "outcome",
    "cached",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_nano",
    "billed_nano",
    "first_content_ms",
    "total_ms",
)
"""The columns of a generation that roll-ups are made of."""
MODEL = [*DIMENSIONS].index("model")
WIDTH = len(DIMENSIONS) + 1

Group = tuple[Any, ...]
"""The beginning of a period, and the dimensions."""
Groups = dict[Group, list[Any]]
"""The amounts of each group, in the order of SUMS and TIMES."""


def deriving(columns: Sequence[str]) -> Derive:
    """What makes roll-ups out of generations that have these columns."""
    pick = itemgetter(*map([*columns].index, READ))

    def derive(rows: Sequence[tuple[Any, ...]]) -> Mapping[str, Sequence[tuple[Any, ...]]]:
        groups: Groups = {}
        for row in map(pick, rows):
            group = (row[0][:16], *row[1:WIDTH])
            if row[1 + MODEL] is None:
                group = (*group[: 1 + MODEL], row[WIDTH], *group[2 + MODEL :])
            _add(groups, group, _amounts(row[WIDTH + 1 :]))
        derived = {}
        for length, table in ROLLUPS.items():
            groups = _coarser(groups, length)
            derived[table.name] = [
                (f"{group[0]}|{_digest(group[1:])}", *group, *sums) for group, sums in groups.items()
            ]
        return derived

    return derive


def _amounts(said: Sequence[Any]) -> tuple[Any, ...]:
    """What one generation adds, in the order of SUMS and TIMES, by what it says from `outcome` on in READ."""
    outcome, cached, *tokens, cost, billed, first_content_ms, total_ms = said
    used = tokens[0] is not None
    complete = outcome == "complete"
    return (
        1,
        int(complete),
        int(outcome in ("failed", "incomplete")),
        int(outcome == "cancelled"),
        int(bool(cached)),
        int(cost is None and used),
        int(cost is not None),
        *(tokens if used and not cached else (0, 0, 0, 0, 0)),
        cost or 0,
        billed or 0,
        (first_content_ms or 0.0) if complete else 0.0,
        total_ms if complete else 0.0,
    )


def _coarser(groups: Groups, length: int) -> Groups:
    """The groups of longer periods, of whose beginning so many characters are left."""
    coarser: Groups = {}
    for group, amounts in groups.items():
        _add(coarser, (group[0][:length], *group[1:]), amounts)
    return coarser


def _add(groups: Groups, group: Group, amounts: Sequence[Any]) -> None:
    sums = groups.get(group)
    groups[group] = [*amounts] if sums is None else list(map(add, sums, amounts))


@lru_cache(maxsize=65_536)
def _digest(dimensions: Group) -> str:
    """A short text for the dimensions, another one for others."""
    return blake2b(msgspec.json.encode(dimensions), digest_size=10).hexdigest()

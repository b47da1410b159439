"""Endpoints: how their attempts went and how fast, by hour and day.

Hours are made of generations by the ledger's own thread, in the commit that writes these; days are made of
hours once the day is over. Times and speeds are kept as histograms whose buckets grow by the square root of
two, so that percentiles of any span can be told, within a few per cent, without reading its generations.

An attempt is `good` or `bad` by OpenRouter's rule for uptime, `limited` where the endpoint refused for its
limits (429), and counts as nothing where its client was at fault or left, or paid for it himself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import log2
from operator import itemgetter
from typing import Any

import msgspec

from pointsman.ledger import Column, Derive, Ledger, Table

__all__ = [
    "BLAMELESS",
    "BLAMELESS_STATUSES",
    "BUCKETS",
    "ENDPOINT_DAYS",
    "ENDPOINT_HOURS",
    "FASTEST",
    "SLOWEST",
    "close_days",
    "endpoint_hours",
    "percentile",
]

BLAMELESS = (
    *("rate_limit_exceeded", "invalid_request", "invalid_prompt", "payload_too_large", "unprocessable"),
    *("context_length_exceeded", "max_tokens_exceeded", "token_limit_exceeded", "string_too_long"),
    *("content_policy_violation", "refusal", "invalid_image", "image_too_large", "image_too_small"),
    *("unsupported_image_format", "image_not_found", "image_download_failed"),
)
"""Errors that say nothing of an endpoint: the client's, and those of who asks too often."""
BLAMELESS_STATUSES = (400, 403, 413, 429)
LIMITED = ("rate_limit_exceeded", 429)

BUCKETS = 32
FASTEST = 10.0
"""Milliseconds to the first content above which the second bucket begins."""
SLOWEST = 0.5
"""Tokens a second above which the second bucket begins."""
WIDTH = 2
"""Buckets for each doubling."""
FIRSTS = [f"first_{number}" for number in range(BUCKETS)]
SPEEDS = [f"speed_{number}" for number in range(BUCKETS)]
COUNTS = ["good", "bad", "limited", *FIRSTS, *SPEEDS]
HELP = {
    "good": "Attempts that were answered.",
    "bad": "Attempts that failed by the endpoint's fault.",
    "limited": "Attempts that it refused for its limits.",
    **dict.fromkeys(FIRSTS, "Streams by the time until their first content."),
    **dict.fromkeys(SPEEDS, "Answers by their tokens a second."),
}
GOOD, BAD, LIMIT, FIRST, SPEED = 0, 1, 2, 3, 3 + BUCKETS

LATE = timedelta(hours=2)
"""After its end a day is left open so long: a request counts when it came, and is written when it ended."""


def _table(name: str, period: str) -> Table:
    return Table(
        name=name,
        columns={
            "id": Column("text", "The period and the endpoint.", required=True),
            "at": Column("text", f"The beginning of the {period}, in UTC.", required=True),
            "endpoint": Column("text", "The endpoint.", required=True),
            "provider": Column("text", "Its provider.", required=True),
            **{name: Column("integer", HELP[name], required=True) for name in COUNTS},
        },
        primary_key="id",
        indexes=(("at",),),
        sums=tuple(COUNTS),
    )


ENDPOINT_HOURS = _table("endpoint_hours", "hour")
ENDPOINT_DAYS = _table("endpoint_days", "day")

READ = (
    *("at", "endpoint", "attempts", "outcome", "byok", "stream", "estimated", "tried"),
    *("queue_ms", "first_content_ms", "total_ms", "output_tokens"),
)
"""The columns of a generation that are looked at."""


class _Tried(msgspec.Struct):
    endpoint: str
    status: int | None = None
    error_type: str | None = None
    ms: float | None = None
    byok: bool = False


_tried = msgspec.json.Decoder(list[_Tried])


def endpoint_hours(columns: Sequence[str]) -> Derive:
    """What makes hours of endpoints out of generations that have these columns."""
    read = itemgetter(*map([*columns].index, READ))

    def derive(rows: Sequence[tuple[Any, ...]]) -> Mapping[str, Sequence[tuple[Any, ...]]]:
        hours: dict[tuple[str, str], list[int]] = {}
        for row in rows:
            _count(hours, read(row))
        return {
            ENDPOINT_HOURS.name: [
                (f"{hour}|{endpoint}", hour, endpoint, _provider(endpoint), *counts)
                for (hour, endpoint), counts in hours.items()
            ]
        }

    return derive


def _count(hours: dict[tuple[str, str], list[int]], said: Sequence[Any]) -> None:
    """Count the attempts of one generation, of which this is said in READ."""
    at, endpoint, attempts, outcome, byok, stream, estimated, tried = said[:8]
    queued, first, total, tokens = said[8:]
    if endpoint is None or queued is None:
        return
    if attempts != 1 or outcome != "complete":
        for attempt in _attempts(tried):
            verdict = None if attempt.byok else _verdict(attempt)
            if verdict is not None:
                _counts(hours, at, attempt.endpoint)[verdict] += 1
        return
    if byok:
        return
    counts = _counts(hours, at, endpoint)
    counts[GOOD] += 1
    if stream and first is not None:
        counts[FIRST + _bucket((first - queued) / FASTEST)] += 1
    if tokens and not estimated and total > queued:
        counts[SPEED + _bucket(tokens * 1e3 / (total - queued) / SLOWEST)] += 1


def _attempts(tried: str | None) -> list[_Tried]:
    """The attempts; none where what stands there is something else: no sum is worth all others."""
    try:
        return _tried.decode(tried or "[]")
    except msgspec.DecodeError:
        return []


def _counts(hours: dict[tuple[str, str], list[int]], at: str, endpoint: str) -> list[int]:
    place = (at[:13], endpoint)
    counts = hours.get(place)
    if counts is None:
        counts = hours[place] = [0] * len(COUNTS)
    return counts


def _verdict(attempt: _Tried) -> int | None:
    """What an attempt counts as; one that was interrupted has no time."""
    if attempt.error_type is None:
        return GOOD if attempt.ms is not None else None
    if attempt.error_type in LIMITED or attempt.status in LIMITED:
        return LIMIT
    blameless = attempt.error_type in BLAMELESS or attempt.status in BLAMELESS_STATUSES
    return None if blameless else BAD


@lru_cache(maxsize=4096)
def _provider(endpoint: str) -> str:
    return endpoint.partition("/")[0]


def _bucket(times: float) -> int:
    """The bucket of something so many times as large as where the second one begins."""
    return min(BUCKETS - 1, max(0, int(WIDTH * log2(times)) + 1)) if times >= 1 else 0


def percentile(counts: Sequence[int], share: float, begins: float) -> float | None:
    """Below which value so much of a histogram lies, from 0 to 1, whose second bucket `begins` there; None
    where it is empty. Within a bucket values are taken to be spread evenly, as logarithms."""
    total = sum(counts)
    if not total:
        return None
    wanted, below = share * total, 0
    for bucket, count in enumerate(counts):
        if count and below + count >= wanted:
            inside = (wanted - below) / count
            return float(begins * 2 ** ((bucket - 1 + inside) / WIDTH))
        below += count
    return float(begins * 2 ** ((len(counts) - 1) / WIDTH))


CLOSE = f"""
insert into endpoint_days (id, at, endpoint, provider, {", ".join(COUNTS)})
select substr(at, 1, 10) || '|' || endpoint, substr(at, 1, 10), endpoint, max(provider),
    {", ".join(f"sum({name})" for name in COUNTS)}
from endpoint_hours where at >= :first and at < :today
group by substr(at, 1, 10), endpoint
on conflict (id) do nothing
"""  # noqa: S608 - our own names


async def close_days(ledger: Ledger, now: datetime) -> None:
    """Make days of the hours of each day that is over and has none yet. Raises Unavailable."""
    (row,) = await ledger.select("select max(at) as at from endpoint_days")
    today = (now.astimezone(UTC) - LATE).date()
    last = row["at"]
    if last is None or last < (today - timedelta(days=1)).isoformat():
        first = f"{last}~" if last is not None else ""  # behind all hours of that day
        await ledger.execute([(CLOSE, {"first": first, "today": today.isoformat()})])

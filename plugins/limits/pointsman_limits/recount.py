"""Recount: what hours and days have seen before this start, from the generations in the ledger."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.gateway import Gateway
from pointsman.state import Period
from pointsman_usage.generations import GENERATIONS

from .claims import Names, chosen_by, counter_name, rule_counter
from .settings import Dimension, Measure, RuleSettings

__all__ = ["recount"]

SUMS = """
select key_id as key, max(key_name) as key_name, team, max(team_name) as team_name,
    organisation, max(organisation_name) as organisation_name, tags, model, provider, app,
    count(*) as requests, sum(coalesce(input_tokens, 0)) as input_tokens,
    sum(coalesce(output_tokens, 0)) as output_tokens,
    sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) as tokens,
    sum(coalesce(billed_nano, cost_nano, 0)) as usd
from generations where at >= :start and attempts > 0
group by key_id, team, organisation, tags, model, provider, app
"""
"""Generations without an attempt were refused, or answered from a cache: they count for nothing."""

MAKERS = "select 'key-' || substr(hash, 1, 12) as id, maker from keys where maker is not null"
"""Keys whose use counts for the administrator of a team that made them, too."""

LENGTHS: Mapping[Period, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
LEVELS: tuple[Dimension, ...] = ("key", "team", "organisation")
ASKED: tuple[Dimension, ...] = ("model", "provider", "app")
MEASURES: tuple[Measure, ...] = ("requests", "tokens", "input_tokens", "output_tokens", "usd")


async def recount(gateway: Gateway, rules: Sequence[RuleSettings]) -> None:
    """Set the windows that run to what the ledger knows of them; nothing, where nothing is recorded."""
    if not gateway.ledger.has_table(GENERATIONS.name):
        return
    keys = await gateway.ledger.select(MAKERS) if gateway.ledger.has_table("keys") else []
    makers: dict[str, str] = {each["id"]: each["maker"] for each in keys}
    for period, length in LENGTHS.items():
        start = _beginning(period, datetime.now(UTC))
        rows = await gateway.ledger.select(SUMS, {"start": start.isoformat(timespec="milliseconds")})
        used: defaultdict[str, int] = defaultdict(int)
        for row in rows:
            names = _names(row)
            for measure in MEASURES:
                for counter in _counters(row, measure, rules, names, makers):
                    used[counter] += row[measure]
        if datetime.now(UTC) >= start + length:  # over by now: the next one has seen nothing yet
            continue
        for counter, amount in used.items():
            if amount:
                await gateway.state.seed(counter, period, amount)


def _beginning(period: Period, now: datetime) -> datetime:
    hour = now.replace(minute=0, second=0, microsecond=0)
    return hour if period == "hour" else hour.replace(hour=0)


def _names(row: Mapping[str, Any]) -> Names:
    """The id and name of each that a row's generations belong to."""
    names: dict[Dimension, tuple[tuple[str, str], ...]] = {
        level: ((row[level], row[f"{level}_name"] or row[level]),) for level in LEVELS if row[level]
    }
    for dimension in ASKED:
        if row[dimension]:
            names[dimension] = ((row[dimension], row[dimension]),)
    tags: list[str] = json.loads(row["tags"]) if row["tags"] else []
    names["tag"] = tuple((tag, tag) for tag in tags)
    return names


def _counters(
    row: Mapping[str, Any],
    measure: Measure,
    rules: Sequence[RuleSettings],
    names: Names,
    makers: Mapping[str, str],
) -> Iterator[str]:
    """The counters that a row's generations have been counted by."""
    for kind in LEVELS:
        if row[kind] is not None:
            yield counter_name(measure, kind, row[kind])
    maker = makers.get(row["key"])
    while maker is not None:
        yield counter_name(measure, "key", maker)
        maker = makers.get(maker)
    for rule in rules:
        if measure in rule.quotas:
            for chosen in chosen_by(rule, names):
                yield rule_counter(measure, rule, [id_ for id_, _ in chosen])

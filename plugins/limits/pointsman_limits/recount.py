"""Recount: what hours and days have seen before this start, from the generations in the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from pointsman.gateway import Gateway
from pointsman.state import Period
from pointsman_usage.generations import GENERATIONS

from .claims import counter_name, rule_counter
from .settings import Dimension, Measure, RuleSettings

__all__ = ["recount"]

SUMS = """
select key_id as key, max(key_name) as key_name, team, max(team_name) as team_name,
    organisation, max(organisation_name) as organisation_name, model, provider, app,
    count(*) as requests, sum(coalesce(input_tokens, 0)) as input_tokens,
    sum(coalesce(output_tokens, 0)) as output_tokens,
    sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) as tokens,
    sum(coalesce(billed_nano, cost_nano, 0)) as usd
from generations where at >= :start and attempts > 0
group by key_id, team, organisation, model, provider, app
"""
"""Generations without an attempt were refused, or answered from a cache: they count for nothing."""

MAKERS = "select 'key-' || substr(hash, 1, 12) as id, maker from keys where maker is not null"
"""Keys whose use counts for the administrator of a team that made them, too."""

LEVELS: tuple[Dimension, ...] = ("key", "team", "organisation")
MEASURES: tuple[Measure, ...] = ("requests", "tokens", "input_tokens", "output_tokens", "usd")


async def recount(gateway: Gateway, rules: Sequence[RuleSettings], now: datetime) -> None:
    """Set the windows that run to what the ledger knows of them; nothing, where nothing is recorded.

    Tags are not on record: what they have seen before is not known.
    """
    if not gateway.ledger.has_table(GENERATIONS.name):
        return
    keys = await gateway.ledger.select(MAKERS) if gateway.ledger.has_table("keys") else []
    makers: dict[str, str] = {each["id"]: each["maker"] for each in keys}
    hour = now.replace(minute=0, second=0, microsecond=0)
    starts: dict[Period, datetime] = {"hour": hour, "day": hour.replace(hour=0)}
    for period, start in starts.items():
        rows = await gateway.ledger.select(SUMS, {"start": start.isoformat(timespec="milliseconds")})
        used: defaultdict[str, int] = defaultdict(int)
        for row in rows:
            for measure in MEASURES:
                for counter in _counters(row, measure, rules, makers):
                    used[counter] += row[measure]
        for counter, amount in used.items():
            if amount:
                await gateway.state.seed(counter, period, amount)


def _counters(
    row: Mapping[str, Any], measure: Measure, rules: Sequence[RuleSettings], makers: Mapping[str, str]
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
        if measure not in rule.quotas:
            continue
        last = rule.dimensions[-1]
        ids = [row.get(dimension) for dimension in rule.dimensions]
        if None not in ids and fnmatchcase(row.get(f"{last}_name", row[last]) or "", rule.match):
            yield rule_counter(measure, rule, [str(each) for each in ids])

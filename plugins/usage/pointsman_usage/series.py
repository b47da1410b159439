"""Series: what generations come to from period to period, read from one table of roll-ups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.ledger import Reading, Table

from .report import GROUPS, Filters, parts_of
from .rollups import DAYS, HOURS, MINUTES

__all__ = ["PERIODS", "Period", "series"]


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time: its table, how many characters of a time say one, and how long it is."""

    table: Table
    length: int
    step: timedelta

    def times(self, since: datetime, until: datetime) -> Iterator[str]:
        """The periods from the one of `since` to the one of `until`, as the table says them."""
        moment, last = since.astimezone(UTC), self.said(until)
        while (said := self.said(moment)) <= last:
            yield said
            moment += self.step

    def said(self, moment: datetime) -> str:
        """The period of a moment."""
        return moment.astimezone(UTC).isoformat()[: self.length]


PERIODS: Mapping[str, Period] = {
    "minute": Period(MINUTES, 16, timedelta(minutes=1)),
    "hour": Period(HOURS, 13, timedelta(hours=1)),
    "day": Period(DAYS, 10, timedelta(days=1)),
}

ALL = Filters()
SUMS = """
select at, {group} as id, coalesce(max({name}), '') as name,
    sum(requests) as requests, sum(complete) as complete, sum(errors) as errors, sum(cached) as cached,
    sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
    sum(cost_nano) as cost_nano, sum(unpriced) as unpriced,
    sum(first_content_ms) as first_content_ms, sum(complete_ms) as complete_ms
from ({parts})
group by at, {group}
order by at, {group}
"""


def series(
    reading: Reading,
    period: Period,
    by: str,
    *,
    since: datetime,
    until: datetime,
    filters: Filters = ALL,
) -> list[dict[str, Any]]:
    """A row for each period that has anything and each group of it, `by` one of GROUPS of the report:
    `at`, the group's `id` and `name`, and sums; times are milliseconds of those answered whole."""
    if not reading.has_table(period.table.name):
        return []
    group, name = GROUPS[by]
    span = (period.table.name, period.said(since), f"{period.said(until)}~")  # behind the last period
    parts, params = parts_of(reading, [span], by, filters)
    return reading.select_sync(SUMS.format(group=group, name=name, parts=parts), params)

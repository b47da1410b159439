"""Spans: how far back a page looks, as its address says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pointsman.errors import BadRequest
from pointsman_usage.series import PERIODS, Period

__all__ = ["SPANS", "Span", "span_of"]


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time back from now, and the periods in which it is drawn."""

    name: str
    title: str
    length: timedelta
    period: Period

    def since(self, now: datetime) -> datetime:
        """Where it begins: so many whole periods, the one under way among them."""
        return now - self.length + self.period.step

    def times(self, now: datetime) -> list[str]:
        """Its periods."""
        return [*self.period.times(self.since(now), now)]


SPANS: Mapping[str, Span] = {
    each.name: each
    for each in (
        Span("1h", "hour", timedelta(hours=1), PERIODS["minute"]),
        Span("24h", "day", timedelta(days=1), PERIODS["hour"]),
        Span("7d", "week", timedelta(days=7), PERIODS["hour"]),
        Span("30d", "30 days", timedelta(days=30), PERIODS["day"]),
        Span("90d", "90 days", timedelta(days=90), PERIODS["day"]),
        Span("1y", "year", timedelta(days=365), PERIODS["day"]),
    )
}
USUAL = "24h"


def span_of(query: Mapping[str, str], usual: str = USUAL) -> tuple[Span, datetime]:
    """The span that an address asks for, and the moment it ends. Raises BadRequest."""
    name = query.get("span", usual)
    if name not in SPANS:
        raise BadRequest(f"`span` must be one of {', '.join(SPANS)}", param="span")
    return SPANS[name], datetime.now(UTC)

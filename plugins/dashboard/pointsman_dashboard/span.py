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
    """A length of time back from now, and the periods in which it is drawn, `several` of them together."""

    name: str
    title: str
    length: timedelta
    period: Period
    several: int = 1

    def since(self, now: datetime) -> datetime:
        """Where it begins: so many whole periods, the one under way among them."""
        first = self.period.said(now - self.length + self.period.step)
        return datetime.fromisoformat(f"{first}:00" if len(first) == 13 else first).replace(tzinfo=UTC)

    def places(self, now: datetime) -> dict[str, str]:
        """Its periods, each with the one that begins those which are drawn together."""
        periods = [*self.period.times(self.since(now), now)]
        return {each: periods[place - place % self.several] for place, each in enumerate(periods)}


SPANS: Mapping[str, Span] = {
    each.name: each
    for each in (
        Span("1h", "hour", timedelta(hours=1), PERIODS["minute"]),
        Span("24h", "day", timedelta(days=1), PERIODS["hour"]),
        Span("7d", "week", timedelta(days=7), PERIODS["hour"], 3),
        Span("30d", "30 days", timedelta(days=30), PERIODS["day"]),
        Span("90d", "90 days", timedelta(days=90), PERIODS["day"], 3),
        Span("1y", "52 weeks", timedelta(weeks=52), PERIODS["day"], 7),
    )
}
USUAL = "24h"


def span_of(query: Mapping[str, str], usual: str = USUAL) -> tuple[Span, datetime]:
    """The span that an address asks for, and the moment it ends. Raises BadRequest."""
    name = query.get("span", usual)
    if name not in SPANS:
        raise BadRequest(f"`span` must be one of {', '.join(SPANS)}", param="span")
    return SPANS[name], datetime.now(UTC)

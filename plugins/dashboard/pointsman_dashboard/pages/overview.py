"""Overview: how much is asked, answered and spent, by whom and of what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from pointsman.ledger import Reading
from pointsman_dashboard import texts
from pointsman_dashboard.access import Visitor
from pointsman_dashboard.charts.times import Series, columns, lines
from pointsman_dashboard.figures import Column, Figure
from pointsman_dashboard.site import Shown
from pointsman_dashboard.span import SPANS, Span, span_of
from pointsman_usage.report import Filters, groups
from pointsman_usage.series import series

__all__ = ["show"]

MOST = 7
"""So many kinds have a colour of their own; the rest is one more."""
OTHER = "other"
LISTED = 12

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """What can be drawn: its name, its title, how a row tells it and how it is written."""

    name: str
    title: str
    of: Callable[[Row], float]
    show: Callable[[float], str]


MEASURES = {
    each.name: each
    for each in (
        Measure("spend", "Spend", lambda row: row["cost_nano"], texts.usd),
        Measure("tokens", "Tokens", lambda row: row["input_tokens"] + row["output_tokens"], texts.count),
        Measure("requests", "Requests", lambda row: row["requests"], texts.count),
    )
}
GROUPED = {"model": "model", "provider": "provider", "key": "key", "team": "team", "app": "app"}


async def show(request: Request, visitor: Visitor) -> Shown:
    """The page. Raises BadRequest."""
    query = request.query_params
    span, now = span_of(query)
    by = query.get("by", "model") if query.get("by") in GROUPED else "model"
    measure = MEASURES.get(query.get("measure", ""), MEASURES["spend"])
    filters = Filters(key=visitor.reach.key_id, team=visitor.reach.team)
    since = span.since(now)

    def read(reading: Reading) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
        rows = series(reading, span.period, by, since=since, until=now, filters=filters)
        if not rows:
            return rows, {}
        tops = {
            each: groups(reading, each, since=since, until=now, filters=filters, limit=LISTED)
            for each in GROUPED
        }
        return rows, tops

    rows, tops = await visitor.gateway.ledger.read(read)
    places = span.places(now)
    rows = [{**row, "at": places[row["at"]]} for row in rows if row["at"] in places]
    times = [*dict.fromkeys(places.values())]
    figures = [
        _over_time(rows, times, span, by, measure),
        _quality(rows, times, span),
        *(_top(name, tops.get(name, [])) for name in GROUPED),
    ]
    more = {"spans": SPANS, "span": span, "by": by, "measure": measure, "measures": MEASURES}
    return Shown(figures, {**more, "grouped": GROUPED, "tiles": _tiles(rows), "now": now})


def _tiles(rows: Iterable[Row]) -> list[tuple[str, str, str]]:
    """The sums of the span: title, value, and what is to be said of it."""
    total = dict.fromkeys(
        (
            "requests",
            "complete",
            "errors",
            "cached",
            "input_tokens",
            "output_tokens",
            "cost_nano",
            "unpriced",
        ),
        0,
    )
    waited = 0.0
    for row in rows:
        waited += row["complete_ms"]
        for name in total:
            total[name] += row[name]
    ended = total["complete"] + total["errors"]
    unpriced = f"and {texts.long_count(total['unpriced'])} requests unpriced" if total["unpriced"] else ""
    answered = f"of {texts.long_count(ended)}" if ended else ""
    return [
        ("Requests", texts.long_count(total["requests"]), ""),
        ("Spend", texts.usd(total["cost_nano"]), unpriced),
        ("Tokens in", texts.count(total["input_tokens"]), ""),
        ("Tokens out", texts.count(total["output_tokens"]), ""),
        ("Answered", texts.share(total["complete"] / ended) if ended else "-", answered),
        ("From the cache", texts.long_count(total["cached"]), ""),
        ("Mean time", texts.milliseconds(waited / total["complete"]) if total["complete"] else "-", ""),
    ]


def _over_time(rows: Sequence[Row], times: Sequence[str], span: Span, by: str, measure: Measure) -> Figure:
    """The measure by period, the largest groups told apart."""
    sums: dict[str, float] = {}
    for row in rows:
        sums[row["name"]] = sums.get(row["name"], 0.0) + measure.of(row)
    largest = [name for name, value in sorted(sums.items(), key=lambda each: (-each[1], each[0])) if value][
        :MOST
    ]
    values: dict[str, dict[str, float]] = {}
    for row in rows:
        name = row["name"] if row["name"] in largest else OTHER
        at = values.setdefault(name, {})
        at[row["at"]] = at.get(row["at"], 0.0) + measure.of(row)
    names = [*largest, *([OTHER] if any(values.get(OTHER, {}).values()) else [])]
    labels = [_label(each, span) for each in times]
    drawn = [Series(name or "(none)", [values.get(name, {}).get(each) for each in times]) for name in names]
    table = [
        {"at": moment, **{str(number): values.get(name, {}).get(moment) for number, name in enumerate(names)}}
        for moment in times
    ]
    return Figure(
        "over_time",
        f"{measure.title} by {by}",
        [
            Column("at", "Time (UTC)"),
            *(
                Column(str(number), name or "(none)", measure.show, number=True)
                for number, name in enumerate(names)
            ),
        ],
        table if names else [],
        chart=columns(f"{measure.title} by {by}, last {span.title}", labels, drawn, measure.show),
        legend=[each.name for each in drawn],
        empty="No request was answered in this time.",
        note=_together(span)
        + (
            "Amounts are costs at the prices of the time; requests without a known price count nothing here."
            if measure.name == "spend"
            else ""
        ),
    )


def _quality(rows: Sequence[Row], times: Sequence[str], span: Span) -> Figure:
    """How long answers took, and how many failed."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        at = found.setdefault(row["at"], dict.fromkeys(("complete", "errors", "first", "whole"), 0.0))
        at["complete"] += row["complete"]
        at["errors"] += row["errors"]
        at["first"] += row["first_content_ms"]
        at["whole"] += row["complete_ms"]
    table: list[dict[str, Any]] = []
    for moment in times:
        at = found.get(moment, {})
        complete, errors = at.get("complete", 0.0), at.get("errors", 0.0)
        table.append(
            {
                "at": moment,
                "first": at["first"] / complete if complete else None,
                "whole": at["whole"] / complete if complete else None,
                "errors": errors / (complete + errors) if complete + errors else None,
                "n": complete + errors,
            }
        )
    drawn = [
        Series("first content", [row["first"] for row in table]),
        Series("whole answer", [row["whole"] for row in table]),
    ]
    labels = [_label(each, span) for each in times]
    return Figure(
        "times",
        "Time to answer",
        [
            Column("at", "Time (UTC)"),
            Column("first", "First content", texts.milliseconds, number=True),
            Column("whole", "Whole answer", texts.milliseconds, number=True),
            Column("errors", "Failed", texts.share, number=True),
            Column("n", "Answers", texts.long_count, number=True),
        ],
        table if rows else [],
        chart=lines(f"Mean time to answer, last {span.title}", labels, drawn, texts.milliseconds),
        legend=[each.name for each in drawn],
        empty="No request was answered in this time.",
        note="Means of what was answered whole. Percentiles by endpoint are on the page Providers.",
    )


def _top(name: str, rows: Sequence[Row]) -> Figure:
    """The largest of a kind."""
    titles = {
        "model": "Models",
        "provider": "Providers",
        "key": "Keys",
        "team": "Teams",
        "app": "Applications",
    }
    return Figure(
        f"top_{name}",
        titles[name],
        [
            Column(name, titles[name].removesuffix("s"), lambda value: value or "(none)"),
            Column("requests", "Requests", texts.long_count, number=True),
            Column("tokens", "Tokens", texts.count, number=True),
            Column("cost_nano", "Spend", texts.usd, number=True),
            Column("errors", "Failed", texts.long_count, number=True),
        ],
        [{**row, "tokens": row["input_tokens"] + row["output_tokens"]} for row in rows],
        empty="No request was answered in this time.",
    )


def _together(span: Span) -> str:
    """How long each time of a chart is, where it is no single period."""
    unit = "days" if span.period.length == 10 else "hours"
    return f"Each is {span.several} {unit}. " if span.several > 1 else ""


def _label(moment: str, span: Span) -> str:
    """A period at the axis."""
    if span.period.length == 10:
        return moment[5:]
    clock = moment[11:16] if span.period.length > 13 else f"{moment[11:13]}:00"
    return clock if span.name != "7d" else f"{moment[8:10]}. {clock}"

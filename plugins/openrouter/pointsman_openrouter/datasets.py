"""Datasets: rankings of models, applications and tasks in OpenRouter's shapes, out of the roll-ups of days.

They are of one's own traffic, exact and not sampled, as far as the key that asks may see it: its own, its
team's or everybody's. What is not known of an application or request is taken as not so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from pointsman.errors import BadRequest
from pointsman.gateway import Gateway
from pointsman_keys.reach import Reach
from pointsman_thrift.tasks.names import GENERAL, OPENROUTER, Tag

from .filters import CATEGORIES, choice, number

__all__ = [
    "APP_PARAMETERS",
    "RANKING_PARAMETERS",
    "TASK_PARAMETERS",
    "app_rankings",
    "rankings_daily",
    "task_classifications",
]

RANKING_PARAMETERS = (
    *("start_date", "end_date", "period", "modality", "context_bucket", "category", "language_type"),
)
APP_PARAMETERS = ("category", "subcategory", "sort", "start_date", "end_date", "limit", "offset")
TASK_PARAMETERS = ("window",)

FLOOR = date(2025, 1, 1)
DEFAULT_DAYS = 30
TOP = 50
OTHER = "other"
MOST_APPS = 100
BEFORE = 3
"""Windows before one, whose mean its trend is measured against."""
WEEK = 7
MOST_MODELS = 10
TASKS = {"academia": "academia", "marketing/seo": "marketing"}
"""OpenRouter's categories whose names are not those of tasks."""
UNRECORDED = ("modality", "context_bucket", "language_type")
MACROS = {"code": "Code", "data": "Data", "agent": "Agent", "general": "General"}
GROUPS = {"coding", "creative", "productivity", "entertainment"}
SUMS = """
select at, {column} as name, sum(requests) as requests, sum(input_tokens) + sum(output_tokens) as tokens
from usage_days
where at >= :first and at <= :last and {column} is not null and (:task is null or task = :task)
    and (:key is null or key_id = :key) and (:team is null or team = :team)
group by at, {column}
"""
BY_TASK = """
select task, model, sum(requests) as requests, sum(input_tokens) + sum(output_tokens) as tokens
from usage_days
where at >= :first and at <= :last and task is not null and task <> :general
    and (:key is null or key_id = :key) and (:team is null or team = :team)
group by task, model
"""

Query = Mapping[str, str]
Json = dict[str, Any]


async def rankings_daily(gateway: Gateway, reach: Reach, query: Query) -> Json:
    """The models with most tokens of each day, week or month, and the rest as one. Raises BadRequest."""
    for name in UNRECORDED:
        if query.get(name):
            raise BadRequest(f"`{name}` is not recorded here", param=name)
    first, last = _span(query)
    category = query.get("category", "")
    task = None
    if category:
        task = TASKS.get(choice("category", category, CATEGORIES), category)
    period = choice("period", query.get("period") or ("week" if task else "day"), ("day", "week", "month"))
    if task and period == "day":
        raise BadRequest("`period` is week or month where there is a `category`", param="period")
    days = await _sums(gateway, reach, "model", (first, last), task=task)
    periods: dict[str, dict[str, int]] = {}
    for row in days:
        models = periods.setdefault(_bucket(row["at"], period), {})
        models[row["name"]] = models.get(row["name"], 0) + row["tokens"]
    data = [row for at, models in sorted(periods.items()) for row in _ranked(at, models)]
    return {"data": data, "meta": _meta(first, last)}


def _ranked(at: str, models: Mapping[str, int]) -> Iterable[Json]:
    """Those with most tokens, ties by name, and the rest as one; what used nothing is left out."""
    ordered = sorted(
        ((name, tokens) for name, tokens in models.items() if tokens), key=lambda each: (-each[1], each[0])
    )
    rest = sum(tokens for _, tokens in ordered[TOP:])
    for name, tokens in (*ordered[:TOP], *([(OTHER, rest)] if rest else [])):
        yield {"date": at, "model_permaslug": name, "total_tokens": str(tokens)}


async def app_rankings(gateway: Gateway, reach: Reach, query: Query) -> Json:
    """Applications by their tokens, or by how many more these are than before. Raises BadRequest."""
    first, last = _span(query)
    limit = int(number("limit", query.get("limit") or "50", most=Decimal(MOST_APPS), whole=True))
    offset = int(number("offset", query.get("offset") or "0", most=Decimal(MOST_APPS), whole=True))
    if not limit:
        raise BadRequest(f"`limit` must be a whole number from 1 to {MOST_APPS}", param="limit")
    sort = choice("sort", query.get("sort") or "popular", ("popular", "trending"))
    if query.get("category"):
        choice("category", query["category"], GROUPS)
    now = _added(await _sums(gateway, reach, "app", (first, last)))
    scores: dict[str, float] = {name: tokens for name, (_, tokens) in now.items()}
    if sort == "trending":
        length = min(BEFORE * ((last - first) + timedelta(days=1)), first - FLOOR)  # before there is nothing
        before = _added(await _sums(gateway, reach, "app", (first - length, first - timedelta(days=1))))
        scores = {name: score - before.get(name, (0, 0))[1] / BEFORE for name, score in scores.items()}
        scores = {name: score for name, score in scores.items() if score > 0}
    if query.get("category") or query.get("subcategory"):
        scores = {}  # no application is known to be of any
    ordered = sorted(scores, key=lambda name: (-scores[name], name))
    data = [
        {
            "rank": rank,
            "app_id": _number_of(name),
            "app_name": name,
            "total_tokens": str(now[name][1]),
            "total_requests": now[name][0],
        }
        for rank, name in enumerate(ordered, 1)
    ]
    return {"data": data[offset : offset + limit], "meta": _meta(first, last)}


async def task_classifications(gateway: Gateway, reach: Reach, query: Query) -> Json:
    """The shares of tasks in what was classified in the last seven whole days. Raises BadRequest."""
    choice("window", query.get("window") or "7d", ("7d",))
    last = datetime.now(UTC).date() - timedelta(days=1)
    params = _params(reach, last - timedelta(days=WEEK - 1), last) | {"general": GENERAL}
    rows = await gateway.ledger.select(BY_TASK, params) if gateway.ledger.has_table("usage_days") else []
    tasks: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        tasks.setdefault(row["task"], []).append(row)
    sums = {task: _total(found) for task, found in tasks.items()}
    macros: dict[str, tuple[int, int]] = {}
    for task, (requests, tokens) in sums.items():
        before = macros.get(_tag(task).macro, (0, 0))
        macros[_tag(task).macro] = before[0] + requests, before[1] + tokens
    all_of_it = _total(rows)
    shapes = [_task(task, found, macros[_tag(task).macro], all_of_it) for task, found in tasks.items()]
    shapes.sort(key=lambda shape: (-shape["usage_share"], shape["tag"]))
    return {
        "data": {
            "window_days": WEEK,
            "as_of": last.isoformat(),
            "classifications": shapes,
            "macro_categories": [
                {"key": key, "label": MACROS[key], **_shares(macros.get(key, (0, 0)), all_of_it)}
                for key in MACROS
            ],
        }
    }


def _task(
    task: str, rows: Sequence[Mapping[str, Any]], macro: tuple[int, int], all_of_it: tuple[int, int]
) -> Json:
    tag, own = _tag(task), _total(rows)
    of_macro = _shares(own, macro)
    ordered = sorted(rows, key=lambda row: (-row["requests"], row["model"] or ""))[:MOST_MODELS]
    return {
        "tag": tag.tag,
        "display_name": tag.label,
        "macro_category": tag.macro,
        **_shares(own, all_of_it),
        "category_usage_share": of_macro["usage_share"],
        "category_token_share": of_macro["token_share"],
        "models": [_model(row, own) for row in ordered if row["model"]],
    }


def _model(row: Mapping[str, Any], own: tuple[int, int]) -> Json:
    shares = _shares((row["requests"], row["tokens"]), own)
    return {
        "id": row["model"],
        "tag_usage_share": shares["usage_share"],
        "tag_token_share": shares["token_share"],
    }


def _tag(task: str) -> Tag:
    return OPENROUTER.get(task) or Tag("general", f"general:{task}", task.capitalize())


def _total(rows: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Requests and tokens."""
    found = [(row["requests"], row["tokens"]) for row in rows]
    return sum(requests for requests, _ in found), sum(tokens for _, tokens in found)


def _shares(part: tuple[int, int], whole: tuple[int, int]) -> dict[str, float]:
    requests, tokens = (each / total if total else 0.0 for each, total in zip(part, whole, strict=True))
    return {"usage_share": requests, "token_share": tokens}


def _span(query: Query) -> tuple[date, date]:
    """The first and the last day. Raises BadRequest."""
    last = _day(query, "end_date") or datetime.now(UTC).date() - timedelta(days=1)
    if last < FLOOR:
        raise BadRequest(f"`end_date` must be {FLOOR} or later", param="end_date")
    first = max(FLOOR, _day(query, "start_date") or last - timedelta(days=DEFAULT_DAYS))
    if first > last:
        raise BadRequest("`start_date` is behind `end_date`", param="start_date")
    return first, last


def _day(query: Query, name: str) -> date | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"`{name}` must be a day such as 2026-11-01", param=name) from None


def _bucket(at: str, period: str) -> str:
    """The first day of the period that a day is in."""
    if period == "week":
        day = date.fromisoformat(at)
        return (day - timedelta(days=day.weekday())).isoformat()
    return f"{at[:7]}-01" if period == "month" else at


def _meta(first: date, last: date) -> Json:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"as_of": now, "version": "v1", "start_date": first.isoformat(), "end_date": last.isoformat()}


def _params(reach: Reach, first: date, last: date) -> Json:
    return {
        "key": reach.key_id,
        "team": reach.team,
        "first": first.isoformat(),
        "last": last.isoformat(),
    }


async def _sums(
    gateway: Gateway, reach: Reach, column: str, span: tuple[date, date], *, task: str | None = None
) -> list[Json]:
    """Requests and tokens by day and one of our own columns."""
    if not gateway.ledger.has_table("usage_days"):
        return []
    sql = SUMS.format(column=column)
    return await gateway.ledger.select(sql, _params(reach, *span) | {"task": task})


def _added(rows: Iterable[Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    """Requests and tokens of all days, by name."""
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        requests, tokens = found.get(row["name"], (0, 0))
        found[row["name"]] = requests + row["requests"], tokens + row["tokens"]
    return found


def _number_of(name: str) -> int:
    """A number for an application, always the same one for a name."""
    return int.from_bytes(blake2b(name.encode(), digest_size=6).digest(), "big")

"""A listing of what was said, newest first, page by page."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from pointsman.errors import BadRequest
from pointsman.ledger import Ledger

from .records import Source

__all__ = ["Wanted", "page"]

AFTER = "9"
"""Sorts behind every time."""
EQUAL = ("generation_id", "model", "provider", "task", "source", "kind", "app")
NAMED = {"key": ("key_id", "key_name"), "team": ("team", "team_name")}
"""Parameters that say an id or a name."""
BETWEEN = "|"


class Wanted(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which rows: `since` and `until` as rows carry their times, or only the beginning of one; `before` is
    `next` of the page before."""

    generation_id: str | None = None
    key: str | None = None
    model: str | None = None
    provider: str | None = None
    task: str | None = None
    source: Source | None = None
    kind: str | None = None
    team: str | None = None
    app: str | None = None
    since: str | None = None
    until: str | None = None
    before: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


async def page(ledger: Ledger, wanted: Wanted, *, team: str | None) -> dict[str, Any]:
    """A page of rows, of the keys of one team or of all, and where the next one begins. Raises BadRequest."""
    conditions, params = _conditions(wanted, team)
    sql = f"select * from feedback where {' and '.join(conditions)} order by at desc, id desc limit :limit"  # noqa: S608 - our own conditions
    rows = await ledger.select(sql, {**params, "limit": wanted.limit + 1})
    shown, more = rows[: wanted.limit], len(rows) > wanted.limit
    following = f"{shown[-1]['at']}{BETWEEN}{shown[-1]['id']}" if more else None
    return {"object": "list", "data": shown, "has_more": more, "next": following}


def _conditions(wanted: Wanted, team: str | None) -> tuple[list[str], dict[str, Any]]:
    at, separator, id = (wanted.before or f"{AFTER}{BETWEEN}").partition(BETWEEN)
    if not separator:
        raise BadRequest("`before` must be `next` of the page before", param="before")
    conditions = ["at <= :at and (at < :at or id < :id)"]
    params: dict[str, Any] = {"at": at, "id": id}
    for name in (*EQUAL, *NAMED):
        value = getattr(wanted, name)
        if value is not None:
            columns = NAMED.get(name, (name,))
            conditions.append(f"({' or '.join(f'{column} = :{name}' for column in columns)})")
            params[name] = value
    for name, comparison, value in (("since", ">=", wanted.since), ("until", "<", wanted.until)):
        if value is not None:
            conditions.append(f"at {comparison} :{name}")
            params[name] = value
    if team is not None:
        conditions.append("team = :own")
        params["own"] = team
    return conditions, params

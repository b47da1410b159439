"""Activity: what was used on which day, by model and provider, out of the roll-ups of days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pointsman.errors import BadRequest, NotFound
from pointsman.exchange import Actor
from pointsman.gateway import Gateway
from pointsman.money import NANO
from pointsman_keys.reach import Reach, directory_of, reach_of

from .filters import choice
from .providers import title_at

__all__ = ["PARAMETERS", "activity"]

PARAMETERS = ("date", "api_key_hash", "user_id", "group_by", "workspace_id")
DAYS = 30
NO_TEAM = ""
"""The workspace of keys that belong to no team."""
SUMS = """
select at as day, model, provider, {team}
    sum(requests) as requests, sum(input_tokens) as input, sum(output_tokens) as output,
    sum(reasoning_tokens) as reasoning, sum(billed_nano) as billed, sum(unpriced) as unpriced
from usage_days
where at >= :first and at <= :last and provider is not null {conditions}
group by at, model, provider {group}
order by at desc, requests desc, model, provider {group}
"""
OWN = """
select substr(at, 1, 10) as day, coalesce(model, model_asked) as model, provider, {team}
    sum(coalesce(billed_nano, 0)) as billed
from generations
where at >= :first and at < :after and byok = 1 {conditions}
group by substr(at, 1, 10), coalesce(model, model_asked), provider {group}
"""

Place = tuple[str, str, str, str]
"""Day, model, provider and team."""


async def activity(gateway: Gateway, actor: Actor, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the actor may see of the last 30 whole days, or of one `date`; the newest first.

    Raises BadRequest, and NotFound for a key that is not there.
    """
    if not gateway.ledger.has_table("usage_days"):
        return []
    grouped = query.get("group_by")
    by_team = bool(grouped and choice("group_by", grouped, ("workspace",)))
    first, last = _days(query.get("date", ""), datetime.now(UTC).date())
    conditions, params = _conditions(gateway, reach_of(gateway, actor), query)
    params |= {"first": first.isoformat(), "last": last.isoformat()}
    params["after"] = (last + timedelta(days=1)).isoformat()
    parts = {
        "team": "coalesce(team, '') as team, max(team_name) as team_name," if by_team else "",
        "group": ", coalesce(team, '')" if by_team else "",
        "conditions": "".join(f" and {each}" for each in conditions),
    }
    rows = await gateway.ledger.select(SUMS.format(**parts), params)
    own: dict[Place, int] = {}
    if any(team.keys for team in directory_of(gateway).teams.values()):
        found = await gateway.ledger.select(OWN.format(**parts), params)
        own = {_place(row): row["billed"] for row in found}
    return [_shape(gateway, row, own.get(_place(row), 0), by_team=by_team) for row in rows]


def _days(text: str, today: date) -> tuple[date, date]:
    """The days that are wanted. Raises BadRequest."""
    if not text:
        return today - timedelta(days=DAYS), today - timedelta(days=1)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadRequest("`date` must be a day such as 2026-11-01", param="date") from None
    if not timedelta(0) <= today - day <= timedelta(days=DAYS):
        raise BadRequest(f"`date` must be one of the last {DAYS} days, in UTC", param="date")
    return day, day


def _conditions(gateway: Gateway, reach: Reach, query: Mapping[str, str]) -> tuple[list[str], dict[str, Any]]:
    """Conditions on the key and team of a row, and their parameters."""
    conditions, params = [], {}
    for name, value in (("key_id", reach.key_id), ("team", reach.team)):
        if value is not None:
            conditions.append(f"{name} = :{name}")
            params[name] = value
    if query.get("workspace_id"):
        conditions.append("(team = :workspace or team_name = :workspace)")
        params["workspace"] = query["workspace_id"]
    for name, ids in (
        ("hash", _of_hash(gateway, query.get("api_key_hash", ""))),
        ("user", _of_user(gateway, query.get("user_id", ""))),
    ):
        if ids is not None:
            places = {f"{name}{number}": each for number, each in enumerate(ids)}
            conditions.append(f"key_id in ({', '.join(f':{each}' for each in places)})")
            params |= places
    return conditions, params


def _of_hash(gateway: Gateway, hash: str) -> Iterable[str] | None:
    """The id of the key of a hash. Raises NotFound."""
    if not hash:
        return None
    key = directory_of(gateway).key(hash)
    if key is None:
        raise NotFound(f"there is no key {hash[:100]!r}", param="api_key_hash")
    return [key.id]


def _of_user(gateway: Gateway, user: str) -> Iterable[str] | None:
    """The ids of the keys that somebody made."""
    return [key.id for key in directory_of(gateway) if key.creator == user] if user else None


def _place(row: Mapping[str, Any]) -> Place:
    return row["day"], row["model"], row["provider"], row.get("team", "")


def _shape(gateway: Gateway, row: Mapping[str, Any], own: int, *, by_team: bool) -> dict[str, Any]:
    """`usage` is the sum of what has a price; `unpriced` says how many requests have none."""
    return {
        "date": row["day"],
        "model": row["model"],
        "model_permaslug": row["model"],
        "endpoint_id": _endpoint(gateway, row["model"], row["provider"]),
        "provider_name": title_at(gateway, row["provider"]),
        "usage": (row["billed"] - own) / NANO,
        "byok_usage_inference": own / NANO,
        "requests": row["requests"],
        "prompt_tokens": row["input"],
        "completion_tokens": row["output"],
        "reasoning_tokens": row["reasoning"],
        "unpriced": row["unpriced"],
        **({"workspace_id": row["team_name"] or NO_TEAM} if by_team else {}),
    }


def _endpoint(gateway: Gateway, model: str, provider: str) -> str:
    """The endpoint of a model at a provider; both names where it has several there, or none any more."""
    known = gateway.setup.catalogue.models.get(model)
    ids = [each.id for each in known.endpoints if each.provider.name == provider] if known is not None else []
    return ids[0] if len(ids) == 1 else f"{provider}/{model}"

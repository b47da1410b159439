"""Shapes: keys and teams as this API shows them, and its fields as settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pointsman.config import Schema
from pointsman.errors import BadRequest
from pointsman.exchange import Actor
from pointsman_keys import Directory, KeyGrants, TeamRecord, TeamSettings, VirtualKey

__all__ = ["SPANS", "Spent", "current_key", "key_shape", "limit_of", "settings_of", "team_shape"]

Reset = Literal["daily", "weekly", "monthly"]
RESETS: dict[str | None, str] = {
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    None: "lifetime",
}
"""How often a limit begins anew, and the window that this is in a budget."""
NAMES = {window: reset for reset, window in RESETS.items()}
SPANS = ("all", "day", "week", "month")
IGNORED = frozenset({"creator_user_id", "workspace_id"})
"""Members of OpenRouter's that mean nothing here: they are taken where they ask for nothing."""
BYOK = "include_byok_in_limit"
"""Another one: what a team's own credentials are used for always counts, and answers say so."""
PER_USD = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Spent:
    """What a key has spent, in nano-dollars, by span; `byok` is that at the team's own expense, `made` what
    counts for it beside that: what the keys have spent that it made."""

    total: Mapping[str, int]
    byok: Mapping[str, int]
    made: Mapping[str, int] = field(default_factory=dict)


NOTHING = Spent({}, {})


def settings_of(body: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """A body's members as settings of a key. Raises BadRequest that names the member at fault."""
    given = dict(body)
    for name in IGNORED & given.keys():
        if given.pop(name) is not None:
            raise BadRequest(f"`{name}` has no meaning here", param=name)
    if given.pop(BYOK, None) not in (None, True, False):
        raise BadRequest(f"`{BYOK}` must be true or false", param=BYOK)
    if "expires_at" in given:
        if "expires" in given:
            raise BadRequest("`expires_at` and `expires` are the same: send one", param="expires_at")
        given["expires"] = given.pop("expires_at")
    if "limit" in given or "limit_reset" in given:
        given["budget"] = _budget(given, schema)
    return given


def key_shape(
    key: VirtualKey, directory: Directory, spent: Spent = NOTHING, schema: Schema | None = None
) -> dict[str, Any]:
    """A key in OpenRouter's shape, with what it has beside that. Where that wants a text, it is empty: when a
    key of the configuration was made, and whose workspace one without a team is in."""
    grants = key.grants
    known = directory.known[key.digest]
    return {
        "hash": key.hash,
        "name": grants.name,
        "label": key.id,
        "disabled": grants.disabled,
        **_limit(grants.extra.get("budget"), spent),
        **_usage(spent),
        "created_at": key.created_at or "",
        "updated_at": key.updated_at,
        "expires_at": _iso(known.until),
        "creator_user_id": key.creator,
        "workspace_id": grants.team or "",
        "id": key.id,
        "team": grants.team,
        "maker": key.maker,
        "role": known.role,
        "models": list(grants.models),
        "providers": list(grants.providers),
        "surfaces": list(grants.surfaces),
        "data_policy": _policy(grants),
        "tags": list(grants.tags),
        "explain": grants.explain,
        "origin": key.origin,
        "refused": known.refused,
        "old_until": _iso(key.old[1]) if key.old is not None else None,
        "settings": {name: value for name, value in key.given.items() if name not in _own(KeyGrants)},
    }


def current_key(actor: Actor, key: VirtualKey | None, directory: Directory, spent: Spent) -> dict[str, Any]:
    """The key that asks, in OpenRouter's shape."""
    known = directory.known[key.digest] if key is not None else None
    role = known.role if known is not None else actor.role
    return {
        "label": actor.name,
        **_limit(actor.extra.get("budget"), spent),
        **_usage(spent),
        "is_free_tier": False,
        "is_management_key": role == "admin",
        "is_provisioning_key": role == "admin",
        "creator_user_id": key.creator if key is not None else None,
        "expires_at": _iso(known.until) if known is not None else None,
        "rate_limit": {
            "requests": -1,
            "interval": "1h",
            "note": "This field is deprecated and safe to ignore.",
        },
        "hash": key.hash if key is not None else None,
        "id": actor.key_id,
        "role": role,
        "levels": [{"kind": level.kind, "name": level.name} for level in actor.levels],
    }


def team_shape(team: TeamRecord, directory: Directory) -> dict[str, Any]:
    """A team."""
    grants = team.grants
    return {
        "name": team.name,
        "role": grants.role,
        "models": list(grants.models),
        "providers": list(grants.providers),
        "surfaces": list(grants.surfaces),
        "data_policy": _policy(grants),
        "tags": list(grants.tags),
        "disabled": grants.disabled,
        "expires_at": _iso(grants.expires),
        "keys": len(directory.of_team(team.name)),
        "credentials": sorted(team.keys),
        "origin": team.origin,
        "created_at": team.created_at,
        "updated_at": team.updated_at,
        "settings": {name: value for name, value in team.given.items() if name not in _own(TeamSettings)},
    }


def _policy(grants: KeyGrants | TeamSettings) -> dict[str, Any]:
    return {"collection": grants.data_policy.collection, "zdr": grants.data_policy.zdr}


def _own(type_: type) -> frozenset[str]:
    return frozenset(type_.__dataclass_fields__)  # type: ignore[attr-defined]


def _budget(given: dict[str, Any], schema: Schema) -> dict[str, Any] | None:
    """OpenRouter's limit as the budget that it is."""
    limit, reset = given.pop("limit", None), given.pop("limit_reset", None)
    if "budget" in given:
        raise BadRequest("`limit` and `budget` are the same: send one", param="limit")
    if reset not in RESETS:
        raise BadRequest("`limit_reset` must be daily, weekly, monthly or null", param="limit_reset")
    if limit is None:
        if reset is not None:
            raise BadRequest("`limit_reset` needs a `limit`", param="limit")
        return None
    if "budget" not in schema.fields("key"):
        raise BadRequest("`limit` needs the plugin budgets, which is not in use", param="limit")
    return {"usd": limit, "per": RESETS[reset]}


def limit_of(grants: KeyGrants) -> dict[str, Any]:
    """The members of a request that say the limit that a key has; none without one."""
    first = _first(grants.extra.get("budget"))
    return {"limit": first.usd.text, "limit_reset": NAMES[first.per]} if first is not None else {}


def _first(budget: Any) -> Any:
    """The limit that a budget is to OpenRouter's clients, which know one."""
    budgets = budget if isinstance(budget, tuple) else (budget,) if budget is not None else ()
    return next((each for each in budgets if getattr(each, "per", None) in NAMES), None)


def _limit(budget: Any, spent: Spent) -> dict[str, Any]:
    first = _first(budget)
    if first is None:
        return {"limit": None, "limit_remaining": None, "limit_reset": None, BYOK: True}
    window = "all" if first.per == "lifetime" else first.per
    used = sum(each.get(window, 0) for each in (spent.total, spent.byok, spent.made))
    return {
        "limit": first.usd / PER_USD,
        "limit_remaining": max(0, first.usd - used) / PER_USD,
        "limit_reset": NAMES[first.per],
        BYOK: True,
    }


def _usage(spent: Spent) -> dict[str, float]:
    shown = {}
    for prefix, amounts in (("usage", spent.total), ("byok_usage", spent.byok)):
        for span, name in zip(SPANS, ("", "_daily", "_weekly", "_monthly"), strict=True):
            shown[prefix + name] = amounts.get(span, 0) / PER_USD
    return shown


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment is not None else None

"""Prepaid credits: granted by administrators, spent by those who are `prepaid`, told to both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from pointsman.errors import BadRequest, Forbidden, NotFound
from pointsman.exchange import Actor
from pointsman.money import NANO, format_usd, parse_usd
from pointsman.setup import Setup

from .book import Owner
from .payers import Payers, key_id, owners_of
from .records import BEGINNING, OWNER_COLUMNS, Records, hour_of
from .windows import Clock

__all__ = ["Credits", "amount_of", "configured", "owner_of"]

MOST_BODY = 64 * 1024
LONGEST_TEXT = 500
_SECTIONS = {"key": "keys", "team": "teams", "organisation": "organisation"}
"""Where the configuration has them."""


class Credits:
    """`/api/v1/credits`: what was granted and what was used, and more of it."""

    def __init__(self, setup: Setup, records: Records, payers: Payers, clock: Clock) -> None:
        self._setup = setup
        self._records = records
        self._payers = payers
        self._clock = clock

    async def answer(self, request: Request) -> JSONResponse:
        """Show credits, or grant some. Raises Forbidden, BadRequest, Unavailable."""
        actor: Actor = request.state.actor
        if request.method == "POST":
            return JSONResponse(await self.grant(actor, _object(await request.body())), status_code=201)
        owner = owner_of(self._setup, request.query_params)
        return JSONResponse(await self.show(actor, owner))

    async def show(self, actor: Actor, owner: Owner | None) -> dict[str, Any]:
        """Credits granted and used, in US dollars.

        Of nobody in particular: of the nearest level that is prepaid; without one an administrator is told of
        everybody's together, anybody else of his key's.
        """
        everybody = actor.role == "admin" and not _teams(actor)
        if owner is None:
            prepaid = [each for each, extra in owners_of(actor) if extra.get("prepaid")]
            own = owners_of(actor)[0][0]
            owner = prepaid[0] if prepaid else None if everybody else own
        elif not everybody and owner[:2] not in [each[:2] for each, _ in owners_of(actor)]:
            raise Forbidden(f"key {actor.name!r} may not see the credits of {owner}")
        granted, since = await self._records.granted(owner)
        await self._records.flush()
        used = await self._records.spent(owner, hour_of(since) if since is not None else BEGINNING)
        return {"data": {"total_credits": granted / NANO, "total_usage": used / NANO}}

    async def grant(self, actor: Actor, body: Mapping[str, Any]) -> dict[str, Any]:
        """Grant what a body says: `usd`, one of `key`, `team` and `organisation`, and perhaps a `note`.

        Raises NotFound for somebody who is not there: credits must not be lost to a slip of the pen.
        """
        if actor.role != "admin" or _teams(actor):
            raise Forbidden(f"key {actor.name!r} may not grant credits: it does not administer everything")
        unknown = sorted(body.keys() - {"usd", "note", *OWNER_COLUMNS})
        if unknown:
            raise BadRequest(f"unknown member {unknown[0]!r}", param=unknown[0])
        note = body.get("note")
        if note is not None and not isinstance(note, str):
            raise BadRequest("`note` is a text", param="note")
        owner = owner_of(self._setup, body)
        if owner is None:
            raise BadRequest("say whose: one of `key`, `team` and `organisation`")
        if not configured(self._setup, owner) and not await self._records.has(owner):
            raise NotFound(f"there is no {owner}", param=owner.kind)
        nano = amount_of(body.get("usd"))
        note = note[:LONGEST_TEXT] if note else None
        row = await self._records.grant(owner, nano, self._clock.now(), by=owners_of(actor)[0][0], note=note)
        account = await self._payers.credits(owner)
        return {
            "data": {
                "id": row["id"],
                "at": row["at"],
                owner.kind: owner.name,
                "usd": format_usd(nano),
                "left_usd": format_usd(account.left),
            }
        }


def owner_of(setup: Setup, said: Mapping[str, Any]) -> Owner | None:
    """Whom `key`, `team` or `organisation` names; None without any of them. A key goes by its id, its hash
    or, where it is configured, its name. Raises BadRequest for several, and for what cannot be a name."""
    given = [kind for kind in OWNER_COLUMNS if said.get(kind) is not None]
    if not given:
        return None
    if len(given) > 1:
        raise BadRequest(f"`{given[0]}` and `{given[1]}` are two: say one", param=given[1])
    kind, name = given[0], said[given[0]]
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_TEXT:
        raise BadRequest(f"`{kind}` is a name", param=kind)
    return Owner(kind, _key_id(setup, name) if kind == "key" else name, name)


def configured(setup: Setup, owner: Owner) -> bool:
    """Whether the configuration has somebody."""
    if _SECTIONS[owner.kind] not in setup.schema.sections:
        return False
    section = setup.section(_SECTIONS[owner.kind])
    if owner.kind == "key":
        return owner.id in [key_id(key.digest) for key in section]
    if owner.kind == "team":
        return owner.id in section
    return section is not None and owner.id == section.name


def amount_of(usd: object) -> int:
    """An amount of US dollars as nano-USD, exact; a negative one takes credits back. Raises BadRequest."""
    if isinstance(usd, bool) or not isinstance(usd, int | str):
        raise BadRequest("`usd` is an amount of US dollars such as 25 or 0.5", param="usd")
    text = str(usd).strip()
    try:
        nano = parse_usd(text.removeprefix("-"))
    except ValueError as error:
        raise BadRequest(f"`usd`: {error}", param="usd") from None
    if not nano:
        raise BadRequest("`usd` is nothing", param="usd")
    return -nano if text.startswith("-") else nano


def _key_id(setup: Setup, name: str) -> str:
    for key in setup.section("keys") if "keys" in setup.schema.sections else ():
        if key.name == name:
            return key_id(key.digest)
    return f"key-{name[:12]}" if len(name) == 64 else name


def _teams(actor: Actor) -> list[str]:
    """The teams that an actor belongs to: its rights end there."""
    return [level.id for level in actor.levels if level.kind == "team"]


def _object(body: bytes) -> Mapping[str, Any]:
    """A JSON object, its fractions as they are written. Raises BadRequest."""
    try:
        value = json.loads(body[:MOST_BODY], parse_float=str)
    except (ValueError, RecursionError):
        raise BadRequest("the body is no JSON object") from None
    if not isinstance(value, dict):
        raise BadRequest("the body is no JSON object")
    return value

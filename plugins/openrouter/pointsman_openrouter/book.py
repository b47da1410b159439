"""The book: what this API does, as JSON in and JSON out, whoever asks by whatever way.

The HTTP routes and the command line call the same functions, so that they say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.config import Duration
from pointsman.errors import BadRequest, Unavailable
from pointsman.exchange import Actor
from pointsman.gateway import Gateway
from pointsman_keys import Accounts, Caller, Directory, Keys, OwnCredentials

from .shapes import Spent, current_key, key_shape, limit_of, settings_of, team_shape
from .spending import spent_by, spent_by_all

__all__ = ["Book"]

PAGE = 100
"""Keys in one answer."""
MOST_AUDIT = 1000
OVERLAP = "24h"
FOREVER = "9"
"""Sorts behind every time."""

Json = dict[str, Any]


class Book:
    """Keys and teams of a gateway. Raises the RequestErrors of `Accounts`."""

    def __init__(self, gateway: Gateway) -> None:
        plugin = gateway.setup.plugins.get("keys")
        if plugin is None or not isinstance(plugin.target, Keys):
            raise Unavailable("the plugin keys is not in use")
        self._gateway = gateway
        self._keys = plugin.target

    def caller(self, actor: Actor, address: str) -> Caller:
        """Who asks."""
        return self._keys.caller(actor, address)

    async def current(self, by: Caller) -> Json:
        """The key that asks."""
        spent = await spent_by(self._gateway.ledger, by.actor.key_id, own=bool(by.actor.keys))
        return {"data": current_key(by.actor, self._directory.key(by.actor.key_id), self._directory, spent)}

    async def list_keys(self, by: Caller, query: Mapping[str, str]) -> Json:
        """Keys, by their names; disabled ones where `include_disabled` says so."""
        offset, disabled = _number(query, "offset", 0), query.get("include_disabled") in ("true", "1")
        keys = [key for key in self._accounts.keys(by) if disabled or not key.grants.disabled]
        keys.sort(key=lambda key: key.grants.name)
        own = any(team.keys for team in self._directory.teams.values())
        spent = await spent_by_all(self._gateway.ledger, own=own)
        page = keys[offset : offset + PAGE]
        return {"data": [key_shape(key, self._directory, spent.get(key.id, Spent({}, {}))) for key in page]}

    async def show_key(self, by: Caller, name: str) -> Json:
        """One key."""
        key = self._accounts.key(by, name)
        own = bool(self._directory.known[key.digest].actor.keys)
        spent = await spent_by(self._gateway.ledger, key.id, own=own)
        return {"data": key_shape(key, self._directory, spent)}

    async def create_key(self, by: Caller, body: Json) -> Json:
        """A new key, with its text."""
        key, text = await self._accounts.create_key(by, settings_of(body, self._gateway.setup.schema))
        return {"data": key_shape(key, self._directory), "key": text.reveal()}

    async def change_key(self, by: Caller, name: str, body: Json) -> Json:
        """A key, changed."""
        present = limit_of(self._accounts.key(by, name).grants)
        given = settings_of({**_kept(present, body), **body}, self._gateway.setup.schema)
        key = await self._accounts.change_key(by, name, given)
        return await self.show_key(by, key.hash)

    async def rotate_key(self, by: Caller, name: str, body: Json) -> Json:
        """A key with a new text, which is in the answer."""
        _only(body, "overlap")
        try:
            overlap = Duration.parse(str(body.get("overlap", OVERLAP)))
        except ValueError as error:
            raise BadRequest(f"`overlap`: {error}", param="overlap") from None
        key, text = await self._accounts.rotate_key(by, name, overlap)
        return {**await self.show_key(by, key.hash), "key": text.reveal()}

    async def delete_key(self, by: Caller, name: str) -> Json:
        """End a key."""
        await self._accounts.revoke_key(by, name)
        return {"deleted": True}

    async def list_teams(self, by: Caller) -> Json:
        """Teams, by their names."""
        teams = sorted(self._accounts.teams(by), key=lambda team: team.name)
        return {"data": [team_shape(team, self._directory) for team in teams]}

    async def show_team(self, by: Caller, name: str) -> Json:
        """One team."""
        return {"data": team_shape(self._accounts.team(by, name), self._directory)}

    async def create_team(self, by: Caller, body: Json) -> Json:
        """A new team."""
        given = _expiring(body)
        name = given.pop("name", None)
        if not isinstance(name, str):
            raise BadRequest("`name` is missing", param="name")
        await self._accounts.create_team(by, name, given)
        return await self.show_team(by, name)

    async def change_team(self, by: Caller, name: str, body: Json) -> Json:
        """A team, changed."""
        await self._accounts.change_team(by, name, _expiring(body))
        return await self.show_team(by, name)

    async def delete_team(self, by: Caller, name: str) -> Json:
        """Take a team out."""
        await self._accounts.delete_team(by, name)
        return {"deleted": True}

    async def list_credentials(self, by: Caller, team: str) -> Json:
        """A team's own credentials, by fingerprint."""
        found = self._credentials.of_team(by, team)
        return {"data": [{"provider": name, "fingerprint": mark} for name, mark in found.items()]}

    async def put_credential(self, by: Caller, team: str, provider: str, body: Json) -> Json:
        """Set a team's own credential."""
        _only(body, "key")
        fingerprint = await self._credentials.put(by, team, provider, body.get("key"))
        return {"data": {"provider": provider, "fingerprint": fingerprint}}

    async def drop_credential(self, by: Caller, team: str, provider: str) -> Json:
        """Take a team's own credential out."""
        await self._credentials.drop(by, team, provider)
        return {"deleted": True}

    async def audit(self, by: Caller, query: Mapping[str, str]) -> Json:
        """What was done, newest first."""
        limit = min(_number(query, "limit", PAGE), MOST_AUDIT)
        before, id = query.get("before", FOREVER), query.get("before_id", "")
        return {"data": await self._accounts.audit(by, before=before, id=id, limit=limit)}

    @property
    def _directory(self) -> Directory:
        return self._keys.directory

    @property
    def _accounts(self) -> Accounts:
        if self._keys.accounts is None:
            raise Unavailable("the gateway has not started")
        return self._keys.accounts

    @property
    def _credentials(self) -> OwnCredentials:
        if self._keys.credentials is None:
            raise Unavailable("the gateway has not started")
        return self._keys.credentials


def _kept(present: Json, body: Json) -> Json:
    """Which half of a limit stays as it is, where the other alone is changed."""
    named = present.keys() & body.keys()
    if len(named) != 1 or body.get("limit", 0) is None:
        return {}
    return {name: value for name, value in present.items() if name not in named}


def _expiring(body: Json) -> Json:
    given = dict(body)
    if "expires_at" in given:
        given["expires"] = given.pop("expires_at")
    return given


def _only(body: Json, *known: str) -> None:
    unknown = sorted(body.keys() - {*known})
    if unknown:
        raise BadRequest(f"unknown key `{unknown[0]}`", param=unknown[0])


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadRequest(f"`{name}` must be a number from 0", param=name)
    return int(text)

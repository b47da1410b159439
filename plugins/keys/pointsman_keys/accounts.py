"""Accounts: keys and teams that are made, changed and ended while the server runs.

Each change is one transaction in the ledger together with its row in the audit log; once that is on disk the
directory takes it over, so that the next request is decided by it. Changes are made one after the other.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from pointsman.config import ConfigError, Schema, SettingError, build_data
from pointsman.errors import BadRequest, Conflict, Forbidden, NotFound
from pointsman.secrets import Secret

from .callers import Caller
from .claims import Parent, claims
from .directory import Directory, TeamRecord, VirtualKey
from .records import AUDIT, KEYS, TEAMS, Statement, delete, insert, key_row, now, upsert
from .settings import Grants, KeyGrants, TeamSettings, check_team_name

if TYPE_CHECKING:
    from pointsman.gateway import Gateway

__all__ = ["LONGEST_OVERLAP", "Accounts", "new_key"]

LONGEST_OVERLAP = 30 * 86_400.0
"""Seconds for which a key's text before a rotation is good, at most."""
SELECT_AUDIT = """
select * from audit where at < :before or (at = :before and id < :id) order by at desc, id desc limit :limit
"""

Made = TypeVar("Made")
Granted = TypeVar("Granted", bound=Grants)


def new_key() -> Secret:
    """The text of a new key, with 256 random bits."""
    return Secret(f"pm-{secrets.token_urlsafe(32)}")


class Accounts:
    """What can be done to keys and teams. Every method raises Forbidden where its caller may not do it,
    NotFound for what is not there, and BadRequest or Conflict for what cannot be."""

    def __init__(self, gateway: Gateway, directory: Directory) -> None:
        self.directory = directory
        self._gateway = gateway
        self._schema: Schema = gateway.setup.schema
        self._one = asyncio.Lock()

    def keys(self, by: Caller) -> list[VirtualKey]:
        """The keys that the caller manages."""
        by.check_admin()
        return [key for key in self.directory if by.sees(key)]

    def key(self, by: Caller, name: str) -> VirtualKey:
        """The key of this hash or id."""
        by.check_admin()
        key = self.directory.key(name)
        if key is None or not by.sees(key):
            raise NotFound(f"there is no key {name[:100]!r}")
        return key

    async def create_key(self, by: Caller, given: Mapping[str, Any]) -> tuple[VirtualKey, Secret]:
        """Make a key with these settings; its text is told here and nowhere else."""
        by.check_admin()
        if by.team is not None:
            given = {"team": by.team, **given}

        async def create() -> tuple[VirtualKey, Secret]:
            text = new_key()
            digest = sha256(text.reveal().encode()).digest()
            key = VirtualKey(
                digest.hex(),
                digest,
                self._key_grants(by, given, given),
                "ledger",
                created_at=now(),
                creator=by.actor.key_id,
                maker=self._maker(by),
                given=given,
            )
            await self.commit(by, "key.create", key.id, given, [insert(KEYS, key_row(key))])
            self.directory.put(key)
            return key, text

        return await self.alone(create)

    async def change_key(self, by: Caller, name: str, changes: Mapping[str, Any]) -> VirtualKey:
        """Change settings of a key; null is the default again. Whoever may not grant what a key has may still
        disable it, and nobody changes more of the key with which he asks."""

        async def change() -> VirtualKey:
            key = self._own(self.key(by, name))
            given = _changed(key.given, changes)
            by.check_fields(changes)
            if changes == {"disabled": True}:
                grants = self._built(KeyGrants, given)
            elif key.id == by.actor.key_id:
                raise Forbidden(f"key {key.grants.name!r} may not change its own settings")
            else:
                by.check_bounds(key, self.directory.above(key))
                grants = self._key_grants(by, given, changes, but=key)
            changed = replace(key, grants=grants, given=given, updated_at=now())
            await self.commit(by, "key.change", key.id, changes, [upsert(KEYS, key_row(changed))])
            self.directory.put(changed)
            return changed

        return await self.alone(change)

    async def rotate_key(self, by: Caller, name: str, overlap: float) -> tuple[VirtualKey, Secret]:
        """Give a key another text; the present one is good for `overlap` more seconds."""
        if not 0 <= overlap <= LONGEST_OVERLAP:
            raise BadRequest("`overlap` must be between 0s and 30d", param="overlap")

        async def rotate() -> tuple[VirtualKey, Secret]:
            key = self._own(self.key(by, name))
            above = [*self.directory.above(key)]
            if key.id != by.actor.key_id:
                by.check_bounds(key, above)
            by.check_grants(key.grants, [each.grants for each in above])
            text = new_key()
            old = (key.digest, datetime.now(UTC) + timedelta(seconds=overlap)) if overlap else None
            digest = sha256(text.reveal().encode()).digest()
            rotated = replace(key, digest=digest, old=old, updated_at=now())
            detail = {"overlap": overlap}
            await self.commit(by, "key.rotate", key.id, detail, [upsert(KEYS, key_row(rotated))])
            self.directory.put(rotated)
            return rotated, text

        return await self.alone(rotate)

    async def revoke_key(self, by: Caller, name: str) -> VirtualKey:
        """End a key for good. Its row stays, so that its records keep a name."""

        async def revoke() -> VirtualKey:
            key = self._own(self.key(by, name))
            row = {**key_row(key), "revoked_at": now()}
            await self.commit(by, "key.revoke", key.id, {"name": key.grants.name}, [upsert(KEYS, row)])
            self.directory.retire(key)
            return key

        return await self.alone(revoke)

    def teams(self, by: Caller) -> list[TeamRecord]:
        """The teams that the caller sees."""
        by.check_admin()
        return [team for team in self.directory.teams.values() if by.team in (None, team.name)]

    def team(self, by: Caller, name: str) -> TeamRecord:
        """The team of this name."""
        by.check_admin()
        team = self.directory.teams.get(name)
        if team is None or by.team not in (None, name):
            raise NotFound(f"there is no team {name[:100]!r}")
        return team

    async def create_team(self, by: Caller, name: str, given: Mapping[str, Any]) -> TeamRecord:
        """Make a team with these settings."""
        by.check_unconfined()

        async def create() -> TeamRecord:
            try:
                check_team_name(name)
            except SettingError as error:
                raise BadRequest(f"{error.message}; expected {error.expected}", param="name") from None
            if name in self.directory.teams:
                raise Conflict(f"there is a team {name!r} already", param="name")
            team = TeamRecord(name, self._team_grants(name, given, given), "ledger", now(), given=given)
            await self.commit(by, "team.create", name, given, [insert(TEAMS, _team_row(team))])
            self.directory.put_team(team)
            return team

        return await self.alone(create)

    async def change_team(self, by: Caller, name: str, changes: Mapping[str, Any]) -> TeamRecord:
        """Change settings of a team; null is the default again."""
        by.check_unconfined()

        async def change() -> TeamRecord:
            team = self._own(self.team(by, name))
            given = _changed(team.given, changes)
            grants = self._team_grants(name, given, changes)
            changed = replace(team, grants=grants, given=given, updated_at=now())
            await self.commit(by, "team.change", name, changes, [upsert(TEAMS, _team_row(changed))])
            self.directory.put_team(changed)
            return changed

        return await self.alone(change)

    async def delete_team(self, by: Caller, name: str) -> TeamRecord:
        """Take a team out that has no keys any more."""
        by.check_unconfined()

        async def remove() -> TeamRecord:
            team = self._own(self.team(by, name))
            keys = self.directory.of_team(name)
            if keys:
                raise Conflict(f"team {name!r} has {len(keys)} keys: revoke them, or give them another team")
            if team.keys:
                raise Conflict(f"team {name!r} has credentials of its own: take them out first")
            await self.commit(by, "team.delete", name, {}, [delete(TEAMS, name)])
            self.directory.drop_team(name)
            return team

        return await self.alone(remove)

    async def audit(self, by: Caller, *, before: str, limit: int, id: str = "") -> list[dict[str, Any]]:
        """What was done, newest first, before a moment in ISO 8601; `id` is that of the last row seen, where
        there may be more of that moment."""
        by.check_unconfined()
        params = {"before": before, "id": id, "limit": limit}
        return await self._gateway.ledger.select(SELECT_AUDIT, params)

    async def alone(self, work: Callable[[], Coroutine[Any, Any, Made]]) -> Made:
        """Make one change at a time, and to its end, even if its caller leaves: what is in the ledger must be
        in the directory."""
        made: list[Made] = []

        async def run() -> None:
            async with self._one:
                made.append(await work())

        await self._gateway.shielded(run())
        return made[0]

    async def commit(
        self,
        by: Caller,
        action: str,
        subject: str,
        detail: Mapping[str, Any],
        statements: Sequence[Statement],
    ) -> None:
        """Commit statements with their row in the audit log; `detail` holds no secret. Raises Conflict where
        the caller's own key has changed while he waited for his turn: what he may do was looked up before."""
        if not self._is_as_it_was(by):
            raise Conflict(f"key {by.actor.name!r} has been changed meanwhile: ask again")
        row = {
            "id": f"{time.time_ns():020d}-{secrets.token_hex(4)}",
            "at": now(),
            "actor": by.actor.name,
            "actor_id": by.actor.key_id,
            "address": by.address,
            "action": action,
            "subject": subject,
            "detail": dict(detail),
        }
        await self._gateway.ledger.execute([*statements, insert(AUDIT, row)])

    def _is_as_it_was(self, by: Caller) -> bool:
        """Whether a caller may still do what he could when he came. Whoever has no levels is no key of the
        directory."""
        if not by.actor.levels:
            return True
        key = self.directory.key(by.actor.key_id)
        known = self.directory.known[key.digest] if key is not None else None
        return (
            known is not None
            and known.refused is None
            and (known.role, known.until, known.actor.levels) == (by.role, by.until, by.actor.levels)
        )

    def _key_grants(
        self,
        by: Caller,
        given: Mapping[str, Any],
        changes: Mapping[str, Any],
        *,
        but: VirtualKey | None = None,
    ) -> KeyGrants:
        """The settings of a key, which its maker may grant and nothing contradicts. `but` is what it was."""
        if but is None:
            by.check_fields(given)
        grants = self._built(KeyGrants, given)
        if grants.team is not None and grants.team not in self.directory.teams:
            raise BadRequest(f"there is no team {grants.team!r}", param="team")
        maker = but.maker if but is not None else self._maker(by)
        above = [*self.directory.above(VirtualKey("", b"", grants, maker=maker))]
        by.check_grants(grants, [each.grants for each in above])
        parents = [Parent(f"{each.kind} {each.name!r}", each.grants) for each in above]
        self._check_claims(f"key {grants.name!r}", grants, parents, given if "team" in changes else changes)
        other = self.directory.named(grants.name)
        if other is not None and (but is None or other.hash != but.hash):
            raise Conflict(f"there is a key {grants.name!r} already", param="name")
        return grants

    def _team_grants(self, name: str, given: Mapping[str, Any], changes: Mapping[str, Any]) -> TeamSettings:
        """The settings of a team, which the organisation does not contradict."""
        grants, above = self._built(TeamSettings, given), self.directory.organisation
        parents = [Parent(f"organisation {above.name!r}", above)] if above is not None else []
        self._check_claims(f"team {name!r}", grants, parents, changes)
        return grants

    def _check_claims(
        self, what: str, grants: Grants, parents: Sequence[Parent], changes: Mapping[str, Any]
    ) -> None:
        """Nobody is said to have what those above have not; `changes` is what is said now. Raises
        BadRequest."""
        for setting, message, hint in claims(self._gateway.setup.catalogue, what, grants, parents):
            if setting.partition(".")[0] in changes:
                raise BadRequest(f"{message}; {hint}", param=setting)

    def _built(self, type_: type[Granted], given: Mapping[str, Any]) -> Granted:
        own = next((name for name in given if name.startswith("x-")), None)
        if own is not None:
            raise BadRequest(f"unknown key `{own}`", param=own)
        try:
            built: Granted = build_data(self._schema, type_, given)
        except ConfigError as error:
            told = [f"{each.message}{f'; {each.hint}' if each.hint else ''}" for each in error.problems]
            raise BadRequest(". ".join(told)) from None
        return built

    @staticmethod
    def _maker(by: Caller) -> str | None:
        """Whose bounds hold for what a caller makes: those of an administrator of a team."""
        return by.actor.key_id if by.team is not None else None

    @staticmethod
    def _own(record: Made) -> Made:
        """What stands in the configuration is changed there. Raises Conflict."""
        if isinstance(record, VirtualKey | TeamRecord) and record.origin == "configuration":
            raise Conflict("this stands in the configuration: change it there")
        return record


def _changed(given: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**given, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def _team_row(team: TeamRecord) -> dict[str, Any]:
    return {
        "name": team.name,
        "settings": dict(team.given),
        "created_at": team.created_at,
        "updated_at": team.updated_at,
    }

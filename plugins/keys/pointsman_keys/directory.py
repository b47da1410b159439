"""The directory: everybody who may ask, ready to be looked up.

What a key may do follows from the key, its team and the organisation. All of that is worked out when a key
or a team changes, so that a request costs one hash and one access to a dictionary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from typing import Any, Literal, NamedTuple

from pointsman.credentials import Key
from pointsman.exchange import Actor, Level, Role

from .credential import Sent
from .rights import lesser
from .settings import KeyGrants, OrganisationSettings, TeamSettings

__all__ = ["Directory", "Known", "Origin", "TeamRecord", "VirtualKey", "key_id"]

Origin = Literal["configuration", "ledger"]
Kind = Literal["key", "team", "organisation"]


class Above(NamedTuple):
    """Somebody above a key: of what kind, by which id and name, and what is granted there."""

    kind: Kind
    id: str
    name: str
    grants: KeyGrants | TeamSettings | OrganisationSettings


@dataclass(frozen=True, slots=True)
class VirtualKey:
    """A key. `hash` names it for as long as it lives: the SHA-256, in hexadecimal digits, of its first text.
    `digest` is that of its present text, `old` that of the one before, with the time until which it is good.

    `maker` is the id of the administrator of a team that made it. `given` are its settings as the API took
    them. `fault` says why it cannot be used at all.
    """

    hash: str
    digest: bytes
    grants: KeyGrants
    origin: Origin = "configuration"
    old: tuple[bytes, datetime] | None = None
    created_at: str | None = None
    updated_at: str | None = None
    creator: str | None = None
    maker: str | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    fault: str | None = None

    @property
    def id(self) -> str:
        """What identifies it in records."""
        return key_id(self.hash)


@dataclass(frozen=True, slots=True)
class TeamRecord:
    """A team. `keys` are its own credentials, by provider; `given` its settings as the API took them."""

    name: str
    grants: TeamSettings
    origin: Origin = "configuration"
    created_at: str | None = None
    updated_at: str | None = None
    keys: Mapping[str, Key] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """Who a digest belongs to, why it is refused all the same, and from when on.

    `manages` names the team that it administers. To everybody else such a key is a member: an actor of role
    admin is one of the whole gateway.
    """

    actor: Actor
    refused: str | None = None
    until: datetime | None = None
    manages: str | None = None

    @property
    def role(self) -> Role:
        """The role of its key, as far as it goes."""
        return self.actor.role if self.manages is None else "admin"


def key_id(hash: str) -> str:
    """What identifies a key in records: short, and stable while the key is rotated."""
    return f"key-{hash[:12]}"


class Directory:
    """Keys by their digests, and the teams they belong to."""

    def __init__(self, organisation: OrganisationSettings | None = None) -> None:
        self.organisation = organisation
        self.known: dict[bytes, Known] = {}
        self.seen: dict[Sent, Known] = {}
        """Who was let in by which headers: forgotten with every change."""
        self._keys: dict[str, VirtualKey] = {}
        self._hashes: dict[str, str] = {}
        self._teams: dict[str, TeamRecord] = {}
        self._retired: dict[str, VirtualKey] = {}
        self._made: dict[str, dict[str, None]] = {}
        self._covered: list[VirtualKey | TeamRecord] = []
        self.unowned: dict[str, Mapping[str, Key]] = {}
        """Credentials of teams that are not there."""

    def __iter__(self) -> Iterator[VirtualKey]:
        return iter(self._keys.values())

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def teams(self) -> Mapping[str, TeamRecord]:
        """The teams by name."""
        return self._teams

    def key(self, name: str) -> VirtualKey | None:
        """The key of this hash, or of this id."""
        return self._keys.get(self._hashes.get(name, name))

    def named(self, name: str) -> VirtualKey | None:
        """The key that is called so."""
        return next((key for key in self if key.grants.name == name), None)

    def of_team(self, name: str) -> list[VirtualKey]:
        """The keys of a team."""
        return [key for key in self if key.grants.team == name]

    def put(self, key: VirtualKey) -> None:
        """Add a key, or put a changed one in its place."""
        self.drop(key.hash)
        self.seen.clear()
        self._keys[key.hash] = key
        self._hashes[key.id] = key.hash
        known = self._know(key)
        self.known[key.digest] = known
        if key.old is not None:
            digest, end = key.old
            until = end if known.until is None else min(end, known.until)
            self.known[digest] = replace(known, until=until)
        if key.maker is not None:
            self._made.setdefault(key.maker, {})[key.hash] = None
        self._renew_made(key)

    def offer(self, one: VirtualKey | TeamRecord) -> bool:
        """Put a key or a team of the ledger; whether it is in use. It gives way to what is there already
        under its name, and is kept for the day on which that is gone."""
        if isinstance(one, TeamRecord):
            free = one.name not in self._teams
            if free:
                self.put_team(one)
        else:
            free = one.digest not in self.known and self.key(one.hash) is None
            if free:
                self.put(one)
        if not free:
            self._covered.append(one)
        return free

    def take_over(self, before: Directory) -> None:
        """Take all that another directory has from the ledger."""
        teams = [each for each in before.teams.values() if each.origin == "ledger"]
        covered = before._covered
        for team in (*teams, *(each for each in covered if isinstance(each, TeamRecord))):
            self.offer(replace(team, keys={}))
        owned = {team.name: team.keys for team in before.teams.values() if team.keys}
        for name, keys in {**before.unowned, **owned}.items():
            if name in self._teams:
                self.put_team(replace(self._teams[name], keys=keys))
            else:
                self.unowned[name] = keys
        for key in before._retired.values():
            if key.hash not in self._keys:
                self.retire(key)
        stored = [key for key in before if key.origin == "ledger"]
        for key in (*stored, *(each for each in covered if isinstance(each, VirtualKey))):
            self.offer(key)

    def drop(self, hash: str) -> None:
        """Forget a key, if it is there."""
        gone = self._keys.pop(hash, None)
        if gone is not None:
            self.seen.clear()
            self._hashes.pop(gone.id, None)
            self.known.pop(gone.digest, None)
            if gone.old is not None:
                self.known.pop(gone.old[0], None)
            if gone.maker is not None:
                self._made[gone.maker].pop(hash, None)

    def retire(self, key: VirtualKey) -> None:
        """Forget a key that has ended, but for what it made others be bounded by."""
        self.drop(key.hash)
        self._retired[key.id] = key
        self._renew_made(key)

    def put_team(self, team: TeamRecord) -> None:
        """Add a team, or put a changed one in its place; its keys follow."""
        self._teams[team.name] = team
        self._renew(team.name)

    def drop_team(self, name: str) -> None:
        """Forget a team, if it is there."""
        self._teams.pop(name, None)
        self._renew(name)

    def above(self, key: VirtualKey) -> Iterator[Above]:
        """Who is above a key, outward: the administrators of a team that made it, its team, the
        organisation."""
        for maker in self._makers(key):
            yield Above("key", maker.id, maker.grants.name, maker.grants)
        yield from self.over(key.grants)

    def over(self, grants: KeyGrants) -> Iterator[Above]:
        """The team and the organisation that a key with these settings is in."""
        team = self._teams.get(grants.team) if grants.team is not None else None
        if team is not None:
            yield Above("team", team.name, team.name, team.grants)
        if self.organisation is not None:
            name = self.organisation.name
            yield Above("organisation", name, name, self.organisation)

    def maker_is_lost(self, key: VirtualKey) -> bool:
        """Whether nobody knows what bounded who made a key."""
        return key.maker is not None and self._maker(key) is None

    def _makers(self, key: VirtualKey) -> Iterator[VirtualKey]:
        maker = self._maker(key)
        while maker is not None:
            yield maker
            maker = self._maker(maker)

    def _maker(self, key: VirtualKey) -> VirtualKey | None:
        return (self.key(key.maker) or self._retired.get(key.maker)) if key.maker is not None else None

    def _renew_made(self, maker: VirtualKey) -> None:
        for hash in [*self._made.get(maker.id, ())]:
            self.put(self._keys[hash])

    def _renew(self, team: str) -> None:
        for key in self.of_team(team):
            self.put(key)

    def _know(self, key: VirtualKey) -> Known:
        grants = key.grants
        above, over = list(self.above(key)), list(self.over(grants))
        tags = (tag for each in (grants, *(one.grants for one in above)) for tag in each.tags)
        team = self._teams.get(grants.team) if grants.team is not None else None
        role = reduce(lesser, [each.grants.role for each in over], grants.role)
        manages = grants.team if role == "admin" else None
        actor = Actor(
            grants.name,
            key.id,
            role if manages is None else "member",
            grants.models,
            tuple(dict.fromkeys(tags)),
            grants.explain,
            grants.extra,
            (
                _level(Above("key", key.id, grants.name, grants)),
                *map(_level, above),
            ),
            team.keys if team is not None else {},
        )
        ends = [each.expires for each in (grants, *(one.grants for one in over)) if each.expires is not None]
        refused = key.fault or self._refused(key)
        return Known(actor, refused, min(ends, default=None), manages)

    def _refused(self, key: VirtualKey) -> str | None:
        """Why a key is refused whatever the time is, in words."""
        grants = key.grants
        if any(maker.fault for maker in self._makers(key)):
            return f"key {grants.name!r} was made by one with settings that cannot be used"
        if grants.disabled:
            return f"key {grants.name!r} is disabled"
        if grants.team is not None and grants.team not in self._teams:
            return f"key {grants.name!r} belongs to team {grants.team!r}, which is not there"
        for each in self.over(grants):
            if each.grants.disabled:
                return f"key {grants.name!r} belongs to {each.kind} {each.name!r}, which is disabled"
        return None


def _level(above: Above) -> Level:
    grants = above.grants
    return Level(
        above.kind,
        above.id,
        above.name,
        grants.extra,
        grants.models,
        grants.providers,
        grants.surfaces,
        uncollected=grants.data_policy.collection == "deny",
        forgotten=grants.data_policy.zdr is True,
    )

"""Callers: who manages keys, and how far that goes.

An administrator whose key belongs to a team manages that team's keys and nothing else. Nobody makes, changes
or rotates a key that may do more than he may himself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pointsman.errors import Forbidden
from pointsman.exchange import ANY, Actor, Role

from .directory import Above, VirtualKey
from .rights import Bounds, excess, looser
from .settings import Grants, KeyGrants

__all__ = ["Caller"]

TEAM_FIELDS = frozenset(
    {
        "budget",
        "data_policy",
        "disabled",
        "expires",
        "explain",
        "limits",
        "models",
        "name",
        "preferences",
        "providers",
        "role",
        "surfaces",
        "tags",
        "team",
    }
)
"""What an administrator of a team may say of its keys: none of it takes anything from what the team is
bounded by."""


SHARED = ("limits", "budget", "prepaid")
"""What a key shares with those that it makes."""


@dataclass(frozen=True, slots=True)
class _Bound:
    models: tuple[str, ...]
    providers: tuple[str, ...]
    surfaces: tuple[str, ...]
    role: Role
    expires: datetime | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who does something, from which address. `until` is when its key ends, `manages` the team it
    administers."""

    actor: Actor
    address: str = ""
    until: datetime | None = None
    manages: str | None = None

    @property
    def role(self) -> Role:
        """The role in which it manages."""
        return self.actor.role if self.manages is None else "admin"

    @property
    def team(self) -> str | None:
        """The team that it is confined to."""
        return next((level.id for level in self.actor.levels if level.kind == "team"), None)

    def check_admin(self) -> None:
        """Only administrators manage anything. Raises Forbidden."""
        if self.role != "admin":
            raise Forbidden(f"key {self.actor.name!r} is no administrator")

    def check_unconfined(self) -> None:
        """What concerns more than a team is for those who belong to none. Raises Forbidden."""
        self.check_admin()
        if self.team is not None:
            raise Forbidden(f"key {self.actor.name!r} administers team {self.team!r} only")

    def check_team(self, team: str) -> None:
        """A team's own affairs. Raises Forbidden."""
        self.check_admin()
        if self.team not in (None, team):
            raise Forbidden(f"key {self.actor.name!r} administers team {self.team!r} only")

    def sees(self, key: VirtualKey) -> bool:
        """Whether a key is among those that it manages."""
        return self.team in (None, key.grants.team)

    def check_bounds(self, key: VirtualKey, above: Iterable[Above]) -> None:
        """Who has limits or a budget of his own handles none that is not under them: it might have more.
        Raises Forbidden."""
        if self.team is None or any(each.id == self.actor.key_id for each in above):
            return
        levels = [level for level in self.actor.levels if level.kind == "key"]
        own = next((name for name in SHARED for level in levels if level.extra.get(name)), None)
        if own is not None:
            raise Forbidden(
                f"key {self.actor.name!r} has `{own}` of its own, which do not hold for key "
                f"{key.grants.name!r}: it may disable or revoke it, and nothing else"
            )

    def check_fields(self, given: Mapping[str, Any]) -> None:
        """What it may say of a key. Raises Forbidden, which names the first that it may not."""
        more = sorted(given.keys() - TEAM_FIELDS) if self.team is not None else []
        if more:
            raise Forbidden(f"an administrator of a team may not set `{more[0]}`", param=more[0])

    def check_grants(self, grants: KeyGrants, above: Sequence[Grants]) -> None:
        """A key may do no more than its maker; `above` is what is granted to those above it. Raises
        Forbidden, which says what is too much."""
        if self.team is not None and grants.team != self.team:
            raise Forbidden(f"key {self.actor.name!r} administers team {self.team!r} only", param="team")
        more = [each for bound in self._bounds() for each in excess(grants, bound)]
        levels = [level for level in self.actor.levels if level.kind == "key"]
        more += looser(
            (grants, *above),
            uncollected=any(level.uncollected for level in levels),
            forgotten=any(level.forgotten for level in levels),
        )
        for name, words in more:
            raise Forbidden(
                f"key {self.actor.name!r} may not grant {words}: it has no more itself", param=name
            )

    def _bounds(self) -> Iterator[Bounds]:
        actor = self.actor
        yield _Bound(actor.models, ANY, ANY, self.role, self.until)
        for level in actor.levels:
            if level.kind == "key":  # those above bound the new key as they bound this one
                yield _Bound(level.models, level.providers, level.surfaces, self.role, None)

"""Reach: whose records a key may see: its own, its team's where it administers that, or everybody's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.exchange import Actor
from pointsman.gateway import Gateway

from . import Caller, Directory, Keys

__all__ = ["Reach", "directory_of", "reach_of"]


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose records: those of one key, or of one team's keys; of both None, everybody's."""

    key_id: str | None = None
    team: str | None = None

    def sees(self, row: Mapping[str, object]) -> bool:
        """Whether a generation is among them."""
        return self.key_id in (None, row["key_id"]) and self.team in (None, row["team"])


def reach_of(gateway: Gateway, actor: Actor) -> Reach:
    """How far an actor sees."""
    keys = _keys(gateway)
    caller = keys.caller(actor, "") if keys is not None else Caller(actor)
    if caller.role == "admin":
        return Reach(team=caller.team)
    return Reach(key_id=actor.key_id)


def directory_of(gateway: Gateway) -> Directory:
    """The keys there are; none where the plugin keys is not in use."""
    keys = _keys(gateway)
    return keys.directory if keys is not None else Directory()


def _keys(gateway: Gateway) -> Keys | None:
    plugin = gateway.setup.plugins.get("keys")
    return plugin.target if plugin is not None and isinstance(plugin.target, Keys) else None

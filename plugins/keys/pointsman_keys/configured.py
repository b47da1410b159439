"""The keys and teams of the configuration, and what is wrong among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pointsman.catalogue import Catalogue
from pointsman.config import Config, Problem
from pointsman.errors import ConfigError
from pointsman.setup import Setup

from .directory import Directory, TeamRecord, VirtualKey
from .rights import LISTS, MAGIC, RANK, uncovered
from .settings import KeySettings, OrganisationSettings, TeamSettings

__all__ = ["configured"]


@dataclass(frozen=True, slots=True)
class _Parent:
    """Who is above: `what` in words."""

    what: str
    grants: TeamSettings | OrganisationSettings


def configured(setup: Setup) -> Directory:
    """The directory of what the configuration says.

    Raises ConfigError with every place where a key names no team, and where a child says that it has more
    than its parent.
    """
    organisation: OrganisationSettings | None = setup.section("organisation")
    teams: dict[str, TeamSettings] = setup.section("teams")
    keys: Sequence[KeySettings] = setup.section("keys")
    above = [] if organisation is None else [_Parent(f"organisation {organisation.name!r}", organisation)]
    problems: list[Problem] = []
    for name, team in teams.items():
        problems += _excess(setup, f"teams.{name}", f"team {name!r}", team, above)
    for index, key in enumerate(keys):
        place = f"keys.{index}"
        own = teams.get(key.team) if key.team is not None else None
        if key.team is not None and own is None:
            problems.append(_no_team(setup.config, f"{place}.team", key, list(teams)))
            continue
        parents = [*([_Parent(f"team {key.team!r}", own)] if own is not None else []), *above]
        problems += _excess(setup, place, f"key {key.name!r}", key, parents)
    if problems:
        raise ConfigError.of(problems)
    directory = Directory(organisation)
    for name, team in teams.items():
        directory.put_team(TeamRecord(name, team))
    for key in keys:
        directory.put(VirtualKey(key.digest.hex(), key.digest, key))
    return directory


def _no_team(config: Config, place: str, key: KeySettings, teams: list[str]) -> Problem:
    known = f"one of the teams: {', '.join(teams)}" if teams else "a team that stands under `teams:`"
    return config.problem(
        place, f"key {key.name!r} belongs to team {key.team!r}, which is not there", expected=known
    )


def _excess(
    setup: Setup, place: str, what: str, child: KeySettings | TeamSettings, parents: Sequence[_Parent]
) -> Iterator[Problem]:
    """Where a child says in so many words that it has what a parent has not.

    Globs may go beyond a parent's: what counts is what both allow. The highest role of a team is no claim.
    """
    for parent in parents:
        if isinstance(child, KeySettings) and RANK[child.role] > RANK[parent.grants.role]:
            message = (
                f"{what} has the role {child.role}, and {parent.what} allows {parent.grants.role} at most"
            )
            yield setup.config.problem(
                f"{place}.role", message, hint="raise the `role` there, or lower it here"
            )
        for name in LISTS:
            for pattern in _beyond(setup.catalogue, name, child, parent):
                message = f"{what} may use {pattern!r}, and {parent.what} may not"
                yield setup.config.problem(
                    f"{place}.{name}", message, hint="allow it there too, or take it out here"
                )


def _beyond(
    catalogue: Catalogue, name: str, child: KeySettings | TeamSettings, parent: _Parent
) -> Iterator[str]:
    """The names among a child's patterns that the parent leaves out under every name they have."""
    allowed = getattr(parent.grants, name)
    for pattern in uncovered(getattr(child, name), allowed):
        if not MAGIC.isdisjoint(pattern):
            continue
        resolution = catalogue.resolve(pattern) if name == "models" else None
        if resolution is None or len(uncovered(resolution.names, allowed)) == len(resolution.names):
            yield pattern

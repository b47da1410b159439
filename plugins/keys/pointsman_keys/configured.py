"""The keys and teams of the configuration, and what is wrong among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pointsman.config import Config, Problem
from pointsman.errors import ConfigError
from pointsman.setup import Setup

from .claims import Parent, claims
from .directory import Directory, TeamRecord, VirtualKey
from .settings import Grants, KeySettings, OrganisationSettings, TeamSettings

__all__ = ["configured"]


def configured(setup: Setup) -> Directory:
    """The directory of what the configuration says.

    Raises ConfigError with every place where a key names no team, and where a child says that it has more
    than its parent.
    """
    organisation: OrganisationSettings | None = setup.section("organisation")
    teams: dict[str, TeamSettings] = setup.section("teams")
    keys: Sequence[KeySettings] = setup.section("keys")
    above = [] if organisation is None else [Parent(f"organisation {organisation.name!r}", organisation)]
    problems: list[Problem] = []
    for name, team in teams.items():
        problems += _excess(setup, f"teams.{name}", f"team {name!r}", team, above)
    for index, key in enumerate(keys):
        place = f"keys.{index}"
        own = teams.get(key.team) if key.team is not None else None
        if key.team is not None and own is None:
            problems.append(_no_team(setup.config, f"{place}.team", key, list(teams)))
            continue
        parents = [*([Parent(f"team {key.team!r}", own)] if own is not None else []), *above]
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
    setup: Setup, place: str, what: str, child: Grants, parents: Sequence[Parent]
) -> Iterator[Problem]:
    for setting, message, hint in claims(setup.catalogue, what, child, parents):
        yield setup.config.problem(f"{place}.{setting}", message, hint=hint)

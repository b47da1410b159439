"""Claims: where a child says in so many words that it has what its parent has not.

What counts is what all levels allow, so that this could never be true; to say it is a mistake all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pointsman.catalogue import Catalogue

from .rights import LISTS, MAGIC, RANK, uncovered
from .settings import Grants, KeyGrants, OrganisationSettings, TeamSettings

__all__ = ["Claim", "Parent", "claims"]


class Parent(NamedTuple):
    """Who is above: `what` in words."""

    what: str
    grants: KeyGrants | TeamSettings | OrganisationSettings


class Claim(NamedTuple):
    """One claim: the setting that makes it, what is wrong with it, and what to do."""

    setting: str
    message: str
    hint: str


def claims(catalogue: Catalogue, what: str, child: Grants, parents: Sequence[Parent]) -> Iterator[Claim]:
    """The claims of `what`, a key or team. Globs may go beyond a parent's, and so may the highest role of a
    team: they are no claims."""
    for parent in parents:
        if isinstance(child, KeyGrants) and RANK[child.role] > RANK[parent.grants.role]:
            highest = parent.grants.role
            yield Claim(
                "role",
                f"{what} has the role {child.role}, and {parent.what} allows {highest} at most",
                "raise the `role` there, or lower it here",
            )
        for name in LISTS:
            for pattern in _beyond(catalogue, name, child, parent.grants):
                yield Claim(
                    name,
                    f"{what} may use {pattern!r}, and {parent.what} may not",
                    "allow it there too, or take it out here",
                )
        yield from _of_data(what, child, parent)


def _beyond(catalogue: Catalogue, name: str, child: Grants, parent: Grants) -> Iterator[str]:
    """The names among a child's patterns that the parent leaves out under every name they have."""
    allowed = getattr(parent, name)
    for pattern in uncovered(getattr(child, name), allowed):
        if not MAGIC.isdisjoint(pattern):
            continue
        resolution = catalogue.resolve(pattern) if name == "models" else None
        if resolution is None or len(uncovered(resolution.names, allowed)) == len(resolution.names):
            yield pattern


def _of_data(what: str, child: Grants, parent: Parent) -> Iterator[Claim]:
    own, above = child.data_policy, parent.grants.data_policy
    hint = "take it out here: who says nothing is under what those above say"
    if own.collection == "allow" and above.collection == "deny":
        yield Claim(
            "data_policy.collection", f"{what} allows data to be collected, and {parent.what} denies it", hint
        )
    if own.zdr is False and above.zdr:
        yield Claim("data_policy.zdr", f"{what} lets data be kept, and {parent.what} does not", hint)

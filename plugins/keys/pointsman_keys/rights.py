"""Rights: what is within what. A child never has more than its parent.

Patterns are compared by what is certain: one is within another where every text that it matches is matched
by the other for sure. What cannot be told is taken to be more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Protocol

from pointsman.exchange import Role

from .settings import DataPolicy, Grants

__all__ = ["LISTS", "MAGIC", "RANK", "Bounds", "excess", "lesser", "looser", "uncovered", "within"]

RANK: dict[Role, int] = {"viewer": 0, "member": 1, "admin": 2}
"""Roles, by how much they may do."""
MAGIC = frozenset("*?[")
LISTS = ("models", "providers", "surfaces")


class Bounds(Protocol):
    """What bounds somebody."""

    @property
    def models(self) -> tuple[str, ...]:
        """Globs."""

    @property
    def providers(self) -> tuple[str, ...]:
        """Globs."""

    @property
    def surfaces(self) -> tuple[str, ...]:
        """Globs."""

    @property
    def role(self) -> Role:
        """The role."""

    @property
    def expires(self) -> datetime | None:
        """When it ends."""


def lesser(first: Role, second: Role) -> Role:
    """The role that may do less."""
    return min(first, second, key=RANK.__getitem__)


def within(pattern: str, other: str) -> bool:
    """Whether every text that a glob matches is certainly matched by the other."""
    if other in ("*", pattern):
        return True
    if MAGIC.isdisjoint(pattern):
        return fnmatchcase(pattern, other)
    head = other[:-1]
    return other.endswith("*") and MAGIC.isdisjoint(head) and pattern.startswith(head)


def uncovered(patterns: Sequence[str], others: Sequence[str]) -> list[str]:
    """Those of some globs that are in none of the others for certain."""
    return [pattern for pattern in patterns if not any(within(pattern, other) for other in others)]


def looser(levels: Sequence[Grants], *, uncollected: bool, forgotten: bool) -> Iterator[tuple[str, str]]:
    """What a key, by all its levels, lets be done with data and its maker may not: the setting, and in words
    what is too much."""
    policies: list[DataPolicy] = [each.data_policy for each in levels]
    if uncollected and not any(each.collection == "deny" for each in policies):
        yield "data_policy", "that data is collected"
    if forgotten and not any(each.zdr for each in policies):
        yield "data_policy", "that data is kept"


def excess(child: Bounds, parent: Bounds) -> Iterator[tuple[str, str]]:
    """What a child has more than its parent: the setting, and in words what is too much."""
    for name in LISTS:
        more = uncovered(getattr(child, name), getattr(parent, name))
        if more:
            yield name, f"{', '.join(map(repr, more[:3]))} of `{name}`"
    if RANK[child.role] > RANK[parent.role]:
        yield "role", f"the role {child.role}"
    if parent.expires is not None and (child.expires is None or child.expires > parent.expires):
        yield "expires", f"a life beyond {parent.expires.isoformat()}"

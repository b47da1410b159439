"""What only this dialect knows: taken from objects, kept in `extra`, and written back.

Names that begin with `~` are notes of form. `~empty` holds members that say nothing (an empty list, an
object of empty values), which are no loss in another dialect and yet belong to what was sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pointsman.types import Extra

from .errors import DIALECT

__all__ = ["inner", "inner_members", "is_blank", "keep", "members", "note", "rest"]

EMPTY = "~empty"
SWITCHES = frozenset({"web_search_options"})
"""Members that turn something on by being there, empty or not."""


def rest(data: Mapping[str, Any], taken: Collection[str]) -> Extra:
    """What stands in an object beside the members that were taken, explicit nulls included."""
    own: dict[str, Any] = {}
    empty: dict[str, Any] = {}
    for name, value in data.items():
        if name not in taken:
            says = value is None or name in SWITCHES or not is_blank(value)
            (own if says else empty)[name] = value
    if empty:
        own[EMPTY] = empty
    return {DIALECT: own} if own else {}


def is_blank(value: Any) -> bool:
    """Whether a value says nothing: some hosts send every member always."""
    if value is None:
        return True
    if isinstance(value, dict):
        return not any(value.values())
    return value in ("", [])


def keep(extra: Extra, name: str, value: Any) -> None:
    """Put a member or a note of this dialect into an `extra`."""
    extra.setdefault(DIALECT, {})[name] = value


def note(extra: Extra, name: str, default: Any = None) -> Any:
    """A note or member of this dialect."""
    own = extra.get(DIALECT)
    return own.get(name, default) if own else default


def members(extra: Extra) -> dict[str, Any]:
    """The members of this dialect to write back, without the notes."""
    own = extra.get(DIALECT)
    if not own:
        return {}
    return {**{name: value for name, value in own.items() if name[:1] != "~"}, **own.get(EMPTY, {})}


def inner(extra: Extra, name: str, data: Mapping[str, Any], taken: Collection[str]) -> None:
    """Keep what stands beside the taken members in the object that is member `name` of another."""
    left = {key: value for key, value in data.items() if key not in taken}
    if left:
        keep(extra, f"~{name}" if all(map(is_blank, left.values())) else name, left)


def inner_members(extra: Extra, name: str) -> dict[str, Any]:
    """What `inner` kept."""
    own = extra.get(DIALECT)
    if not own:
        return {}
    found = own.get(name) or own.get(f"~{name}")
    return found if isinstance(found, dict) else {}

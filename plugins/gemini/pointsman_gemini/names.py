"""Names this dialect goes by, and its rules for those that others choose.

Members may be written in camel case or with underscores: hosts take both, and clients send both.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pointsman.types import Extra

__all__ = ["DIALECT", "extra_of", "made_id", "members", "note", "pick", "rest_of", "snake", "suits_as_tool"]

DIALECT = "gemini"
NOTE = "~"
"""How a codec's own notes in `extra` begin. A note `~name` is the member `name` as it was written, a note
`~~name` says how something was written."""
FORM = "~~"
_TOOL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
_CAPITAL = re.compile(r"[A-Z]")


@lru_cache(maxsize=512)
def snake(name: str) -> str:
    """The other way to write a member's name: `finishReason` as `finish_reason`."""
    return _CAPITAL.sub(lambda found: "_" + found[0].lower(), name)


def pick(data: Mapping[str, Any], name: str) -> Any:
    """A member, however its name is written; None where it is absent."""
    value = data.get(name)
    return data.get(snake(name)) if value is None else value


def rest_of(data: Mapping[str, Any], *known: str) -> dict[str, Any]:
    """The members of an object that are not among those known."""
    taken = {*known, *map(snake, known)}
    return {name: value for name, value in data.items() if name not in taken}


def extra_of(own: dict[str, Any]) -> Extra:
    """An `extra` with these members of this dialect."""
    return {DIALECT: own} if own else {}


def members(extra: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The members that an `extra` holds for this dialect, those kept in notes among them."""
    own = extra.get(DIALECT)
    if not own:
        return {}
    return {name.removeprefix(NOTE): value for name, value in own.items() if not name.startswith(FORM)}


def note(extra: Mapping[str, Mapping[str, Any]], name: str) -> Any:
    """A note of this dialect's in an `extra`, or None."""
    return extra[DIALECT].get(name) if DIALECT in extra else None


def made_id(seed: str, place: int) -> str:
    """An id for a call that came without: one that no other call of a conversation has."""
    return f"call_{hashlib.sha256(f'{seed}/{place}'.encode('utf-8', 'replace')).hexdigest()[:24]}"


def suits_as_tool(name: str) -> bool:
    """Whether a function may have this name."""
    return _TOOL_NAME.fullmatch(name) is not None

"""Names this dialect goes by, and its rules for those that others choose."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from pointsman.types import Extra

__all__ = ["DIALECT", "VERSION", "extra_of", "members", "suits_as_tool", "tool_id"]

DIALECT = "anthropic-messages"
VERSION = "2023-06-01"
"""The version of the API that this plugin speaks."""

NOTE = "~"
FORM = "~~"
"""A note `~name` is the member `name` as it was written; a note `~~name` says how something was written."""
_TOOL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")


def tool_id(given: str) -> str:
    """The id of a tool call as this dialect takes it: the very one where it can, else one made of it."""
    if _TOOL_ID.fullmatch(given):
        return given
    return "toolu_" + hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def suits_as_tool(name: str) -> bool:
    """Whether a tool may have this name."""
    return _TOOL_NAME.fullmatch(name) is not None


def extra_of(members: dict[str, Any]) -> Extra:
    """An `extra` with these members of this dialect."""
    return {DIALECT: members} if members else {}


def members(extra: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The members that an `extra` holds for this dialect, those kept in notes among them."""
    own = extra.get(DIALECT)
    if not own:
        return {}
    return {name.removeprefix(NOTE): value for name, value in own.items() if not name.startswith(FORM)}

"""What this dialect keeps in `extra`: members the canonical types have no place for, and notes of form.

`~as` holds members that mean nothing elsewhere (nulls, ids, empty lists), as they were.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pointsman.types import Extra

__all__ = ["AS", "DIALECT", "beside", "form_of", "own", "written"]

DIALECT = "openai-responses"
AS = "~as"
_NOTHING: Mapping[str, Any] = {}


def beside(
    data: Mapping[str, Any], known: Collection[str], trivial: Collection[str] = ("id", "status")
) -> Extra:
    """The `extra` for what stands in an object beside the `known` members; `trivial` ones are no loss."""
    form: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in data.items():
        if value is None:
            form[name] = value
        elif name not in known:
            (form if name in trivial else rest)[name] = value
    if form:
        rest[AS] = form
    return {DIALECT: rest} if rest else {}


def own(extra: Extra) -> Mapping[str, Any]:
    """What this dialect has put there."""
    return extra.get(DIALECT, _NOTHING)


def form_of(extra: Extra) -> Mapping[str, Any] | None:
    """The members noted as they were; None where this dialect has noted none."""
    form: Mapping[str, Any] | None = own(extra).get(AS)
    return form


def written(extra: Extra) -> dict[str, Any]:
    """The members that this dialect writes back from an `extra`."""
    mine = extra.get(DIALECT)
    if not mine:
        return {}
    members = dict(mine.get(AS, _NOTHING))
    for name, value in mine.items():
        if not name.startswith("~"):
            members[name] = value
    return members

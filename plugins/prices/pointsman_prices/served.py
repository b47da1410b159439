"""Served: whether the model that answered is the one that was asked for, by their names.

Names are compared by their words and numbers, in any order: an author before a slash, `latest`, and a
release date or revision that only one of them says do not tell models apart, and neither do dots and dashes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["is_among"]

DATE = re.compile(r"(?<![0-9])20[0-9]{2}-?[01][0-9]-?[0-3][0-9](?![0-9])")
REVISION = re.compile(r"[-:@](v[0-9]+|[0-9]{3,4})$")
"""How a revision ends a name: `-001`, `-0613`, `-2411`, `-v2`."""
VARIANT = re.compile(r":[a-z-]+$")
"""`:free` and the like: another offer of the same model, or who is to serve it."""
WORD = re.compile(r"[a-z]+|[0-9]+")
MEANINGLESS = frozenset({"latest", "v"})

Words = tuple[str, ...]


def is_among(served: str, names: Iterable[str]) -> bool:
    """Whether a model's own name is one of these, but for how it is written."""
    return any(_same(served, name) for name in names)


@lru_cache(maxsize=4096)
def _same(one: str, other: str) -> bool:
    """Two names that both say a date or revision must say the same."""
    if one == other:
        return True
    whole, *readings = _readings(one)
    other_whole, *other_readings = _readings(other)
    return whole == other_whole or whole in other_readings or other_whole in readings


@lru_cache(maxsize=4096)
def _readings(name: str) -> list[Words]:
    """A name's words: all, without a date, and without what may be a revision at its end either."""
    text = VARIANT.sub("", name.lower().rpartition("/")[2])
    undated = DATE.sub("", text).rstrip("-:@")
    dated = DATE.sub(lambda date: date[0].replace("-", ""), text)
    return [_words(dated), _words(undated), _words(REVISION.sub("", undated))]


def _words(text: str) -> Words:
    found = (word.lstrip("0") or "0" for word in WORD.findall(text))
    return tuple(sorted(word for word in found if word not in MEANINGLESS))

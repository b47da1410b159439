from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Optional

import pytest

from pointsman.config import Duration
from pointsman.config.kinds import (
    NULL,
    Anything,
    Basic,
    Choice,
    Either,
    Kind,
    Listing,
    Record,
    Table,
    Value,
    is_null,
    is_secret,
    kind_of,
    words,
)
from pointsman.secrets import Secret


@dataclass(frozen=True)
class Nested:
    """Empty."""


@pytest.mark.parametrize(
    ("hint", "kind"),
    [
        (bool, Basic(bool)),
        (Secret, Basic(Secret)),
        (Decimal, Basic(Decimal)),
        (Path, Basic(Path)),
        (None, Basic(NULL)),
        (Any, Anything()),
        (Duration, Value(Duration)),
        (Nested, Record(Nested)),
        (Literal["a", 1], Choice(("a", 1))),
        (tuple[str, ...], Listing(Basic(str), tuple)),
        (list[int], Listing(Basic(int), list)),
        (dict[str, int], Table(Basic(int))),
        (Mapping[str, Any], Table(Anything())),
        (str | None, Either((Basic(NULL), Basic(str)))),
        (Optional[int], Either((Basic(NULL), Basic(int)))),  # noqa: UP045
        (str | int | Duration | bool, Either((Basic(bool), Basic(int), Value(Duration), Basic(str)))),
        (str | Nested | list[str], Either((Basic(str), Record(Nested), Listing(Basic(str), list)))),
    ],
)
def test_type_hints_are_read(hint: Any, kind: Kind) -> None:
    assert kind_of(hint) == kind


@pytest.mark.parametrize(
    "hint",
    [
        bytes,
        object,
        set[str],
        tuple[str, int],
        dict[int, str],
        list[str] | tuple[int, ...],
        Nested | dict[str, int],
    ],
)
def test_what_no_setting_can_have_is_refused(hint: Any) -> None:
    with pytest.raises(TypeError):
        kind_of(hint)


def test_null_and_secrets_are_found_inside() -> None:
    assert is_null(kind_of(str | None))
    assert not is_null(kind_of(str))
    assert is_secret(kind_of(dict[str, tuple[Secret, ...] | None]))
    assert not is_secret(kind_of(dict[str, str]))
    assert not is_secret(Record(Nested))


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (int | None, "an integer"),
        (Literal["a", True], "one of a, true"),
        (Literal["a"], "a"),
        (Duration | str, "a duration such as 30s, 5m or 250ms or a string"),
        (tuple[int, ...], "a list (an integer each)"),
        (dict[str, Nested], "a mapping of names (a mapping each)"),
        (Any, "any data"),
    ],
)
def test_kinds_are_put_into_words(hint: Any, text: str) -> None:
    assert words(kind_of(hint)) == text

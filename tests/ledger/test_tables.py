"""Declarations of tables, and rows of them."""

from __future__ import annotations

import math
from typing import Any, cast

import pytest

from pointsman.ledger.tables import Column, ColumnType, Table, encode_row

TEXT = Column("text", "any text")


def one(kind: ColumnType, *, required: bool = False) -> Table:
    return Table("t", {"id": TEXT, "value": Column(kind, "under test", required)}, "id")


def stored(kind: ColumnType, value: object) -> object:
    return encode_row(one(kind), {"id": "a", "value": value})[1]


@pytest.mark.parametrize("name", ["", "Key", "1st", "a-b", 'a"b', "a b", "x" * 64, "ключ"])
def test_names_that_an_engine_may_not_take_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="lower-case"):
        Table(name, {"id": TEXT}, "id")
    with pytest.raises(ValueError, match="lower-case"):
        Table("t", {"id": TEXT, name: TEXT}, "id")


@pytest.mark.parametrize("name", ["sqlite_master", "pointsman_meta", "pg_class"])
def test_reserved_table_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must not begin with"):
        Table(name, {"id": TEXT}, "id")


def test_a_type_that_is_none_of_ours_is_refused_with_the_ones_that_are() -> None:
    with pytest.raises(ValueError, match=r"column 'n' has the type 'string'; expected one of text, integer"):
        Table("t", {"id": TEXT, "n": Column(cast(Any, "string"), "")}, "id")


def test_keys_and_indexes_must_name_columns() -> None:
    with pytest.raises(ValueError, match="'uid', which is not a column"):
        Table("t", {"id": TEXT}, "uid")
    with pytest.raises(ValueError, match="'at', which is not a column"):
        Table("t", {"id": TEXT}, "id", indexes=(("id", "at"),))


@pytest.mark.parametrize(
    ("name", "words"), [("cost", "no column"), ("n", "no column"), ("id", "holds no numbers")]
)
def test_sums_must_name_columns_of_numbers_besides_the_key(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"table 't': sums of '{name}', which .*{words}"):
        Table("t", {"n": Column("integer", ""), "id": TEXT}, "n", sums=(name,))


def test_values_come_in_the_order_of_the_columns_and_missing_ones_are_null() -> None:
    table = Table("t", {"id": TEXT, "a": TEXT, "b": Column("integer", "")}, "id")
    assert encode_row(table, {"b": 2, "id": "x"}) == ("x", None, 2)


def test_an_unknown_column_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"table 't' has no column cost; it has id, value"):
        encode_row(one("text"), {"id": "a", "cost": 1})


@pytest.mark.parametrize("row", [{"id": "a"}, {"id": "a", "value": None}])
def test_a_required_column_must_have_a_value(row: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="'value' is required"):
        encode_row(one("text", required=True), row)


def test_the_primary_key_is_always_required() -> None:
    with pytest.raises(ValueError, match="'id' is required"):
        encode_row(one("text"), {"value": "x"})


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("text", "", ""),
        ("text", "a\0ü\u2028🚂", "a\0ü\u2028🚂"),
        ("text", "cut \ud83d here", "cut ? here"),
        ("integer", -(2**63), -(2**63)),
        ("integer", 2**63 - 1, 2**63 - 1),
        ("real", 1, 1.0),
        ("real", 0.25, 0.25),
        ("boolean", True, True),
        ("boolean", False, False),
        ("json", {"a": [1, None, "é"]}, '{"a":[1,null,"\\u00e9"]}'),
        ("json", [], "[]"),
        ("json", ["\ud83d"], '["\\ud83d"]'),
    ],
)
def test_values_are_stored_as_their_type_says(kind: ColumnType, value: object, expected: object) -> None:
    assert stored(kind, value) == expected
    assert type(stored(kind, value)) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", b"bytes"),
        ("text", 5),
        ("integer", True),
        ("integer", 1.0),
        ("integer", "1"),
        ("integer", 2**63),
        ("integer", -(2**63) - 1),
        ("real", "1.0"),
        ("real", True),
        ("real", math.nan),
        ("real", math.inf),
        ("boolean", 1),
        ("json", "already text"),
        ("json", {"value": object()}),
        ("json", [math.nan]),
    ],
)
def test_values_of_another_type_are_refused_by_column(kind: ColumnType, value: object) -> None:
    with pytest.raises(ValueError, match=r"table 't': column 'value': "):
        stored(kind, value)


def test_a_row_may_be_the_values_of_all_columns_in_their_order() -> None:
    table = Table("t", {"id": TEXT, "n": Column("integer", ""), "tags": Column("json", "")}, "id")
    assert encode_row(table, ("a", 1, ["x"])) == encode_row(table, {"id": "a", "n": 1, "tags": ["x"]})
    with pytest.raises(ValueError, match="table 't' has 3 columns, and the row 2"):
        encode_row(table, ("a", 1))


def test_everything_wrong_with_a_row_is_told() -> None:
    table = Table("t", {"id": TEXT, "n": Column("integer", ""), "x": Column("real", "")}, "id")
    with pytest.raises(ValueError, match=r"'id' is required; column 'n': .*; column 'x': expected a finite"):
        encode_row(table, (None, "1", math.inf))

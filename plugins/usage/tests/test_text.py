"""Text: comma-separated, and amounts in words."""

from __future__ import annotations

import csv
import io
import json

import pytest

from pointsman_usage.text import amount, as_csv, as_json, count, duration, usd


def test_csv_can_be_read_again() -> None:
    rows = [{"a": 'x, "y"\n', "b": None, "c": [{"d": 1}]}, {"a": "z", "b": True, "c": []}]
    text = as_csv(rows, ["a", "b", "c"])
    first, second = csv.DictReader(io.StringIO(text))
    assert (first["a"], first["b"], json.loads(first["c"])) == ('x, "y"\n', "", [{"d": 1}])
    assert (second["a"], second["b"], second["c"]) == ("z", "true", "[]")
    assert as_csv(rows, ["a"], heading=False).startswith('"x')


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\tx"])
def test_no_text_is_a_formula_to_a_spreadsheet(text: str) -> None:
    (row,) = csv.reader(io.StringIO(as_csv([{"a": text}], ["a"], heading=False)))
    assert row == [f"'{text}"]
    assert as_csv([{"a": -1}], ["a"], heading=False) == "-1"


def test_json_is_one_array_and_keeps_every_letter() -> None:
    assert json.loads(as_json([{"a": "é"}])) == [{"a": "é"}]
    assert "é" in as_json([{"a": "é"}])


def test_what_is_not_known_is_told_apart_from_nothing() -> None:
    assert (usd(None), usd(0), usd(1)) == (None, "0.00", "0.000000001")
    assert [amount("1.00", unpriced=True), amount(None, unpriced=True), amount(None, unpriced=False)] == [
        "1.00",
        "unpriced",
        "-",
    ]
    assert [count(None), count(1234)] == ["-", "1,234"]
    assert [duration(None), duration(999), duration(1500)] == ["-", "999 ms", "1.5 s"]

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pointsman.config import Duration
from pointsman.config.render import render
from pointsman.secrets import Secret


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (0.5, "0.5"),
        (Decimal("0.10"), '"0.10"'),
        ("lab/large-70b", "lab/large-70b"),
        ("http://x:1/v1", "http://x:1/v1"),
        ("true", '"true"'),
        ("12", '"12"'),
        ("", '""'),
        ("a: b", '"a: b"'),
        ("a:", '"a:"'),
        ("*x", '"*x"'),
        ("- x", '"- x"'),
        ("a\nb", '"a\\nb"'),
        (Path("/x/y"), "/x/y"),
        (Duration(60), "1m"),
        (["a", 1], "[a, 1]"),
        ((), "[]"),
        ({"a b": {"c": None}}, '{"a b": {c: null}}'),
    ],
)
def test_values_are_written_as_yaml(value: Any, text: str) -> None:
    assert render(value) == text


def test_a_secret_is_its_fingerprint() -> None:
    assert render({"a": [Secret("hunter2")]}) == "{a: [secret:f52fbd32]}"

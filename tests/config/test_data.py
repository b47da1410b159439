"""Settings out of JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from pointsman.config import ConfigError, Duration, Schema, Usd, build_data, setting


@dataclass(frozen=True)
class Box:
    """A box."""

    record: ClassVar[str] = "box"
    name: str = setting(help="Its name.")
    sizes: tuple[int, ...] = setting(default=(), help="Its sizes.")
    open: bool = setting(default=False, help="Whether it is open.")
    price: Usd | None = setting(default=None, help="Its price.")
    extra: Mapping[str, Any] = field(default_factory=dict)


@pytest.fixture
def schema() -> Schema:
    schema = Schema()
    schema.field("box", "ttl", Duration | None, owner="other", help="How long it lasts.")
    return schema


def test_a_json_object_becomes_settings_with_what_plugins_added(schema: Schema) -> None:
    data = {"name": "a", "sizes": [1, 2], "open": True, "price": 0.1, "ttl": "5m"}
    box = build_data(schema, Box, data)
    assert box == Box(name="a", sizes=(1, 2), open=True, price=Usd(100_000_000), extra={"ttl": 300.0})
    assert build_data(schema, Box, {"name": "a"}).extra == {"ttl": None}


def test_nothing_is_expanded(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of this machine")
    assert build_data(schema, Box, {"name": "${SECRET}"}).name == "${SECRET}"
    assert build_data(schema, Box, {"name": "${file:/etc/passwd}"}).name == "${file:/etc/passwd}"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "`name` is missing"),
        ({"name": 1}, "`name`: this cannot be the integer 1"),
        ({"name": "a", "sizes": ["x"]}, "`sizes.0`: this cannot be the string 'x'"),
        ({"name": "a", "open": "true"}, "`open`: this cannot be the string 'true'"),
        ({"name": "a", "price": -1}, "`price`"),
        ({"name": "a", "price": float("nan")}, "`price`"),
        ({"name": "a", "colour": "red"}, "unknown key `colour`"),
        ({"name": "a", "ttl": {"x": None}}, "`ttl`"),
    ],
)
def test_what_is_wrong_is_told_by_its_path(schema: Schema, data: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        build_data(schema, Box, data)
    assert said in raised.value.problems[0].message
    assert raised.value.problems[0].place == ""

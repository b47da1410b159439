"""A schema with the core and a few sample claims, and ways to load a text against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import pytest

from pointsman.config import (
    Config,
    ConfigError,
    Duration,
    Problem,
    Schema,
    SettingError,
    Size,
    Usd,
    build,
    declare_core,
    read_text,
    setting,
)
from pointsman.secrets import Secret


class Percent(float):
    """A value type of a plugin's own."""

    expected: ClassVar[str] = "a share such as 5%"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": "^[0-9]+%$"}

    @classmethod
    def parse(cls, text: str) -> Self:
        number = text.removesuffix("%")
        if number == text or not number.isdigit():
            raise ValueError(f"{text!r} has no percent sign")
        return cls(int(number) / 100)

    @property
    def text(self) -> str:
        return f"{round(self * 100)}%"


@dataclass(frozen=True)
class CacheSettings:
    """Keeps answers."""

    max_size: Size = setting(default=Size(10**6), minimum=1000, maximum=10**9, help="Most bytes kept.")
    ttl: Duration | Literal["never"] = setting(default=Duration(60), help="How long.")
    share: Percent = setting(default=Percent(0.05), help="Of what.")
    mode: Literal["lru", "fifo", 1, True] = setting(default="lru", help="What goes first.", example="fifo")
    seeds: tuple[Secret, ...] = setting(default=(), help="Salt.")
    ratio: float | None = setting(default=None, help="A number.", minimum=0, maximum=1)
    exact: Decimal = setting(default=Decimal("0.1"), help="A decimal.")
    data: Any = setting(default=None, help="Anything.")
    either: str | list[int] | Mapping[str, bool] = setting(default="", help="A text, a list | a mapping.")
    folder: Path | None = setting(default=None, help="A place.")

    def check(self) -> None:
        if self.mode == "fifo" and self.ttl == "never":
            raise SettingError("ttl", "fifo needs a ttl", expected="a duration", hint="30s is usual")
        if self.ratio == 0.5:
            raise ValueError("one half is no ratio")


@dataclass(frozen=True)
class BudgetSettings:
    """What a key may spend."""

    shorthand: ClassVar[str] = "usd"
    usd: Usd = setting(help="The amount.")
    per: Literal["day", "month"] = setting(default="month", help="The window.")


@dataclass(frozen=True)
class KeySettings:
    """A client's key."""

    record: ClassVar[str] = "key"
    name: str = setting(help="Its name.", example="alice")
    tags: tuple[str, ...] = setting(default=(), help="Labels.")
    budget: BudgetSettings | None = setting(default=None, help="")
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TreeSettings:
    """A class that holds itself."""

    name: str = setting(default="", help="A name.")
    children: tuple[TreeSettings, ...] = setting(default=(), help="More of them.")


Load = Callable[..., Config]
Refuse = Callable[..., list[Problem]]


@pytest.fixture
def schema() -> Schema:
    """The core, a plugin `cache` with settings, one `plain` without, sections of plugins, added fields."""
    schema = Schema()
    declare_core(schema)
    schema.plugin("cache", CacheSettings, owner="cache")
    schema.admit_plugin("plain")
    schema.admit_plugin("my_provider")
    schema.section("keys", tuple[KeySettings, ...], owner="auth-keys", help="Clients' keys.")
    schema.section("tree", TreeSettings, owner="forest")
    schema.field("endpoint", "weight", int, owner="weighted", default=1, minimum=0, help="Share of requests.")
    schema.field("provider", "price", Usd | None, owner="prices", help="Price of all.")
    return schema


@pytest.fixture
def load(schema: Schema, tmp_path: Path) -> Load:
    """Build a text, with `env` as environment and a temporary directory as base."""

    def run(text: str, env: Mapping[str, str] | None = None, use: Schema | None = None) -> Config:
        return build(read_text(text, "proxy.yaml", env or {}, tmp_path), use or schema)

    return run


@pytest.fixture
def refuse(load: Load) -> Refuse:
    """The problems of a text that must not build."""

    def run(text: str, env: Mapping[str, str] | None = None, use: Schema | None = None) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            load(text, env, use)
        problems: list[Problem] = list(caught.value.problems)
        return problems

    return run

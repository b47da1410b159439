"""The settings: what is refused, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointsman.config import read_text
from pointsman.errors import ConfigError
from pointsman.setup import Setup, assemble
from pointsman_cache.settings import CacheSettings, LifetimeSettings

KEY = "keys: [{name: alice, key_hash: " + "0" * 64 + ", cache: %s}]\n"
ROUTE = "routes: [{name: all, use: {cache: %s}}]\n"


@pytest.fixture
def setup(tmp_path: Path) -> Callable[[str], Setup]:
    """Assembles a setup from the text of a configuration."""

    def make(text: str) -> Setup:
        return assemble(read_text(text, name="proxy.yaml", env={}, base=tmp_path), env={})

    return make


def test_without_a_word_it_is_off_and_each_key_is_for_itself(setup: Callable[[str], Setup]) -> None:
    found = setup("plugins: {cache: {}}").settings("cache")
    assert found == CacheSettings()
    assert (found.always, found.scope, found.ttl, found.max_size) == (False, "key", 300, 256_000_000)


def test_everything_can_be_said(setup: Callable[[str], Setup]) -> None:
    text = "plugins: {cache: {always: true, scope: team, ttl: 1h, max_size: 1GB, max_entry: 1MB, wait: 0s}}"
    assert setup(text).settings("cache") == CacheSettings(
        always=True, scope="team", ttl=3600, max_size=10**9, max_entry=10**6, wait=0
    )


@pytest.mark.parametrize(("said", "means"), [("true", True), ("false", False), ("null", None)])
def test_a_route_and_a_key_say_yes_or_no(setup: Callable[[str], Setup], said: str, means: Any) -> None:
    found = setup((KEY + ROUTE) % (said, said))
    assert found.section("keys")[0].extra["cache"] is means
    assert found.section("routes")[0].use.extra["cache"] is means


def test_or_for_how_long(setup: Callable[[str], Setup]) -> None:
    found = setup((KEY + ROUTE) % ("{ttl: 10m}", "{ttl: 2s}"))
    assert found.section("keys")[0].extra["cache"] == LifetimeSettings(ttl=600)
    assert found.section("routes")[0].use.extra["cache"] == LifetimeSettings(ttl=2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plugins: {cache: {ttl: 0s}}", "plugins.cache.ttl"),
        ("plugins: {cache: {ttl: 2d}}", "plugins.cache.ttl"),
        ("plugins: {cache: {ttl: soon}}", "'soon' is not a duration"),
        ("plugins: {cache: {scope: everybody}}", "one of key, team, global"),
        ("plugins: {cache: {max_size: 1MB}}", "an answer of 4MiB does not fit into max_size, 1MB"),
        ("plugins: {cache: {max_entry: 1GB}}", "an answer of 1GB does not fit into max_size, 256MB"),
        ("plugins: {cache: {max_size: 0}}", "plugins.cache.max_size"),
        ("plugins: {cache: {wait: 1h}}", "plugins.cache.wait"),
        ("plugins: {cache: {always: 3}}", "plugins.cache.always"),
        ("plugins: {cache: {size: 1MB}}", "size"),
        (KEY % "{ttl: 2d}", "keys.0.cache"),
        (KEY % "{}", "keys.0.cache"),
        (KEY % "sometimes", "keys.0.cache"),
        (ROUTE % "{ttl: 0}", "routes.0.use.cache"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_place(
    setup: Callable[[str], Setup], text: str, said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        setup(text)
    assert said in str(refused.value)

"""Wishes: who asks for the cache, who forbids it, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.exchange import Actor, Level, Plan
from pointsman_cache.settings import CacheSettings, LifetimeSettings
from pointsman_cache.wishes import Said, Wish, wish_of

Asking = Callable[..., Any]
OFF, ALWAYS = CacheSettings(), replace(CacheSettings(), always=True)
HOUR, MINUTE = LifetimeSettings(ttl=3600), LifetimeSettings(ttl=60)


@pytest.fixture
def wish(asking: Asking) -> Callable[..., Wish | None]:
    """What is asked, by headers (`_` for `-`), a route, a key, its team."""

    def find(
        settings: CacheSettings = OFF,
        *,
        route: Said = None,
        key: Said = None,
        team: Said = None,
        organisation: Said = None,
        **headers: str,
    ) -> Wish | None:
        levels = (
            Level("key", "k", "k", {"cache": key}),
            Level("team", "t", "t", {"cache": team}),
            Level("organisation", "o", "o", {"cache": organisation}),
        )
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        actor = Actor("alice", "k", extra={"cache": key}, levels=levels)
        plan = Plan(None, ("acme/m",), {"cache": route})
        return wish_of(asking(headers=given, actor=actor, plan=plan), settings)

    return find


Find = Callable[..., Wish | None]


def test_nobody_asks(wish: Find) -> None:
    assert wish() is None
    assert (
        wish(x_openrouter_cache_ttl="60", x_openrouter_cache_clear="true", cache_control="no-cache") is None
    )
    assert wish(key=False, team=False, route=False) is None


@pytest.mark.parametrize(
    "asked",
    [
        {"x_openrouter_cache": "true"},
        {"x_openrouter_cache": " TRUE"},
        {"x_openrouter_cache": "1"},
        {"route": True},
        {"key": True},
        {"team": True},
        {"organisation": True},
        {"settings": ALWAYS},
    ],
    ids=str,
)
def test_any_of_them_may_ask(wish: Find, asked: dict[str, Any]) -> None:
    assert wish(**asked) == Wish(use=True, ttl=300)


@pytest.mark.parametrize("who", ["route", "key", "team", "organisation"])
def test_whoever_forbids_it_has_the_last_word(wish: Find, who: str) -> None:
    others = {"route": True, "key": True, "team": True, "organisation": True, "x_openrouter_cache": "true"}
    assert wish(ALWAYS, **{**others, who: False}) == Wish(use=False)


def test_a_client_may_do_without(wish: Find) -> None:
    assert wish(ALWAYS, route=True, key=True, x_openrouter_cache="false") == Wish(use=False)
    assert wish(x_openrouter_cache="0") == Wish(use=False)


def test_a_lifetime_asks_too_and_the_nearest_counts(wish: Find) -> None:
    assert wish(route=HOUR, key=MINUTE) == Wish(use=True, ttl=3600)
    assert wish(key=MINUTE, team=HOUR) == Wish(use=True, ttl=60)
    assert wish(key=True, team=HOUR) == Wish(use=True, ttl=3600)
    assert wish(x_openrouter_cache="true", team=HOUR) == Wish(use=True, ttl=3600)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("1", 1), ("60", 60), ("86400", 86400), ("0", 1), ("-5", 1), ("99999999", 86400), (" 7 ", 7)],
)
def test_a_header_sets_the_lifetime_within_what_there_is(wish: Find, asked: str, seconds: int) -> None:
    found = wish(key=HOUR, x_openrouter_cache_ttl=asked)
    assert found == Wish(use=True, ttl=seconds, oldest=seconds)


def test_to_clear_is_to_ask_for_a_fresh_answer(wish: Find) -> None:
    assert wish(ALWAYS, x_openrouter_cache_clear="true") == Wish(use=True, fresh=True, clear=True, ttl=300)
    assert wish(ALWAYS, x_openrouter_cache_clear="false") == Wish(use=True, ttl=300)


def test_cache_control_means_here_what_it_means_elsewhere(wish: Find) -> None:
    assert wish(ALWAYS, cache_control="no-cache") == Wish(use=True, fresh=True, ttl=300)
    assert wish(ALWAYS, cache_control="max-age=3, No-Store") == Wish(use=False)
    assert wish(ALWAYS, cache_control="max-stale") == Wish(use=True, ttl=300)


@pytest.mark.parametrize(
    "headers",
    [
        {"x_openrouter_cache": "yes"},
        {"x_openrouter_cache": ""},
        {"x_openrouter_cache": "true", "x_openrouter_cache_clear": "now"},
        {"x_openrouter_cache": "true", "x_openrouter_cache_ttl": "5m"},
        {"x_openrouter_cache": "true", "x_openrouter_cache_ttl": "1.5"},
        {"x_openrouter_cache": "true", "x_openrouter_cache_ttl": ""},
    ],
    ids=str,
)
def test_a_header_that_says_nothing_is_refused_by_name(wish: Find, headers: dict[str, str]) -> None:
    name = list(headers)[-1].replace("_", "-")
    with pytest.raises(BadRequest, match=f"header {name} must be") as refused:
        wish(**headers)
    assert refused.value.param == name


def test_a_key_without_levels_speaks_for_itself(asking: Asking) -> None:
    actor = Actor("alice", "k", extra={"cache": True})
    assert wish_of(asking(actor=actor), OFF) == Wish(use=True, ttl=300)
    assert wish_of(asking(actor=replace(actor, extra={"cache": False})), ALWAYS) == Wish(use=False)

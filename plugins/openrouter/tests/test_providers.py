"""Providers as they are shown."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pointsman.exchange import Actor, Level
from pointsman.facts import About
from pointsman.providers import Provider
from pointsman_openrouter.providers import may_ask, names_of, provider_shape, title_at, title_of


def provider(name: str = "groq", **known: Any) -> Provider:
    made = Provider(name, kind="groq")
    made.about = About(**known)
    return made


@pytest.mark.parametrize(
    ("name", "title", "called"),
    [("groq", "Groq", "Groq"), ("groq-eu", "Groq", "groq-eu"), ("groq", "", "groq")],
)
def test_one_of_several_of_a_kind_goes_by_the_operators_name(name: str, title: str, called: str) -> None:
    made = provider(name, title=title)
    gateway: Any = SimpleNamespace(setup=SimpleNamespace(providers={name: made}))
    assert title_of(made) == title_at(gateway, name) == called
    assert title_at(gateway, "gone") == "gone"


def test_every_name_may_be_meant() -> None:
    assert names_of(provider("Groq-EU", title="Groq Cloud")) == {"groq-eu", "groq", "groq cloud"}
    assert names_of(provider()) == {"groq"}


@pytest.mark.parametrize(
    ("told", "country"),
    [("US", "US"), ("EU", None), ("UK", None), ("us-east-1", None), ("", None), ("Paris", None)],
)
def test_a_country_is_shown_where_its_code_is_told(told: str, country: str | None) -> None:
    found = provider_shape(provider(headquarters=told, region=told))
    assert found["headquarters"] == country
    assert found["datacenters"] == ([country] if country else None)
    assert (found["name"], found["slug"], found["privacy_policy_url"]) == ("groq", "groq", None)


def test_who_may_be_asked() -> None:
    made = provider()
    assert may_ask(Actor("a", "key-a"), made)
    level = Level("key", "key-a", "a", providers=("other",))
    assert not may_ask(Actor("a", "key-a", levels=(level,)), made)
    made.absent = "nobody is there"
    assert not may_ask(Actor("a", "key-a"), made)

"""Listings: made once, for as long as nothing changes, and in turns."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pointsman.catalogue import Catalogue, Endpoint, Model
from pointsman.exchange import Actor
from pointsman.facts import Fact
from pointsman.providers import Provider
from pointsman_openrouter import listing
from pointsman_openrouter.listing import Listings
from pointsman_openrouter.rows import Row, row_of

ANYBODY = Actor("a", "key-a")


@pytest.fixture
def catalogue() -> Catalogue:
    lab, cloud = Provider("lab", kind="lab"), Provider("cloud", kind="cloud")
    made = Catalogue({"lab": lab, "cloud": cloud})
    made.add(Model("acme/large", [Endpoint(lab, "large"), Endpoint(cloud, "large")]))
    made.add(Model("acme/small", [Endpoint(lab, "small")]))
    return made


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models of which rows were made."""
    names: list[str] = []

    def counted(offer: Any, now: float) -> Row:
        names.append(offer.model.name)
        return row_of(offer, now)

    monkeypatch.setattr(listing, "row_of", counted)
    return names


async def names(listings: Listings, catalogue: Catalogue, actor: Actor = ANYBODY) -> list[str]:
    return [row.name for row in await listings.rows(catalogue, actor)]


async def test_a_row_is_made_once_for_all_who_may_use_the_same(catalogue: Catalogue, made: list[str]) -> None:
    listings = Listings()
    for actor in (ANYBODY, Actor("b", "key-b"), Actor("c", "key-c", models=("acme/*",))):
        assert await names(listings, catalogue, actor) == ["acme/large", "acme/small"]
    assert made == ["acme/large", "acme/small"]
    assert await names(listings, catalogue, Actor("d", "key-d", models=("lab/large",))) == ["acme/large"]
    assert made[2:] == ["acme/large"], "with one endpoint of two it is another row"


async def test_what_changes_is_made_anew(catalogue: Catalogue, made: list[str]) -> None:
    listings = Listings()
    (before, _) = await listings.rows(catalogue, ANYBODY)
    catalogue.models["acme/large"].facts = {"name": Fact("Large", "a test")}
    catalogue.changed()
    (after, _) = await listings.rows(catalogue, ANYBODY)
    assert (before.title, after.title) == ("acme/large", "Large")
    catalogue.learn("lab", [("lab/new", Endpoint(catalogue.providers["lab"], "new"))])
    assert await names(listings, catalogue) == ["acme/large", "acme/small", "lab/new"]


async def test_another_day_may_have_other_prices(
    catalogue: Catalogue, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listings, days = Listings(), iter([86_399.0, 86_400.0])
    monkeypatch.setattr(listing.time, "time", lambda: next(days))
    await listings.rows(catalogue, ANYBODY)
    await listings.rows(catalogue, ANYBODY)
    assert made == ["acme/large", "acme/small"] * 2


async def test_rows_go_with_the_last_listing_they_are_in(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST", 2)
    listings = Listings()
    for name in ("acme/large", "lab/large", "cloud/large", "acme/small"):
        await listings.rows(catalogue, Actor(name, f"key-{name}", models=(name,)))
    assert list(listings._rows) == [
        ("acme/large", "cloud/large"),
        ("acme/small", "lab/small"),
    ]


async def test_many_models_leave_turns_to_others_and_are_made_once_for_many_at_a_time(
    made: list[str],
) -> None:
    lab, turns = Provider("lab", kind="lab"), 0
    catalogue = Catalogue({"lab": lab})
    for number in range(5000):
        catalogue.add(Model(f"acme/{number}", [Endpoint(lab, str(number))]))

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        busy = group.create_task(other())
        listings = Listings()
        several = await asyncio.gather(*(listings.rows(catalogue, ANYBODY) for _ in range(3)))
        busy.cancel()
    assert [len(rows) for rows in several] == [5000] * 3
    assert len(made) == 5000
    assert turns >= 5000 // listing.TURN

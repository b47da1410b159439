"""The shelf: whose word counts, what stays, and what is the same object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pointsman.catalogue import Catalogue, Endpoint, Model
from pointsman.facts import Fact
from pointsman.providers import Provider
from pointsman_catalogue.names import Names
from pointsman_catalogue.rows import Match, Row
from pointsman_catalogue.shelf import Listing, Shelf, Stock, layers

RowOf = Callable[..., Row]


@pytest.fixture
def catalogue() -> Catalogue:
    """Two clouds of one vendor, and a model that the operator made."""
    providers = {name: Provider(name, kind="acme") for name in ("east", "west")}
    made = Catalogue(providers)
    said = Endpoint(providers["east"], "big-v1", extra={"context": 100, "weight": 2})
    made.add(Model("acme/big", [said], extra={"max_output": 50}))
    return made


def values(endpoint: Endpoint) -> dict[str, tuple[Any, str, str]]:
    return {name: (fact.value, fact.source, fact.date) for name, fact in endpoint.facts.items()}


def ids(catalogue: Catalogue) -> dict[str, list[str]]:
    return {name: [each.id for each in model.endpoints] for name, model in sorted(catalogue.models.items())}


def test_the_configuration_counts_before_the_listing_and_that_before_the_list(
    catalogue: Catalogue, row: RowOf
) -> None:
    shelf, east = Shelf(catalogue), catalogue.providers["east"]
    rows = [row("acme", "big-v1", "acme/big", context=1, price={"input": "1"}, name="Big")]
    stock = Stock(rows, Listing("2026-11-27", {"big-v1": {"context": 2, "parameters": ["tools"]}}))
    shelf.stock(east, stock)
    (endpoint,) = catalogue.models["acme/big"].endpoints
    assert values(endpoint) == {
        "context": (100, "configuration", ""),
        "max_output": (50, "configuration", ""),
        "parameters": (("tools",), "the provider's listing", "2026-11-27"),
        "price": ({"input": "1"}, "genai-prices 0.2.3", ""),
        "name": ("Big", "genai-prices 0.2.3", ""),
    }
    told = [layer["context"].value for layer in layers("big-v1", stock, shelf.said(endpoint))]
    assert told == [1, 2, 100]


def test_what_a_plugin_told_stays_where_nobody_knows_better(row: RowOf) -> None:
    lab = Provider("lab", kind="acme")
    catalogue = Catalogue({"lab": lab})
    given = {"name": Fact("Mine", "mine"), "context": Fact(5, "mine")}
    named = {"description": Fact("Of mine.", "mine"), "context": Fact(5, "mine")}
    catalogue.add(Model("acme/mine", [Endpoint(lab, "m", facts=given)], facts=named))
    shelf = Shelf(catalogue)
    shelf.stock(lab, Stock([row("acme", "m", "acme/mine", context=9)]))
    shelf.describe()
    described = catalogue.models["acme/mine"].facts
    assert (described["description"], described["context"].value) == (named["description"], 9)
    facts = catalogue.models["acme/mine"].endpoints[0].facts
    assert (facts["name"], facts["context"].value) == (given["name"], 9)


def test_without_a_listing_the_rows_are_what_is_offered_and_with_one_it_is(
    catalogue: Catalogue, row: RowOf
) -> None:
    shelf, west = Shelf(catalogue), catalogue.providers["west"]
    rows = [row("acme", "a", "acme/a", context=1), row("acme", "odd", context=1)]
    shelf.stock(west, Stock(rows))
    assert ids(catalogue) == {"acme/a": ["west/a"], "acme/big": ["east/big-v1"], "west/odd": ["west/odd"]}
    shelf.stock(west, Stock(rows, Listing("2026-11-27", {"new": {}, "a": {}})))
    assert ids(catalogue) == {"acme/a": ["west/a"], "acme/big": ["east/big-v1"], "west/new": ["west/new"]}
    shelf.stock(west, Stock())
    assert ids(catalogue) == {"acme/big": ["east/big-v1"]}


def test_who_serves_a_model_of_the_operator_is_for_the_operator_to_say(
    catalogue: Catalogue, row: RowOf
) -> None:
    Shelf(catalogue).stock(catalogue.providers["west"], Stock([row("acme", "big-v1", "acme/big")]))
    assert ids(catalogue) == {"acme/big": ["east/big-v1"], "west/big-v1": ["west/big-v1"]}


def test_two_providers_serve_one_model_in_their_order(catalogue: Catalogue, row: RowOf) -> None:
    shelf = Shelf(catalogue)
    for name in ("west", "east", "west"):
        shelf.stock(catalogue.providers[name], Stock([row("acme", "a", "acme/a", context=1)]))
    assert ids(catalogue)["acme/a"] == ["east/a", "west/a"]


def test_ids_of_a_listing_are_matched_to_canonical_names_where_they_may_be(catalogue: Catalogue) -> None:
    shelf, west = Shelf(catalogue), Provider("west", kind="hyperbolic")
    listing = Listing("2026-11-27", {"openai/GPT-oss-120B": {}, "strange": {}})
    shelf.stock(west, Stock((), listing, Names(["openai/gpt-oss-120b"])))
    assert "openai/gpt-oss-120b" in catalogue.models
    shelf.stock(west, Stock((), listing))
    assert "openai/gpt-oss-120b" not in catalogue.models
    assert {"west/openai/GPT-oss-120B", "west/strange"} <= catalogue.models.keys()


def test_an_endpoint_that_goes_on_being_offered_is_the_same_and_equal_facts_too(
    catalogue: Catalogue, row: RowOf
) -> None:
    shelf, west = Shelf(catalogue), catalogue.providers["west"]
    rows = [row("acme", each, f"acme/{each}", context=7, price={"input": "1"}) for each in ("a", "b")]
    shelf.stock(west, Stock(rows))
    before = {name: catalogue.models[f"acme/{name}"].endpoints[0] for name in ("a", "b")}
    facts = before["a"].facts
    assert facts["price"] is before["b"].facts["price"]
    assert facts["context"] is before["b"].facts["context"]
    shelf.stock(west, Stock([rows[0], row("acme", "b", "acme/b", context=8)]))
    after = {name: catalogue.models[f"acme/{name}"].endpoints[0] for name in ("a", "b")}
    assert (after["a"] is before["a"], after["b"] is before["b"]) == (True, True)
    assert after["a"].facts is facts
    assert after["b"].facts["context"].value == 8


def test_an_id_that_nobody_lists_is_told_of_by_the_first_condition_it_meets(catalogue: Catalogue) -> None:
    shelf, west = Shelf(catalogue), catalogue.providers["west"]
    rows = [
        Row("acme/a", "acme", "a", True, {"context": 1}, Match(starts_with="a-")),
        Row("acme/b", "acme", "b", True, {"context": 2}, Match(contains="2026")),
    ]
    assert catalogue.resolve("west/a-20260101") is not None
    shelf.stock(west, Stock(rows))
    contexts = []
    for name in ("west/A-20260101", "west/b-2026", "west/none"):
        found = catalogue.resolve(name)
        assert found is not None
        contexts.append({key: fact.value for key, fact in found.endpoints[0].facts.items()})
    assert contexts == [{"context": 1}, {"context": 2}, {}]


def test_models_are_described_by_the_first_endpoint_that_tells_and_by_the_operator(
    catalogue: Catalogue, row: RowOf
) -> None:
    catalogue.models["acme/big"].extra = {"name": "Ours", "max_output": 50}
    shelf = Shelf(catalogue)
    shelf.stock(
        catalogue.providers["east"],
        Stock(
            [row("acme", "big-v1", "acme/big", name="Big", description="Good."), row("acme", "a", "acme/a")]
        ),
    )
    shelf.stock(
        catalogue.providers["west"], Stock([row("acme", "a", "acme/a", name="A", price={"input": "1"})])
    )
    shelf.describe()
    told = {
        name: {key: fact.value for key, fact in model.facts.items()}
        for name, model in catalogue.models.items()
    }
    assert told["acme/a"] == {"name": "A"}
    assert told["acme/big"] == {"name": "Ours", "description": "Good.", "context": 100, "max_output": 50}

"""Facts: what is known, and what is not."""

from __future__ import annotations

import msgspec
import pytest

from pointsman.catalogue import Catalogue, Endpoint, Model
from pointsman.facts import About, Fact
from pointsman.providers import Provider


def test_what_nobody_told_is_unknown() -> None:
    about = Provider("lab", kind="x").about
    assert about == About()
    assert (about.trains, about.retains, about.cancels, about.verified) == (None, None, None, False)


def test_a_fact_carries_its_source_and_does_not_change() -> None:
    fact = Fact(128_000, "configuration", "2026-11-01")
    assert msgspec.to_builtins(fact) == {"value": 128_000, "source": "configuration", "date": "2026-11-01"}
    with pytest.raises(AttributeError):
        fact.value = 1  # type: ignore[misc]


def test_the_first_facts_of_a_model_stay_and_later_ones_fill_gaps() -> None:
    lab = Provider("lab", kind="x")
    catalogue = Catalogue({"lab": lab})
    catalogue.add(Model("acme/one", [Endpoint(lab, "one")], facts={"name": Fact("One", "configuration")}))
    catalogue.add(
        Model(
            "acme/one", [], facts={"name": Fact("ONE", "listing"), "created": Fact(1_760_000_000, "listing")}
        )
    )
    facts = catalogue.models["acme/one"].facts
    assert facts["name"].value == "One"
    assert facts["created"].source == "listing"

"""A model's name with a suffix, where it is not a model's itself."""

from __future__ import annotations

import pytest

from pointsman.catalogue import Catalogue, Endpoint, Model
from pointsman.providers import Provider
from pointsman_routes.variants import SUFFIXES, Variant, varied


@pytest.fixture
def catalogue() -> Catalogue:
    lab = Provider("lab", kind="lab")
    acme = Provider("acme", kind="lab")
    found = Catalogue({"lab": lab, "acme": acme})
    found.add(Model("acme/large", [Endpoint(lab, "large")], ("big",)))
    found.add(Model("acme/own:free", [Endpoint(lab, "own:free")]))
    return found


@pytest.mark.parametrize("suffix", [*SUFFIXES])
def test_a_suffix_belongs_to_the_model_before_it(catalogue: Catalogue, suffix: str) -> None:
    names, variants = varied([f"acme/large:{suffix}"], catalogue)
    assert names == ("acme/large",), "though a provider called acme would take that name"
    assert variants == {"acme/large": SUFFIXES[suffix]}


@pytest.mark.parametrize(
    "name", ["acme/own:free", "acme/large:turbo", "acme/other:free", ":free", "acme/large"]
)
def test_what_is_a_name_as_it_stands_stays_one(catalogue: Catalogue, name: str) -> None:
    assert varied([name], catalogue) == ((name,), {})


def test_an_alias_has_suffixes_too(catalogue: Catalogue) -> None:
    assert varied(["big:floor"], catalogue) == (("big",), {"acme/large": SUFFIXES["floor"]})


def test_a_model_that_is_asked_for_twice(catalogue: Catalogue) -> None:
    free_first = {"acme/large": Variant("free", free_first=True)}
    assert varied(["big:free", "acme/large"], catalogue) == (("big", "acme/large"), free_first)
    assert varied(["big", "acme/large:free"], catalogue) == (("big", "acme/large"), {})
    assert varied(["big:floor", "big:nitro"], catalogue)[1] == {"acme/large": SUFFIXES["floor"]}

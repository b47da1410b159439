"""Which models a key may use, and where."""

from __future__ import annotations

import pytest

from pointsman.catalogue import Catalogue, Endpoint, Model
from pointsman.credentials import Key
from pointsman.exchange import Actor, Level
from pointsman.facts import About
from pointsman.providers import Provider
from pointsman.secrets import Secret
from pointsman_openrouter.offers import allowance, named_offer, offer_of

ANYBODY = Actor("a", "key-a")


@pytest.fixture
def catalogue() -> Catalogue:
    lab, cloud, gone = (Provider(name, kind=name) for name in ("lab", "cloud", "gone"))
    lab.about = About(retains=False, trains=False)
    gone.absent = "its api_key is missing"
    made = Catalogue({each.name: each for each in (lab, cloud, gone)})
    large = [Endpoint(cloud, "large"), Endpoint(gone, "large"), Endpoint(lab, "large")]
    made.add(Model("acme/large", large, aliases=("best",)))
    made.add(Model("acme/gone", [Endpoint(gone, "gone")]))
    made.add(Model("acme/none"))
    made.add(Model("acme/secret", [Endpoint(lab, "secret")], listed=False))
    return made


def places(catalogue: Catalogue, actor: Actor, name: str) -> list[str]:
    offer = named_offer(catalogue, actor, name)
    return [endpoint.id for endpoint in offer.endpoints] if offer is not None else []


def bounded(**fields: object) -> Actor:
    return Actor("a", "key-a", levels=(Level("key", "key-a", "a", **fields),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    [
        "acme/large",
        "best",
        "lab/large",
        "acme/large:nitro",
        "best:free",
        "cloud/large:floor",
        "acme/large:exacto",
    ],
)
def test_a_model_goes_by_any_of_its_names(catalogue: Catalogue, name: str) -> None:
    assert places(catalogue, ANYBODY, name) == ["cloud/large", "lab/large"]


@pytest.mark.parametrize(
    "name",
    ["acme/gone", "acme/none", "acme/secret", "acme/what", "acme/large:thinking", "lab/what", ":nitro", ""],
)
def test_what_nobody_could_answer_is_not_offered(catalogue: Catalogue, name: str) -> None:
    assert places(catalogue, ANYBODY, name) == []


def test_a_credential_of_its_own_makes_a_provider_usable(catalogue: Catalogue) -> None:
    actor = Actor("a", "key-a", keys={"gone": Key(Secret("own"))})
    assert places(catalogue, actor, "acme/gone") == ["gone/gone"]
    assert places(catalogue, actor, "acme/large") == ["cloud/large", "gone/large", "lab/large"]


@pytest.mark.parametrize(
    ("actor", "found"),
    [
        (Actor("a", "key-a", models=("acme/*",)), ["cloud/large", "lab/large"]),
        (Actor("a", "key-a", models=("best",)), ["cloud/large", "lab/large"]),
        (Actor("a", "key-a", models=("lab/*",)), ["lab/large"]),
        (Actor("a", "key-a", models=("other/*",)), []),
        (bounded(models=("cloud/large",)), ["cloud/large"]),
        (bounded(providers=("l*",)), ["lab/large"]),
        (bounded(uncollected=True), ["lab/large"]),
        (bounded(forgotten=True), ["lab/large"]),
        (bounded(surfaces=("chat",)), ["cloud/large", "lab/large"]),
    ],
)
def test_each_level_allows_what_is_offered(catalogue: Catalogue, actor: Actor, found: list[str]) -> None:
    assert places(catalogue, actor, "acme/large") == found
    offer = offer_of(catalogue, actor, catalogue.models["acme/large"])
    assert [each.id for each in offer.endpoints if offer is not None] == found if offer else found == []


def test_who_may_use_the_same_has_the_same_allowance() -> None:
    assert allowance(ANYBODY) == allowance(Actor("b", "key-b", role="admin"))
    own = Actor("b", "key-b", keys={"gone": Key(Secret("own"))})
    several = [
        ANYBODY,
        own,
        Actor("c", "key-c", models=("acme/*",)),
        bounded(models=("acme/*",)),
        bounded(providers=("lab",)),
        bounded(forgotten=True),
        bounded(uncollected=True),
    ]
    assert len({allowance(each) for each in several}) == len(several)
    assert allowance(bounded(models=("x",))) == allowance(bounded(models=("x",)))

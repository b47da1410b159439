"""The catalogue: what a client's `model` means."""

from __future__ import annotations

import difflib

import pytest

from pointsman.catalogue import Catalogue, Endpoint, Model
from pointsman.facts import Fact, Facts
from pointsman.providers import Provider


class Closed(Provider):
    def takes(self, native_id: str) -> bool:
        return False


@pytest.fixture
def catalogue() -> Catalogue:
    lab, cloud = Provider("lab", kind="x"), Closed("cloud", kind="y")
    made = Catalogue({"lab": lab, "cloud": cloud})
    made.add(
        Model(
            "meta/llama-3", [Endpoint(lab, "llama-3-8b"), Endpoint(cloud, "meta/llama3")], ("fast", "llama")
        )
    )
    made.add(Model("acme/one", [Endpoint(cloud, "one")]))
    made.add(Model("acme/two", [Endpoint(cloud, "shared"), Endpoint(lab, "shared")]))
    made.add(Model("hidden/model", [Endpoint(cloud, "h")], listed=False))
    return made


@pytest.mark.parametrize(
    ("name", "model", "endpoints"),
    [
        ("fast", "meta/llama-3", ["lab/llama-3-8b", "cloud/meta/llama3"]),
        ("meta/llama-3", "meta/llama-3", ["lab/llama-3-8b", "cloud/meta/llama3"]),
        ("lab/llama-3-8b", "meta/llama-3", ["lab/llama-3-8b"]),
        ("cloud/meta/llama3", "meta/llama-3", ["cloud/meta/llama3"]),
        ("one", "acme/one", ["cloud/one"]),
        ("lab/not-listed-anywhere", "lab/not-listed-anywhere", ["lab/not-listed-anywhere"]),
        ("hidden/model", "hidden/model", ["cloud/h"]),
    ],
)
def test_resolution_order(catalogue: Catalogue, name: str, model: str, endpoints: list[str]) -> None:
    found = catalogue.resolve(name)
    assert found is not None
    assert (found.asked, found.model) == (name, model)
    assert [endpoint.id for endpoint in found.endpoints] == endpoints
    assert {name, model} <= set(found.names)


def test_one_endpoint_under_two_models_is_one_endpoint(catalogue: Catalogue) -> None:
    cloud = catalogue.providers["cloud"]
    for name in ("x/a", "x/b"):
        catalogue.add(Model(name, [Endpoint(cloud, "both")]))
    found = catalogue.resolve("both")
    assert found is not None
    assert [endpoint.id for endpoint in found.endpoints] == ["cloud/both"]


@pytest.mark.parametrize("name", ["shared", "cloud/unlisted", "nothing", "", "lab/", "/x"])
def test_what_means_nothing(catalogue: Catalogue, name: str) -> None:
    assert catalogue.resolve(name) is None


def test_an_alias_wins_over_a_model_of_that_name(catalogue: Catalogue) -> None:
    catalogue.add(Model("fast", [Endpoint(catalogue.providers["cloud"], "other")]))
    found = catalogue.resolve("fast")
    assert found is not None
    assert found.model == "meta/llama-3"


def test_adding_again_adds_endpoints_and_keeps_the_first(catalogue: Catalogue) -> None:
    lab = catalogue.providers["lab"]
    catalogue.add(
        Model("acme/one", [Endpoint(lab, "one-b"), Endpoint(catalogue.providers["cloud"], "one")], ("uno",))
    )
    found = catalogue.resolve("uno")
    assert found is not None
    assert [endpoint.id for endpoint in found.endpoints] == ["cloud/one", "lab/one-b"]


def test_a_name_is_resolved_once_until_the_catalogue_grows(catalogue: Catalogue) -> None:
    found = catalogue.resolve("fast")
    assert found is catalogue.resolve("fast")
    catalogue.add(Model("meta/llama-3", [Endpoint(catalogue.providers["lab"], "llama-3-70b")]))
    grown = catalogue.resolve("fast")
    assert grown is not None
    assert [endpoint.id for endpoint in grown.endpoints][2:] == ["lab/llama-3-70b"]


def test_names_that_only_clients_know_are_not_kept(catalogue: Catalogue) -> None:
    found = [catalogue.resolve("lab/made-up") for _ in range(2)]
    assert found[0] is not found[1]
    assert catalogue.resolve("no-such-model") is None
    catalogue.add(Model("no-such-model"))
    assert catalogue.resolve("no-such-model") is not None


def test_an_allow_list_may_say_any_name_by_which_an_endpoint_can_be_asked_for(catalogue: Catalogue) -> None:
    def names(name: str) -> tuple[str, ...]:
        found = catalogue.resolve(name)
        assert found is not None
        return catalogue.names_of(found.model, found.endpoints[0])

    assert names("lab/llama-3-8b") == ("meta/llama-3", "lab/llama-3-8b", "fast", "llama", "llama-3-8b")
    assert names("acme/two") == ("acme/two", "cloud/shared"), "a native id that two have is nobody's name"
    assert names("lab/made-up") == ("lab/made-up", "lab/made-up")


def test_listed_names_and_near_ones(catalogue: Catalogue) -> None:
    assert list(catalogue.names()) == ["meta/llama-3", "acme/one", "acme/two", "fast", "llama"]
    assert len(catalogue) == 3
    assert catalogue.near("meta/lama-3") == ["meta/llama-3"]
    assert catalogue.near("other/one") == ["acme/one"]
    assert catalogue.near("zzzzzz") == []
    assert catalogue.near("x/smal", among=["x/large", "x/small"])[0] == "x/small", "the closest comes first"
    assert catalogue.near("acme/on", among=["acme/two"]) == ["acme/two"]


def test_of_thousands_of_names_only_those_that_share_letters_are_compared(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []
    original = difflib.get_close_matches

    def counted(word: str, names: list[str], n: int, cutoff: float) -> list[str]:
        compared.append(len(names))
        return original(word, names, n, cutoff)

    monkeypatch.setattr(difflib, "get_close_matches", counted)
    names = [f"other/thing-{number}" for number in range(3000)]
    assert catalogue.near("acme/larg", among=[*names, "acme/large", "acme/Larger"]) == [
        "acme/large",
        "acme/Larger",
    ]
    assert catalogue.near("x/thing-77", among=names)[0] == "other/thing-77"
    assert compared == [64, 64]


def names_of(catalogue: Catalogue) -> list[str]:
    return sorted(catalogue.models)


def test_what_is_learnt_takes_the_place_of_what_was_learnt_before(catalogue: Catalogue) -> None:
    cloud, before = catalogue.providers["cloud"], names_of(catalogue)
    catalogue.learn("cloud", [(f"x/{name}", Endpoint(cloud, name)) for name in ("new", "old")])
    assert catalogue.resolve("old") is not None
    catalogue.learn("cloud", [("x/new", Endpoint(cloud, "new"))])
    assert names_of(catalogue) == sorted([*before, "x/new"])
    assert catalogue.resolve("old") is catalogue.resolve("cloud/old") is None
    catalogue.learn("cloud", [])
    assert names_of(catalogue) == before


def test_what_is_not_learnt_stays_whatever_is_learnt(catalogue: Catalogue) -> None:
    cloud = catalogue.providers["cloud"]
    catalogue.learn("cloud", [("acme/one", Endpoint(cloud, name)) for name in ("one", "more")])
    assert [each.id for each in catalogue.models["acme/one"].endpoints] == ["cloud/one", "cloud/more"]
    catalogue.learn("cloud", [])
    assert [each.id for each in catalogue.models["acme/one"].endpoints] == ["cloud/one"]
    assert catalogue.resolve("one") is not None


def test_an_endpoint_under_another_name_too_is_still_found_when_one_goes(
    catalogue: Catalogue,
) -> None:
    cloud = catalogue.providers["cloud"]
    catalogue.learn("cloud", [(f"x/{name}", Endpoint(cloud, "n")) for name in ("first", "second")])
    catalogue.add(Model("x/third", [Endpoint(cloud, "n")]))
    catalogue.learn("cloud", [])
    found = catalogue.resolve("cloud/n")
    assert found is not None
    assert found.model == "x/third"


def test_an_id_that_no_list_names_is_told_of_once_and_again_when_there_is_news(catalogue: Catalogue) -> None:
    told: list[str] = []

    def tell(provider: Provider, native_id: str) -> Facts:
        told.append(native_id)
        return {"context": Fact(len(told), "a list")}

    catalogue.tell = tell
    first, again = catalogue.resolve("lab/dated"), catalogue.resolve("lab/dated")
    assert first is not None
    assert again is not None
    assert first.endpoints == again.endpoints
    assert first.endpoints[0].facts["context"].value == 1
    catalogue.learn("lab", [])
    news = catalogue.resolve("lab/dated")
    assert news is not None
    assert news.endpoints[0].facts["context"].value == 2
    for _ in range(2):
        catalogue.resolve("lab/" + "x" * 1000)
    assert len(told) == 4  # so long a name is not kept


def test_a_name_is_lacking_only_when_no_more_models_are_to_come(catalogue: Catalogue) -> None:
    assert catalogue.lacks("nowhere")
    assert not catalogue.lacks("fast")
    catalogue.expected["cloud"] = frozenset({"acme/with-a-key"})
    assert not catalogue.lacks("acme/with-a-key")
    catalogue.pending = True
    assert not catalogue.lacks("nowhere")


def test_whatever_changes_makes_another_edition(catalogue: Catalogue) -> None:
    lab = catalogue.providers["lab"]
    editions = [catalogue.edition]
    for change in (
        lambda: catalogue.add(Model("new/model", [Endpoint(lab, "new")])),
        lambda: catalogue.learn("lab", [("lab/learnt", Endpoint(lab, "learnt"))]),
        lambda: catalogue.learn("lab", []),
        catalogue.changed,
    ):
        change()
        editions.append(catalogue.edition)
    assert sorted(set(editions)) == editions
    catalogue.resolve("new/model")
    assert catalogue.edition == editions[-1]


async def test_models_still_to_come_are_waited_for_where_a_name_needs_them(catalogue: Catalogue) -> None:
    waited: list[int] = []

    async def settle() -> None:
        waited.append(1)

    await catalogue.settled(["nowhere"])
    catalogue.settle = settle
    await catalogue.settled(["fast", "acme/one"])
    assert waited == []
    await catalogue.settled(["fast", "nowhere"])
    assert waited == [1]


def test_endpoints_that_are_learnt_stand_in_the_providers_order_whenever_they_were_learnt(
    catalogue: Catalogue,
) -> None:
    lab, cloud = catalogue.providers["lab"], catalogue.providers["cloud"]
    catalogue.learn("cloud", [("x/a", Endpoint(cloud, "a")), ("acme/one", Endpoint(cloud, "uno"))])
    catalogue.learn("lab", [("x/a", Endpoint(lab, "a")), ("acme/one", Endpoint(lab, "one"))])
    kept = catalogue.models["x/a"].endpoints[0]
    for _ in range(2):
        assert [each.id for each in catalogue.models["x/a"].endpoints] == ["lab/a", "cloud/a"]
        placed = [each.id for each in catalogue.models["acme/one"].endpoints]
        assert placed == ["cloud/one", "lab/one", "cloud/uno"]
        catalogue.learn("lab", [("x/a", Endpoint(lab, "a")), ("acme/one", Endpoint(lab, "one"))])
    assert catalogue.models["x/a"].endpoints[0] is kept

"""What a key may use of what a request could go to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pointsman.catalogue import Catalogue, Endpoint, Model
from pointsman.credentials import Key
from pointsman.errors import Forbidden
from pointsman.exchange import Actor, Candidate, Level, Plan
from pointsman.facts import About
from pointsman.providers import Provider
from pointsman.secrets import Secret
from pointsman.types import Peek
from pointsman_keys.allowed import candidates_for, check_surface, model_refusal

OWN = Key(Secret("sk-own"))


class Lab(Provider):
    """A provider that cannot be called without a credential of the client's own."""

    ready = True

    def unready(self) -> str | None:
        return None if self.ready else "its api_key is missing"


@pytest.fixture
def exchange() -> Any:
    """A request for acme/large, then acme/small."""
    lab, spare = Lab("lab", kind="lab"), Lab("spare", kind="lab")
    lab.about = About(trains=False, retains=False)
    catalogue = Catalogue({"lab": lab, "spare": spare})
    catalogue.add(Model("acme/large", [Endpoint(lab, "l"), Endpoint(spare, "l")], ("big",)))
    catalogue.add(Model("acme/small", [Endpoint(lab, "s"), Endpoint(spare, "s")]))
    dropped: list[str] = []
    return SimpleNamespace(
        setup=SimpleNamespace(catalogue=catalogue),
        surface="chat",
        peek=Peek("acme/large"),
        plan=Plan(None, ("acme/large", "acme/small")),
        exclude=lambda candidate, by, why: dropped.append(f"{candidate.endpoint.id} {by}: {why}"),
        dropped=dropped,
    )


def candidates(exchange: Any) -> list[Candidate]:
    models = exchange.setup.catalogue.models.values()
    return [Candidate(endpoint, model.name, ["listed"]) for model in models for endpoint in model.endpoints]


def ids(found: list[Candidate]) -> list[str]:
    return [f"{each.endpoint.id}{'' if each.key is None else ' own'}" for each in found]


@pytest.mark.parametrize(
    ("bounds", "left", "why"),
    [
        ({"models": ("big",)}, ["lab/l", "spare/l"], "may not use it"),
        ({"providers": ("sp*",)}, ["spare/l", "spare/s"], "its provider is not allowed"),
        ({"uncollected": True}, ["lab/l", "lab/s"], "(data_policy)"),
        ({"forgotten": True}, ["lab/l", "lab/s"], "(data_policy)"),
    ],
)
def test_what_may_not_be_used_is_left_out_and_on_record(
    exchange: Any, bounds: dict[str, Any], left: list[str], why: str
) -> None:
    actor = Actor("alice", "key-alice", levels=(Level("team", "red", "red", **bounds),))
    assert actor.bounded
    assert ids(candidates_for(exchange, actor, candidates(exchange))) == left
    assert len(exchange.dropped) == 2
    assert all(why in each and " keys: " in each for each in exchange.dropped)


def test_credentials_of_ones_own_go_first_within_each_model(exchange: Any) -> None:
    actor = Actor("alice", "key-alice", keys={"spare": OWN})
    found = candidates_for(exchange, actor, candidates(exchange))
    assert ids(found) == ["spare/l own", "lab/l", "spare/l", "spare/s own", "lab/s", "spare/s"]
    assert found[0].reasons == ["listed", "a credential of its own for spare"]
    assert found[2].reasons == ["listed"]


def test_where_the_operator_has_no_credential_there_is_ones_own_alone(exchange: Any) -> None:
    exchange.setup.catalogue.providers["spare"].ready = False
    actor = Actor("alice", "key-alice", keys={"spare": OWN})
    assert ids(candidates_for(exchange, actor, candidates(exchange)))[:2] == ["spare/l own", "lab/l"]


def test_the_surface_must_be_allowed_at_each_level(exchange: Any) -> None:
    levels = Level("key", "k", "k"), Level("team", "red", "red", surfaces=("embed*",))
    with pytest.raises(Forbidden, match="team 'red' may not use the surface 'chat'"):
        check_surface(exchange, Actor("alice", "k", levels=levels))
    check_surface(exchange, Actor("alice", "k", levels=levels[:1]))


@pytest.mark.parametrize(
    ("models", "refusal"),
    [
        (("acme/small",), None),
        (("big",), None),
        (("x/*",), "team 'red' of key 'alice' may not use model 'acme/large'"),
    ],
)
def test_one_model_that_may_be_used_is_enough(
    exchange: Any, models: tuple[str, ...], refusal: str | None
) -> None:
    actor = Actor("alice", "key-alice", levels=(Level("team", "red", "red", models=models),))
    assert model_refusal(exchange, actor) == refusal
    exchange.plan = Plan("night", ("acme/large",))
    if refusal is not None:
        assert "any model that rule 'night' leads to" in str(model_refusal(exchange, actor))

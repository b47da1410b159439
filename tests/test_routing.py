"""Routing: what plugins register, kept by name, and into the schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from pointsman.conditions import Comparison
from pointsman.config import Schema
from pointsman.errors import PluginError, StartupError
from pointsman.exchange import Candidate, Exchange
from pointsman.routing import WHEN, Routing, RoutingRegister


@dataclass(frozen=True)
class When:
    """Conditions."""

    record: ClassVar[str] = WHEN
    extra: Mapping[str, Any] = field(default_factory=dict)


def same(exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
    return candidates


def test_variables_become_keys_of_when_with_their_owner() -> None:
    schema, routing = Schema(), Routing()
    schema.section("rule", When, owner="rules", help="A rule.")
    RoutingRegister(routing, schema, "mine").variable("size", int, lambda _: 3, help="How much.", few=True)
    claim = schema.fields(WHEN)["size"]
    assert (claim.owner, claim.spec.help) == ("mine", "How much.")
    variable = routing.variables["size"]
    assert (variable.owner, variable.few, variable.read(None)) == ("mine", True, 3)  # type: ignore[arg-type]
    assert Comparison in [getattr(option, "type", None) for option in claim.spec.kind.options]  # type: ignore[union-attr]


def test_two_claims_on_one_name_are_refused() -> None:
    schema, routing = Schema(), Routing()
    first, second = (RoutingRegister(routing, schema, owner) for owner in ("one", "two"))
    first.variable("size", int, lambda _: 3, help="How much.")
    with pytest.raises(StartupError, match="claimed twice: by one and by two"):
        second.variable("size", int, lambda _: 4, help="How much.")
    first("mine", same, help="As they come.", default=True)
    with pytest.raises(PluginError, match="both register pick 'mine'"):
        second("mine", same, help="As they come.")
    with pytest.raises(PluginError, match="the pick that is taken where none is named"):
        second("other", same, help="As they come.", default=True)


def test_a_type_without_conditions_names_plugin_and_variable() -> None:
    register = RoutingRegister(Routing(), Schema(), "mine")
    with pytest.raises(PluginError, match=r"plugin 'mine', variable 'size': there are no conditions on"):
        register.variable("size", bytes, lambda _: b"", help="How much.")

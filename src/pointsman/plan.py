"""The plan: what is decided of a request before its endpoints are looked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What `select_route` decided: the rule's name and the models to try, in order of preference.

    `extra` is what other plugins declared for a rule's `use`, by name, as far as the rule says it.
    `preferences` is what is asked of their endpoints, as JSON data, and `lost` what is asked in vain. `pick`
    names the way in which the endpoints of each model are put in order, or of all together if `across`.
    `deadline` is how many seconds all attempts together may take since the request came, `attempts` how many
    there may be, `on_loss` what is done about parameters that are lost; None is as the core has it. `hedge`
    is how many seconds an answer may take before another endpoint is asked, too. `params` are defaults for
    requests that lack them; they count before those of an endpoint.
    """

    rule: str | None
    models: tuple[str, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)
    preferences: Mapping[str, Any] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    pick: str | None = None
    across: bool = False
    deadline: float | None = None
    attempts: int | None = None
    on_loss: Literal["warn", "reject", "drop"] | None = None
    hedge: float | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

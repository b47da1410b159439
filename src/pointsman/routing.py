"""Routing: the ways of picking among endpoints, and the variables of rules, as plugins register them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .conditions import check_given, written
from .errors import PluginError

if TYPE_CHECKING:
    from .config import Schema
    from .registers import Meant, Pick, Read

__all__ = ["WHEN", "Name", "Picker", "Routing", "RoutingRegister", "Variable"]

WHEN = "when"
"""The open record of settings whose keys are the variables."""


@dataclass(frozen=True, slots=True)
class Picker:
    """A way of putting the endpoints of one choice in order, as registered."""

    name: str
    pick: Pick
    help: str
    owner: str
    default: bool
    across: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    """A name that stands for other models, as registered; `pick` is how these are put in order."""

    name: str
    models: Meant
    pick: str | None
    help: str
    owner: str


@dataclass(frozen=True, slots=True)
class Variable:
    """Something that rules may ask for, as registered."""

    name: str
    read: Read
    help: str
    owner: str
    few: bool


@dataclass(frozen=True, slots=True)
class Routing:
    """What all plugins have registered."""

    pickers: dict[str, Picker] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    names: dict[str, Name] = field(default_factory=dict)


class RoutingRegister:
    """Takes what one plugin registers; what a variable may be asked for goes into the schema."""

    def __init__(self, routing: Routing, schema: Schema, owner: str) -> None:
        self._routing = routing
        self._schema = schema
        self._owner = owner

    def __call__(
        self, name: str, pick: Pick, *, help: str, default: bool = False, across: bool = False
    ) -> None:
        """See `RegisterRouting`."""
        self._refuse_waiting(pick, f"pick {name!r}")
        pickers = self._routing.pickers
        taken = [each for each in pickers.values() if each.name == name or (default and each.default)]
        if taken:
            what = f"pick {name!r}" if taken[0].name == name else "the pick that is taken where none is named"
            raise PluginError(f"plugins {taken[0].owner!r} and {self._owner!r} both register {what}")
        pickers[name] = Picker(name, pick, help, self._owner, default, across)

    def name(self, name: str, models: Meant, *, help: str, pick: str | None = None) -> None:
        """See `RegisterRouting`."""
        self._refuse_waiting(models, f"name {name!r}")
        taken = self._routing.names.get(name)
        if taken is not None:
            raise PluginError(f"plugins {taken.owner!r} and {self._owner!r} both register the name {name!r}")
        self._routing.names[name] = Name(name, models, pick, help, self._owner)

    def variable(self, name: str, type_: Any, read: Read, *, help: str, few: bool = False) -> None:
        """See `RegisterRouting`."""
        self._refuse_waiting(read, f"variable {name!r}")
        try:
            asked = written(type_)
        except TypeError as error:
            raise PluginError(f"plugin {self._owner!r}, variable {name!r}: {error}") from None
        self._schema.field(WHEN, name, asked, owner=self._owner, check=check_given, help=help)
        self._routing.variables[name] = Variable(name, read, help, self._owner, few)

    def _refuse_waiting(self, function: Any, what: str) -> None:
        """Both are asked while a request is decided. Raises PluginError for what would have it wait."""
        if inspect.iscoroutinefunction(function):
            raise PluginError(f"plugin {self._owner!r}, {what}: it may not be `async def`")

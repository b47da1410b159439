"""The callbacks that registration hooks are given, as types for plugin authors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import click
    from starlette.requests import Request
    from starlette.responses import Response

    from .catalogue import Model
    from .dialects import Codec
    from .errors import RequestError
    from .exchange import Candidate, Exchange
    from .ledger import Table
    from .providers import Provider, ProviderFactory

__all__ = [
    "Handler",
    "Keyed",
    "Meant",
    "Pick",
    "Read",
    "Refused",
    "RegisterCommand",
    "RegisterDialect",
    "RegisterHttp",
    "RegisterModel",
    "RegisterProvider",
    "RegisterRouting",
    "RegisterSettings",
    "RegisterTable",
]

Handler = Callable[["Request"], Awaitable["Response"]]
Keyed = Callable[[Mapping[str, str]], Mapping[str, str]]
"""Makes headers, by lower-case name, that `authenticate` knows."""
Refused = Callable[["Request", "RequestError"], "Response"]
"""Makes a page of an error: a request without a key, or what the handler raised."""
Pick = Callable[["Exchange", "list[Candidate]"], "list[Candidate]"]
"""Puts the endpoints of one choice in the order in which they are to be tried."""
Meant = Callable[["Exchange"], Sequence[str]]
"""The models that a name stands for, in a request."""
Read = Callable[["Exchange"], Any]
"""Finds the value of a variable of rules."""


class RegisterSettings(Protocol):
    """Given to `plugin_settings`."""

    def __call__(
        self, type_: Any, *, section: str | None = None, default: Any = ..., help: str = "", **rules: Any
    ) -> None:
        """Type the plugin's own section, or a top-level `section`.

        `rules` are those of `Schema.section`: factory, example, minimum, maximum, check.
        """

    def field(
        self, record: str, name: str, type_: Any, *, default: Any = None, help: str, **rules: Any
    ) -> None:
        """Add a key to an open record; `rules` as above."""


class RegisterDialect(Protocol):
    """Given to `register_dialects`."""

    def __call__(self, codec: Codec) -> None:
        """Register one surface of a dialect."""


class RegisterProvider(Protocol):
    """Given to `register_providers`."""

    def __call__(
        self,
        kind: str,
        factory: ProviderFactory,
        *,
        default: bool = False,
        key_variable: str | None = None,
        local_url: str | None = None,
        always: bool = False,
        address: str | None = None,
    ) -> None:
        """Register a kind of provider.

        `default` serves providers that name a base URL and no vendor. `key_variable`, the environment
        variable of its key, and `local_url`, where a local server of its kind usually is, let
        `providers: {from_env: true}` find it. `always` makes one of that name though nobody configured it.
        `address` is the base URL, as `https://{account}.example.com/v1`, where each customer has one of his
        own: a key alone does not find it.
        """


class RegisterModel(Protocol):
    """Given to `register_models`."""

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The providers by name."""

    def __call__(self, model: Model) -> None:
        """Add a model, or endpoints to one that is there."""


class RegisterHttp(Protocol):
    """Given to `register_http`."""

    def __call__(
        self,
        path: str,
        handler: Handler,
        *,
        methods: Sequence[str],
        role: Literal["public", "viewer", "member", "admin"],
        refused: Refused | None = None,
        keyed: Keyed | None = None,
    ) -> None:
        """Serve `path`. `refused` makes the answer to a request that is refused, in place of JSON; `keyed`
        puts a key into the headers of one that has it in another way."""


class RegisterCommand(Protocol):
    """Given to `register_commands`."""

    def __call__(self, command: click.Command) -> None:
        """Add a command to the command line."""


class RegisterRouting(Protocol):
    """Given to `register_routing`."""

    def __call__(
        self, name: str, pick: Pick, *, help: str, default: bool = False, across: bool = False
    ) -> None:
        """Add a way of choosing among endpoints, under the name that `use: {pick: …}` says. `across`: it
        always chooses among those of all models."""

    def name(self, name: str, models: Meant, *, help: str, pick: str | None = None) -> None:
        """Add a name that requests and rules may have in place of a model's. `models` says which models it
        stands for, fast and without waiting; none, and it is unknown. `pick` puts them in order where no rule
        says how.
        """

    def variable(self, name: str, type_: Any, read: Read, *, help: str, few: bool = False) -> None:
        """Add something that `when` of a rule may ask for.

        `type_` is the type of the value: `pointsman.conditions` has what the file then says. `read` finds it,
        fast and without waiting; None is not known. `few`: its values are hashable, few, and do not change
        with time, so that what rules say to them may be kept.
        """


class RegisterTable(Protocol):
    """Given to `register_tables`."""

    def __call__(self, table: Table) -> None:
        """Add a table to the ledger."""

"""The setup: everything that a configuration and its plugins come to, checked and frozen."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .catalogue import Catalogue, Endpoint, Model
from .chain import Chain
from .config import Config, CoreSettings, Document, Schema, build, declare_core, plugins_of
from .dialects import Dialects
from .errors import ConfigError, PluginError, StartupError
from .ledger import Table
from .plugins import Plugin, PluginSet, installed, load
from .providers import HttpCaller, HttpProvider, Kind, Provider, ProviderFactory, Providers
from .registers import Handler, Keyed, Refused
from .reload import RELOAD, answer_reload
from .routing import Name, Picker, Routing, RoutingRegister, Variable

__all__ = ["Chains", "HttpRoute", "Picker", "Setup", "Variable", "assemble", "declare", "reassemble"]

PROVIDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
ROLES = ("public", "viewer", "member", "admin")


@dataclass(frozen=True, slots=True)
class Chains:
    """The frozen chain of each hook that runs with requests."""

    authenticate: Chain
    select_route: Chain
    admit: Chain
    lookup_response: Chain
    list_candidates: Chain
    rank_candidates: Chain
    reserve_usage: Chain
    attempt_started: Chain
    call_provider: Chain
    continue_stream: Chain
    attempt_finished: Chain
    price_usage: Chain
    quote_usage: Chain
    settle_usage: Chain
    store_response: Chain
    request_finished: Chain
    unknown_model: Chain

    @classmethod
    def of(cls, plugins: PluginSet, timeout: float) -> Chains:
        """Freeze the chains. A provider's call has clocks of its own and no phase timer; who looks for an
        answer may wait for another's call."""
        timeouts = {"call_provider": None, "lookup_response": None}
        return cls(**{name: plugins.chain(name, timeouts.get(name, timeout)) for name in cls.__annotations__})


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """A path that a plugin serves, with what it declared."""

    path: str
    handler: Handler
    methods: tuple[str, ...]
    role: str
    owner: str
    refused: Refused | None = None
    keyed: Keyed | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that a configuration and its plugins come to. Immutable.

    `notes` are what plugins made out of it, by plugin name: a request that has begun under one setup finds
    there what belongs to it, whatever the next one says.
    """

    config: Config
    core: CoreSettings
    schema: Schema
    plugins: PluginSet
    chains: Chains
    dialects: Dialects
    kinds: Providers
    providers: Mapping[str, Provider]
    catalogue: Catalogue
    routes: tuple[HttpRoute, ...]
    pickers: Mapping[str, Picker]
    variables: Mapping[str, Variable]
    names: Mapping[str, Name]
    tables: tuple[Table, ...]
    base: Path
    notes: dict[str, Any] = field(default_factory=dict, repr=False)

    def settings(self, plugin: str) -> Any:
        """A plugin's own settings."""
        return self.config.plugin(plugin)

    def section(self, name: str) -> Any:
        """A top-level section that a plugin owns."""
        return self.config.section(name)


def declare(plugins: PluginSet, routing: Routing | None = None) -> Schema:
    """The schema of the core and the plugins; what they have for rules goes into `routing`, too."""
    schema, found = Schema(), routing or Routing()
    declare_core(schema)
    plugins.run_registration("plugin_settings", lambda owner: _SettingsRegister(schema, owner))
    plugins.run_registration("register_routing", lambda owner: RoutingRegister(found, schema, owner))
    for name in {*installed(), *(plugin.name for plugin in plugins.plugins)}:
        schema.admit_plugin(name)
    return schema


def assemble(
    document: Document, *, env: Mapping[str, str] | None = None, trace: Callable[[str], None] | None = None
) -> Setup:
    """Load the plugins a document names, check the document, and build all that follows from it.

    `env` is where `providers: {from_env: true}` looks for keys. `trace` is told of every hook call.
    Raises ConfigError with every problem found, PluginError, or another StartupError.
    """
    plugins = load(plugins_of(document), last=[_core_plugin()], trace=trace)
    routing = Routing()
    schema = declare(plugins, routing)
    config = build(document, schema)
    dialects, kinds = Dialects(), Providers()
    plugins.run_registration("register_dialects", lambda owner: lambda codec: dialects.add(codec, owner))
    plugins.run_registration("register_providers", lambda owner: _ProviderRegister(kinds, owner))
    providers = _make_providers(config, kinds, dialects, env if env is not None else os.environ)
    catalogue = Catalogue(providers)
    _configured_models(config, catalogue)
    plugins.run_registration("register_models", lambda owner: _ModelRegister(catalogue))
    routes = [HttpRoute(RELOAD, answer_reload, ("POST",), "admin", "core")]
    plugins.run_registration("register_http", lambda owner: _HttpRegister(routes, owner))
    tables: dict[str, Table] = {}
    plugins.run_registration("register_tables", lambda owner: _TableRegister(tables, owner))
    return Setup(
        config=config,
        core=config.core,
        schema=schema,
        plugins=plugins,
        chains=Chains.of(plugins, config.core.hook_timeout),
        dialects=dialects,
        kinds=kinds,
        providers=providers,
        catalogue=catalogue,
        routes=tuple(routes),
        pickers=routing.pickers,
        variables=routing.variables,
        names=routing.names,
        tables=tuple(tables.values()),
        base=config.base,
    )


def reassemble(config: Config, before: Setup, *, env: Mapping[str, str] | None = None) -> Setup:
    """What a configuration comes to that is read while the one before is in use, for the same plugins: they
    stay, and so does all that they have registered. Providers with the same settings stay, too.

    `config` is one that was built by the schema of `before`. Raises as `assemble` does.
    """
    made = _make_providers(
        config, before.kinds, before.dialects, env if env is not None else os.environ, before
    )
    catalogue = Catalogue(made)
    _configured_models(config, catalogue)
    before.plugins.run_registration("register_models", lambda owner: _ModelRegister(catalogue))
    return replace(
        before,
        config=config,
        core=config.core,
        chains=Chains.of(before.plugins, config.core.hook_timeout),
        providers=made,
        catalogue=catalogue,
        base=config.base,
        notes={},
    )


def _core_plugin() -> Plugin:
    from . import __version__

    return Plugin("core", HttpCaller(), __file__, __version__, "pointsman")


def _make_providers(
    config: Config,
    kinds: Providers,
    dialects: Dialects,
    env: Mapping[str, str],
    before: Setup | None = None,
) -> dict[str, Provider]:
    """Every provider there is, configured or not; of those `before` the ones that are as they were."""
    present, were = (before.providers, before.config.core.providers.entries) if before else ({}, {})
    providers: dict[str, Provider] = {}
    problems = []
    for name, settings in config.core.providers.entries.items():
        place = f"providers.{name}"
        if not PROVIDER_NAME.fullmatch(name):
            what = f"{name!r} cannot be the name of a provider"
            problems.append(config.problem(place, what, expected="letters, digits, `.`, `_` and `-`"))
            continue
        try:
            same = were.get(name) == settings
            providers[name] = present[name] if same else kinds.make(name, settings)
        except StartupError as error:
            problems.append(config.problem(place, str(error)))
            continue
        spoken = providers[name].dialects & set(dialects.names())
        unspoken = () if spoken and settings.dialects is None else providers[name].dialects - spoken
        for dialect in sorted(unspoken):
            what = f"no plugin in use speaks dialect {dialect!r}"
            known = f"one of {', '.join(dialects.names()) or 'none'}"
            problems.append(config.problem(f"{place}.dialects", what, expected=known))
    if problems:
        raise ConfigError.of(problems)
    others = kinds.without_asking(providers)
    if config.core.providers.from_env:
        others += kinds.from_environment(env, {*providers, *(each.name for each in others)})
    for provider in others:
        stays = provider.name in present and provider.name not in were
        providers[provider.name] = present[provider.name] if stays else provider
    for name in providers.keys() & present.keys():
        _keep_keys(providers[name], present[name])
    return providers


def _keep_keys(provider: Provider, before: Provider) -> None:
    """Let a provider know of its keys what the one before it knew of them: a key is bound to its origin."""
    if provider is before or not (isinstance(provider, HttpProvider) and isinstance(before, HttpProvider)):
        return
    if provider.origin == before.origin:
        provider.keys.keep(before.keys)


def _configured_models(config: Config, catalogue: Catalogue) -> None:
    problems = []
    for name, settings in config.core.models.items():
        endpoints = []
        if not settings.endpoints:
            what = f"model {name!r} has no endpoints: nothing could answer for it"
            expected = "a list of `provider/native-id`"
            problems.append(config.problem(f"models.{name}", what, expected=expected))
        for index, row in enumerate(settings.endpoints):
            provider_name, _, native_id = row.endpoint.partition("/")
            provider = catalogue.providers.get(provider_name)
            if provider is None:
                near = ", ".join(sorted(catalogue.providers)) or "none"
                problems.append(
                    config.problem(
                        f"models.{name}.endpoints.{index}",
                        f"endpoint {row.endpoint!r} is at provider {provider_name!r}, not configured",
                        expected=f"one of the providers: {near}",
                    )
                )
                continue
            endpoints.append(Endpoint(provider, native_id, row.params, row.timeout, row.extra))
        catalogue.add(Model(name, endpoints, settings.aliases, extra=settings.extra))
    if problems:
        raise ConfigError.of(problems)


class _SettingsRegister:
    def __init__(self, schema: Schema, owner: str) -> None:
        self._schema = schema
        self._owner = owner

    def __call__(
        self, type_: Any, *, section: str | None = None, default: Any = ..., help: str = "", **rules: Any
    ) -> None:
        if section is None:
            self._schema.plugin(self._owner, type_, owner=self._owner)
        else:
            self._schema.section(section, type_, owner=self._owner, default=default, help=help, **rules)

    def field(
        self, record: str, name: str, type_: Any, *, default: Any = None, help: str, **rules: Any
    ) -> None:
        self._schema.field(record, name, type_, owner=self._owner, default=default, help=help, **rules)


class _ProviderRegister:
    def __init__(self, kinds: Providers, owner: str) -> None:
        self._kinds = kinds
        self._owner = owner

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
        made = Kind(kind, factory, self._owner, key_variable, local_url, always, address)
        self._kinds.add(made, default=default)


class _ModelRegister:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.providers = catalogue.providers

    def __call__(self, model: Model) -> None:
        self._catalogue.add(model)


class _HttpRegister:
    def __init__(self, routes: list[HttpRoute], owner: str) -> None:
        self._routes = routes
        self._owner = owner

    def __call__(
        self,
        path: str,
        handler: Handler,
        *,
        methods: Sequence[str] = (),
        role: str = "",
        refused: Refused | None = None,
        keyed: Keyed | None = None,
    ) -> None:
        if not methods or role not in ROLES:
            raise PluginError(
                f"plugin {self._owner!r} registers {path} without declaring methods and role; "
                f"a role is one of {', '.join(ROLES)}"
            )
        taken = next((route for route in self._routes if route.path == path), None)
        if taken is not None:
            raise PluginError(f"plugins {taken.owner!r} and {self._owner!r} both serve {path}")
        route = HttpRoute(path, handler, tuple(methods), role, self._owner, refused, keyed)
        self._routes.append(route)


class _TableRegister:
    def __init__(self, tables: dict[str, Table], owner: str) -> None:
        self._tables = tables
        self._owner = owner

    def __call__(self, table: Table) -> None:
        if table.name in self._tables:
            raise PluginError(
                f"plugin {self._owner!r} registers table {table.name!r}, which is there already"
            )
        self._tables[table.name] = table

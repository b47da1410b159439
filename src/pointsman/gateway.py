"""The gateway and its setup.

A `Gateway` lives as long as the process: ledger, state, connections, tasks. A `Setup` is immutable: the
settings, the plugins' frozen chains, the catalogue. An exchange keeps the setup it started with.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .catalogue import Catalogue, Endpoint, Model
from .chain import Chain
from .config import Config, CoreSettings, Document, Schema, build, declare_core, plugins_of
from .dialects import Dialects
from .errors import ConfigError, PluginError, StartupError
from .ledger import Ledger, Table, open_ledger
from .plugins import Plugin, PluginSet, installed, load
from .providers import HttpCaller, HttpProvider, Kind, Provider, ProviderFactory, Providers
from .registers import Handler
from .secrets import Secret
from .state import State, open_state
from .upstream import Upstream
from .watchdog import Watchdog

if TYPE_CHECKING:
    import httpx

    from .exchange import Exchange

__all__ = ["LAST_WORDS", "Chains", "Gateway", "HttpRoute", "Setup", "assemble"]

log = logging.getLogger(__name__)

PROVIDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
DISCOVERY_TIMEOUT = 3.0
LAST_WORDS = 2.0
"""Seconds that exchanges get to end in, once they are told to."""
ROLES = ("public", "viewer", "member", "admin")


@dataclass(frozen=True, slots=True)
class Chains:
    """The frozen chain of each hook that runs with requests."""

    authenticate: Chain
    select_route: Chain
    admit: Chain
    list_candidates: Chain
    rank_candidates: Chain
    call_provider: Chain
    price_usage: Chain
    request_finished: Chain

    @classmethod
    def of(cls, plugins: PluginSet, timeout: float) -> Chains:
        """Freeze the chains. A provider's call has clocks of its own and no phase timer."""
        timeouts = {"call_provider": None}
        return cls(**{name: plugins.chain(name, timeouts.get(name, timeout)) for name in cls.__annotations__})


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """A path that a plugin serves, with what it declared."""

    path: str
    handler: Handler
    methods: tuple[str, ...]
    role: str
    owner: str


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that a configuration and its plugins come to. Immutable."""

    config: Config
    core: CoreSettings
    schema: Schema
    plugins: PluginSet
    chains: Chains
    dialects: Dialects
    providers: Mapping[str, Provider]
    catalogue: Catalogue
    routes: tuple[HttpRoute, ...]
    tables: tuple[Table, ...]
    base: Path

    def settings(self, plugin: str) -> Any:
        """A plugin's own settings."""
        return self.config.plugin(plugin)

    def section(self, name: str) -> Any:
        """A top-level section that a plugin owns."""
        return self.config.section(name)


def declare(plugins: PluginSet) -> Schema:
    """The schema of the core and the plugins."""
    schema = Schema()
    declare_core(schema)
    plugins.run_registration("plugin_settings", lambda owner: _SettingsRegister(schema, owner))
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
    schema = declare(plugins)
    config = build(document, schema)
    dialects, kinds = Dialects(), Providers()
    plugins.run_registration("register_dialects", lambda owner: lambda codec: dialects.add(codec, owner))
    plugins.run_registration("register_providers", lambda owner: _ProviderRegister(kinds, owner))
    providers = _make_providers(config, kinds, dialects, env if env is not None else os.environ)
    catalogue = Catalogue(providers)
    _configured_models(config, catalogue)
    plugins.run_registration("register_models", lambda owner: _ModelRegister(catalogue))
    routes: list[HttpRoute] = []
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
        providers=providers,
        catalogue=catalogue,
        routes=tuple(routes),
        tables=tuple(tables.values()),
        base=config.base,
    )


def _core_plugin() -> Plugin:
    from . import __version__

    return Plugin("core", HttpCaller(), __file__, __version__, "pointsman")


def _make_providers(
    config: Config, kinds: Providers, dialects: Dialects, env: Mapping[str, str]
) -> dict[str, Provider]:
    providers: dict[str, Provider] = {}
    problems = []
    for name, settings in config.core.providers.entries.items():
        place = f"providers.{name}"
        if not PROVIDER_NAME.fullmatch(name):
            what = f"{name!r} cannot be the name of a provider"
            problems.append(config.problem(place, what, expected="letters, digits, `.`, `_` and `-`"))
            continue
        try:
            providers[name] = kinds.make(name, settings)
        except StartupError as error:
            problems.append(config.problem(place, str(error)))
            continue
        for dialect in sorted(providers[name].dialects - set(dialects.names())):
            what = f"no plugin in use speaks dialect {dialect!r}"
            known = f"one of {', '.join(dialects.names()) or 'none'}"
            problems.append(config.problem(f"{place}.dialects", what, expected=known))
    if problems:
        raise ConfigError.of(problems)
    for provider in kinds.without_asking(providers):
        providers[provider.name] = provider
    if config.core.providers.from_env:
        for provider in kinds.from_environment(env, providers):
            providers[provider.name] = provider
    return providers


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
    ) -> None:
        made = Kind(kind, factory, self._owner, key_variable, local_url, always)
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

    def __call__(self, path: str, handler: Handler, *, methods: Sequence[str] = (), role: str = "") -> None:
        if not methods or role not in ROLES:
            raise PluginError(
                f"plugin {self._owner!r} registers {path} without declaring methods and role; "
                f"a role is one of {', '.join(ROLES)}"
            )
        taken = next((route for route in self._routes if route.path == path), None)
        if taken is not None:
            raise PluginError(f"plugins {taken.owner!r} and {self._owner!r} both serve {path}")
        self._routes.append(HttpRoute(path, handler, tuple(methods), role, self._owner))


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


@contextmanager
def _at(setup: Setup, path: str) -> Iterator[None]:
    """Give what cannot be started its place in the configuration."""
    try:
        yield
    except StartupError as error:
        raise ConfigError.of([setup.config.problem(path, str(error))]) from None


class Gateway:
    """What lives as long as the process."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        core = setup.core
        with _at(setup, "upstream.ca"):
            self.upstream = Upstream(core.upstream)
        with _at(setup, "state"):
            self.state: State = open_state(core.state.url)
        with _at(setup, "ledger"):
            self.ledger: Ledger = open_ledger(
                core.ledger.url, base=setup.base, durability=core.ledger.durability
            )
        self.ready = False
        self.draining = False
        self.session_key: Secret | None = None
        """The admin key of this session, where no configuration names one."""
        self._watchdog = Watchdog()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._running: dict[asyncio.Task[None], Exchange] = {}

    @property
    def http(self) -> httpx.AsyncClient:
        """An httpx client on the gateway's footing: verified TLS, egress proxy, no redirects."""
        return self.upstream.http

    async def start(self) -> None:
        """Open the ledger, learn what providers serve, run `startup`. Errors are fatal."""
        await self.ledger.open(self.setup.tables)
        try:
            await self.prepare()
        except BaseException:
            await self.stop()
            raise
        self._watchdog.start()
        self.ready = True

    async def prepare(self) -> None:
        """What a dry run needs of `start`: the catalogue and the plugins, but not the ledger."""
        self.upstream.open()
        await self._discover()
        await self._run_startup()

    async def _run_startup(self) -> None:
        """Run `startup` of each plugin; what goes wrong names plugin and file."""
        for link in self.setup.plugins.chain("startup", None).links:
            try:
                value = link.call(self)
                if link.is_async:
                    await value
            except StartupError:
                raise
            except Exception as error:
                raise self.setup.plugins.fault(link.plugin, "startup", error) from error

    @classmethod
    @asynccontextmanager
    async def dry(cls, setup: Setup) -> AsyncIterator[Gateway]:
        """A gateway to decide with and not to serve: nothing is written, no ledger opened."""
        gateway = cls(setup)
        try:
            await gateway.prepare()
            yield gateway
        finally:
            await gateway.upstream.close()

    async def stop(self) -> None:
        """Wait for what is shielded, then close ledger, state and connections."""
        self.ready = False
        self._watchdog.stop()
        self.end_running()
        await self.idle(LAST_WORDS)
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.upstream.close()
        await self.state.close()
        await self.ledger.close()

    async def shielded(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run to the end, whatever happens to the caller."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    def run(self, exchange: Exchange, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run an exchange in a task of its own, known until it ends."""
        task = asyncio.get_running_loop().create_task(coroutine, name=exchange.request_id)
        self._running[task] = exchange
        task.add_done_callback(self._running.pop)
        return task

    def drain(self) -> None:
        """Nothing new is begun any more; what is under way goes on."""
        self.ready = False
        self.draining = True

    async def idle(self, patience: float) -> bool:
        """Wait for what is under way, `patience` seconds at most; say whether nothing is."""
        if self._running:
            await asyncio.wait(self._running, timeout=patience)
        return not self._running

    @property
    def running(self) -> int:
        """How many exchanges are under way."""
        return len(self._running)

    def end_running(self) -> None:
        """End every exchange under way with an error that its client can see: the drain is over."""
        for task, exchange in list(self._running.items()):
            exchange.stopping = True
            task.cancel()

    async def _discover(self) -> None:
        """Ask providers with `discover` for their models, all at once. One that fails is a warning."""
        wanted = [provider for provider in self.setup.providers.values() if provider.discover]
        if wanted:
            await asyncio.gather(*(self._learn(provider) for provider in wanted))

    async def _learn(self, provider: Provider) -> None:
        if provider.unready() is not None:
            return
        try:
            async with asyncio.timeout(DISCOVERY_TIMEOUT):
                native_ids = await provider.list_models(self.http)
        except Exception as error:
            origin = provider.origin if isinstance(provider, HttpProvider) else "?"
            level = logging.DEBUG if provider.found else logging.WARNING
            what = type(error).__name__  # its text may hold what was sent, the key too
            log.log(level, "provider %s (%s) does not list its models: %s", provider.name, origin, what)
            if provider.found:
                provider.absent = f"{origin} does not answer"
            return
        for native_id in native_ids:
            self.setup.catalogue.add(Model(f"{provider.name}/{native_id}", [Endpoint(provider, native_id)]))

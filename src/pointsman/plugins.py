"""Plugins: found by entry point or by file, checked, ordered, and frozen into chains.

Only plugins that the configuration or the standard set names are imported. Everything wrong with one is
a start-up error that names the plugin and its file.
"""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from . import hookspecs
from .chain import Chain, Link, freeze, traced
from .config import PluginEntry, Problem
from .errors import PluginError, StartupError
from .markers import API_VERSION, PROJECT

__all__ = ["HOOKS", "SYNC_HOOKS", "Plugin", "PluginSet", "installed", "load", "standard_order"]

HOOKS = tuple(name for name, member in vars(hookspecs).items() if hasattr(member, f"{PROJECT}_spec"))
"""Every hook, in the order in which a request meets them."""
REGISTER_HOOKS = frozenset(
    name for name in HOOKS if name == "plugin_settings" or name.startswith("register_")
)
SYNC_HOOKS = REGISTER_HOOKS | {"attempt_finished", "attempt_started", "price_usage", "quote_usage"}
"""Hooks that refuse `async def`."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin in use: `target` is the module or instance with its hooks."""

    name: str
    target: Any
    file: str
    version: str
    origin: str

    def hooks(self) -> list[str]:
        """The hooks it implements, in the order of their declaration."""
        return [name for name in HOOKS if _marked(getattr(self.target, name, None))]


class PluginSet:
    """The plugins of one setup, in calling order."""

    def __init__(self, plugins: Sequence[Plugin], *, trace: Callable[[str], None] | None = None) -> None:
        self.plugins = tuple(plugins)
        self._trace = trace
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        for plugin in reversed(self.plugins):  # pluggy calls the last registered first
            _check_hooks(plugin)
            try:
                self._manager.register(plugin.target, plugin.name)
            except pluggy.PluginValidationError as error:
                raise PluginError(f"plugin {plugin.name!r} ({plugin.file}): {error}") from None

    def chain(self, hook: str, timeout: float | None) -> Chain:
        """The frozen chain of a hook; `timeout` in seconds covers one phase of it."""
        links = list(self.links(hook))
        if self._trace is not None:
            links = [traced(link, hook, self._trace) for link in links]
        return freeze(hook, links, timeout)

    def links(self, hook: str) -> Iterator[Link]:
        """The implementations of a hook in calling order, `tryfirst` and `trylast` honoured."""
        caller = getattr(self._manager.hook, hook)
        wanted = tuple(caller.spec.argnames)
        for implementation in reversed(caller.get_hookimpls()):
            function = implementation.function
            yield Link(
                implementation.plugin_name,
                _adapt(function, wanted, tuple(implementation.argnames)),
                inspect.iscoroutinefunction(function),
            )

    def run_registration(self, hook: str, callback_for: Callable[[str], Any]) -> None:
        """Call a registration hook of each plugin with a callback that knows whose it is."""
        for link in self.links(hook):
            try:
                link.call(callback_for(link.plugin))
            except StartupError:
                raise
            except Exception as error:
                raise self.fault(link.plugin, hook, error) from error

    def fault(self, name: str, hook: str, error: Exception) -> PluginError:
        """The start-up error for a plugin whose hook raised something that is not one."""
        plugin = self.get(name)
        file = plugin.file if plugin is not None else "?"
        return PluginError(f"plugin {name!r} ({file}) failed in hook {hook}: {type(error).__name__}: {error}")

    def get(self, name: str) -> Plugin | None:
        """The plugin of that name, if it is in use."""
        return next((plugin for plugin in self.plugins if plugin.name == name), None)


def _adapt(function: Callable[..., Any], wanted: tuple[str, ...], has: tuple[str, ...]) -> Callable[..., Any]:
    """A callable with the hook's full positional arguments, for a function that takes some of them."""
    if has == wanted:
        return function
    if has == wanted[:1]:
        return lambda argument, *_: function(argument)
    places = tuple(wanted.index(name) for name in has)

    def call(*args: Any) -> Any:
        return function(**{wanted[place]: args[place] for place in places})

    return call


def _marked(member: Any) -> bool:
    return getattr(member, f"{PROJECT}_impl", None) is not None


def _check_hooks(plugin: Plugin) -> None:
    """Refuse what pluggy would let pass: unknown hooks, wrappers, coroutines where nobody waits."""
    for name, member in inspect.getmembers(plugin.target, inspect.isroutine):
        if not _marked(member):
            continue
        where = f"plugin {plugin.name!r} ({plugin.file})"
        if name not in HOOKS:
            near = difflib.get_close_matches(name, HOOKS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise PluginError(f"{where} implements unknown hook {name!r}{hint}")
        options = getattr(member, f"{PROJECT}_impl")
        if options.get("wrapper") or options.get("hookwrapper"):
            raise PluginError(f"{where}: hook {name} is a wrapper; pointsman has no wrapper hooks")
        if name in SYNC_HOOKS and inspect.iscoroutinefunction(member):
            raise PluginError(f"{where}: hook {name} may not be async; write a plain `def`")


def installed() -> dict[str, list[EntryPoint]]:
    """Every installed plugin's entry points by name, without importing any."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=PROJECT):
        found.setdefault(entry.name, []).append(entry)
    return found


def standard_order() -> list[str]:
    """The standard set's plugins in their shipped order; empty where the set is not installed."""
    for entry in entry_points(group=f"{PROJECT}.sets", name="standard"):
        return list(entry.load())
    return []


def load(
    entries: Sequence[PluginEntry],
    *,
    last: Iterable[Plugin] = (),
    trace: Callable[[str], None] | None = None,
) -> PluginSet:
    """Import and order the standard set and the plugins that `entries` (of the configuration) name.

    `last` are plugins of the core's own, behind all others. Raises PluginError.
    """
    by_name: dict[str, PluginEntry] = {}
    for entry in entries:
        if entry.name in by_name:
            first = by_name[entry.name]
            places = f"{first.path or first.mark} and {entry.path or entry.mark}"
            what = f"two plugins are called {entry.name!r}: {places}"
            raise PluginError.of([entry.problem(what)])
        by_name[entry.name] = entry
    available = installed()
    for name, found in available.items():
        if len(found) > 1:
            owners = " and ".join(f"{_distribution(entry)} ({entry.value})" for entry in found)
            raise PluginError(f"two installed plugins are called {name!r}: {owners}; uninstall one")
    names = [name for name in standard_order() if name not in by_name or by_name[name].enabled]
    for entry in entries:
        if entry.path is not None and entry.name in available:
            raise PluginError(
                f"two plugins are called {entry.name!r}: {entry.path} and the installed "
                f"{_distribution(available[entry.name][0])}; rename the file"
            )
        if entry.enabled and entry.name not in names:
            names.append(entry.name)
    plugins: dict[str, Plugin] = {}
    refused: list[PluginError] = []
    for name in names:
        try:
            plugins[name] = _import(name, by_name.get(name), available)
            _check_hooks(plugins[name])
        except PluginError as error:
            refused.append(_placed(error, by_name.get(name)))
    if refused:
        raise PluginError(
            "\n".join(map(str, refused)), [each for error in refused for each in error.problems]
        )
    return PluginSet([plugins[name] for name in _ordered(names, by_name)] + list(last), trace=trace)


def _placed(error: PluginError, entry: PluginEntry | None) -> PluginError:
    """The error with the place in the configuration where its plugin is named, if it is named."""
    if entry is None:
        return PluginError(str(error), [Problem(str(error))])
    return PluginError.of([entry.problem(str(error))])


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value


def _import(name: str, entry: PluginEntry | None, available: Mapping[str, list[EntryPoint]]) -> Plugin:
    if entry is not None and entry.path is not None:
        return _import_file(name, entry.path)
    if name not in available:
        near = difflib.get_close_matches(name, available, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"is pointsman-{name} installed?"
        raise PluginError(f"plugin {name!r} is not installed; {hint}")
    point = available[name][0]
    try:
        target = point.load()
    except (Exception, SystemExit) as error:
        raise PluginError(f"plugin {name!r} ({point.value}) cannot be imported: {error!r}") from error
    version = point.dist.version if point.dist is not None else ""
    return _plugin(name, target, version, _distribution(point))


def _import_file(name: str, path: Path) -> Plugin:
    module_name = f"pointsman_file_{name}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise PluginError(f"plugin {name!r}: there is no Python file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        raise PluginError(f"plugin {name!r} ({path}) cannot be imported: {error!r}") from error
    return _plugin(name, module, getattr(module, "__version__", ""), "file")


def _plugin(name: str, target: Any, version: str, origin: str) -> Plugin:
    """Wrap a module, or an instance of a class, after checking the API version it declares."""
    module = target if isinstance(target, ModuleType) else sys.modules[target.__module__]
    file = getattr(module, "__file__", None) or module.__name__
    declared = getattr(module, "POINTSMAN_API", None)
    if declared != API_VERSION:
        said = (
            "declares no plugin API version"
            if declared is None
            else f"was written for plugin API {declared!r}"
        )
        raise PluginError(
            f"plugin {name!r} ({file}) {said}; this pointsman has API {API_VERSION}: "
            f"write `POINTSMAN_API = {API_VERSION}` at its top once it is checked against that version"
        )
    if inspect.isclass(target):
        target = target()
    return Plugin(name, target, file, version, origin)


def _ordered(names: list[str], entries: Mapping[str, PluginEntry]) -> list[str]:
    """The shipped order, with every plugin moved that says `order: {before: […], after: […]}`."""
    ordered = list(names)
    moved = [entries[name] for name in names if name in entries]
    for entry in moved:
        for other in (*entry.order_before, *entry.order_after):
            if other not in names or other == entry.name:
                raise PluginError(
                    f"{entry.mark}: order of plugin {entry.name!r} names {other!r}, no other plugin in use"
                )
        if _in_place(entry, ordered):
            continue
        ordered.remove(entry.name)
        if entry.order_before:
            ordered.insert(min(ordered.index(other) for other in entry.order_before), entry.name)
        else:
            ordered.insert(max(ordered.index(other) for other in entry.order_after) + 1, entry.name)
    wrong = [entry for entry in moved if not _in_place(entry, ordered)]
    if wrong:
        raise PluginError(
            f"{wrong[0].mark}: the order of {', '.join(entry.name for entry in moved)} contradicts itself"
        )
    return ordered


def _in_place(entry: PluginEntry, ordered: list[str]) -> bool:
    place = ordered.index(entry.name)
    return all(place < ordered.index(other) for other in entry.order_before) and all(
        place > ordered.index(other) for other in entry.order_after
    )

"""Reload: the configuration read again while requests are under way. All that it says counts, or nothing.

What the process was made of stays as it is until a restart: the plugins in use, where it listens, ledger,
state, log, keys that seal, and how connections to providers are made.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import Config, Document, PluginEntry, Problem, build, plugins_of, sources
from .errors import BadRequest, ConfigError, StartupError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import JSONResponse

    from .gateway import Gateway
    from .setup import Setup

__all__ = ["RELOAD", "WATCH_EVERY", "Reloader", "Watch", "answer_reload"]

log = logging.getLogger(__name__)

RELOAD = "/v1/reload"
WATCH_EVERY = 1.0
"""Seconds between two looks at the files."""
LASTING = ("server", "ledger", "state", "auth", "secret_key", "log")
"""Sections that the process was made of."""
CONNECTING = ("connect_timeout", "max_header", "max_connections", "ahead", "http2", "proxy", "ca")
"""The same of `upstream`."""

Change = Callable[[], None]


class Reloader:
    """Puts what the configuration says now in the place of what it said before. `read` reads it, `env` is
    where providers' keys are looked for. One reload goes at a time."""

    def __init__(
        self, gateway: Gateway, read: Callable[[], Document], *, env: Mapping[str, str] | None = None
    ) -> None:
        self._gateway = gateway
        self._read = read
        self._env = env
        self._begun = gateway.setup
        self._one = asyncio.Lock()
        self._asked: set[asyncio.Task[None]] = set()
        self.document: Document | None = None
        """What was read last."""

    def ask(self) -> None:
        """Reload without waiting for it: the log says what came of it."""
        task = asyncio.get_running_loop().create_task(self.try_to_reload())
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def try_to_reload(self) -> None:
        """Reload; what is refused, or goes wrong otherwise, is in the log."""
        try:
            await self.reload()
        except StartupError:
            return
        except Exception:
            log.exception("the configuration cannot be read again, and the one before stays in force")

    async def reload(self) -> list[str]:
        """Go by the configuration as it is now. The names of what has changed and needs a restart: that stays
        as it is. Raises StartupError where it is refused, and nothing has changed then."""
        async with self._one:
            try:
                left = await self._go_over()
            except StartupError as error:
                log.error("the configuration is refused, and the one before stays in force")
                for problem in _problems(error):
                    log.error("%s", _line(problem))
                raise
        catalogue = self._gateway.setup.catalogue
        log.info("configuration reloaded: %d providers, %d models", len(catalogue.providers), len(catalogue))
        for name in left:
            log.warning("%s has changed and stays as it is until a restart", name)
        return left

    async def _go_over(self) -> list[str]:
        from .setup import reassemble

        gateway = self._gateway
        if not gateway.ready:
            raise StartupError("the server is starting or stopping")
        before = gateway.setup
        config = await asyncio.to_thread(self._built, before)
        setup = self._lasting(reassemble(config, before, env=self._env))
        changes = await _agreed(gateway, setup)
        if not gateway.ready:
            raise StartupError("the server is stopping")
        gateway.open_providers(setup)
        torn = [*_changed(changes)]
        gateway.setup = setup
        return [*self._left(config), *_deaf(before, setup), *torn]

    def _built(self, before: Setup) -> Config:
        """Read and check, which takes a while: in a thread."""
        self.document = document = self._read()
        if document.complete:
            _check_plugins(document, before)
        return build(document, before.schema)

    def _lasting(self, setup: Setup) -> Setup:
        """The setup with what stays as it was when the process started."""
        begun = self._begun.core
        connecting = {name: getattr(begun.upstream, name) for name in CONNECTING}
        upstream = replace(setup.core.upstream, **connecting)
        lasting = {name: getattr(begun, name) for name in LASTING}
        return replace(setup, core=replace(setup.core, upstream=upstream, **lasting))

    def _left(self, config: Config) -> list[str]:
        """What the configuration says otherwise than at the start, and stays."""
        now, then = config.core, self._begun.config.core
        left = [name for name in LASTING if getattr(now, name) != getattr(then, name)]
        return left + [
            f"upstream.{name}"
            for name in CONNECTING
            if getattr(now.upstream, name) != getattr(then.upstream, name)
        ]


class Watch:
    """Reloads when a file of the configuration has changed, come or gone."""

    def __init__(self, reloader: Reloader, document: Document) -> None:
        self._reloader = reloader
        reloader.document = document
        self._seen = _stamps(document)

    async def look(self) -> None:
        """See whether anything has changed since the last look."""
        document = self._reloader.document
        if document is None:
            raise RuntimeError("nothing was read")
        seen = await asyncio.to_thread(_stamps, document)
        if seen == self._seen:
            return
        await self._reloader.try_to_reload()
        document = self._reloader.document or document
        now = await asyncio.to_thread(_stamps, document)
        self._seen = {path: seen.get(path, stamp) for path, stamp in now.items()}


async def answer_reload(request: Request) -> JSONResponse:
    """Reload, and say what came of it. Raises BadRequest with every problem."""
    from starlette.responses import JSONResponse

    gateway: Gateway = request.app.state.gateway
    try:
        if gateway.reloader is None:
            raise StartupError("this server has no configuration file to read again")
        left = await gateway.reloader.reload()
    except StartupError as error:
        raise BadRequest(
            "the configuration is refused, and the one before stays in force",
            code="configuration_refused",
            extra={"problems": [asdict(each) for each in _problems(error)]},
        ) from None
    catalogue = gateway.setup.catalogue
    found = {"providers": len(catalogue.providers), "models": len(catalogue), "needs_restart": left}
    return JSONResponse({"data": found})


def _changed(changes: Iterable[tuple[str, Change]]) -> Iterator[str]:
    """Change what all have agreed to. There is no way back then: who fails is named, in the log and as one
    that needs a restart, and the others go on."""
    for plugin, change in changes:
        try:
            change()
        except Exception:
            log.exception("plugin %r failed to go over to the new configuration", plugin)
            yield f"plugins.{plugin}"


async def _agreed(gateway: Gateway, setup: Setup) -> list[tuple[str, Change]]:
    """What each plugin would change, where none refuses. Raises ConfigError with the problems of all."""
    changes: list[tuple[str, Change]] = []
    problems: list[Problem] = []
    for link in setup.plugins.chain("reload", None).links:
        try:
            change = link.call(gateway, setup)
            if inspect.isawaitable(change):
                change = await change
        except StartupError as error:
            problems += _problems(error)
        except Exception as error:
            raise setup.plugins.fault(link.plugin, "reload", error) from error
        else:
            changes += [(link.plugin, change)] if change is not None else []
    if problems:
        raise ConfigError.of(problems)
    return changes


def _deaf(before: Setup, setup: Setup) -> list[str]:
    """Plugins whose settings have changed, and which read them at the start only."""
    then, now = before.config.plugins, setup.config.plugins
    return [
        f"plugins.{plugin.name}"
        for plugin in setup.plugins.plugins
        if then.get(plugin.name) != now.get(plugin.name)
        and "startup" in (hooks := plugin.hooks())
        and "reload" not in hooks
    ]


def _check_plugins(document: Document, before: Setup) -> None:
    """The plugins in use say what may stand in a configuration: with others it is for a restart to read.
    Raises ConfigError."""
    entries = plugins_of(document)
    now, then = _used(entries), _used(before.config.plugin_entries)
    others = [name for name in now.keys() | then.keys() if now.get(name) != then.get(name)]
    if others:
        places = {entry.name: entry for entry in entries}
        told = [
            (f"plugin {name!r} is turned on or off, or moved: that needs a restart", places.get(name))
            for name in sorted(others)
        ]
        raise ConfigError.of([entry.problem(what) if entry else Problem(what) for what, entry in told])


def _used(entries: Iterable[PluginEntry]) -> dict[str, tuple[Any, ...]]:
    """The plugins that are in use, with what is said of file and place."""
    from .plugins import standard_order

    used: dict[str, tuple[Any, ...]] = dict.fromkeys(standard_order(), (None, (), ()))
    for entry in entries:
        used[entry.name] = entry.path, entry.order_before, entry.order_after
        if not entry.enabled:
            del used[entry.name]
    return used


def _problems(error: StartupError) -> list[Problem]:
    found = error.problems if isinstance(error, ConfigError) else ()
    return [*found] or [Problem(str(error))]


def _line(problem: Problem) -> str:
    """A problem as one line of a log."""
    expected = f"expected {problem.expected}" if problem.expected else ""
    text = "; ".join(filter(None, (problem.message, expected, problem.hint)))
    return f"{problem.place}: {text}" if problem.place else text


def _stamps(document: Document) -> dict[Path, tuple[int, int, int] | None]:
    """What tells whether a file is another one: None for one that is not there."""
    stamps: dict[Path, tuple[int, int, int] | None] = {}
    for path in sources(document):
        try:
            found = path.stat()
        except OSError:
            stamps[path] = None
        else:
            stamps[path] = found.st_mtime_ns, found.st_size, found.st_ino
    return stamps

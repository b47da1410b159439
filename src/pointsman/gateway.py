"""The gateway: what lives as long as the process, ledger, state, connections and tasks.

It works by a `Setup`, which is immutable; an exchange keeps the setup it started with.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from .deadlines import Wheel
from .errors import ConfigError, StartupError
from .ids import Ids
from .ledger import Ledger, open_ledger
from .providers import HttpProvider
from .rests import Rests
from .retries import RetryBudget
from .runs import Ended, Run, Runner
from .secrets import Secret
from .setup import Setup
from .state import State, open_state
from .upstream import Upstream
from .vault import Vault
from .watchdog import Watchdog

if TYPE_CHECKING:
    import httpx

    from .exchange import Actor, Exchange
    from .inner import Reply
    from .reload import Reloader

__all__ = ["LAST_WORDS", "Gateway"]

log = logging.getLogger(__name__)

NO_HEADERS: Mapping[str, str] = {}
LAST_WORDS = 2.0
"""Seconds that exchanges get to end in, once they are told to."""


@contextmanager
def _at(setup: Setup, path: str) -> Iterator[None]:
    """Give what cannot be started its place in the configuration."""
    try:
        yield
    except StartupError as error:
        raise ConfigError.of([setup.config.problem(path, str(error))]) from None


async def _repeat(interval: float, job: Callable[[], Awaitable[None]], first: float) -> None:
    """See `Gateway.every`."""
    for wait in chain((first,), repeat(interval)):
        await asyncio.sleep(wait)
        try:
            await job()
        except Exception:
            log.exception("the job %s failed", getattr(job, "__qualname__", job))


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
                core.ledger.url,
                base=setup.base,
                durability=core.ledger.durability,
                queue=core.ledger.queue,
            )
        self.vault = Vault(core.secret_keys)
        self.retries = RetryBudget()
        self.rests = Rests()
        self.ids = Ids()
        self.wheel = Wheel()
        self.ready = False
        self.rehearsing = False
        """Nothing is served and nothing written: the ledger is not open."""
        self.draining = False
        self.session_key: Secret | None = None
        """The admin key of this session, where no configuration names one."""
        self.reloader: Reloader | None = None
        """Reads the configuration again, where there is one to read."""
        self._watchdog = Watchdog()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._jobs: set[asyncio.Task[None]] = set()
        self._running: dict[Runner, Exchange] = {}
        self._quiet: asyncio.Event | None = None  # where somebody waits for nothing to run

    @property
    def http(self) -> httpx.AsyncClient:
        """An httpx client on the gateway's footing: verified TLS, egress proxy, no redirects."""
        return self.upstream.http

    async def start(self) -> None:
        """Open the ledger, run `startup`. Errors are fatal."""
        await self.ledger.open(self.setup.tables)
        try:
            await self.prepare()
        except BaseException:
            await self.stop()
            raise
        self._watchdog.start()
        self.ready = True

    async def prepare(self) -> None:
        """What a dry run needs of `start`: the plugins, but not the ledger."""
        self.open_providers(self.setup)
        await self._run_startup()

    def open_providers(self, setup: Setup) -> None:
        """Make what the first calls to a setup's providers would wait for."""
        providers = setup.providers.values()
        self.upstream.open(each.base_url for each in providers if isinstance(each, HttpProvider))

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
        gateway.rehearsing = True
        try:
            await gateway.prepare()
            yield gateway
        finally:
            await gateway._end_jobs()
            await gateway.upstream.close()

    async def stop(self) -> None:
        """Wait for what is shielded, then close ledger, state and connections."""
        self.ready = False
        self._watchdog.stop()
        await self._end_jobs()
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

    async def ask(
        self,
        body: Mapping[str, Any],
        *,
        plugin: str,
        dialect: str,
        surface: str = "chat",
        headers: Mapping[str, str] = NO_HEADERS,
        behalf: Actor | None = None,
    ) -> Reply:
        """Ask a model in a plugin's name: the request passes every hook but `authenticate`, and its row has
        the plugin for the name of its key.

        `behalf` is for whom: it may use no more models and providers, and tell its data to nobody else;
        limits and budgets are not theirs. What is refused is a reply with its status, and so is all while the
        server drains; raises NotFound for a surface that nobody offers. `body` must not ask for a stream.
        """
        from .inner import ask

        return await ask(
            self, body, plugin=plugin, dialect=dialect, surface=surface, headers=headers, behalf=behalf
        )

    def every(
        self, interval: float, job: Callable[[], Awaitable[None]], *, first: float | None = None
    ) -> None:
        """Run `job` each `interval` seconds, the first time after one, or after `first`, until the gateway
        stops. It is not run twice at once; one that raises is logged and run again when it is due."""
        work = _repeat(interval, job, interval if first is None else first)
        self._jobs.add(asyncio.get_running_loop().create_task(work))

    async def _end_jobs(self) -> None:
        for task in self._jobs:
            task.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        self._jobs.clear()

    def run(self, exchange: Exchange, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run an exchange in a task of its own, known until it ends."""
        task = asyncio.get_running_loop().create_task(coroutine, name=exchange.request_id)
        self._running[task] = exchange
        task.add_done_callback(self.forget)
        return task

    def drive(
        self,
        exchange: Exchange,
        coroutine: Coroutine[Any, Any, None],
        ended: Ended,
        loop: asyncio.AbstractEventLoop,
    ) -> Run:
        """An exchange that is to be run without a task, known until `ended`, which must `forget` it; its
        `step` begins it."""
        run = exchange.run = Run(loop, coroutine, ended)
        self._running[run] = exchange
        return run

    def forget(self, runner: Runner) -> None:
        """It has ended."""
        del self._running[runner]
        if self._quiet is not None and not self._running:
            self._quiet.set()

    def drain(self) -> None:
        """Nothing new is begun any more; what is under way for clients goes on."""
        self.ready = False
        self.draining = True
        self._end(lambda exchange: exchange.actor is not None and exchange.actor.inner)

    async def idle(self, patience: float) -> bool:
        """Wait for what is under way, `patience` seconds at most; say whether nothing is."""
        quiet = self._quiet = self._quiet or asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._running:
                    quiet.clear()
                    await quiet.wait()
        return not self._running

    @property
    def running(self) -> int:
        """How many exchanges are under way."""
        return len(self._running)

    def end_running(self) -> None:
        """End every exchange under way with an error that its client can see: the drain is over."""
        self._end(lambda exchange: True)

    def _end(self, which: Callable[[Exchange], bool]) -> None:
        for runner, exchange in list(self._running.items()):
            if which(exchange):
                exchange.stopping = True
                runner.cancel()

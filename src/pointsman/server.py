"""The server: binds, serves, drains. uvicorn underneath."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import math
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from .app import create_app
from .errors import ConfigError, StartupError
from .gateway import LAST_WORDS, Gateway
from .guard import Entrance
from .hosts import is_loopback
from .listen import address_of, bind

if TYPE_CHECKING:
    from .config import ServerSettings
    from .connection import Connection

__all__ = ["Server", "check_exposure"]

log = logging.getLogger(__name__)

SWEEP = 1.0
"""Seconds between two looks at the clocks of connections; less where a clock is short."""


def check_exposure(gateway: Gateway) -> None:
    """Refuse to serve without keys where others can reach it. Raises StartupError."""
    config, core = gateway.setup.config, gateway.setup.core
    exposed = core.server.socket is None and not is_loopback(core.server.host)
    if core.auth == "none" and exposed:
        what = f"auth: none is for loopback only, and server.host is {core.server.host}"
        advice = "set `auth: keys` and add keys, or bind to 127.0.0.1"
        raise ConfigError.of([config.problem("auth", what, hint=advice)])
    if core.auth == "keys" and not gateway.setup.chains.authenticate:
        what = "auth: keys needs a plugin that authenticates, and none is in use"
        raise ConfigError.of([config.problem("auth", what)])


class Sweep:
    """Lets the clocks of connections run out: looks at each of them now and then, at a timer for all."""

    def __init__(self, connections: set[Connection], settings: ServerSettings) -> None:
        shortest = min(
            settings.header_timeout, settings.idle_timeout, settings.read_timeout, settings.write_timeout
        )
        self._connections = connections
        self._every = min(SWEEP, shortest / 4)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._timer = asyncio.get_running_loop().call_later(self._every, self._look)

    def stop(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self.start()
        now = asyncio.get_running_loop().time()
        for connection in list(self._connections):
            try:
                connection.sweep(now)
            except Exception:
                log.exception("the clocks of a connection failed")
                connection.transport.abort()


def _http(gateway: Gateway) -> Any:
    """What uvicorn makes of each client's connection: by the setting, or its own where it has changed."""
    try:
        from .compat import unmet
        from .connection import Connection

        missing = unmet()
    except ImportError as error:
        missing = [str(error)]
    if missing:
        log.warning(
            "this uvicorn is not as the fast door needs it (%s): requests take the longer way, and clients "
            "that send slowly are not cut",
            ", ".join(missing),
        )
        return "httptools"
    from .door import Door

    entrance = Entrance.of(gateway)
    return functools.partial(Connection if entrance.settings.door == "asgi" else Door, entrance)


class _Uvicorn(uvicorn.Server):
    """uvicorn, with the signals ours: the first drains, the second ends at once."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], None]) -> None:
        super().__init__(config)
        self._drain = drain
        self._asked = False
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, telling `listening` when connections are answered."""
        await super().startup(sockets)
        self.listening.set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._asked:
            self.should_exit = self.force_exit = True
        self._asked = True
        self._drain()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM in the main thread; elsewhere (tests) leave signals alone."""
        try:
            previous = {
                each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)
            }
        except ValueError:
            yield
            return
        try:
            yield
        finally:
            for each, handler in previous.items():
                signal.signal(each, handler)


class _Abortable:
    """Lets the door end a connection at once: closing politely waits for a client that reads nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if transport is not None:
            scope["pointsman.abort"] = transport.abort
        await self._app(scope, receive, send)


class Server:
    """Serves one gateway. `start` returns the address once it answers, `stop` drains and closes."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.settings = gateway.setup.core.server
        self._uvicorn: _Uvicorn | None = None
        self._task: asyncio.Task[None] | None = None
        self._drain: asyncio.Task[None] | None = None
        self._listener: socket.socket | None = None
        self._sweep: Sweep | None = None

    async def start(self) -> str:
        """Bind, start the gateway, serve. Returns the address. Raises StartupError."""
        check_exposure(self.gateway)
        config = self._config()
        self._listener = bind(self.settings)
        try:
            await self.gateway.start()
        except BaseException:
            self._listener.close()
            raise
        address = address_of(self.settings, self._listener)
        self._uvicorn = _Uvicorn(config, self._begin_drain)
        if not isinstance(config.http, str):
            self._sweep = Sweep(
                cast("set[Connection]", self._uvicorn.server_state.connections), self.settings
            )
            self._sweep.start()
        self._task = asyncio.get_running_loop().create_task(self._uvicorn.serve([self._listener]))
        listening = asyncio.get_running_loop().create_task(self._uvicorn.listening.wait())
        await asyncio.wait({self._task, listening}, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            listening.cancel()
            await self.gateway.stop()
            raise StartupError(f"the server did not start: {self._task.exception()!r}")
        self.gateway.ledger.announce(address)
        return address

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._uvicorn.server_state.connections) if self._uvicorn is not None else 0

    def signal(self) -> None:
        """Do what a signal does: the first drains, the second ends at once."""
        if self._uvicorn is not None:
            self._uvicorn.handle_exit(signal.SIGTERM, None)

    async def wait(self) -> None:
        """Serve until a signal or `stop`; then close everything."""
        if self._task is None:
            raise RuntimeError("the server was not started")
        try:
            await self._task
        finally:
            if self._drain is not None:
                self._drain.cancel()
                await asyncio.gather(self._drain, return_exceptions=True)
            if self.settings.socket is not None:
                self.settings.socket.unlink(missing_ok=True)
            await self.gateway.stop()
            self._close_connections()

    async def stop(self) -> None:
        """Drain as a signal would, and wait for it; a second call ends at once, as a second signal does."""
        if self._uvicorn is not None:
            self.signal()
            await self.wait()

    def _close_connections(self) -> None:
        """What is connected still does not read what it was told."""
        if self._sweep is not None:
            self._sweep.stop()
        for connection in list(self._uvicorn.server_state.connections) if self._uvicorn is not None else ():
            connection.transport.abort()

    def _begin_drain(self) -> None:
        """From now on not ready, and nothing new is begun."""
        if self._drain is None:
            self.gateway.drain()
            self._drain = asyncio.get_running_loop().create_task(self._end_when_idle())

    async def _end_when_idle(self) -> None:
        """Give what runs `server.drain` seconds, then last words; health is answered meanwhile."""
        log.info("stopping: %d requests under way, %d clients", self.gateway.running, self.connections)
        if not await self.gateway.idle(self.settings.drain):
            self.gateway.end_running()
            await self.gateway.idle(LAST_WORDS)
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True

    def _config(self) -> uvicorn.Config:
        tls = self.settings.tls
        config = uvicorn.Config(
            _Abortable(create_app(self.gateway)),
            loop="uvloop",
            http=_http(self.gateway),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=math.ceil(self.settings.idle_timeout),
            timeout_graceful_shutdown=round(LAST_WORDS),
            ssl_certfile=str(tls.cert) if tls else None,
            ssl_keyfile=str(tls.key) if tls else None,
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            raise StartupError(f"server.tls: certificate or key cannot be used: {error}") from None
        return config

"""Upstream: the only way out, to every provider.

`Upstream.send` gives an `Answer`: status, headers, and a body that is either read whole or pumped into a
receiver that can say it is full. Requests go over connections of our own (`http1`), or by httpx where a proxy
stands between or HTTP/2 is asked for. Certificates are verified, redirects are never followed, a compressed
body is inflated under a cap, and nothing is taken from the environment but the egress proxy.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlsplit

from .arriving import Http1Answer
from .calls import Answer, ChunkedAnswer, Outgoing, Receiver, origin_of
from .config import UpstreamSettings
from .errors import Internal, MalformedAnswer, StartupError, Unavailable, UpstreamError
from .origin import Limits, Origin
from .runs import Run, in_task

if TYPE_CHECKING:
    import httpx

    from .egress import Egress

__all__ = [
    "Answer",
    "ChunkedAnswer",
    "Outgoing",
    "Receiver",
    "Upstream",
    "as_upstream_error",
    "origin_of",
]

IDLE = 60.0
"""Seconds for which a connection is kept that nobody uses."""
OURS = {"accept-encoding": "identity", "user-agent": "pointsman"}
"""Headers of every request that says nothing else."""
MOST_TARGETS = 4096
"""URLs whose parts are remembered."""
MOST_HEADS = 64
"""Heads of requests to one URL that are remembered: they differ by key and by what clients send along."""
PATIENCE = 1.0
"""Seconds for which a call waits for its turn."""
PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


def as_upstream_error(error: Exception, phase: Literal["headers", "body", "stream"]) -> UpstreamError:
    """Whatever broke a provider's call in a plugin, as an `UpstreamError`: the next candidate is tried."""
    if isinstance(error, UpstreamError):
        return error
    if any(kind.__module__.partition(".")[0] == "httpx" for kind in type(error).__mro__):
        from .egress import told

        return told(error, phase)
    return MalformedAnswer(
        "the provider's plugin failed", phase=phase, detail=f"{type(error).__name__}: {error}"
    )


class _Target:
    """Where the requests to one URL go: by which path, to which origin, or by which client of httpx."""

    __slots__ = ("_heads", "_line", "egress", "origin")

    def __init__(self, url: str, *, origin: Origin | None = None, egress: Egress | None = None) -> None:
        parts = urlsplit(url)
        path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=PRINTABLE)
        host = parts.netloc.encode("idna").decode() if not parts.netloc.isascii() else parts.netloc
        self._line = f" {path} HTTP/1.1\r\nhost: {host}\r\n"
        self._heads: dict[object, tuple[Mapping[str, str], bytes]] = {}
        self.origin = origin
        self.egress = egress

    def head(self, outgoing: Outgoing) -> bytes:
        """Request line and headers. Raises Internal for a header that would be more than one."""
        method, headers = outgoing.method, outgoing.headers
        key: object = id(headers) if outgoing.kept else (method, *headers.items())
        known = self._heads.get(key)
        if known is None:
            known = headers, _head(method + self._line, headers)  # an identity holds as long as the object is
            if len(self._heads) >= MOST_HEADS:
                self._heads.clear()
            self._heads[key] = known
        head = known[1]
        if outgoing.body or outgoing.method not in ("GET", "HEAD"):
            return b"%bcontent-length: %d\r\n\r\n" % (head, len(outgoing.body))
        return head + b"\r\n"


class _Slots:
    """The places for calls under way. Whoever waits for one is next, in turn."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a place; say whether there was one."""
        if self._free:
            self._free -= 1
            return True
        return False

    async def wait(self) -> None:
        """Take a place as soon as there is one. Raises Unavailable after a second."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        taken = False
        try:
            async with asyncio.timeout(PATIENCE):
                await turn
            taken = True
        except TimeoutError:
            raise Unavailable("all connections to providers are in use", retry_after=PATIENCE) from None
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not taken and not turn.cancelled():
                self.release()  # its turn came just then

    def release(self) -> None:
        """Give a place back: to whoever has waited longest, if somebody does."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class _Closing:
    """An answer that gives its slot back when it is closed."""

    def __init__(self, answer: Answer, release: Callable[[], None]) -> None:
        self._answer = answer
        self._release: Callable[[], None] | None = release
        self.status, self.headers, self.connecting = answer.status, answer.headers, answer.connecting
        self.read, self.pump = answer.read, answer.pump

    async def close(self) -> None:
        """See `Answer`."""
        release, self._release = self._release, None
        if release is not None:
            try:
                await self._answer.close()
            finally:
                release()


class Upstream:
    """The connections to all providers. Calls are limited together; one that waits a second for its turn is
    refused. A connection nobody uses is kept for `idle` seconds."""

    def __init__(self, settings: UpstreamSettings, *, idle: float = IDLE) -> None:
        self.settings = settings
        self._idle = idle
        self._slots = _Slots(settings.max_connections)
        self._limits = Limits(settings.connect_timeout, idle, settings.ahead, settings.max_header)
        self._origins: dict[str, Origin] = {}
        self._egresses: dict[str | None, Egress] = {}
        self._targets: dict[str, _Target] = {}
        self._sweep: asyncio.TimerHandle | None = None
        _check(settings)

    @cached_property
    def http(self) -> httpx.AsyncClient:
        """A plain httpx client on the same footing, for plugins that speak HTTP themselves."""
        if self.settings.proxy is not None or self.settings.http2:
            return self._egress(self.settings.proxy).client
        from .egress import client_over
        from .transport import Http1Transport

        return client_over(
            context=False,
            connect_timeout=self.settings.connect_timeout,
            idle=self._idle,
            transport=Http1Transport(self._send_directly),
            headers=OURS,
        )

    def open(self, urls: Iterable[str]) -> None:
        """Make what the first calls to these URLs would wait for: reading authorities takes long."""
        for url in urls:
            self._target(url)

    def send(self, outgoing: Outgoing, run: Run | None = None) -> Coroutine[Any, Any, Answer]:
        """Send a request and return its answer once the headers are there; `run` is what asks, unless a task
        does. Raises UpstreamError."""
        target = self._targets.get(outgoing.url) or self._target(outgoing.url)
        if target.origin is not None:
            return self._directly(outgoing, target, target.origin, run)
        assert target.egress is not None  # noqa: S101 - it has one or the other
        return self._by_egress(outgoing, target.egress)

    @property
    def connections(self) -> tuple[int, int]:
        """How many connections of our own are open, and how many of them wait for a request."""
        origins = self._origins.values()
        return sum(each.connections for each in origins), sum(each.idle for each in origins)

    async def close(self) -> None:
        """Close every connection."""
        if self._sweep is not None:
            self._sweep.cancel()
        for egress in self._egresses.values():
            await egress.close()
        for origin in self._origins.values():
            await origin.close()

    async def _directly(
        self, outgoing: Outgoing, target: _Target, origin: Origin, run: Run | None = None
    ) -> Http1Answer:
        """Send over a connection of our own."""
        head = target.head(outgoing)
        if not self._slots.take():
            await in_task()
            await self._slots.wait()
        try:
            answer = await origin.ask(head, outgoing.body, bodiless=outgoing.method == "HEAD", run=run)
        except BaseException:
            self._slots.release()
            raise
        answer.on_close(self._slots.release)
        return answer

    async def _by_egress(self, outgoing: Outgoing, egress: Egress) -> Answer:
        """Send by httpx."""
        await in_task()
        if not self._slots.take():
            await self._slots.wait()
        try:
            answer = await egress.send(outgoing)
        except BaseException:
            self._slots.release()
            raise
        return _Closing(answer, self._slots.release)

    async def _send_directly(self, outgoing: Outgoing) -> Http1Answer:
        """Send for httpx, which has no egress proxy here unless the environment names one."""
        origin = self._origin(outgoing.url)
        return await self._directly(outgoing, _Target(outgoing.url, origin=origin), origin)

    def _target(self, url: str) -> _Target:
        """Where a URL leads, remembered."""
        proxy = self._proxy_for(url)
        if proxy is not None or self.settings.http2:
            target = _Target(url, egress=self._egress(proxy))
        else:
            target = _Target(url, origin=self._origin(url))
        if len(self._targets) >= MOST_TARGETS:
            self._targets.clear()
        self._targets[url] = target
        return target

    def _origin(self, url: str) -> Origin:
        name = origin_of(url)
        origin = self._origins.get(name)
        if origin is None:
            parts = urlsplit(name)
            context = self._context if parts.scheme == "https" else None
            origin = Origin((parts.hostname or "").strip("[]"), parts.port or 0, context, self._limits)
            self._origins[name] = origin
            if self._sweep is None:
                self._expire()
        return origin

    def _expire(self) -> None:
        """Close what nobody uses, now and again."""
        for origin in self._origins.values():
            origin.expire()
        self._sweep = asyncio.get_running_loop().call_later(self._idle / 4, self._expire)

    def _egress(self, proxy: str | None) -> Egress:
        if proxy not in self._egresses:
            from .egress import Egress, client_over

            client = client_over(
                context=_tls_context(self.settings),
                connect_timeout=self.settings.connect_timeout,
                idle=self._idle,
                proxy=proxy,
                http2=self.settings.http2,
                headers=OURS,
            )
            self._egresses[proxy] = Egress(
                client, connect_timeout=self.settings.connect_timeout, max_header=self.settings.max_header
            )
        return self._egresses[proxy]

    def _proxy_for(self, url: str) -> str | None:
        """The configured egress proxy, or the environment's for this scheme and host."""
        if self.settings.proxy is not None:
            return self.settings.proxy
        if not any(name.lower().endswith("_proxy") for name in os.environ):
            return None
        import urllib.request

        proxies = urllib.request.getproxies_environment()
        parts = urlsplit(url)
        proxy = proxies.get(parts.scheme)
        if proxy is None or urllib.request.proxy_bypass(parts.netloc):
            return None
        return proxy

    @cached_property
    def _context(self) -> ssl.SSLContext:
        context = _tls_context(self.settings)
        context.set_alpn_protocols(["http/1.1"])
        return context


def _head(line: str, headers: Mapping[str, str]) -> bytes:
    """A request line, `host` behind it, and headers. Raises Internal for one that would be more than one."""
    lines = [f"{name}: {value}\r\n" for name, value in (OURS | dict(headers)).items()]
    try:
        head = f"{line}{''.join(lines)}".encode("latin-1")
    except UnicodeEncodeError as error:
        raise Internal(f"a header for a provider is not Latin-1: {error.reason}") from None
    ends = len(lines) + 2
    if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head:
        raise Internal("a header for a provider holds a line end")
    return head


def _check(settings: UpstreamSettings) -> None:
    """Raise StartupError for settings that cannot be followed here."""
    if settings.http2 and find_spec("h2") is None:
        raise StartupError("upstream.http2 needs the package h2: install pointsman[http2]")
    if settings.ca is not None:
        _add_bundle(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), settings)


def _tls_context(settings: UpstreamSettings) -> ssl.SSLContext:
    """Verification against certifi's bundle and the operator's own authorities."""
    import certifi

    context = ssl.create_default_context(cafile=certifi.where())
    if settings.ca is not None:
        _add_bundle(context, settings)
    return context


def _add_bundle(context: ssl.SSLContext, settings: UpstreamSettings) -> None:
    try:
        context.load_verify_locations(cafile=str(settings.ca))
    except (OSError, ssl.SSLError) as error:
        raise StartupError(
            f"upstream.ca: {settings.ca} is not a PEM bundle that can be read: {error}"
        ) from None

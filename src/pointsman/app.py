"""The ASGI door: Starlette routes requests to the pipeline, and to the pages of plugins."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request as PageRequest
from starlette.responses import Response as PageResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from . import pipeline
from .body import Body
from .dialects import PREFIXES, Codec
from .errors import (
    Forbidden,
    Internal,
    MethodNotAllowed,
    NotFound,
    RequestError,
    Unavailable,
)
from .exchange import Exchange
from .guard import Guard, header_map, log_access, request_id
from .wire import error_body, frame

if TYPE_CHECKING:
    from .gateway import Gateway
    from .setup import HttpRoute
    from .streams import Headers

__all__ = ["AsgiSink", "create_app"]

log = logging.getLogger(__name__)

ALLOWED = "POST, OPTIONS"
ROOTS = ("/", "/api", *PREFIXES)
"""Where clients look whether anybody is there."""
HIGH_WATER = 256 * 1024
PIECE = 64 * 1024
RANK = {"viewer": 0, "member": 1, "admin": 2}


def create_app(gateway: Gateway) -> Starlette:
    """The whole way in: surfaces under `/v1` and `/api/v1`, plugins' pages, health."""
    routes: list[Route] = [
        *(Route(root, _present, methods=["GET", "HEAD"]) for root in ROOTS),
        Route("/health/live", _live, methods=["GET", "HEAD"]),
        Route("/health/ready", _ready, methods=["GET", "HEAD"]),
    ]
    for codec in gateway.setup.dialects:
        for prefix in codec.prefixes:
            surface = Surface(gateway, codec, prefix)
            routes += [Route(prefix + path, surface) for path in codec.places or (codec.path,)]
    routes += [Route(route.path, Page(gateway, route)) for route in gateway.setup.routes]
    app = Starlette(routes=routes, exception_handlers={404: _unknown_path, 405: _wrong_method})
    app.state.gateway = gateway
    server = gateway.setup.core.server
    if server.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=server.cors,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["*"],
        )
    app.add_middleware(Watch, gateway=gateway)
    return app


async def _present(request: PageRequest) -> PageResponse:
    return PageResponse(b'{"name":"pointsman"}', media_type="application/json")


async def _live(request: PageRequest) -> PageResponse:
    return PageResponse(b'{"status":"live"}', media_type="application/json")


async def _ready(request: PageRequest) -> PageResponse:
    if request.app.state.gateway.ready:
        return PageResponse(b'{"status":"ready"}', media_type="application/json")
    return PageResponse(b'{"status":"not ready"}', status_code=503, media_type="application/json")


def _plain(error: RequestError, request_id: str = "") -> PageResponse:
    headers = {**error.headers, **({"x-request-id": request_id} if request_id else {})}
    return PageResponse(error_body(error, request_id), error.status, headers, "application/json")


async def _unknown_path(request: PageRequest, _: Exception) -> PageResponse:
    path = request.url.path
    codecs = request.app.state.gateway.setup.dialects
    known = [prefix + codec.path for codec in codecs for prefix in codec.prefixes]
    near = [each for each in known if path.strip("/") and each.endswith(path.rstrip("/"))]
    hint = f"; did you mean {near[0]}?" if near else ""
    return _plain(NotFound(f"there is nothing at {path[:200]}{hint}"), request.scope.get("request_id", ""))


async def _wrong_method(request: PageRequest, error: Exception) -> PageResponse:
    allow = (getattr(error, "headers", None) or {}).get("Allow", "")
    said = MethodNotAllowed(f"{request.method} is not answered here", headers={"allow": allow})
    return _plain(said, request.scope.get("request_id", ""))


class Watch:
    """Before any route: the guard, a request id, and the access log. Doors have asked the guard before; an
    application without one has not."""

    def __init__(self, app: Any, gateway: Gateway) -> None:
        self._app = app
        self._guard = Guard(gateway)
        self._ids = gateway.ids
        self._access = gateway.setup.core.log.access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = header_map(scope["headers"])
        scope["request_id"] = request_id(headers, self._ids)
        sending = self._watched(scope, send) if self._access else send
        error = self._guard.refusal(headers, scope.get("raw_path", b""), version=scope["http_version"])
        await (self._app if error is None else _plain(error, scope["request_id"]))(scope, receive, sending)

    def _watched(self, scope: Scope, send: Send) -> Send:
        """Log the request once its status is known."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                log_access(
                    scope["method"],
                    scope["path"],
                    message["status"],
                    request_id=scope["request_id"],
                    client=(scope.get("client") or ("",))[0],
                )
            await send(message)

        return watched


class AsgiSink:
    """A sink whose bytes a task of the door sends on. See `pointsman.streams.Sink`."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self._pending = 0
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.ended = False

    @property
    def full(self) -> bool:
        """See `Sink`."""
        return self._pending > HIGH_WATER

    def start(self, status: int, headers: Headers) -> None:
        """See `Sink`."""
        lines, length, close = frame(headers)
        fields = [line.partition(b": ") for line in lines.split(b"\r\n")[:-1]]
        raw = [(name, value) for name, _, value in fields]
        if length is not None:
            raw.append((b"content-length", b"%d" % length))
        if close:
            raw.append((b"connection", b"close"))
        self._messages.append({"type": "http.response.start", "status": status, "headers": raw})

    def write(self, data: bytes) -> None:
        """See `Sink`. Large bodies go out in pieces, so that a slow client is seen to make progress."""
        if not data:
            return
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE] if len(data) > PIECE else data
            self._messages.append({"type": "http.response.body", "body": piece, "more_body": True})
        self._pending += len(data)
        if self.full:
            self._room.clear()
        self._wake.set()

    def end(self) -> None:
        """See `Sink`."""
        self.ended = True
        self._messages.append({"type": "http.response.body", "body": b"", "more_body": False})
        self._wake.set()

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """See `Sink`."""
        self.start(status, [*headers, ("content-length", str(len(body)))])
        self.write(body)
        self.end()

    async def drained(self) -> None:
        """See `Sink`."""
        await self._room.wait()

    async def pump(self, send: Send, patience: float) -> None:
        """Send until the end. Raises TimeoutError when the client reads nothing for `patience` seconds."""
        while True:
            if not self._messages:
                if self.ended:
                    return
                self._wake.clear()
                await self._wake.wait()
            message = self._messages.popleft()
            async with asyncio.timeout(patience):
                await send(message)
            self._pending -= len(message.get("body", b""))
            if not self.full:
                self._room.set()


class Surface:
    """One surface of one dialect, as an ASGI application."""

    def __init__(self, gateway: Gateway, codec: Codec, prefix: str) -> None:
        self._gateway = gateway
        self._codec = codec
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gateway, server = self._gateway, self._gateway.setup.core.server
        headers = header_map(scope["headers"])
        exchange = Exchange(
            gateway,
            self._codec,
            headers,
            prefix=self._prefix,
            client=(scope.get("client") or ("",))[0],
            request_id=scope.get("request_id"),
        )
        body = Body(receive, headers, limit=server.max_body, timeout=server.read_timeout)
        read = self._placed(scope, body.read) if self._codec.places else body.read
        sink = AsgiSink()
        if scope["method"] == "OPTIONS":
            await PageResponse(status_code=204, headers={"allow": ALLOWED})(scope, receive, send)
            return
        refusal = self._refusal(scope["method"])
        if refusal is not None:
            pipeline.refuse(exchange, sink, refusal)
            work = gateway.run(exchange, _nothing())
        else:
            work = gateway.run(exchange, pipeline.serve(exchange, sink, read))
        try:
            await _deliver(work, sink, body, send, patience=server.write_timeout)
        except TimeoutError:
            log.warning("%s: the client read nothing for %g s", exchange.request_id, server.write_timeout)
            scope.get("pointsman.abort", lambda: None)()

    def _placed(self, scope: Scope, read: Callable[[], Awaitable[bytes]]) -> pipeline.ReadBody:
        """Read a body with what the path and query of its request say beside it."""
        place = scope["path"].removeprefix(self._prefix)
        query = scope.get("query_string", b"").decode("latin-1")

        async def placed() -> bytes:
            return self._codec.placed(await read(), f"{place}?{query}" if query else place)

        return placed

    def _refusal(self, method: str) -> RequestError | None:
        """Why a request does not even begin, or None."""
        if self._gateway.draining:
            return Unavailable(pipeline.STOPPING, headers={"connection": "close"})
        if method != "POST":
            return MethodNotAllowed(f"{self._codec.path} takes POST only", headers={"allow": ALLOWED})
        return None


async def _nothing() -> None:
    return None


async def _deliver(
    work: asyncio.Task[None], sink: AsgiSink, body: Body, send: Send, *, patience: float
) -> None:
    """Send what the work writes, until it ends, the client leaves, or reads nothing for too long."""
    loop = asyncio.get_running_loop()
    pump = loop.create_task(sink.pump(send, patience))
    left = loop.create_task(body.client_left())
    waiting = {pump, left, work}
    try:
        while not pump.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if not sink.ended and not done.isdisjoint((left, work)):
                break
        failure = pump.exception() if pump.done() else None
        if failure is not None:
            raise failure
        if sink.ended and pump.done():
            await work
    finally:
        for task in (left, pump, work):
            task.cancel()
        await asyncio.gather(left, pump, work, return_exceptions=True)


class Page:
    """A plugin's page: authenticated and authorised on the matched route, then the plugin's to answer."""

    def __init__(self, gateway: Gateway, route: HttpRoute) -> None:
        self._gateway = gateway
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = scope.get("request_id", "")
        request = PageRequest(scope, receive)
        try:
            if scope["method"] not in self._methods():
                raise MethodNotAllowed(
                    f"{scope['method']} is not answered here", headers={"allow": ", ".join(self._methods())}
                )
            if self._route.role != "public":
                headers, keyed = header_map(scope["headers"]), self._route.keyed
                exchange = Exchange(
                    self._gateway,
                    None,
                    headers if keyed is None else keyed(headers),
                    client=(scope.get("client") or ("",))[0],
                    request_id=request_id,
                )
                actor = await pipeline.authenticate(exchange)
                if RANK[actor.role] < RANK[self._route.role]:
                    raise Forbidden(f"this needs a key of role {self._route.role}")
                request.state.actor, request.state.client = actor, exchange.client
            response = await self._route.handler(request)
        except RequestError as error:
            response = self._refused(request, error)
        except Exception as error:
            log.exception("plugin %s failed at %s", self._route.owner, self._route.path)
            response = self._refused(request, Internal(repr(error)))
        await response(scope, receive, send)

    def _refused(self, request: PageRequest, error: RequestError) -> PageResponse:
        """The page of an error, as the plugin makes it, or as all others."""
        if self._route.refused is not None:
            return self._route.refused(request, error)
        return _plain(error, request.scope.get("request_id", ""))

    def _methods(self) -> tuple[str, ...]:
        methods = self._route.methods
        return (*methods, "HEAD") if "GET" in methods and "HEAD" not in methods else methods

"""The pipeline: the one way of every request through the hooks.

    match surface → authenticate → read body, peek → select_route → admit → list_candidates
      → rank_candidates → [ call_provider ]* → price_usage → last byte → request_finished

The hooks of DESIGN's table that no plugin uses yet have their place in this order and arrive with the
plugin that needs them.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from functools import lru_cache
from urllib.parse import quote

from .attempts import Attempts
from .candidates import find_candidates
from .chain import each, first, first_sync, observe
from .dialects import ErrorView, Mark
from .errors import (
    OUR_ACCOUNT,
    Internal,
    RequestError,
    Unauthenticated,
    Unavailable,
    UpstreamError,
    UpstreamStatus,
)
from .exchange import Actor, Exchange, Plan
from .json_guard import check_json
from .money import format_usd
from .streams import ClientStream, Headers, Sink
from .types import Request

__all__ = ["STOPPING", "ReadBody", "authenticate", "decide", "error_view", "refuse", "serve"]

log = logging.getLogger(__name__)

ACCOUNTED_PREFIX = "/api/v1"
"""Where clients expect usage and cost in every answer, asked for or not."""

JSON = ("content-type", "application/json")
PRINTABLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
STOPPING = "the gateway is stopping; send the request again"
RETRIED = frozenset({408, 409, 425, 429})
"""Refusals that another time may not be."""
CLIENT_CLOSED = 499
"""What records say of a client that left; it is never sent."""

ReadBody = Callable[[], Awaitable[bytes]]


async def serve(exchange: Exchange, sink: Sink, read_body: ReadBody) -> None:
    """Answer one request into `sink`. Raises nothing but CancelledError, when the client left."""
    client: ClientStream | None = None
    try:
        await authenticate(exchange)
        exchange.request = Request(await read_body())
        check_json(exchange.request.raw)
        await decide(exchange, admitted=True)
        if exchange.peek.stream:
            keepalive = exchange.setup.core.keepalive
            client = ClientStream(
                sink,
                lambda: stream_headers(exchange),
                first=keepalive.first,
                every=keepalive.every,
                keepalive=exchange.codec.ping,
            )
        await _answer(exchange, sink, client)
    except RequestError as error:
        _fail(exchange, sink, client, error)
    except asyncio.CancelledError:
        if not exchange.stopping:
            exchange.outcome, exchange.status = "cancelled", CLIENT_CLOSED
            raise
        _fail(exchange, sink, client, Unavailable(STOPPING))
    except Exception as error:
        log.exception("%s failed", exchange.request_id)
        _fail(exchange, sink, client, Internal(repr(error)))
    finally:
        if client is not None:
            client.stop()
        if exchange.actor is not None:
            observers = exchange.setup.chains.request_finished
            told = observe(observers, exchange)  # to the end, whatever happens to this task meanwhile
            await (exchange.gateway.shielded(told) if observers.waits else told)


async def authenticate(exchange: Exchange) -> Actor:
    """Find out who asks, from the headers alone. Raises Unauthenticated."""
    if exchange.setup.core.auth == "none":
        exchange.actor = Actor("anonymous", "anonymous", role="admin")
    else:
        exchange.actor = await first(exchange.setup.chains.authenticate, exchange)
    if exchange.actor is None:
        raise Unauthenticated("no API key: send one as `Authorization: Bearer …`")
    return exchange.actor


async def decide(exchange: Exchange, *, admitted: bool) -> None:
    """From the body to ranked candidates: what a real request and `explain` share.

    `admitted` runs the `admit` hooks, which count; a dry run leaves them out. Raises RequestError.
    """
    chains, decision = exchange.setup.chains, exchange.decision
    peek = exchange.peek = exchange.codec.peek(exchange.request)
    if exchange.prefix == ACCOUNTED_PREFIX:
        peek.usage_in_stream = peek.cost_in_body = True
    decision.requested = peek.model
    plan: Plan = await first(chains.select_route, exchange) or Plan(None, (peek.model,))
    exchange.plan = plan
    exchange.public.route = decision.rule = plan.rule
    decision.models = plan.models
    if admitted:
        await each(chains.admit, exchange)
        exchange.admitted = True
    await find_candidates(exchange)


async def _answer(exchange: Exchange, sink: Sink, client: ClientStream | None) -> None:
    """Run the attempts, price what they used, and only then let the last byte go."""
    attempts = Attempts(exchange, client)
    try:
        await attempts.run()
    finally:
        exchange.usage = attempts.used()
        attempt = exchange.attempt
        exchange.first_content = attempt.first_content if attempt is not None else None
        _price(exchange)
    exchange.outcome = "complete"
    exchange.status = 200
    wanted, cost = exchange.setup.core.cost_in_body, exchange.cost
    spliced = exchange.peek.cost_in_body if wanted == "auto" else wanted == "always"
    if client is not None:
        client.end(_released(exchange, attempts.tail, spliced=spliced))
        return
    body = attempts.body
    if spliced:
        body = exchange.codec.with_cost(body, cost, stream=False)
    headers = answer_headers(exchange)
    headers += (
        JSON,
        ("x-pointsman-cost", format_usd(cost.nano) if cost is not None else "unpriced"),
        ("content-length", str(len(body))),
    )
    sink.start(200, headers)
    sink.write(body)
    sink.end()


def _price(exchange: Exchange) -> None:
    """Let the plugins price the usage. A price that fails is told in the log, and the answer unpriced."""
    if exchange.usage is None:
        return
    try:
        exchange.cost = first_sync(exchange.setup.chains.price_usage, exchange, exchange.usage)
    except RequestError as error:
        log.error("%s cannot be priced: %s", exchange.request_id, error.detail or error.message)


def _released(exchange: Exchange, tail: list[tuple[bytes, Mark]], *, spliced: bool) -> bytes:
    """The bytes that were held until the answer was priced, the cost spliced into the last usage."""
    parts = []
    for event, mark in tail:
        if mark & Mark.PRIVATE:
            continue
        if spliced and mark & Mark.HOLD:
            parts.append(exchange.codec.with_cost(event, exchange.cost, stream=True))
        else:
            parts.append(event)
    return b"".join(parts)


def answer_headers(exchange: Exchange) -> Headers:
    """The headers every answer carries, from what is public."""
    public = exchange.public
    headers = [("x-generation-id", exchange.generation_id), ("x-request-id", exchange.request_id)]
    if public.provider is not None:
        headers.append(("x-pointsman-provider", _printable(public.provider)))
    if public.model is not None:
        headers.append(("x-pointsman-model", _printable(public.model)))
    if exchange.attempts:
        headers.append(("x-pointsman-attempts", str(len(exchange.attempts))))
    if public.route is not None:
        headers.append(("x-pointsman-route", _printable(public.route)))
    if public.lost:
        headers.append(("x-pointsman-lost", _printable(", ".join(public.lost))))
    headers += exchange.response_headers.items()
    if "x-pointsman-explain" in exchange.headers and exchange.wants_explanation():
        headers.append(("x-pointsman-decision", json.dumps(exchange.record(), separators=(",", ":"))))
    return headers


def stream_headers(exchange: Exchange) -> Headers:
    """The headers of a stream."""
    return [
        *answer_headers(exchange),
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
    ]


@lru_cache(maxsize=4096)
def _printable(text: str) -> str:
    """Text fit for a header, all but printable ASCII percent-encoded: names come from anywhere."""
    return quote(text, safe=PRINTABLE)[:512]


def refuse(exchange: Exchange, sink: Sink, error: RequestError) -> None:
    """Answer a request that does not even begin: wrong method, wrong path."""
    _fail(exchange, sink, None, error)


def _fail(exchange: Exchange, sink: Sink, client: ClientStream | None, error: RequestError) -> None:
    """Tell the client, in its dialect: as the whole answer, or inside the stream that has begun."""
    exchange.error = error
    exchange.status = error.status
    exchange.outcome = "failed"
    if error.detail and not isinstance(error, UpstreamError):
        log.error("%s: %s", exchange.request_id, error.detail)
    view = error_view(exchange, error)
    if client is not None and client.started:
        exchange.status = 200
        exchange.outcome = "incomplete" if client.has_content else "failed"
        told = b""
        if isinstance(error, UpstreamStatus) and error.upstream_status not in OUR_ACCOUNT:
            told = error.event if error.dialect == exchange.dialect else b""
        client.end(told or exchange.codec.encode_stream_error(view))
        return
    body = exchange.codec.encode_error(view)
    if isinstance(error, UpstreamStatus) and error.dialect == exchange.dialect and _is_clients(error):
        body = error.body
    headers = [*answer_headers(exchange), JSON, ("content-length", str(len(body)))]
    headers.extend({**_advice(error), **error.headers}.items())
    if error.retry_after is not None:
        headers.append(("retry-after", str(max(1, round(error.retry_after + 0.499)))))
    sink.start(error.status, headers)
    sink.write(body)
    sink.end()


def _advice(error: RequestError) -> dict[str, str]:
    """Keep SDKs from sending again what is refused for what it is, or for who sends it."""
    final = 400 <= error.status < 500 and error.status not in RETRIED
    return {"x-should-retry": "false"} if final and not isinstance(error, UpstreamError) else {}


def _is_clients(error: UpstreamStatus) -> bool:
    """Whether a provider's error body may go to the client as it came: in its dialect, about its request."""
    return (
        error.status == error.upstream_status
        and error.status < 500
        and error.status != 429
        and error.body.lstrip()[:1] == b"{"
        and (not error.content_type or "json" in error.content_type)
    )


def error_view(exchange: Exchange, error: RequestError) -> ErrorView:
    """What the client may be told of an error."""
    return ErrorView(
        status=error.status,
        error_type=error.error_type,
        message=error.message,
        code=error.code,
        param=error.param,
        request_id=exchange.request_id,
        attempts=[attempt.record() for attempt in exchange.public.attempts],
        extra=error.extra,
    )

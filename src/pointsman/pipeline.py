"""The pipeline: the one way of every request through the hooks.

    match surface → authenticate → read body, peek → select_route → admit → lookup_response
      → list_candidates → rank_candidates → reserve_usage → [ call_provider ]*
      → price_usage → settle_usage → last byte → store_response, request_finished

The hooks of DESIGN's table that no plugin uses yet have their place in this order and arrive with the
plugin that needs them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from .attempts import Attempts
from .candidates import find_candidates
from .chain import each, first, observe
from .dialects import Mark
from .errors import Internal, RequestError, Unauthenticated, Unavailable, UnknownModel
from .exchange import Actor, Exchange, Plan
from .json_guard import check_json
from .money import Cost, format_usd
from .replies import Frame, give, stream_headers, tell
from .spending import account
from .stored import Stored
from .streams import ClientStream, Sink
from .types import Request

__all__ = ["STOPPING", "ReadBody", "authenticate", "decide", "look", "refuse", "serve"]

log = logging.getLogger(__name__)

ACCOUNTED_PREFIX = "/api/v1"
"""Where clients expect usage and cost in every answer, asked for or not."""
STOPPING = "the gateway is stopping; send the request again"
CLIENT_CLOSED = 499
"""What records say of a client that left; it is never sent."""
FREE = Cost(0, source="cache")
"""What an answer costs that was given before."""

ReadBody = Callable[[], bytes | Awaitable[bytes]]


async def serve(exchange: Exchange, sink: Sink, read_body: ReadBody) -> None:
    """Answer one request into `sink`. Raises nothing but CancelledError, when the client left."""
    client: ClientStream | None = None
    try:
        await authenticate(exchange)
        body = read_body()
        if not isinstance(body, bytes):
            body = await body
        exchange.request = Request(body)
        check_json(body)
        look(exchange)
        if exchange.peek.stream:
            client = _client(exchange, sink)
        stored = await decide(exchange, admitted=True)
        if stored is None:
            await _answer(exchange, sink, client)
        else:
            _answer_stored(exchange, sink, client, stored)
    except (Exception, asyncio.CancelledError) as failure:
        error = _conclude(exchange, client, failure)
        if error is None:
            raise
        tell(exchange, sink, client, error)
    finally:
        if client is not None:
            client.stop()
        if exchange.actor is not None:
            rest = observe(exchange.setup.chains.request_finished, exchange)
            if rest is not None:  # to the end, whatever happens to this task meanwhile
                await exchange.gateway.shielded(rest)


def _client(exchange: Exchange, sink: Sink) -> ClientStream:
    keepalive = exchange.setup.core.keepalive
    return ClientStream(
        sink,
        lambda: stream_headers(exchange),
        first=keepalive.first,
        every=keepalive.every,
        keepalive=exchange.codec.ping,
    )


async def authenticate(exchange: Exchange) -> Actor:
    """Find out who asks, from the headers alone, unless that is known. Raises Unauthenticated."""
    if exchange.actor is not None:
        return exchange.actor
    if exchange.setup.core.auth == "none":
        exchange.actor = Actor("anonymous", "anonymous", role="admin")
    else:
        exchange.actor = await first(exchange.setup.chains.authenticate, exchange)
    if exchange.actor is None:
        raise Unauthenticated("no API key: send one as `Authorization: Bearer …`")
    return exchange.actor


def look(exchange: Exchange) -> None:
    """See what a request asks for. Raises BadRequest."""
    peek = exchange.peek = exchange.codec.peek(exchange.request)
    if exchange.prefix == ACCOUNTED_PREFIX:
        peek.usage_in_stream = peek.cost_in_body = peek.dressed = True
    exchange.decision.requested = peek.model


async def decide(exchange: Exchange, *, admitted: bool) -> Stored | None:
    """From what is asked for to ranked candidates, or to an answer that is stored: what a real request and
    `explain` share.

    `admitted` runs the `admit` hooks, which count, and looks for stored answers; a dry run leaves both out.
    Raises RequestError.
    """
    chains, decision = exchange.setup.chains, exchange.decision
    try:
        plan: Plan = await first(chains.select_route, exchange) or Plan(None, (exchange.peek.model,))
    except UnknownModel as error:
        raise await first(chains.unknown_model, exchange, error.model) or error from None
    exchange.plan = plan
    exchange.public.route = decision.rule = plan.rule
    decision.models = plan.models
    if admitted:
        await each(chains.admit, exchange)
        exchange.admitted = True
        if chains.lookup_response.links:
            stored: Stored | None = await first(chains.lookup_response, exchange)
            if stored is not None:
                return stored
    await find_candidates(exchange)
    return None


async def _answer(exchange: Exchange, sink: Sink, client: ClientStream | None) -> None:
    """Reserve, run the attempts, price and settle what they used, and only then let the last byte go."""
    chains = exchange.setup.chains
    attempts = Attempts(exchange, client)
    failure: BaseException | None = None
    try:
        if chains.reserve_usage.links:
            exchange.reserved = True
            await each(chains.reserve_usage, exchange)
        if client is not None:
            client.keep(exchange.keep)
        exchange.gateway.retries.request()
        hedge = exchange.plan.hedge if exchange.plan is not None and client is None else None
        if hedge is None or len(exchange.candidates) < 2:
            await attempts.run(exchange.candidates)
        else:
            from .hedging import hedged

            attempts = await hedged(exchange, hedge)
        exchange.outcome, exchange.status = "complete", 200
    except (Exception, asyncio.CancelledError) as error:
        failure = _conclude(exchange, client, error) or error
    used = account(exchange)
    if exchange.reserved:
        rest = observe(chains.settle_usage, exchange, used, exchange.cost)
        if rest is not None:
            await exchange.gateway.shielded(rest)
        if failure is None and exchange.unsettled is not None:
            failure = exchange.unsettled
    if failure is not None:
        if client is not None and client.kept:
            exchange.sent = b"".join(client.kept)
        raise failure
    frames = attempts.tail if client is not None else [(attempts.body, Mark.HOLD)]
    give(exchange, sink, client, frames)
    if exchange.keep:
        await _store(exchange, client, frames)


async def _store(exchange: Exchange, client: ClientStream | None, frames: Sequence[Frame]) -> None:
    """Offer a complete answer to those who keep answers, unless it is larger than they asked for."""
    attempt = exchange.attempt
    begun = () if client is None else client.kept
    if begun is None or attempt is None:
        return
    stored = Stored(
        (*((data, 0) for data in begun), *((data, mark.value) for data, mark in frames)),
        stream=client is not None,
        usage=exchange.usage,
        finish=exchange.finish,
        provider=attempt.endpoint.provider.name,
        model=attempt.candidate.model,
        endpoint=attempt.endpoint.id,
        generation_id=exchange.generation_id,
        at=time.time(),
        cost=attempt.cost,
    )
    if stored.size <= exchange.keep:
        rest = observe(exchange.setup.chains.store_response, exchange, stored)
        if rest is not None:
            await exchange.gateway.shielded(rest)


def _answer_stored(exchange: Exchange, sink: Sink, client: ClientStream | None, stored: Stored) -> None:
    """Give an answer once more, and tell what that saves."""
    exchange.cached, exchange.stored = True, stored
    exchange.usage, exchange.finish, exchange.cost = stored.usage, stored.finish, FREE
    if stored.cost is not None:
        exchange.cost = Cost(0, source=FREE.source, saved=stored.cost.nano)
        exchange.response_headers["x-pointsman-saved"] = format_usd(stored.cost.nano)
    exchange.public.provider, exchange.public.model = stored.provider, stored.model
    exchange.first_content = time.monotonic()
    exchange.outcome, exchange.status = "complete", 200
    give(exchange, sink, client, [(data, Mark(value)) for data, value in stored.frames])


def refuse(exchange: Exchange, sink: Sink, error: RequestError) -> None:
    """Answer a request that does not even begin: wrong method, wrong path."""
    _conclude(exchange, None, error)
    tell(exchange, sink, None, error)


def _conclude(exchange: Exchange, client: ClientStream | None, failure: BaseException) -> RequestError | None:
    """Put on record how an exchange ends that is not answered whole; the error to tell its client, if it is
    still there."""
    if failure is exchange.error:
        return exchange.error
    if isinstance(failure, asyncio.CancelledError) and not exchange.stopping:
        exchange.outcome, exchange.status = "cancelled", CLIENT_CLOSED
        return None
    if isinstance(failure, RequestError):
        error = failure
    elif isinstance(failure, asyncio.CancelledError):
        error = Unavailable(STOPPING)
    else:
        log.error("%s failed", exchange.request_id, exc_info=failure)
        error = Internal(repr(failure))
    begun = client is not None and client.started
    exchange.error = error
    exchange.status = 200 if begun else error.status
    exchange.outcome = "incomplete" if client is not None and client.has_content else "failed"
    return error

"""Replies: how an answer, whole or streamed, and an error are told to the client."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from .dialects import ErrorView, Mark
from .errors import OUR_ACCOUNT, RequestError, UpstreamError, UpstreamStatus
from .money import format_usd

if TYPE_CHECKING:
    from .exchange import Exchange
    from .streams import ClientStream, Headers, Sink

__all__ = ["Frame", "answer_headers", "error_view", "give", "stream_headers", "tell"]

log = logging.getLogger(__name__)

Frame = tuple[bytes, Mark]
"""Bytes for the client, and what they are."""
JSON = ("content-type", "application/json")
PRINTABLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
LONGEST_HEADER = 8000
"""Characters of a decision record as a header."""
RETRIED = frozenset({408, 409, 425, 429})
"""Refusals that another time may not be."""


def give(exchange: Exchange, sink: Sink, client: ClientStream | None, frames: Sequence[Frame]) -> None:
    """Give the rest of a complete answer: the end of a stream, or the one frame of a whole answer."""
    wanted, cost = exchange.setup.core.cost_in_body, exchange.cost
    spliced = exchange.peek.cost_in_body if wanted == "auto" else wanted == "always"
    if client is not None:
        client.end(_released(exchange, frames, spliced=spliced))
        return
    body = frames[0][0]
    if spliced:
        body = exchange.codec.with_cost(body, cost, stream=False)
    if exchange.peek.dressed:
        body = exchange.codec.dress(body, exchange.generation_id, stream=False)
    headers = answer_headers(exchange)
    headers += JSON, ("x-pointsman-cost", format_usd(cost.nano) if cost is not None else "unpriced")
    sink.whole(200, headers, body)


def _released(exchange: Exchange, frames: Sequence[Frame], *, spliced: bool) -> bytes:
    """What was held until the answer was priced, the cost spliced into the last usage."""
    parts = []
    for event, mark in frames:
        if mark & Mark.PRIVATE:
            continue
        if spliced and mark & Mark.HOLD:
            parts.append(exchange.codec.with_cost(event, exchange.cost, stream=True))
        else:
            parts.append(event)
    ending = b"".join(parts)
    return (
        exchange.codec.dress(ending, exchange.generation_id, stream=True) if exchange.peek.dressed else ending
    )


def answer_headers(exchange: Exchange) -> Headers:
    """The headers every answer carries, from what is public."""
    public = exchange.public
    headers = [("x-generation-id", exchange.generation_id), ("x-request-id", exchange.request_id)]
    headers += _of_the_way(public.provider, public.model, len(exchange.attempts), public.route)
    if public.lost:
        headers.append(("x-pointsman-lost", _printable(", ".join(public.lost))))
    headers += exchange.response_headers.items()
    if "x-pointsman-explain" in exchange.headers and exchange.wants_explanation():
        headers.append(("x-pointsman-decision", _decision(exchange)))
    return headers


def _decision(exchange: Exchange) -> str:
    """The decision record as a header; of a long one what was chosen, for clients refuse long headers."""
    record = exchange.record()
    text = json.dumps(record, separators=(",", ":"))
    if len(text) <= LONGEST_HEADER:
        return text
    kept = {name: record[name] for name in ("id", "at", "rule", "models", "choice")}
    short = json.dumps({**kept, "shortened": True}, separators=(",", ":"))
    return short if len(short) <= LONGEST_HEADER else json.dumps({"id": record["id"], "shortened": True})


def stream_headers(exchange: Exchange) -> Headers:
    """The headers of a stream."""
    return [
        *answer_headers(exchange),
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
    ]


@lru_cache(maxsize=4096)
def _of_the_way(provider: str | None, model: str | None, attempts: int, route: str | None) -> Headers:
    """The headers that say which way a request went: few ways are gone again and again."""
    said = {
        "x-pointsman-provider": provider,
        "x-pointsman-model": model,
        "x-pointsman-attempts": str(attempts) if attempts else None,
        "x-pointsman-route": route,
    }
    return [(name, _printable(value)) for name, value in said.items() if value is not None]


def _printable(text: str) -> str:
    """Text fit for a header, all but printable ASCII percent-encoded: names come from anywhere."""
    return quote(text, safe=PRINTABLE)[:512]


def tell(exchange: Exchange, sink: Sink, client: ClientStream | None, error: RequestError) -> None:
    """Tell an error, in the client's dialect: as the whole answer, or inside the stream that has begun."""
    if error.detail and not isinstance(error, UpstreamError):
        log.error("%s: %s", exchange.request_id, error.detail)
    view = error_view(exchange, error)
    if client is not None and client.started:
        told = b""
        if isinstance(error, UpstreamStatus) and error.upstream_status not in OUR_ACCOUNT:
            told = error.event if error.dialect == exchange.dialect else b""
        client.end(told or exchange.codec.encode_stream_error(view))
        return
    body = exchange.codec.encode_error(view)
    if isinstance(error, UpstreamStatus) and error.dialect == exchange.dialect and _is_clients(error):
        body = error.body
    headers = [*answer_headers(exchange), JSON]
    headers.extend({**_advice(error), **error.headers}.items())
    if error.retry_after is not None:
        headers.append(("retry-after", str(max(1, round(error.retry_after + 0.499)))))
    sink.whole(error.status, headers, body)


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

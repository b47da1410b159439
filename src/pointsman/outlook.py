"""The outlook: what a request will use, as it seems, and what endpoints ask for that now and later.

Nothing here runs for a request whose decision record nobody wants.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from .chain import first_sync
from .decision import Weighed
from .errors import RequestError
from .estimates import BYTES_PER_TOKEN
from .money import Cost
from .types import Usage

if TYPE_CHECKING:
    from .catalogue import Endpoint
    from .exchange import Exchange

__all__ = ["TYPICAL", "Quote", "decided", "likely_usage", "used"]

TYPICAL = 500
"""Tokens of an answer, where nothing says that it is shorter."""


class Quote(msgspec.Struct, frozen=True):
    """What a usage costs at a moment; None is not known. `until` is when that changes next; None is never, as
    far as is known."""

    cost: Cost | None
    until: datetime | None = None


def likely_usage(exchange: Exchange) -> Usage:
    """About what a request will use: a token for each four bytes, and a usual answer, or as much as the
    request allows."""
    peek = exchange.peek
    written = 0 if exchange.surface == "embeddings" else min(peek.max_tokens or TYPICAL, TYPICAL)
    return Usage(peek.characters // BYTES_PER_TOKEN + 1, written)


def decided(exchange: Exchange) -> dict[str, Any]:
    """The record of how an exchange was decided, as JSON data, with what is needed to decide it again."""
    decision, peek, usage = exchange.decision, exchange.peek, likely_usage(exchange)
    weighed = [
        Weighed(
            each.endpoint.id,
            each.model,
            each.endpoint.provider.name,
            list(each.reasons),
            each.way.lane if each.way else None,
            list(each.way.losses.parameters) if each.way else [],
            _price(exchange, each.endpoint, usage),
        )
        for each in exchange.candidates
    ]
    record = decision.record(weighed)
    if decision.further is not None:
        record["values"] = {**decision.further(exchange), **record["values"]}
    record["request"] = {
        "surface": exchange.surface,
        "dialect": exchange.dialect,
        "key": exchange.actor.name if exchange.actor is not None else None,
        "models": list(peek.models),
        "stream": peek.stream,
        "tools": peek.has_tools,
        "characters": peek.characters,
        "max_tokens": peek.max_tokens,
        "input": usage.input,
        "output": usage.output,
    }
    return record


def used(exchange: Exchange) -> dict[str, int] | None:
    """What an exchange has used, for its record; None is nothing, or not known."""
    usage = exchange.usage
    if usage is None:
        return None
    return {
        "input": usage.input,
        "output": usage.output,
        "cache_read": usage.cache_read,
        "cache_write": usage.cache_write,
    }


def _price(exchange: Exchange, endpoint: Endpoint, usage: Usage) -> Mapping[str, Any]:
    """What a usage costs at an endpoint when the request came, until when, and what it costs then, in
    nano-USD."""
    now = _quoted(exchange, endpoint, usage, exchange.at)
    told: dict[str, Any] = {"nano": _nano(now)}
    if now.until is not None:
        then = _quoted(exchange, endpoint, usage, now.until)
        told["next"] = {"at": now.until.astimezone(UTC).isoformat(), "nano": _nano(then)}
    return told


def _quoted(exchange: Exchange, endpoint: Endpoint, usage: Usage, at: datetime) -> Quote:
    """What is asked for at a moment; by those who know no other moment than now, that."""
    before, exchange.pricing = exchange.pricing, endpoint
    try:
        quote: Quote | None = first_sync(exchange.setup.chains.quote_usage, exchange, usage, at)
        return quote if quote is not None else Quote(exchange.quote(endpoint, usage))
    except RequestError:
        return Quote(None)
    finally:
        exchange.pricing = before


def _nano(quote: Quote) -> int | None:
    return quote.cost.nano if quote.cost is not None else None

"""The fingerprint of a request: equal for two requests only where one answer serves both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from decimal import Decimal, DecimalException
from typing import Any

import msgspec

from pointsman.catalogue import Endpoint
from pointsman.exchange import Exchange

__all__ = ["canonical", "fingerprint"]

VERSION = 1
GATEWAYS = frozenset({"stream", "session_id", "trace"})
"""Members that the gateway reads in every dialect: the first counts as what `peek` makes of it, the others
say what a request belongs to."""
_encode = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode


def fingerprint(exchange: Exchange) -> bytes | None:
    """The SHA-256 of all that an answer depends on, but for whose it is.

    None for a request that two parsers could read differently, and for one whose answer depends on what its
    provider keeps: the same again may be answered otherwise.
    """
    codec, headers = exchange.codec, exchange.headers
    try:
        body = _parse(exchange.request.raw)
        if any(body.get(name) is not None for name in codec.stateful):
            return None
        operation = [codec.dialect, codec.surface, exchange.peek.stream]
        dialects = [[name, headers[name]] for name in sorted(codec.forward_headers & headers.keys())]
        counted = _without(body, GATEWAYS | codec.bookkeeping)
        told = canonical([VERSION, operation, _route(exchange), dialects, counted])
    except (ValueError, DecimalException):
        return None
    return hashlib.sha256(told).digest()


def canonical(data: Any) -> bytes:
    """Data as JSON that is the same in whichever order the members of an object stand, and the other way
    round: equal only for equal data. Raises ValueError for a text that is none (half of a surrogate pair)."""
    return _encode(data)


def _parse(raw: bytes) -> dict[str, Any]:
    """A body as data, its numbers exactly as written. Raises ValueError, DecimalException."""
    body = _parser.decode(raw.decode())
    if not isinstance(body, dict):
        raise ValueError("no object")
    return body


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Of a member that stands there twice some parsers take the first and some the last: who is
    answered for the one must not be answered for the other. Raises ValueError."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member stands there twice")
    return members


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


_parser = json.JSONDecoder(object_pairs_hook=_object, parse_float=Decimal, parse_constant=_no_number)


def _without(body: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """A body without these members; `options.usage` is a member of an object, which goes when it was all."""
    kept = {name: value for name, value in body.items() if name not in names}
    for outer, dot, inner in (name.partition(".") for name in names):
        options = kept.get(outer)
        if dot and isinstance(options, dict) and inner in options:
            kept[outer] = {name: value for name, value in options.items() if name != inner}
            if not kept[outer]:
                del kept[outer]
    return kept


def _route(exchange: Exchange) -> list[Any]:
    """The rule that decided, the models to try with the endpoints that they stand for and what those add to a
    request, what is asked of them, and the defaults of the request."""
    plan, catalogue = exchange.plan, exchange.setup.catalogue
    if plan is None:
        raise ValueError("no plan")
    models = []
    for name in plan.models:
        resolution = catalogue.resolve(name)
        models.append([name, [_endpoint(each) for each in resolution.endpoints] if resolution else []])
    asked = [plan.preferences, dict(plan.params)] if plan.params else [plan.preferences]
    return [plan.rule, models, *(asked if any(asked) else [])]


def _endpoint(endpoint: Endpoint) -> Any:
    return [endpoint.id, dict(endpoint.params)] if endpoint.params else endpoint.id

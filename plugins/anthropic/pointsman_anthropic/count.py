"""Counting tokens for endpoints that cannot: an estimate, from the size of the request."""

from __future__ import annotations

import time

from pointsman import hookimpl
from pointsman.estimates import estimate
from pointsman.exchange import Attempt, Exchange
from pointsman.types import Response, Usage

from .codecs import CountTokensCodec
from .names import DIALECT

__all__ = ["call_provider"]


@hookimpl
def call_provider(exchange: Exchange, attempt: Attempt) -> Response | None:
    """Answer a count of tokens where the endpoint does not know this operation. Counting uses none."""
    if attempt.way.lane != "local":
        return None
    codec = exchange.codec
    if codec.dialect != DIALECT or codec.surface != CountTokensCodec.surface:
        return None
    counted = {DIALECT: {"input_tokens": estimate(exchange.peek.characters, 0).input}}
    return Response(exchange.request_id, exchange.peek.model, int(time.time()), [], Usage(), counted)

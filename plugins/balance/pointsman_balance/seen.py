"""What an attempt that has ended says of its endpoint."""

from __future__ import annotations

from pointsman.errors import UpstreamStatus
from pointsman.exchange import Attempt, Exchange

from .health import Observed

__all__ = ["seen"]

REFUSED = 429
CLIENT = frozenset({400, 403, 405, 409, 413, 415, 422, 451})
"""Statuses that say nothing of an endpoint: the request was at fault, or its client was."""
NOTHING = Observed()


def seen(exchange: Exchange, attempt: Attempt) -> Observed:
    """How an attempt ended. A client that left before any content says nothing; one that left later was
    answered as far as it stayed."""
    error, first = attempt.error, attempt.first_content
    if isinstance(error, UpstreamStatus) and error.upstream_status == REFUSED:
        return Observed(refused=True, wait=error.retry_after)
    if isinstance(error, UpstreamStatus) and error.upstream_status in CLIENT:
        return NOTHING
    if error is not None:
        return Observed(failed=True)
    if not attempt.complete and first is None:
        return NOTHING
    usage, stream = attempt.usage, exchange.peek.stream and first is not None
    begun = first if stream and first is not None else attempt.started
    return Observed(
        answered=True,
        first_content=begun - attempt.started if stream else None,
        writing=max(0.0, (attempt.ended or begun) - begun),
        input=usage.input if usage is not None else 0,
        output=usage.output if usage is not None else 0,
        cache_read=usage.cache_read if usage is not None else 0,
    )

"""What an attempt that has ended says of its endpoint."""

from __future__ import annotations

import time

from pointsman.errors import CONTENT_POLICY, OUR_ACCOUNT, UpstreamStatus
from pointsman.exchange import Attempt, Exchange
from pointsman.providers import HttpProvider

from .health import Observed

__all__ = ["seen", "speaks_for_all"]

REFUSED = 429
BUSY = frozenset({503, 529})
"""Statuses with which a provider says that it has too much to do."""
CLIENT = frozenset({400, 405, 409, 413, 415, 422, 451})
"""Statuses that say nothing of an endpoint: the request was at fault, or its client was."""
OF_A_KEY = OUR_ACCOUNT | {REFUSED}
NOTHING = Observed()


def seen(exchange: Exchange, attempt: Attempt) -> Observed:
    """How an attempt ended. A client that left before any content says nothing; one that left later was
    answered as far as it stayed."""
    error, first = attempt.error, attempt.first_content
    if isinstance(error, UpstreamStatus) and (_of_the_request(error) or _of_one_key(attempt, error)):
        return NOTHING
    if isinstance(error, UpstreamStatus) and error.upstream_status == REFUSED:
        return Observed(refused=True, busy=error.retry_after is None, wait=error.retry_after)
    if error is not None:
        busy = isinstance(error, UpstreamStatus) and error.upstream_status in BUSY
        return Observed(failed=True, busy=busy and error.retry_after is None)
    if attempt.overtaken:
        return Observed(overtaken=True, writing=time.monotonic() - attempt.started)
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
        bad_tools=attempt.bad_tools,
    )


def speaks_for_all(attempt: Attempt) -> bool:
    """Whether an endpoint's limits, as an answer tells them, are those of every request there: each key has
    its own."""
    provider = attempt.endpoint.provider
    return not attempt.byok and (not isinstance(provider, HttpProvider) or len(provider.keys) < 2)


def _of_the_request(error: UpstreamStatus) -> bool:
    return error.upstream_status in CLIENT or error.error_type == CONTENT_POLICY


def _of_one_key(attempt: Attempt, error: UpstreamStatus) -> bool:
    """Whether what was refused is a client's own key, or one of several of which another is free."""
    if error.upstream_status not in OF_A_KEY:
        return False
    provider = attempt.endpoint.provider
    free = not isinstance(provider, HttpProvider) or provider.keys.back <= time.monotonic()
    return attempt.byok or (free and not speaks_for_all(attempt))

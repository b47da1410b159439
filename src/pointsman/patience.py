"""Patience: candidates that asked us to wait are tried after the others, and waited for where all did."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from operator import itemgetter
from typing import TYPE_CHECKING

from .bounds import ends, most_attempts
from .providers import HttpProvider
from .rests import overloaded
from .runs import in_task

if TYPE_CHECKING:
    from .errors import UpstreamError
    from .exchange import Attempt, Candidate, Exchange

__all__ = ["once_more", "refused", "whose_turn"]

log = logging.getLogger(__name__)

SPREAD = 0.1
"""The share by which waits are drawn longer, so that not all who wait come back at the same moment."""


def refused(exchange: Exchange, attempt: Attempt, error: UpstreamError) -> bool:
    """Learn who is to be left alone: a key, an endpoint, or all that a provider has. Say whether the provider
    has another key that should be tried at once."""
    provider, key = attempt.endpoint.provider, attempt.key
    rests, now, key_back = exchange.gateway.rests, time.monotonic(), 0.0
    if key is not None and attempt.byok and not overloaded(error):
        rests.refused(key, error, now)
        return False
    if key is not None and not attempt.byok and isinstance(provider, HttpProvider):
        if provider.keys.failed(key, error):
            return True
        key_back = provider.keys.back
    rests.failed(attempt.endpoint.id, error, now, key_back)
    return False


async def whose_turn(exchange: Exchange, left: list[Candidate]) -> list[Candidate]:
    """The candidates that are left to try, those that rest behind the others, the soonest back first. Where
    all of them rest, the soonest is waited for, if that takes no longer than `upstream.max_wait`."""
    while True:
        now = time.monotonic()
        backs = [(_back(exchange, each), each) for each in left]
        resting = sorted((each for each in backs if each[0] > now), key=itemgetter(0))
        if not resting:
            return left
        wait, patience = resting[0][0] - now, _patience(exchange)
        if len(resting) < len(left) or wait > patience:
            return [each for back, each in backs if back <= now] + [each for _, each in resting]
        log.info("%s: waiting %.3f s for %s", exchange.request_id, wait, resting[0][1].endpoint.id)
        await in_task()
        await asyncio.sleep(min(wait * (1 + SPREAD * random.random()), patience))  # noqa: S311 - no secret
        exchange.waited += time.monotonic() - now


def once_more(exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
    """Of candidates that were all tried in vain, those that are worth waiting for."""
    if len(exchange.attempts) >= most_attempts(exchange):
        return []
    now = time.monotonic()
    latest = now + _patience(exchange)
    return [each for each in candidates if now < _back(exchange, each) <= latest]


def _patience(exchange: Exchange) -> float:
    """How many seconds an exchange may still wait."""
    left = exchange.setup.core.upstream.max_wait - exchange.waited
    return min(left, ends(exchange) - time.monotonic())


def _back(exchange: Exchange, candidate: Candidate) -> float:
    """When a candidate takes requests. What a provider says of a client's own key is not for others."""
    rests = exchange.gateway.rests
    if candidate.key is None:
        return rests.until(candidate.endpoint.id)
    return max(candidate.key.rests_until, rests.of_provider(candidate.endpoint.provider.name))

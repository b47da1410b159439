"""Hedging: where an endpoint is slow to answer, the next one is asked beside it, and the first answer counts.

The other attempt is cancelled then, and costs what its endpoint has done meanwhile, as one of a client that
left does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .attempts import Attempts
from .bounds import on_loss
from .errors import RequestError, UpstreamError
from .failures import classify, exhausted
from .runs import in_task

if TYPE_CHECKING:
    from .exchange import Exchange

__all__ = ["hedged"]


async def hedged(exchange: Exchange, after: float) -> Attempts:
    """Try the first candidate and, from `after` seconds later or when it has failed, the others, too, in
    turn. Gives those attempts whose `body` is the answer. Raises what the client is to be told."""
    await in_task()
    run, exchange.run = exchange.run, None  # each of the two is a task of its own
    loop, candidates = asyncio.get_running_loop(), exchange.candidates
    racing: dict[asyncio.Task[None], Attempts] = {}
    try:
        for part, patience in ((candidates[:1], after), (candidates[1:], None)):
            attempts = Attempts(exchange, None)
            racing[loop.create_task(attempts.run(part))] = attempts
            winner = await _first(racing, patience)
            if winner is not None:
                _told(exchange, first=winner is next(iter(racing.values())))
                return winner
        raise exhausted(exchange)
    finally:
        for task in racing:
            task.cancel()
        await asyncio.gather(*racing, return_exceptions=True)
        exchange.run = run


async def _first(racing: dict[asyncio.Task[None], Attempts], patience: float | None) -> Attempts | None:
    """Who answers first, None where nobody does: all have failed, or patience is at an end. Raises at once
    what another endpoint would answer alike."""
    pending = {task for task in racing if not task.done()}
    while pending:
        done, pending = await asyncio.wait(pending, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return None
        for task in done:
            error = task.exception()
            if error is None:
                return racing[task]
            if not _others_may_answer(error):
                raise error
    return None


def _others_may_answer(error: BaseException) -> bool:
    if isinstance(error, UpstreamError):
        return classify(error) == "next"
    return isinstance(error, RequestError)


def _told(exchange: Exchange, *, first: bool) -> None:
    """Make the attempt that has won the one that the client, the record and the bill speak of."""
    candidate = exchange.candidates[0]
    won = next(each for each in exchange.attempts if each.complete and (each.candidate is candidate) == first)
    exchange.attempts = [*(each for each in exchange.attempts if each is not won), won]
    public = exchange.public
    public.provider, public.model = won.endpoint.provider.name, won.candidate.model
    if on_loss(exchange) != "drop":
        public.lost = won.lost

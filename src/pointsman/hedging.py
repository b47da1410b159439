"""Hedging: where an endpoint is slow to answer, the next one is asked beside it, and the first answer counts.

The other attempt is cancelled then, and costs what its endpoint has done meanwhile, as one of a client that
left does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .attempts import Attempts
from .bounds import on_loss
from .errors import RequestError, UpstreamError
from .failures import classify, exhausted
from .patience import once_more, whose_turn
from .runs import in_task

if TYPE_CHECKING:
    from .exchange import Candidate, Exchange
    from .types import Finish

__all__ = ["hedged"]


@dataclass(frozen=True, slots=True)
class _Racer:
    """Attempts at some of the candidates."""

    attempts: Attempts
    candidates: list[Candidate]

    async def run(self) -> Finish | None:
        """Why the answer ends, as these attempts have it."""
        await self.attempts.run(self.candidates)
        return self.attempts.exchange.finish


Racing = dict["asyncio.Task[Finish | None]", _Racer]


async def hedged(exchange: Exchange, after: float) -> Attempts:
    """Try the first candidate and, from `after` seconds later or when it has failed, the others, too, in
    turn. Gives those attempts whose `body` is the answer. Raises what the client is to be told."""
    await in_task()
    run, exchange.run = exchange.run, None  # each of the two is a task of its own
    loop, candidates, racing = asyncio.get_running_loop(), exchange.candidates, Racing()
    try:
        if exchange.gateway.rests.latest > time.monotonic():
            candidates = await whose_turn(exchange, candidates)
        for part, patience, waits in _parts(exchange, candidates, after):
            racer = _Racer(Attempts(exchange, None, waits=waits), part)
            racing[loop.create_task(racer.run())] = racer
            winner = await _first(racing, patience)
            if winner is not None:
                exchange.finish = winner.result()
                _told(exchange, racing[winner].candidates)
                return racing[winner].attempts
        raise exhausted(exchange)
    finally:
        try:
            await _ended(racing)
        finally:
            exchange.run = run


def _parts(
    exchange: Exchange, candidates: list[Candidate], after: float
) -> Iterator[tuple[list[Candidate], float | None, bool]]:
    """Who is asked, how many seconds it has before others are asked, too (None is: until it has failed), and
    whether it is waited for where it asks for that: not before all others have been tried."""
    yield candidates[:1], after, False
    yield candidates[1:], None, False
    again = once_more(exchange, candidates)
    if again:
        yield again, None, True


async def _first(racing: Racing, patience: float | None) -> asyncio.Task[Finish | None] | None:
    """Who answers first, None where nobody does: all have failed, or patience is at an end. Raises at once
    what another endpoint would answer alike."""
    pending = {task for task in racing if not task.done()}
    while pending:
        done, pending = await asyncio.wait(pending, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return None
        failures = {task: task.exception() for task in done}
        winner = next((task for task, error in failures.items() if error is None), None)
        if winner is not None:
            return winner
        for error in failures.values():
            if error is not None and not _others_may_answer(error):
                raise error
    return None


async def _ended(tasks: Collection[asyncio.Task[Finish | None]]) -> None:
    """End them, and see what they have used, whoever cancels meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    for task in tasks:
        task.cancel()
    while pending := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            cancelled = error
    for task in tasks:
        if not task.cancelled():
            task.exception()  # it is on record with its attempt
    if cancelled is not None:
        raise cancelled


def _others_may_answer(error: BaseException) -> bool:
    if isinstance(error, UpstreamError):
        return classify(error) == "next"
    return isinstance(error, RequestError)


def _told(exchange: Exchange, candidates: Collection[Candidate]) -> None:
    """Make the attempt that has won, at one of these candidates, the one that the client, the record and the
    bill speak of."""
    won = next(
        each
        for each in exchange.attempts
        if each.complete and any(each.candidate is candidate for candidate in candidates)
    )
    for each in exchange.attempts:
        each.overtaken = each.ended is None
    exchange.attempts = [*(each for each in exchange.attempts if each is not won), won]
    public = exchange.public
    public.provider, public.model = won.endpoint.provider.name, won.candidate.model
    if on_loss(exchange) != "drop":
        public.lost = won.lost

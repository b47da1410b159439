"""Pickers: the ways in which the endpoints of one choice can be put in order.

Whichever it is, endpoints that rest or asked us to wait come last: a request is not sent where it will fail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from time import monotonic

from pointsman.errors import RequestError
from pointsman.exchange import Candidate, Exchange
from pointsman.types import Usage

from .affinity import nearest
from .board import Board, Group
from .sessions import Session, Sessions, session_of
from .weights import order

__all__ = ["NOTE", "WEIGHT", "Pickers"]

NOTE = "balance"
"""Under which the session of an exchange is kept."""
WEIGHT = "weight"
OUTPUT = 300
"""Tokens of an answer where a request sets no bound."""
UNKNOWN = float("inf")
BYTES_PER_TOKEN = 4

Score = Callable[[int], float]
"""For the place of an endpoint: the lower, the earlier it is tried."""


class Pickers:
    """The ways this plugin offers."""

    def __init__(self, board: Board, *, sticky: bool) -> None:
        self._board = board
        self.sticky = sticky
        self.sessions = Sessions()

    def balanced(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        """By chance, each by its weight of price, speed, failures and room; a session where it was before."""
        now = monotonic()
        group = self._group(exchange, candidates, now)
        places = self._board.rank(group, now, exchange.decision.random)
        if self.sticky and (any(group.warm) or len({*group.same}) < len(group.same)):
            stays = self._stays(exchange, candidates, group, places, now)
            if stays is not None:
                place, why = stays
                places.remove(place)
                places.insert(0, place)
                candidates[place].reasons.append(why)
        for candidate, weight in zip(candidates, group.weights, strict=True):
            candidate.reasons.append(weight.reason)
        return [candidates[place] for place in places]

    def cheapest(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        """By the price of this request at this hour; without a known price last."""
        peek = exchange.peek
        given, written = peek.characters // BYTES_PER_TOKEN, min(peek.max_tokens or OUTPUT, OUTPUT)
        prices = [_price(exchange, each, given, 0, written) for each in candidates]
        for candidate, price in zip(candidates, prices, strict=True):
            told = "unpriced" if price is None else f"${price / 1e9:.6g}"
            candidate.reasons.append(f"cheapest: {told} for {given} tokens and {written} back")
        return self._sorted(exchange, candidates, lambda place: _known(prices[place]))

    def fastest(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        """By tokens a second; endpoints of which nothing is known count as usual ones."""
        return self._timed(exchange, candidates, lambda group, place: group.weights[place].seconds, "fastest")

    def lowest_latency(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        """By the time to the first content; endpoints of which nothing is known count as usual ones."""
        now = monotonic()

        def first(group: Group, place: int) -> float:
            times = [health.first_content.value(now) for health in group.healths]
            usual = median([each for each in times if each is not None] or [0.0])
            return group.healths[place].first_content.value(now, usual, 1.0) or 0.0

        return self._timed(exchange, candidates, first, "lowest-latency")

    def least_busy(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        """By how many requests are under way there."""
        busy = [self._board.health(each.endpoint.id).in_flight for each in candidates]
        for candidate, count in zip(candidates, busy, strict=True):
            candidate.reasons.append(f"least-busy: {count} under way")
        return self._sorted(exchange, candidates, busy.__getitem__)

    def weighted(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        """By chance, each by its `weight` in the configuration, 1 where it has none."""
        weights = [_weight(each) for each in candidates]
        for candidate, weight in zip(candidates, weights, strict=True):
            candidate.reasons.append(f"weighted: {weight:g} of {sum(weights):g}")
        drawn = order(weights, exchange.decision.random)
        return self._sorted(exchange, candidates, drawn.index)

    def ordered(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        """In the operator's order."""
        return self._sorted(exchange, candidates, lambda place: place)

    def _group(self, exchange: Exchange, candidates: Sequence[Candidate], now: float) -> Group:
        def quote(place: int, given: float, cached: float, written: float) -> float | None:
            return _price(exchange, candidates[place], int(given), int(cached), int(written))

        return self._board.group([each.endpoint.id for each in candidates], now, quote)

    def _timed(
        self,
        exchange: Exchange,
        candidates: list[Candidate],
        score: Callable[[Group, int], float],
        name: str,
    ) -> list[Candidate]:
        group = self._group(exchange, candidates, monotonic())
        seconds = [score(group, place) for place in range(len(candidates))]
        for candidate, each in zip(candidates, seconds, strict=True):
            candidate.reasons.append(f"{name}: {each:.3g} s")
        return self._sorted(exchange, candidates, seconds.__getitem__)

    def _sorted(self, exchange: Exchange, candidates: Sequence[Candidate], score: Score) -> list[Candidate]:
        """Those that take requests first, then by score, then as they stand."""
        now = monotonic()
        group = self._group(exchange, candidates, now)
        places = sorted(range(len(candidates)), key=lambda place: (not group.awake(place, now), score(place)))
        return [candidates[place] for place in places]

    def _stays(
        self,
        exchange: Exchange,
        candidates: Sequence[Candidate],
        group: Group,
        places: Sequence[int],
        now: float,
    ) -> tuple[int, str] | None:
        """The place where a session stays, and why: where it was answered last, or, of replicas, where its
        beginning may be in memory."""
        session: Session | None = session_of(exchange)
        if session is None:
            return None
        first, model = places[0], candidates[0].model
        exchange.notes[NOTE] = session.id, model
        before = self.sessions.place(session.id, model)
        if before in group.ids:
            place = group.ids.index(before)
            if group.awake(place, now) and (group.warm[place] or group.same[place] == group.same[first]):
                return place, "its session was answered here before"
        replicas = [
            each for each in group.replicas(first) if group.awake(each, now) and group.alike(first, each)
        ]
        if not session.long or len(replicas) < 2:
            return None
        near = nearest(
            session.id,
            [group.ids[each] for each in replicas],
            [group.healths[each].in_flight for each in replicas],
        )
        return replicas[near], "of replicas, the one for requests that begin so"


def _price(exchange: Exchange, candidate: Candidate, given: int, cached: int, written: int) -> float | None:
    try:
        cost = exchange.quote(candidate.endpoint, Usage(given, written, cached))
    except RequestError:
        return None
    return None if cost is None else cost.nano


def _known(price: float | None) -> float:
    return UNKNOWN if price is None else price


def _weight(candidate: Candidate) -> float:
    weight: float | None = candidate.endpoint.extra.get(WEIGHT)
    return 1.0 if weight is None else weight

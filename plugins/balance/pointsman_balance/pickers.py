"""Pickers: the ways in which the endpoints of one choice can be put in order.

Whichever it is, endpoints that rest or asked us to wait come last: a request is not sent where it will fail.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

from pointsman.draws import Chance
from pointsman.errors import RequestError
from pointsman.exchange import Candidate, Exchange
from pointsman.outlook import likely_usage
from pointsman.types import Usage

from .affinity import nearest
from .board import Board, Group
from .lots import order
from .scores import Choice, Kept, Value, stayed
from .sessions import Session, Sessions
from .sticking import is_firm, model_first, session_for
from .weights import BALANCED, Weight

__all__ = ["NOTE", "WEIGHT", "Pickers"]

NOTE = "balance"
"""Under which the session of an exchange is kept."""
WEIGHT = "weight"
STICKY = "sticky"
"""What the choice of a model is called on record that is made for what a request belongs to."""
UNKNOWN = float("inf")

Values = Callable[[Group, float], Sequence[float | None]]
"""For each endpoint of a group at a moment: the lower, the earlier it is tried; None is last."""


class Pickers:
    """The ways this plugin offers."""

    def __init__(self, board: Board, *, sticky: bool) -> None:
        self._board = board
        self.sticky = sticky
        self.sessions = Sessions()

    def balanced(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        """By chance, each by its weight of price, speed, failures and room; a session where it was before."""
        decision = exchange.decision
        if decision.again is not None and (kept := _kept(exchange, candidates, BALANCED)) is not None:
            weights: Sequence[Weight] = [Weight.of(each) for each in kept.scores]
            choice = kept.choice
            places = _drawn_again(weights, choice, decision.random)
        else:
            now = time.monotonic()
            group = self._group(exchange, candidates, now)
            weights = group.weights
            places, choice = self._board.rank(group, now, decision.random)
            choice.stays = self._stays(exchange, candidates, group, places, now)
        _put_first(choice, candidates, places)
        for candidate, weight in zip(candidates, weights, strict=True):
            candidate.reasons.append(weight)
        decision.health += (choice,)
        return [candidates[place] for place in places]

    def model_first(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate] | None:
        """Where a rule says that its requests stick: those of the model that answered last before all others,
        as long as the endpoint does that has answered."""
        if not is_firm(exchange):
            return None
        choice = Choice(STICKY, [each.endpoint.id for each in candidates], ())
        if exchange.decision.again is not None:
            choice.stays = stayed(exchange.decision.again, STICKY, choice.ids)
        elif (session := self._session(exchange)) is not None:
            choice.stays = self._place(session, candidates)
        if choice.stays is None:
            return None
        exchange.decision.health += (choice,)
        return model_first(candidates, candidates[choice.stays[0]].model)

    def _session(self, exchange: Exchange) -> Session | None:
        """What a request belongs to; it is looked for once."""
        if NOTE not in exchange.notes:
            exchange.notes[NOTE] = session_for(exchange, usually=self.sticky)
        found: Session | None = exchange.notes[NOTE]
        return found

    def _place(self, session: Session, candidates: Sequence[Candidate]) -> tuple[int, str] | None:
        model, now = self.sessions.model(session.id), time.monotonic()
        before = self.sessions.place(session.id, model) if model is not None else None
        for place, candidate in enumerate(candidates):
            if candidate.model == model and candidate.endpoint.id == before:
                awake = self._board.takes(candidate.endpoint.id, now)
                return (place, "what it belongs to was answered by this model before") if awake else None
        return None

    def cheapest(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        """By the price of this request at this hour; without a known price last."""
        likely = likely_usage(exchange)
        prices = [_price(exchange, each, likely) for each in candidates]
        note = f" for {likely.input} tokens and {likely.output} back"
        return self._sorted(
            exchange, candidates, "cheapest", lambda group, now: prices, unit="nano-USD", note=note
        )

    def fastest(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        """By tokens a second; endpoints of which nothing is known count as usual ones."""

        def seconds(group: Group, now: float) -> list[float]:
            return [weight.seconds for weight in group.weights]

        return self._sorted(exchange, candidates, "fastest", seconds, unit="s")

    def lowest_latency(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        """By the time to the first content; endpoints of which nothing is known count as usual ones."""

        def first(group: Group, now: float) -> list[float]:
            times = [health.first_content.value(now) for health in group.healths]
            usual = median([each for each in times if each is not None] or [0.0])
            return [health.first_content.value(now, usual, 1.0) or 0.0 for health in group.healths]

        return self._sorted(exchange, candidates, "lowest-latency", first, unit="s")

    def least_busy(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        """By how many requests are under way there."""

        def busy(group: Group, now: float) -> list[float]:
            return [health.in_flight for health in group.healths]

        return self._sorted(exchange, candidates, "least-busy", busy, unit="under way")

    def weighted(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        """By chance, each by its `weight` in the configuration, 1 where it has none."""
        weights = [_weight(each) for each in candidates]
        drawn = order(weights, exchange.decision.random)
        unit = f"of {sum(weights):g}"
        return self._sorted(
            exchange, candidates, "weighted", lambda group, now: weights, unit=unit, place=drawn.index
        )

    def ordered(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        """In the operator's order."""

        def places(group: Group, now: float) -> list[float]:
            return [*range(1, len(candidates) + 1)]

        return self._sorted(exchange, candidates, "ordered", places, unit=f"of {len(candidates)}")

    def _group(self, exchange: Exchange, candidates: Sequence[Candidate], now: float) -> Group:
        def quote(place: int, given: float, cached: float, written: float) -> float | None:
            usage = Usage(int(given), int(written), int(cached))
            return _price(exchange, candidates[place], usage)

        return self._board.group([each.endpoint.id for each in candidates], now, quote)

    def _sorted(
        self,
        exchange: Exchange,
        candidates: list[Candidate],
        by: str,
        values: Values,
        *,
        unit: str,
        note: str = "",
        place: Callable[[int], float] | None = None,
    ) -> list[Candidate]:
        """Those that take requests first, then the lowest of the values, or of `place`, then as they
        stand."""
        found: Sequence[float | None]
        if exchange.decision.again is not None and (kept := _kept(exchange, candidates, by)) is not None:
            found, choice = [each["value"] for each in kept.scores], kept.choice
        else:
            now = time.monotonic()
            group = self._group(exchange, candidates, now)
            found = values(group, now)
            taking = group.taking(now)
            weights = enumerate(taking.weights) if taking.left_out else ()
            asleep = [place for place, weight in weights if weight <= 0]
            choice = Choice(by, group.ids, asleep)
            if is_firm(exchange):
                choice.stays = self._stays(exchange, candidates, group, (), now)
        for candidate, value in zip(candidates, found, strict=True):
            candidate.reasons.append(Value(by, value, unit, note))
        exchange.decision.health += (choice,)
        score = place or (lambda each: UNKNOWN if (value := found[each]) is None else value)
        places = sorted(range(len(candidates)), key=lambda each: (each in choice.asleep, score(each)))
        _put_first(choice, candidates, places)
        return [candidates[each] for each in places]

    def _stays(
        self,
        exchange: Exchange,
        candidates: Sequence[Candidate],
        group: Group,
        places: Sequence[int],
        now: float,
    ) -> tuple[int, str] | None:
        """The place where a session stays, and why: where it was answered last, or, of replicas, where its
        beginning may be in memory. `places` is how it would be otherwise."""
        firm = is_firm(exchange)
        if not (firm or group.joins):
            return None
        session = self._session(exchange)
        if session is None:
            return None
        before = {
            model: self.sessions.place(session.id, model) for model in {each.model for each in candidates}
        }
        for place, candidate in enumerate(candidates):
            if before[candidate.model] != candidate.endpoint.id or not group.awake(place, now):
                continue
            if firm:
                return place, "what it belongs to was answered here before"
            if group.warm[place] or group.same[place] == group.same[places[0]]:
                return place, "its session was answered here before"
        if firm:
            return None
        first = places[0]
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


def _put_first(choice: Choice, candidates: Sequence[Candidate], places: list[int]) -> None:
    """Put where a session stays before all others; its reasons say so."""
    if choice.stays is not None:
        place, why = choice.stays
        places.remove(place)
        places.insert(0, place)
        candidates[place].reasons.append(why)


def _kept(exchange: Exchange, candidates: Sequence[Candidate], by: str) -> Kept | None:
    """What the record says by which a dry run is to choose again."""
    return Kept.of(exchange.decision.again or {}, by, [each.endpoint.id for each in candidates])


def _drawn_again(weights: Sequence[Weight], choice: Choice, chance: Chance) -> list[int]:
    """The places of endpoints as `Board.rank` has drawn them."""
    asleep = {*choice.asleep}
    drawn = order([0.0 if place in asleep else each.weight for place, each in enumerate(weights)], chance)
    awake = [place for place in drawn if place not in asleep]
    if choice.swapped:
        awake[:2] = awake[1::-1]
    return [*awake, *choice.asleep]


def _price(exchange: Exchange, candidate: Candidate, usage: Usage) -> float | None:
    try:
        cost = exchange.quote(candidate.endpoint, usage)
    except RequestError:
        return None
    return None if cost is None else cost.nano


def _weight(candidate: Candidate) -> float:
    weight: float | None = candidate.endpoint.extra.get(WEIGHT)
    return 1.0 if weight is None else weight

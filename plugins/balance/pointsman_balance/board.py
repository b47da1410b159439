"""The board: the health of every endpoint, and the order in which a group of them is to be tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from .health import Health, Observed
from .weights import TASTE, Offer, Taste, Weight, order, usual, weigh

__all__ = ["TICK", "Board", "Group", "Quote"]

TICK = 0.25
"""Seconds for which the weights of a group hold."""
MOST_GROUPS = 4096
SHORTEST = 1e-3
"""Seconds that an answer takes where nothing is known."""
EJECTED = 0.5
"""At most this share of a group rests at the same time: were more to fail, it would not be for themselves."""

Quote = Callable[[int, float, float, float], float | None]
"""What a request costs at the endpoint of this place, in nano-USD, by tokens of input, those of them that
come from its cache, and output; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Group:
    """The endpoints of one choice, with their weights at `at`; `same` says which are replicas of each
    other: those that share a number; `warm`, for which a request is cheaper whose beginning is cached."""

    ids: tuple[str, ...]
    healths: tuple[Health, ...]
    weights: tuple[Weight, ...]
    same: tuple[int, ...]
    warm: tuple[bool, ...]
    at: float

    def replicas(self, place: int) -> list[int]:
        """The places of an endpoint's replicas, itself among them."""
        return [other for other, number in enumerate(self.same) if number == self.same[place]]

    def awake(self, place: int, now: float) -> bool:
        """Whether an endpoint takes requests."""
        return self.weights[place].weight > 0 and self.healths[place].cap.gate <= now


class Board:
    """All endpoints that are chosen among. `draw` gives numbers from 0 to 1 for what is no request's own
    chance."""

    def __init__(self, draw: Callable[[], float], taste: Taste = TASTE) -> None:
        self._draw = draw
        self.taste = taste
        self._healths: dict[str, Health] = {}
        self._groups: dict[tuple[str, ...], Group] = {}
        self._peers: dict[str, tuple[str, ...]] = {}

    def health(self, endpoint: str) -> Health:
        """The health of an endpoint by its id, new where nothing was known of it."""
        found = self._healths.get(endpoint)
        if found is None:
            found = self._healths[endpoint] = Health.of(self._draw)
        return found

    def heard(self, endpoint: str, headers: Mapping[str, str], now: float) -> None:
        """Take what an answer's headers say of limits."""
        self.health(endpoint).headroom.heard(headers, now)

    def __contains__(self, endpoint: str) -> bool:
        """Whether an endpoint was ever chosen among others; the rest are not watched."""
        return endpoint in self._peers

    def known(self) -> dict[str, Health]:
        """All of which anything is known."""
        return self._healths

    def begun(self, endpoint: str, now: float) -> None:
        """An attempt begins."""
        if endpoint not in self:
            return
        health = self.health(endpoint)
        health.begun(now)
        if health.breaker.until is not None:  # it is the one that tries: the others wait for it
            self._groups.pop(self._peers[endpoint], None)

    def ended(self, endpoint: str, seen: Observed, now: float) -> None:
        """An attempt has ended. One that rests now, or no longer, is weighed anew at once."""
        ids = self._peers.get(endpoint)
        if ids is None:
            return
        health = self.health(endpoint)
        rested = health.breaker.until is not None
        health.ended(seen, now, [self.health(other) for other in ids if other != endpoint])
        if rested or health.breaker.until is not None:
            self._groups.pop(ids, None)

    def group(self, endpoints: Sequence[str], now: float, quote: Quote) -> Group:
        """Endpoints, weighed at most TICK seconds ago."""
        ids = tuple(endpoints)
        found = self._groups.get(ids)
        if found is None or now - found.at >= TICK:
            if len(self._groups) >= MOST_GROUPS:
                self._groups.clear()
            found = self._groups[ids] = self._weighed(ids, now, quote)
            for each in ids:
                self._peers[each] = ids
        return found

    def rank(self, group: Group, now: float, chance: Random) -> list[int]:
        """The places of a group's endpoints in the order in which they are to be tried.

        By chance and weight; of two replicas that came first the less busy one goes before the other. Those
        that rest come last, the soonest back before the others.
        """
        weights = [
            each.weight if group.awake(place, now) else 0.0 for place, each in enumerate(group.weights)
        ]
        drawn = order(weights, chance)
        awake = [place for place in drawn if weights[place] > 0]
        asleep = [place for place in drawn if weights[place] <= 0]
        if len(awake) > 1 and group.same[awake[0]] == group.same[awake[1]]:
            first, second = awake[:2]
            if _load(group.healths[second], now) < _load(group.healths[first], now):
                awake[:2] = second, first
        asleep.sort(key=lambda place: group.healths[place].returns(now))
        return awake + asleep

    def _weighed(self, ids: tuple[str, ...], now: float, quote: Quote) -> Group:
        healths = tuple(map(self.health, ids))
        given, written = usual(healths, now)
        resting = _resting(healths, now)
        prices = [quote(place, given, 0.0, written) for place in range(len(ids))]
        cached = [quote(place, given, given, written) for place in range(len(ids))]
        offers = [
            Offer(health, price, prices_cached, place in resting)
            for place, (health, price, prices_cached) in enumerate(zip(healths, prices, cached, strict=True))
        ]
        numbers: dict[object, int] = {}
        same = tuple(
            numbers.setdefault((each.rpartition("/")[2], price), len(numbers))
            for each, price in zip(ids, prices, strict=True)
        )
        warm = tuple(
            price is not None and less is not None and less < price
            for price, less in zip(prices, cached, strict=True)
        )
        return Group(ids, healths, tuple(weigh(offers, written, now, self.taste)), same, warm, now)


def _resting(healths: Sequence[Health], now: float) -> frozenset[int]:
    """The places of those that rest: at most half of a group, those first that failed most."""
    open_ = [place for place, health in enumerate(healths) if health.rests(now)]
    open_.sort(key=lambda place: -healths[place].errors.left(now))
    return frozenset(open_[: int(EJECTED * len(healths))])


def _load(health: Health, now: float) -> float:
    """How long a request would wait there, as it seems: what the slowest took lately, for each before it."""
    return max(health.peak.left(now), SHORTEST) * (health.in_flight + 1)

"""The board: the health of every endpoint, and the order in which a group of them is to be tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from pointsman.draws import Chance
from pointsman.rests import Rests

from .health import Health, Observed
from .lots import Lots
from .scores import Choice
from .weights import BALANCED, TASTE, Offer, Taste, Weight, usual, weigh

__all__ = ["PRICED", "TICK", "Board", "Group", "Quote"]

TICK = 0.25
"""Seconds for which the weights of a group hold."""
PRICED = 5.0
"""Seconds for which prices of usual requests hold: they change by the hour, and asking for them costs more
than all else that is weighed."""
MOST_GROUPS = 4096
MOST_KNOWN = 10_000
"""Endpoints that are watched, at most: some providers take any name that a client makes up."""
ALIKE = 2.0
"""Replicas whose shares are further apart than so many times are taken by their shares, and not by how busy
they are: one that comes back is the least busy of all."""
SHORTEST = 1e-3
"""Seconds that an answer takes where nothing is known."""
EJECTED = 0.5
"""At most this share of a group rests at the same time: were more to fail, it would not be for themselves."""

Quote = Callable[[int, float, float, float], float | None]
"""What a request costs at the endpoint of this place, in nano-USD, by tokens of input, those of them that
come from its cache, and output; None where that is not known."""


@dataclass(frozen=True, slots=True)
class _Prices:
    """What a usual request costs at each endpoint of a group, and where all of it comes from the cache, as it
    was at `at`; and what follows from that, as a group has it."""

    at: float
    full: list[float | None]
    cached: list[float | None]
    same: tuple[int, ...]
    warm: tuple[bool, ...]


@dataclass(slots=True)
class Group:
    """The endpoints of one choice, with their weights at `at`; `same` says which are replicas of each
    other: those that share a number; `warm`, for which a request is cheaper whose beginning is cached;
    `lots` are the weights to draw by, `paused` is when nobody pauses any more, and `joins` says whether it
    matters where a request like another goes."""

    ids: tuple[str, ...]
    healths: tuple[Health, ...]
    weights: tuple[Weight, ...]
    same: tuple[int, ...]
    warm: tuple[bool, ...]
    at: float
    rests: Rests
    lots: Lots
    paused: float
    joins: bool
    _awake: tuple[int, float, Lots] | None = None
    """Those that take requests: by which edition of the rests, and until when."""

    def replicas(self, place: int) -> list[int]:
        """The places of an endpoint's replicas, itself among them."""
        return [other for other, number in enumerate(self.same) if number == self.same[place]]

    def awake(self, place: int, now: float) -> bool:
        """Whether an endpoint takes requests."""
        return (
            self.weights[place].weight > 0
            and self.healths[place].pause.until <= now
            and self.rests.until(self.ids[place]) <= now
        )

    def taking(self, now: float) -> Lots:
        """The weight of each, 0 for one that takes no requests."""
        rests = self.rests
        if self.paused <= now and rests.latest <= now:
            return self.lots
        if self._awake is not None:
            edition, until, lots = self._awake
            if edition == rests.edition and now < until:
                return lots
        weights = list(self.lots.weights)
        until = inf
        for place, (each, health) in enumerate(zip(self.ids, self.healths, strict=True)):
            end = max(health.pause.until, rests.until(each))
            if end > now:
                weights[place] = 0.0
                until = min(until, end)
        lots = Lots(weights)
        self._awake = rests.edition, until, lots
        return lots

    def returns(self, place: int, now: float) -> float:
        """When an endpoint takes requests again."""
        return max(self.healths[place].returns(now), self.rests.until(self.ids[place]))

    def busier(self, place: int, other: int, now: float) -> bool:
        """Whether a request would wait longer at one endpoint than at another, as it seems: what the slowest
        took lately, for each before it. What is not known is as elsewhere."""
        pair = self.healths[place], self.healths[other]
        usual = max(*(each.peak.left(now) for each in pair), SHORTEST)
        here, there = (max(each.peak.left(now) or usual, SHORTEST) * (each.in_flight + 1) for each in pair)
        return here > there

    def alike(self, place: int, other: int) -> bool:
        """Whether two endpoints are replicas of each other, and neither is to get far less than the other."""
        if self.same[place] != self.same[other]:
            return False
        weights = self.weights[place].weight, self.weights[other].weight
        return max(weights) <= ALIKE * min(weights)


class Board:
    """All endpoints that are chosen among. `draw` gives numbers from 0 to 1 for what is no request's own
    chance."""

    def __init__(self, draw: Callable[[], float], taste: Taste = TASTE, rests: Rests | None = None) -> None:
        self._draw = draw
        self.rests = rests or Rests()
        self.taste = taste
        self._healths: dict[str, Health] = {}
        self._groups: dict[tuple[str, ...], Group] = {}
        self._prices: dict[tuple[str, ...], _Prices] = {}
        self._peers: dict[str, tuple[str, ...]] = {}  # those with which each was weighed last
        self._since: dict[str, float] = {}  # when each was first chosen among others
        self._within: dict[str, set[tuple[str, ...]]] = {}  # the groups that each is in

    def health(self, endpoint: str) -> Health:
        """The health of an endpoint by its id, new where nothing was known of it."""
        found = self._healths.get(endpoint)
        if found is None:
            found = self._healths[endpoint] = Health.of(self._draw)
        return found

    def heard(self, endpoint: str, headers: Mapping[str, str], now: float) -> None:
        """Take what an answer's headers say of limits."""
        self.health(endpoint).headroom.heard(headers, now)

    def takes(self, endpoint: str, now: float) -> bool:
        """Whether an endpoint takes requests, whatever there is beside it."""
        health = self._healths.get(endpoint)
        well = health is None or (health.pause.until <= now and not health.rests(now))
        return well and self.rests.until(endpoint) <= now

    def __contains__(self, endpoint: str) -> bool:
        """Whether an endpoint was ever chosen among others; the rest are not watched."""
        return endpoint in self._peers

    def price_anew(self) -> None:
        """Ask for all prices when they are wanted next."""
        self._prices.clear()
        self._groups.clear()
        self._within.clear()

    def known(self) -> dict[str, Health]:
        """All of which anything is known."""
        return self._healths

    def shares(self) -> dict[str, float]:
        """The part of the requests that each endpoint gets of those it was last chosen with."""
        return {
            endpoint: group.weights[ids.index(endpoint)].share
            for endpoint, ids in self._peers.items()
            if (group := self._groups.get(ids)) is not None
        }

    def begun(self, endpoint: str, now: float) -> None:
        """An attempt begins."""
        if endpoint not in self:
            return
        health = self.health(endpoint)
        health.begun(now)
        if health.breaker.until is not None:  # it is the one that tries: the others wait for it
            self._weigh_anew(endpoint)

    def ended(self, endpoint: str, seen: Observed, now: float, began: float | None = None) -> None:
        """An attempt has ended that `began` then. Who rests now, or no longer, is weighed anew at once."""
        ids = self._peers.get(endpoint)
        if ids is None or (began is not None and began < self._since[endpoint]):  # its begin was not counted
            return
        health = self.health(endpoint)
        rested = health.breaker.until is not None
        health.ended(seen, now, [self.health(other) for other in ids if other != endpoint], began)
        if rested or health.breaker.until is not None or health.pause.until > now:
            self._weigh_anew(endpoint)

    def group(self, endpoints: Sequence[str], now: float, quote: Quote) -> Group:
        """Endpoints, weighed at most TICK seconds ago."""
        ids = tuple(endpoints)
        found = self._groups.get(ids)
        if found is None or now - found.at >= TICK:
            if len(self._groups) >= MOST_GROUPS:
                self.price_anew()
            if len(self._healths) > MOST_KNOWN:
                self._forget(now)
            found = self._groups[ids] = self._weighed(ids, now, quote)
            for each in ids:
                self._peers[each] = ids
                self._since.setdefault(each, now)
                self._within.setdefault(each, set()).add(ids)
        return found

    def rank(self, group: Group, now: float, chance: Chance) -> tuple[list[int], Choice]:
        """The places of a group's endpoints in the order in which they are to be tried, and how that came.

        By chance and weight; of two replicas that came first the less busy one goes before the other. Those
        that rest come last, the soonest back before the others.
        """
        lots = group.taking(now)
        drawn = lots.order(chance)
        taking = len(drawn) - lots.left_out
        awake, asleep = drawn[:taking], drawn[taking:]
        swapped = False
        if len(awake) > 1:
            first, second = awake[:2]
            if group.alike(first, second) and group.busier(first, second, now):
                awake[:2] = second, first
                swapped = True
        if len(asleep) > 1:
            asleep.sort(key=lambda place: group.returns(place, now))
        return awake + asleep, Choice(BALANCED, group.ids, asleep, swapped=swapped)

    def _weigh_anew(self, endpoint: str) -> None:
        """Let the weights of no group that an endpoint is in hold any longer."""
        for ids in [*self._within.get(endpoint, ())]:
            self._groups.pop(ids, None)
            for each in ids:
                self._within[each].discard(ids)

    def _forget(self, now: float) -> None:
        """Forget half of the endpoints, those first that were asked least; none with a request under way."""
        idle = [(each.requests.left(now), name) for name, each in self._healths.items() if not each.in_flight]
        for _, name in sorted(idle)[: MOST_KNOWN // 2]:
            for known in (self._healths, self._peers, self._since):
                known.pop(name, None)
        self._groups.clear()
        self._within.clear()

    def _weighed(self, ids: tuple[str, ...], now: float, quote: Quote) -> Group:
        healths = tuple(map(self.health, ids))
        given, written = usual(healths, now)
        resting = _resting(healths, now)
        prices = self._prices.get(ids)
        if prices is None or now - prices.at >= PRICED:
            prices = self._prices[ids] = _priced(ids, now, quote, given, written)
        offers = [
            Offer(health, price, cached, place in resting)
            for place, (health, price, cached) in enumerate(
                zip(healths, prices.full, prices.cached, strict=True)
            )
        ]
        weights = tuple(weigh(offers, written, now, self.taste))
        return Group(
            ids,
            healths,
            weights,
            prices.same,
            prices.warm,
            now,
            self.rests,
            lots=Lots([each.weight for each in weights]),
            paused=max(each.pause.until for each in healths),
            joins=any(prices.warm) or len({*prices.same}) < len(ids),
        )


def _priced(ids: tuple[str, ...], now: float, quote: Quote, given: float, written: float) -> _Prices:
    """Ask for what a usual request costs."""
    full = [quote(place, given, 0.0, written) for place in range(len(ids))]
    cached = [quote(place, given, given, written) for place in range(len(ids))]
    numbers: dict[object, int] = {}
    same = tuple(
        numbers.setdefault((each.rpartition("/")[2], price), len(numbers))
        for each, price in zip(ids, full, strict=True)
    )
    warm = tuple(
        price is not None and less is not None and less < price
        for price, less in zip(full, cached, strict=True)
    )
    return _Prices(now, full, cached, same, warm)


def _resting(healths: Sequence[Health], now: float) -> frozenset[int]:
    """The places of those that rest: at most half of a group, those first that failed most."""
    open_ = [place for place, health in enumerate(healths) if health.rests(now)]
    open_.sort(key=lambda place: -healths[place].errors.left(now))
    return frozenset(open_[: int(EJECTED * len(healths))])

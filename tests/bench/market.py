"""A market of endpoints that change by the hour, and what a way of choosing among them costs in it.

It knows nothing of the plugin: a policy is asked for an order, and told how each attempt went. A request
costs its price, a penalty for each second until its answer is whole, and one if no endpoint answered it.
The oracle knows the state of each endpoint at the time and takes the order with the least expected cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Protocol

SECOND = 100_000.0
"""Nano-USD that a second of waiting is worth."""
FAILED = 20_000_000.0
"""Nano-USD that a request without an answer costs."""
REFUSED = 0.1
"""Seconds that a refusal takes."""
OUTPUT = 300
ATTEMPTS = 3


@dataclass(frozen=True)
class State:
    """An endpoint at one moment: nano-USD a request, seconds to the first content, tokens a second, the share
    of failures and how long each takes, and the requests a minute that it takes."""

    price: float
    first: float
    speed: float
    errors: float = 0.0
    failing: float = 0.5
    most: float = float("inf")

    @property
    def seconds(self) -> float:
        """How long a whole answer takes."""
        return self.first + OUTPUT / self.speed

    @property
    def expected(self) -> float:
        """What an attempt there is expected to cost, the next one's cost left aside."""
        good = self.price + SECOND * self.seconds
        return good * (1 - self.errors) + self.errors * SECOND * self.failing


@dataclass
class Outcome:
    """How an attempt went, in seconds."""

    kind: str
    first: float = 0.0
    writing: float = 0.0
    wait: float | None = None


class Policy(Protocol):
    """A way of choosing."""

    def order(self, prices: Sequence[float], now: float) -> list[int]:
        """The endpoints to try, the first first."""

    def ended(self, place: int, outcome: Outcome, began: float, now: float) -> None:
        """An attempt has ended."""

    def begun(self, place: int, now: float) -> None:
        """An attempt begins."""


World = Callable[[float], list[State]]
"""The endpoints at a time, in seconds from the beginning."""


@dataclass
class Market:
    """A run of requests that arrive by chance, `rate` a second."""

    world: World
    rate: float
    seconds: float
    seed: int
    chance: Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)

    def cost(self, policy: Policy) -> float:
        """What all requests cost together, less what they cost the oracle, a request."""
        self.chance.seed(self.seed)
        now, total, requests = 0.0, 0.0, 0
        sent: list[list[float]] = [[] for _ in self.world(0.0)]
        ending: list[tuple[float, int, Outcome, float]] = []
        while now < self.seconds:
            now += self.chance.expovariate(self.rate)
            states = self.world(now)
            ending.sort(key=lambda each: each[0])
            while ending and ending[0][0] <= now:
                at, place, outcome, began = ending.pop(0)
                policy.ended(place, outcome, began, at)
            total += self._request(policy, states, now, sent, ending) - best(states)
            requests += 1
        return total / requests

    def _request(
        self,
        policy: Policy,
        states: Sequence[State],
        now: float,
        sent: list[list[float]],
        ending: list[tuple[float, int, Outcome, float]],
    ) -> float:
        """What one request costs."""
        cost = 0.0
        at = now
        for place in policy.order([state.price for state in states], now)[:ATTEMPTS]:
            state = states[place]
            policy.begun(place, at)
            lately = sent[place] = [each for each in sent[place] if each > at - 60.0]
            if len(lately) >= state.most:
                cost += SECOND * REFUSED
                policy.ended(place, Outcome("refused", wait=None), at, at + REFUSED)
                at += REFUSED
                continue
            lately.append(at)
            if self.chance.random() < state.errors:
                cost += SECOND * state.failing
                policy.ended(place, Outcome("failed"), at, at + state.failing)
                at += state.failing
                continue
            first = state.first * self.chance.lognormvariate(0.0, 0.25)
            writing = OUTPUT / state.speed * self.chance.lognormvariate(0.0, 0.15)
            ending.append((at + first + writing, place, Outcome("answered", first, writing), at))
            return cost + state.price + SECOND * (first + writing)
        return cost + FAILED


def best(states: Sequence[State]) -> float:
    """What a request costs that is sent where it is expected to cost least, and then on."""
    places = sorted(states, key=lambda state: state.expected + state.errors * FAILED / 10)
    cost, reached = 0.0, 1.0
    for state in places[:ATTEMPTS]:
        cost += reached * state.expected
        reached *= state.errors
    return cost + reached * FAILED


def steady(states: Sequence[State]) -> World:
    """Endpoints that do not change."""
    kept = [*states]
    return lambda now: kept


def between(base: Sequence[State], place: int, since: float, until: float, **changed: float) -> World:
    """Endpoints one of which is different for a while."""
    usual = [*base]
    different = [replace(state, **changed) if at == place else state for at, state in enumerate(base)]
    return lambda now: different if since <= now < until else usual

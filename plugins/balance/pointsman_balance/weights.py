"""Weights: what share of a model's requests each of its endpoints gets.

The price of a request is adjusted by what errors, refusals, wrong tool calls and waiting cost, its speed is
added, and the share falls steeply for those who are dearer than the best by more than an edge, though never
to nothing: who gets no requests cannot show that he has become better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

import msgspec

from .health import OUTPUT, WAIT, Health

__all__ = ["BALANCED", "TASTE", "Offer", "Rates", "Taste", "Weight", "usual", "weigh"]

BALANCED = "balanced"
"""The name of the picker that goes by weights."""

MASS = 20.0
"""An endpoint's own rates count as if the group's had been seen so many times before."""
ERROR = 8.0
"""What a failure costs, in prices of a request."""
TOOL = 1.0
REFUSAL = 0.5
STEEP = 4
FAR = 1e3
"""Times dearer than the best, from where on it makes no difference."""
FIRST_CONTENT, TOKEN = 0.5, 0.02
"""Seconds that are assumed where no endpoint of a group has shown its own."""
INPUT = 1000.0
"""Tokens of a request, where none has been seen."""


@dataclass(frozen=True, slots=True)
class Taste:
    """What an operator can choose. Up to `edge` dearer than the best an endpoint still gets about half of its
    share; `explored` is the share of requests that goes to endpoints whatever they cost; `patience` are the
    seconds of a user's time that are worth as much as a request costs."""

    edge: float = 0.08
    explored: float = 0.02
    patience: float = 10.0


TASTE = Taste()


class Offer(msgspec.Struct, frozen=True):
    """An endpoint as it stands: its health, the prices of a usual request in nano-USD, uncached and with all
    of its input read from the provider's cache (None where the price is not known), and whether it rests."""

    health: Health
    price: float | None
    price_cached: float | None = None
    resting: bool = False


class Rates(msgspec.Struct, frozen=True):
    """How an endpoint does, drawn to what its group does where little was seen: shares of its requests, and
    seconds; `throughput` are tokens a second after the first content. `room` is the share that is left of its
    limits, `cap` the requests a minute that it is thought to take, `in_flight` those under way."""

    errors: float
    refusals: float
    bad_tools: float
    wait: float
    first_content: float
    throughput: float | None
    room: float
    cap: float | None
    in_flight: int


class Weight(msgspec.Struct, frozen=True, dict=True):
    """What an endpoint's share is made of: `price` in nano-USD as adjusted, `seconds` to a usual answer's
    end, `factor` of headroom, cap and slow start, and the `weight` that comes of it; `share` is its part of
    the weights of its group."""

    price: float
    seconds: float
    factor: float
    weight: float
    share: float
    rates: Rates

    @cached_property
    def _words(self) -> str:
        factor = "" if self.factor == 1 else f", of which {self.factor:.0%} for now"
        return (
            f"{BALANCED}: weight {self.weight:.3g} for ${self.price / 1e9:.3g} a request, failures and "
            f"waits priced in, written in {self.seconds:.3g} s{factor}"
        )

    def __str__(self) -> str:
        return self._words

    def data(self) -> dict[str, Any]:
        """For the record, as JSON data."""
        return {
            "by": BALANCED,
            "weight": self.weight,
            "share": self.share,
            "adjusted_nano": self.price,
            "seconds": self.seconds,
            "factor": self.factor,
            **msgspec.structs.asdict(self.rates),
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Weight:
        """From that data."""
        rates = Rates(**{name: data[name] for name in Rates.__struct_fields__})
        return cls(
            data["adjusted_nano"], data["seconds"], data["factor"], data["weight"], data["share"], rates
        )


@dataclass(frozen=True, slots=True)
class _Pool:
    """What a group does on the whole, to which endpoints that were seen little are likened."""

    errors: float
    refusals: float
    bad_tools: float
    first_content: float
    token: float


def usual(healths: Sequence[Health], now: float) -> tuple[float, float]:
    """Tokens of input and output of a usual request to these endpoints."""
    given = [mean for each in healths if (mean := each.input.value(now)) is not None]
    written = [mean for each in healths if (mean := each.output.value(now)) is not None]
    return (
        sum(given) / len(given) if given else INPUT,
        sum(written) / len(written) if written else OUTPUT,
    )


def weigh(offers: Sequence[Offer], output: float, now: float, taste: Taste = TASTE) -> list[Weight]:
    """The weight of each of a group. `output` is the tokens of a usual answer."""
    pool = _pooled([offer.health for offer in offers], now)
    prices = [_price(offer, now) for offer in offers]
    known = [each for each in prices if each is not None]
    dearest, usual_price = max(known, default=0.0), median(known) if known else 0.0
    second = usual_price / taste.patience or 1.0  # where all is free, time alone counts
    rates = [_rates(offer.health, pool, now) for offer in offers]
    costs = [
        _adjusted(each, dearest if price is None else price, second)
        for price, each in zip(prices, rates, strict=True)
    ]
    seconds = [output / each.throughput if each.throughput is not None else 0.0 for each in rates]
    totals = [cost + second * each for cost, each in zip(costs, seconds, strict=True)]
    least = min(totals)
    floor = taste.explored / len(offers)
    shares = []
    for offer, total in zip(offers, totals, strict=True):
        behind = min(total / least - 1, FAR) if least > 0 else FAR if total > 0 else 0.0
        factor = 0.0 if offer.resting else _factor(offer.health, now)
        shares.append((factor, max(floor, 1 / (1 + (behind / taste.edge) ** STEEP)) * factor))
    whole = sum(weight for _, weight in shares)
    return [
        Weight(cost, each, factor, weight, weight / whole if whole > 0 else 0.0, own)
        for cost, each, (factor, weight), own in zip(costs, seconds, shares, rates, strict=True)
    ]


def _pooled(healths: Sequence[Health], now: float) -> _Pool:
    requests = sum(each.requests.left(now) for each in healths)
    tools = sum(each.tool_requests.left(now) for each in healths)
    first = [each for health in healths if (each := health.first_content.value(now)) is not None]
    token = [each for health in healths if (each := health.token.value(now)) is not None]
    return _Pool(
        errors=sum(each.errors.left(now) for each in healths) / requests if requests else 0.0,
        refusals=sum(each.refusals.left(now) for each in healths) / requests if requests else 0.0,
        bad_tools=sum(each.bad_tools.left(now) for each in healths) / tools if tools else 0.0,
        first_content=median(first) if first else FIRST_CONTENT,
        token=median(token) if token else TOKEN,
    )


def _price(offer: Offer, now: float) -> float | None:
    """The price of a usual request, as much of it cached as usually is there."""
    if offer.price is None or offer.price_cached is None:
        return offer.price
    cached = offer.health.cached.value(now, 0.0, MASS) or 0.0
    return offer.price * (1 - cached) + offer.price_cached * cached


def _rates(health: Health, pool: _Pool, now: float) -> Rates:
    requests = health.requests.left(now)
    token = health.token.value(now, pool.token, 1.0) or 0.0
    return Rates(
        errors=pool.errors if health.tries(now) else _shrunk(health.errors.left(now), requests, pool.errors),
        refusals=_shrunk(health.refusals.left(now), requests, pool.refusals),
        bad_tools=_shrunk(health.bad_tools.left(now), health.tool_requests.left(now), pool.bad_tools),
        wait=health.wait.value(now, WAIT, 1.0) or 0.0,
        first_content=health.first_content.value(now, pool.first_content, 1.0) or 0.0,
        throughput=1 / token if token > 0 else None,
        room=health.headroom.share(now),
        cap=health.cap.cap(now),
        in_flight=health.in_flight,
    )


def _adjusted(rates: Rates, price: float, second: float) -> float:
    worth = price or second
    return (
        price
        + worth * (ERROR * rates.errors + TOOL * rates.bad_tools)
        + second * rates.first_content
        + (second * rates.wait + REFUSAL * worth) * rates.refusals
    )


def _shrunk(count: float, of: float, pool: float) -> float:
    return (count + MASS * pool) / (of + MASS)


def _factor(health: Health, now: float) -> float:
    tokens = (health.input.value(now) or 0.0) + (health.output.value(now) or 0.0)
    return health.headroom.factor(now, tokens) * health.cap.factor(now) * health.slow_start(now)

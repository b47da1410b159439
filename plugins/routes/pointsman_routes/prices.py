"""What endpoints would ask for a request, whoever knows their prices."""

from __future__ import annotations

from fractions import Fraction

from msgspec.structs import replace

from pointsman.catalogue import Endpoint
from pointsman.exchange import Exchange
from pointsman.money import MILLION, Cost
from pointsman.outlook import likely_usage
from pointsman.types import Usage, UsageDetails

__all__ = ["Quotes"]

MANY = 1000


class Quotes:
    """What endpoints ask at this moment for a request of this size, in a service tier that nobody asked for
    by name. Each is asked for a usage once, and what is asked for a part of it is the difference to the usage
    without."""

    def __init__(self, exchange: Exchange, tier: str | None = None) -> None:
        self._exchange = exchange
        self._tier = tier
        self._likely = likely_usage(exchange)
        self._input = self._likely.input
        self._asked: dict[tuple[str, str], Fraction | None] = {}

    def whole(self, endpoint: Endpoint) -> Fraction | None:
        """Nano-USD for all of it; None where that is not known."""
        return self._ask(endpoint, "whole", self._likely)

    def free(self, endpoint: Endpoint) -> bool:
        """Whether it is known to cost nothing."""
        return self.whole(endpoint) == 0

    def part(self, endpoint: Endpoint, kind: str) -> Fraction | None:
        """Nano-USD for one `request` or `image`, or for a million tokens of `prompt`, `completion` or
        `audio`; None where that is not known."""
        if kind in ("request", "image"):  # a request's own images are counted where none are given
            few, more = (
                self._ask(endpoint, f"{count} images", Usage(details=UsageDetails(images=count)))
                for count in (1, 1 + MANY)
            )
            image = _each(few, more, MANY)
            return image if kind == "image" or few is None or image is None else few - image
        nothing = self._ask(endpoint, "nothing", Usage())
        if kind == "audio":
            sound = Usage(self._input, details=UsageDetails(audio_input=self._input))
            return _each(nothing, self._ask(endpoint, kind, sound), self._input, MILLION)
        prompt = self._ask(endpoint, "prompt", Usage(self._input))
        if kind == "prompt":
            return _each(nothing, prompt, self._input, MILLION)
        return _each(prompt, self._ask(endpoint, kind, Usage(self._input, MANY)), MANY, MILLION)

    def _ask(self, endpoint: Endpoint, name: str, usage: Usage) -> Fraction | None:
        key = endpoint.id, name
        if key not in self._asked:
            self._asked[key] = _exact(self._exchange.quote(endpoint, replace(usage, service_tier=self._tier)))
        return self._asked[key]


def _each(without: Fraction | None, among: Fraction | None, units: int, of: int = 1) -> Fraction | None:
    return None if without is None or among is None else (among - without) * of / units


def _exact(cost: Cost | None) -> Fraction | None:
    """A cost in nano-USD before it was rounded."""
    if cost is None:
        return None
    return Fraction(sum(cost.details.values()), MILLION) if cost.details else Fraction(cost.nano)

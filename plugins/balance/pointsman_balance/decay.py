"""Amounts that fade: what happened long ago says little about now."""

from __future__ import annotations

from math import exp

__all__ = ["Fading", "Mean", "Peak"]


class Fading:
    """An amount that halves every `half_life` seconds. Times are monotonic seconds."""

    __slots__ = ("_amount", "_at", "_half_life")

    def __init__(self, half_life: float) -> None:
        self._half_life = half_life
        self._amount = 0.0
        self._at = 0.0

    def add(self, amount: float, now: float) -> None:
        """Add to what is left."""
        self._amount = self.left(now) + amount
        self._at = now

    def fade(self, share: float, now: float) -> None:
        """Keep no more than a share of what is left."""
        self._amount = share * self.left(now)
        self._at = now

    def left(self, now: float) -> float:
        """What is left of it."""
        passed = now - self._at
        if passed <= 0 or not self._amount:
            return self._amount
        left: float = self._amount * 0.5 ** (passed / self._half_life)
        return left


class Mean:
    """The mean of values that fade: a value counts half as much after `half_life` seconds."""

    __slots__ = ("_at", "_half_life", "_sum", "_weight")

    def __init__(self, half_life: float) -> None:
        self._half_life = half_life
        self._sum = self._weight = self._at = 0.0

    def add(self, value: float, now: float, weight: float = 1.0) -> None:
        """Count a value, or so many alike."""
        kept = self._kept(now)
        self._sum = self._sum * kept + value * weight
        self._weight = self._weight * kept + weight
        self._at = now

    def weight(self, now: float) -> float:
        """How many values it still stands for."""
        return self._weight * self._kept(now)

    def value(self, now: float, prior: float | None = None, mass: float = 0.0) -> float | None:
        """The mean, drawn to `prior` as if that had been seen `mass` times; None where nothing is known."""
        if not self._weight:
            return prior
        kept = self._kept(now)
        total, weight = self._sum * kept, self._weight * kept
        if prior is not None:
            total, weight = total + prior * mass, weight + mass
        return total / weight if weight > 1e-9 else prior

    def _kept(self, now: float) -> float:
        passed = now - self._at
        return 0.5 ** (passed / self._half_life) if passed > 0 else 1.0


class Peak:
    """A mean that a higher value lifts at once, and lower ones or none bring down slowly, over `seconds`."""

    __slots__ = ("_at", "_seconds", "_value")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._value = 0.0
        self._at = 0.0

    def add(self, value: float, now: float) -> None:
        """See a value."""
        if value > self._value:
            self._value = value
        else:
            kept = self._kept(now)
            self._value = self._value * kept + value * (1.0 - kept)
        self._at = now

    def left(self, now: float) -> float:
        """What is left of it: an endpoint that nobody went to for a while may have become better."""
        return self._value * self._kept(now)

    def _kept(self, now: float) -> float:
        return exp(-max(0.0, now - self._at) / self._seconds)

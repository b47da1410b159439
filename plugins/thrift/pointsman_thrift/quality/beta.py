"""The beta distribution: what is known of a rate after so many successes and failures."""

from __future__ import annotations

from math import erfc, exp, lgamma, log, log1p, sqrt

__all__ = ["interval", "mean", "normal_above", "quantile", "variance"]

TINY = 1e-300
STEPS = 200
"""Of the continued fraction: it converges in far fewer."""
EPSILON = 1e-12
HALVINGS = 48


def mean(a: float, b: float) -> float:
    """The mean of Beta(a, b)."""
    return a / (a + b)


def variance(a: float, b: float) -> float:
    """The variance of Beta(a, b)."""
    total = a + b
    return a * b / (total * total * (total + 1.0))


def interval(a: float, b: float, share: float = 0.95) -> tuple[float, float]:
    """The middle `share` of Beta(a, b)."""
    tail = (1.0 - share) / 2.0
    return quantile(a, b, tail), quantile(a, b, 1.0 - tail)


def quantile(a: float, b: float, share: float) -> float:
    """The value below which lies `share` of Beta(a, b). Raises ValueError for parameters that are not above
    zero, or a share outside of 0 to 1."""
    if a <= 0 or b <= 0 or not 0 <= share <= 1:
        raise ValueError("a beta distribution has parameters above zero, and shares are from 0 to 1")
    if share in (0.0, 1.0):
        return float(share)
    low, high = 0.0, 1.0
    front = lgamma(a + b) - lgamma(a) - lgamma(b)
    x = a / (a + b)
    for _ in range(HALVINGS):
        missing = _below(a, b, x) - share
        if missing > 0:
            high = x
        else:
            low = x
        density = exp(front + (a - 1.0) * log(x) + (b - 1.0) * log1p(-x)) if 0.0 < x < 1.0 else 0.0
        step = missing / density if density > TINY else 0.0
        near = low < x - step < high and step
        x, before = (x - step if near else (low + high) / 2.0), x  # Newton's step, where it leads on
        if abs(x - before) < EPSILON:
            break
    return x


def normal_above(mean: float, variance: float) -> float:
    """The probability that a normal variable is above zero."""
    if variance <= 0:
        return 1.0 if mean > 0 else 0.5 if mean == 0 else 0.0
    return 0.5 * erfc(-mean / sqrt(2.0 * variance))


def _below(a: float, b: float, x: float) -> float:
    """How much of Beta(a, b) lies below x: the regularised incomplete beta function (DLMF 8.17)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, 1.0 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1.0))
    result = d
    for step in range(1, STEPS):
        even = step * (b - step) * x / ((a + 2 * step - 1.0) * (a + 2 * step))
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1.0))
        for term in (even, odd):
            d = 1.0 / _away(1.0 + term * d)
            c = _away(1.0 + term / c)
            result *= c * d
        if abs(c * d - 1.0) < EPSILON:
            break
    return result


def _away(value: float) -> float:
    """A value that one may divide by."""
    return value if abs(value) > TINY else TINY

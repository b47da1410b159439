"""Ridge: least squares with a penalty, for a few features and several targets at once."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from operator import mul

from pointsman_thrift.equations import solve

__all__ = ["Standard", "ridge"]

FLAT = 1e-9


class Standard:
    """Features moved and scaled so that in the rows at hand each has mean 0 and variance 1; those that do not
    vary are 0."""

    def __init__(self, means: Sequence[float], scales: Sequence[float]) -> None:
        self.means, self.scales = [*means], [*scales]

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]]) -> Standard:
        """By these rows."""
        count = len(rows)
        means, scales = [], []
        for column in zip(*rows, strict=True):
            mean = sum(column) / count
            spread = sqrt(max(0.0, sum(map(mul, column, column)) / count - mean * mean))
            means.append(mean)
            scales.append(1.0 / spread if spread > FLAT * (1.0 + abs(mean)) else 0.0)
        return cls(means, scales)

    def __call__(self, row: Sequence[float]) -> list[float]:
        return [(each - mean) * scale for each, mean, scale in zip(row, self.means, self.scales, strict=True)]


def ridge(
    rows: Sequence[Sequence[float]], targets: Sequence[Sequence[float]], penalty: float
) -> list[list[float]]:
    """For each target the coefficients that fit it best, where `penalty` counts as so many rows of 0."""
    columns = [*zip(*rows, strict=True)]
    goals = [*zip(*targets, strict=True)]
    size = len(columns)
    products = [[0.0] * size for _ in range(size)]
    for i, column in enumerate(columns):
        for j in range(i, size):
            products[i][j] = products[j][i] = sum(map(mul, column, columns[j]))
        products[i][i] += penalty
    right = [[sum(map(mul, column, goal)) for goal in goals] for column in columns]
    return [[*each] for each in zip(*solve(products, right), strict=True)]

"""Equations: small systems of linear ones, solved as they stand."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["solve"]

FLAT = 1e-9


def solve(matrix: Sequence[Sequence[float]], right: Sequence[Sequence[float]]) -> list[list[float]]:
    """Solve a system of linear equations for several right sides, by elimination with pivots. A variable that
    nothing determines is 0."""
    size = len(matrix)
    rows = [[*row, *sides] for row, sides in zip(matrix, right, strict=True)]
    for i in range(size):
        pivot = max(range(i, size), key=lambda place: abs(rows[place][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        if abs(rows[i][i]) < FLAT:
            continue
        for j in range(i + 1, size):
            factor = rows[j][i] / rows[i][i]
            if factor:
                rows[j] = [a - factor * b for a, b in zip(rows[j], rows[i], strict=True)]
    found = [[0.0] * (len(rows[0]) - size) for _ in range(size)]
    for i in reversed(range(size)):
        if abs(rows[i][i]) < FLAT:
            continue
        for side in range(len(found[i])):
            known = sum(rows[i][j] * found[j][side] for j in range(i + 1, size))
            found[i][side] = (rows[i][size + side] - known) / rows[i][i]
    return found

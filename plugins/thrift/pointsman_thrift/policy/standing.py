"""Standing: how models stand to each other at a task, as far as it does not depend on the request."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from pointsman_thrift.quality import Estimate, Paired, Quality

__all__ = ["Standing", "standing"]


@dataclass(frozen=True, slots=True)
class Standing:
    """By the places of models: their estimates, how much better the reference is than each (None at its own
    place), and the standard deviation of that. `place` is the reference's."""

    place: int
    estimates: tuple[Estimate, ...]
    pairs: tuple[Paired | None, ...]
    deviations: tuple[float, ...]


def standing(task: str, models: tuple[str, ...], quality: Quality, least: float, at: float) -> Standing:
    """How models stand. The reference, against which losses are counted, is the best of those that have been
    seen enough, with `least` labels, and of the first, which the operator put there."""
    return quality.remembered((task, models, least), at, lambda: _found(task, models, quality, least, at))


def _found(task: str, models: tuple[str, ...], quality: Quality, least: float, at: float) -> Standing:
    estimates = tuple(quality.estimate(task, model, at) for model in models)
    best = 0
    for place in range(1, len(models)):
        pair = quality.paired(task, models[place], models[best], at)
        if pair.labels >= least:
            better = pair.mean > 0
        else:
            better = estimates[place].n >= least and estimates[place].mean > estimates[best].mean
        best = place if better else best
    pairs = tuple(
        None if place == best else quality.paired(task, models[best], model, at)
        for place, model in enumerate(models)
    )
    deviations = tuple(0.0 if pair is None else sqrt(pair.variance) for pair in pairs)
    return Standing(best, estimates, pairs, deviations)

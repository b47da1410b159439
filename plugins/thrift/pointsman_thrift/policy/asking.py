"""Asking: whose answer to a request is worth having besides the one that was served."""

from __future__ import annotations

from math import inf, sqrt
from random import Random

from .choosing import Choice
from .weighing import Weighed

__all__ = ["rival"]

WORTH = 2.0
"""Shares of the reference's cost that a share of quality is worth."""
FEWEST = 0.25
"""The share that goes to the model with the fewest labels."""


def rival(choice: Choice, chance: Random) -> str | None:
    """The model that a second answer should be had of, to be compared with the one that was served; None
    where there is no other.

    Where another than the reference was served it is the reference: that is how losses are measured. Else it
    is mostly the one that looks like the best bargain when its loss is drawn from what is known of it
    (Thompson sampling), so that labels go where they decide something; and now and then the one that has
    fewest, so that none is forgotten.
    """
    if choice.model != choice.reference:
        return choice.reference
    reference = next(each for each in choice.weighed if each.model == choice.reference)
    others = [each for each in choice.weighed if each.model != choice.reference]
    if others and chance.random() < FEWEST:
        return min(others, key=lambda each: each.pairs).model
    drawn = {each.model: _bargain(each, reference, chance) for each in others}
    return max(drawn, key=drawn.__getitem__) if drawn else None


def _bargain(model: Weighed, reference: Weighed, chance: Random) -> float:
    """What a model would save less what it would lose, if things are as drawn from what is known."""
    spread = sqrt(model.pair.variance) if model.pair is not None else 0.0
    loss = chance.gauss(model.loss, spread)
    known = 0 < reference.price < inf and model.price < inf
    saved = 1.0 - model.price / reference.price if known else 0.0
    return max(saved, -1.0) - WORTH * loss

"""Prices: what answers cost, from the data, from prices that are given, or assumed and said so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .rows import Answer, Row

__all__ = ["Price", "costed", "price_of"]

NANO = 1e9
MILLION = 1e6
BYTES_PER_TOKEN = 4
OUTPUT = 250
"""Tokens of an answer, where nothing tells."""
PER_BILLION = 0.012
"""USD per million tokens for each billion of a model's parameters: about what open models are sold for."""
RATIO, RANGE = 3.0, 300.0
"""How much dearer the next better model is taken to be, where not even its size is known, and the best than
the worst at most."""
SIZE = re.compile(r"(?<![\d.])(?:(\d{1,3})x)?(\d{1,4}(?:\.\d+)?)b(?![a-z0-9])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens."""

    input: float
    output: float


def price_of(text: str) -> tuple[str, Price]:
    """A price as it is given on a command line: `model=input,output`. Raises ValueError."""
    model, equals, said = text.rpartition("=")
    try:
        given, written = (float(each) for each in said.split(","))
        if not equals or not model or given < 0 or written < 0:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"{text!r} is no price: write model=0.25,1.25, USD per million tokens in and out"
        ) from None
    return model, Price(given, written)


def costed(
    rows: Sequence[Row], models: Sequence[str], prices: Mapping[str, Price], ranked: Sequence[str]
) -> tuple[list[tuple[float, ...]], str]:
    """The cost in nano-USD of each row's answers, in the order of `models`, and in words where that is from.
    `ranked` are the models, the worst first."""
    unknown = [model for model in models if model not in prices and not _known(rows, model)]
    if not unknown:
        costs = [tuple(_cost(row, model, prices) for model in models) for row in rows]
        return costs, _told(rows, models, prices)
    sizes = {model: size for model in models if (size := _size(model)) is not None}
    if len(sizes) == len(models):
        assumed = {model: Price(PER_BILLION * size, PER_BILLION * size) for model, size in sizes.items()}
        told = f"assumed: ${PER_BILLION:g} per million tokens for each billion parameters in a model's name"
    else:
        ratio = min(RATIO, RANGE ** (1.0 / max(1, len(ranked) - 1)))
        assumed = {model: Price(ratio**place, ratio**place) for place, model in enumerate(ranked)}
        told = f"assumed: each model costs {ratio:.3g} times as much as the next worse, no prices are known"
    costs = [tuple(_by_tokens(row, row.answers[model], assumed[model]) for model in models) for row in rows]
    return costs, f"{told}; {_counted(rows, models)}; give prices with --price"


def _known(rows: Sequence[Row], model: str) -> bool:
    return all(row.answers[model].cost is not None for row in rows)


def _cost(row: Row, model: str, prices: Mapping[str, Price]) -> float:
    answer = row.answers[model]
    if model in prices:
        return _by_tokens(row, answer, prices[model])
    return (answer.cost or 0.0) * NANO


def _by_tokens(row: Row, answer: Answer, price: Price) -> float:
    given = len(row.prompt) // BYTES_PER_TOKEN + 1 if answer.input is None else answer.input
    written = OUTPUT if answer.output is None else answer.output
    return (given * price.input + written * price.output) / MILLION * NANO


def _told(rows: Sequence[Row], models: Sequence[str], prices: Mapping[str, Price]) -> str:
    given = [model for model in models if model in prices]
    if not given:
        return "from the data"
    others = "" if len(given) == len(models) else ", the others' from the data"
    return f"from the prices given{others}; {_counted(rows, given)}"


def _counted(rows: Sequence[Row], models: Sequence[str]) -> str:
    """How tokens were counted."""
    answers = [row.answers[model] for row in rows for model in models]
    given = all(each.input is not None for each in answers)
    written = all(each.output is not None for each in answers)
    if given and written:
        return "tokens from the data"
    parts = [] if given else [f"a token for {BYTES_PER_TOKEN} characters of the prompt"]
    parts += [] if written else [f"{OUTPUT} tokens of answer"]
    return f"tokens assumed where not known: {' and '.join(parts)}"


def _size(model: str) -> float | None:
    """Billions of parameters by a model's name, `8x7b` being 56."""
    found = SIZE.search(model)
    if found is None:
        return None
    times, size = found.groups()
    return float(size) * (int(times) if times else 1)

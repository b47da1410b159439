"""Worlds: questions and models made up, with outcomes that follow rules that the tests know."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Row = tuple[str, str, list[float]]
"""A prompt, its task, and the outcome of each model."""
THINGS = "apples coins stamps trees lamps books rivers clouds shoes bells ships keys roads stones".split()  # noqa: SIM905
PLACES = "Lima Oslo Cairo Quito Delhi Seoul Accra Paris Tunis Minsk Hanoi Dakar".split()  # noqa: SIM905


def sums(chance: Random) -> str:
    """A question of arithmetic."""
    a, b = chance.randrange(10, 999), chance.randrange(10, 999)
    thing, place = chance.choice(THINGS), chance.choice(PLACES)
    return f"A shop in {place} has {a} {thing} and buys {b} more. How many {thing} are there now?"


def facts(chance: Random) -> str:
    """A question of knowledge."""
    thing, place = chance.choice(THINGS), chance.choice(PLACES)
    return f"What are the {thing} of {place} famous for, and since when have people gone there to see them?"


def mixed(count: int, seed: int, good: Callable[[str, int], float], models: int = 2) -> list[Row]:
    """As many questions, half of arithmetic and half of knowledge; `good` is the chance that a model's answer
    to a task is good."""
    chance = Random(seed)
    rows = []
    for _ in range(count):
        task = chance.choice(["maths", "trivia"])
        prompt = sums(chance) if task == "maths" else facts(chance)
        rows.append((prompt, task, [float(chance.random() < good(task, model)) for model in range(models)]))
    return rows


def strong_at_maths(task: str, model: int) -> float:
    """Model 1 is better at maths, and no better at trivia."""
    return {("maths", 0): 0.3, ("maths", 1): 0.9}.get((task, model), 0.7)


def alike(task: str, model: int) -> float:
    """Model 1 is better by as much everywhere: nothing tells where."""
    return 0.5 + 0.2 * model

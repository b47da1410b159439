"""What comparisons teach about prompts."""

from __future__ import annotations

import json
from random import Random
from types import SimpleNamespace
from typing import Any

from pointsman.types import Request
from pointsman_thrift.live.lessons import Lessons, features_of

from .worlds import facts, sums


def asking(prompt: str) -> Any:
    body = {"model": "x", "messages": [{"role": "user", "content": prompt}]}
    raw = json.dumps(body).encode()
    return SimpleNamespace(request=Request(raw))


async def learned(count: int) -> Lessons:
    """Of two models one fails at arithmetic, and nobody says that this is a task."""
    chance, lessons = Random(3), Lessons()
    for number in range(count):
        prompt = (sums if number % 2 else facts)(chance)
        good = float(number % 2 == 0)
        lessons.observe(features_of(asking(prompt), None), ("large", "small"), (1.0, good))
    await lessons.learn()
    return lessons


async def test_what_a_model_fails_at_is_learned_within_one_task() -> None:
    lessons, chance = await learned(400), Random(9)
    hard = [lessons.gains(asking(sums(chance)), "general", "large").get("small", 0.0) for _ in range(20)]
    easy = [lessons.gains(asking(facts(chance)), "general", "large").get("small", 0.0) for _ in range(20)]
    assert max(hard) < -0.1
    assert min(easy) > 0.1


async def test_nothing_is_said_before_enough_is_known_or_of_others() -> None:
    few = await learned(60)
    assert few.gains(asking("What is 2 + 2?"), "general", "large") == {}
    many = await learned(400)
    assert many.gains(asking("What is 2 + 2?"), "general", "another") == {}


async def test_either_model_may_be_the_one_that_is_compared_with() -> None:
    lessons, chance = await learned(400), Random(9)
    gains = lessons.gains(asking(sums(chance)), "general", "small")
    assert gains["large"] > 0.1

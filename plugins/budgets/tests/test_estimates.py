"""Estimates: as much as a request allows, else as much as was seen, and never less than that at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pointsman.types import Peek, Usage
from pointsman_budgets.estimates import MOST_ENDPOINTS, Estimates


def asked(peek: Peek, *, surface: str = "chat") -> Any:
    """An exchange that asks this, and was answered by the one endpoint there is."""
    endpoint = SimpleNamespace(id="lab/large")
    return SimpleNamespace(peek=peek, surface=surface, attempts=[SimpleNamespace(endpoint=endpoint)])


def estimated(estimates: Estimates, peek: Peek, **more: Any) -> tuple[int, int]:
    """Tokens of input and output."""
    exchange = asked(peek, **more)
    usage = estimates.usage(exchange, exchange.attempts[0])
    return usage.input, usage.output


@pytest.mark.parametrize(
    ("peek", "surface", "expected"),
    [
        (Peek("m", characters=400), "chat", (101, 1000)),
        (Peek("m", characters=400, max_tokens=20), "chat", (101, 20)),
        (Peek("m", characters=400, max_tokens=20, choices=3), "chat", (101, 60)),
        (Peek("m", characters=400, max_tokens=0), "chat", (101, 0)),
        (Peek("m", characters=400), "embeddings", (101, 0)),
    ],
)
def test_before_anything_was_seen(peek: Peek, surface: str, expected: tuple[int, int]) -> None:
    assert estimated(Estimates(1000), peek, surface=surface) == expected


def test_output_is_what_long_answers_had() -> None:
    estimates, peek = Estimates(1000), Peek("m", characters=4)
    estimates.learn(asked(peek), Usage(1, 50))
    assert estimated(estimates, peek)[1] == 51
    estimates.learn(asked(peek), Usage(1, 300))
    assert estimated(estimates, peek)[1] == 301, "at once as much as the longest"
    estimates.learn(asked(peek), Usage(1, 0))
    assert estimated(estimates, peek)[1] == 295, "and slowly less"


def test_input_is_by_the_bytes_that_tokens_had() -> None:
    estimates, peek = Estimates(1000), Peek("m", characters=2000)
    for _ in range(100):
        estimates.learn(asked(peek), Usage(1000, 10))
    assert 990 <= estimated(estimates, peek)[0] <= 1001


def test_what_is_an_estimate_itself_teaches_nothing() -> None:
    estimates, peek = Estimates(1000), Peek("m", characters=4)
    estimates.learn(asked(peek), Usage(1, 5, estimated=True))
    assert estimated(estimates, peek)[1] == 1000


def test_what_is_learnt_has_a_bound() -> None:
    estimates = Estimates(1000)
    estimates._learnt = dict.fromkeys(map(str, range(MOST_ENDPOINTS)))  # type: ignore[assignment,arg-type]
    peek = Peek("m", characters=4)
    estimates.learn(asked(peek), Usage(1, 50))
    assert (len(estimates._learnt), estimated(estimates, peek)[1]) == (1, 51)

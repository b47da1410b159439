"""The outlook: what a request will likely use, and what records say of prices."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pointsman.chain import Chain, Link
from pointsman.decision import Decision
from pointsman.errors import BadRequest
from pointsman.exchange import Actor, Exchange
from pointsman.money import Cost
from pointsman.outlook import TYPICAL, Quote, decided, likely_usage, used
from pointsman.types import Peek, Usage

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 27, 22, tzinfo=UTC)


class Words:
    """A reason with numbers."""

    def __str__(self) -> str:
        return "cheap: 3 of 4"

    def data(self) -> dict[str, Any]:
        return {"by": "cheap", "value": 3}


def exchange(peek: Peek, *, surface: str = "chat", quote: Any = None, price: Any = None) -> Exchange:
    """As far as it is looked at: one candidate, and those who tell prices."""
    links = (Link("mine", quote, is_async=False),) if quote is not None else ()
    endpoint = SimpleNamespace(id="lab/m", provider=SimpleNamespace(name="lab"))
    found = SimpleNamespace(
        at=AT,
        peek=peek,
        surface=surface,
        dialect="mine",
        actor=Actor("alice", "key-1"),
        decision=Decision("a/m"),
        pricing=None,
        quote=price or (lambda endpoint, usage: None),
        setup=SimpleNamespace(chains=SimpleNamespace(quote_usage=Chain("quote_usage", links, None))),
        candidates=[SimpleNamespace(endpoint=endpoint, model="a/m", reasons=["first", Words()], way=None)],
    )
    return cast(Exchange, found)


@pytest.mark.parametrize(
    ("peek", "surface", "expected"),
    [
        (Peek("a/m", characters=399), "chat", Usage(100, TYPICAL)),
        (Peek("a/m", characters=0, max_tokens=20), "chat", Usage(1, 20)),
        (Peek("a/m", characters=4, max_tokens=9_000), "chat", Usage(2, TYPICAL)),
        (Peek("a/m", characters=4, max_tokens=9), "embeddings", Usage(2, 0)),
    ],
)
def test_what_a_request_will_use_goes_by_its_length_and_bound(
    peek: Peek, surface: str, expected: Usage
) -> None:
    assert likely_usage(exchange(peek, surface=surface)) == expected


def test_a_record_has_prices_now_and_next_and_the_numbers_of_reasons() -> None:
    def quote(asked: Exchange, usage: Usage, at: datetime) -> Quote:
        assert cast(Any, asked).pricing.id == "lab/m"
        return Quote(Cost(at.hour * usage.output), LATER)

    asked = exchange(Peek("a/m", max_tokens=2, stream=True, models=("b/n",)), quote=quote)
    record = decided(asked)
    (candidate,) = record["candidates"]
    assert candidate["price"] == {"nano": 24, "next": {"at": LATER.isoformat(), "nano": 44}}
    assert candidate["reasons"] == ["first", "cheap: 3 of 4"]
    assert candidate["scores"] == [{"by": "cheap", "value": 3}]
    assert record["request"] == {
        "surface": "chat",
        "dialect": "mine",
        "key": "alice",
        "models": ["b/n"],
        "stream": True,
        "tools": False,
        "characters": 0,
        "max_tokens": 2,
        "input": 1,
        "output": 2,
    }
    assert asked.pricing is None


def test_a_price_that_nobody_tells_ahead_is_that_of_now_and_an_unknown_one_is_null() -> None:
    told = exchange(Peek("a/m"), price=lambda endpoint, usage: Cost(7))
    assert decided(told)["candidates"][0]["price"] == {"nano": 7}
    assert decided(exchange(Peek("a/m")))["candidates"][0]["price"] == {"nano": None}

    def refuse(endpoint: object, usage: Usage) -> Cost:
        raise BadRequest("its images cannot be read")

    assert decided(exchange(Peek("a/m"), price=refuse))["candidates"][0]["price"] == {"nano": None}


def test_what_was_used_is_told_as_far_as_it_is_known() -> None:
    asked = exchange(Peek("a/m"))
    asked.usage = None
    assert used(asked) is None
    asked.usage = Usage(9, 4, 2)
    assert used(asked) == {"input": 9, "output": 4, "cache_read": 2, "cache_write": 0}


def test_values_that_no_rule_looked_at_are_read_for_the_record_and_those_that_were_stay() -> None:
    asked = exchange(Peek("a/m"))
    asked.decision.values = {"key": "alice"}
    asked.decision.further = lambda each: {"key": "later", "tokens": each.peek.characters}
    assert decided(asked)["values"] == {"key": "alice", "tokens": 0}

"""What endpoints ask, by parts."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from fractions import Fraction
from typing import Any

import pytest

from pointsman.exchange import Exchange
from pointsman_routes.prices import Quotes

Decided = Callable[..., AbstractAsyncContextManager[Exchange]]
NANO = 10**9


def body(**fields: Any) -> bytes:
    messages = [{"role": "user", "content": "x" * 4000}]
    return json.dumps({"model": "acme/tiny", "models": ["big"], "messages": messages, **fields}).encode()


@pytest.mark.parametrize(
    ("kind", "lab", "spare"),
    [
        ("prompt", 2, 1),
        ("completion", 8, 9),
        ("request", Fraction(1, 100), 0),
        ("image", Fraction(5, 1000), 0),
        ("audio", 40, 1),
    ],
)
async def test_each_part_is_asked_for_alone(decided: Decided, kind: str, lab: Any, spare: Any) -> None:
    async with decided("", body()) as exchange:
        quotes = Quotes(exchange)
        endpoints = {each.endpoint.id: each.endpoint for each in exchange.candidates}
        assert quotes.part(endpoints["lab/large"], kind) == lab * NANO
        assert quotes.part(endpoints["spare/large"], kind) == spare * NANO
        assert quotes.part(endpoints["lab/tiny"], kind) == 0


async def test_the_whole_of_a_request(decided: Decided) -> None:
    async with decided("", body(max_tokens=100)) as exchange:
        quotes = Quotes(exchange)
        endpoints = {each.endpoint.id: each.endpoint for each in exchange.candidates}
        tokens = exchange.peek.characters // 4 + 1
        assert quotes.whole(endpoints["lab/large"]) == (tokens * 2 + 100 * 8) * 1000 + NANO // 100
        assert quotes.free(endpoints["lab/tiny"])
        assert not quotes.free(endpoints["spare/large"])


async def test_a_long_answer_is_not_expected(decided: Decided) -> None:
    async with decided("", body(max_tokens=100_000)) as exchange:
        tiny = exchange.candidates[0].endpoint
        tokens = exchange.peek.characters // 4 + 1
        assert Quotes(exchange).whole(tiny) == (tokens * 1 + 500 * 9) * 1000


async def test_an_unknown_price_is_unknown_in_each_part(decided: Decided) -> None:
    async with decided(
        "", json.dumps({"model": "fast", "messages": [{"role": "user", "content": ""}]}).encode()
    ) as exchange:
        small, quotes = exchange.candidates[0].endpoint, Quotes(exchange)
        assert quotes.whole(small) is None
        assert not quotes.free(small)
        assert [
            quotes.part(small, kind) for kind in ("prompt", "completion", "request", "image", "audio")
        ] == [None] * 5

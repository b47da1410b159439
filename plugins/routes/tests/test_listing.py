"""Which endpoints of a plan's models are looked at further."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from pointsman.errors import NotFound
from pointsman.exchange import Exchange
from pointsman.setup import Setup

Decided = Callable[..., AbstractAsyncContextManager[Exchange]]
Facts = Callable[..., Callable[[Setup], None]]


def body(most: int) -> bytes:
    return b'{"model":"acme/large","messages":[{"role":"user","content":"Hello"}],"max_tokens":%d}' % most


@pytest.mark.parametrize(
    ("most", "expected"),
    [(100, ["lab/large", "spare/large"]), (101, ["spare/large"]), (2000, ["spare/large"])],
)
async def test_who_writes_less_than_is_asked_for_is_left_out(
    decided: Decided, facts: Facts, most: int, expected: list[str]
) -> None:
    prepare = facts(lab_large={"max_output": 100})
    async with decided("", body(most), prepare=prepare) as exchange:
        assert [each.endpoint.id for each in exchange.candidates] == expected
        told = [(each.endpoint, each.why) for each in exchange.decision.excluded]
    assert told == [("lab/large", "max_tokens: it writes 100 tokens at most")] * (len(expected) == 1)


async def test_nobody_who_writes_enough_is_told(decided: Decided, facts: Facts) -> None:
    prepare = facts(lab_large={"max_output": 100}, spare_large={"max_output": 200})
    with pytest.raises(NotFound) as caught:
        async with decided("", body(1000), prepare=prepare):
            pass
    reasons = [each["why"] for each in caught.value.extra["excluded_by"]]
    assert reasons == [f"max_tokens: it writes {most} tokens at most" for most in (100, 200)]


async def test_a_model_that_is_not_there_is_left_out_and_others_are_in_order(decided: Decided) -> None:
    raw = b'{"models":["acme/tiny","acme/none","big"],"messages":[{"role":"user","content":"Hello"}]}'
    async with decided("", raw) as exchange:
        assert [each.endpoint.id for each in exchange.candidates] == ["spare/large", "lab/tiny", "lab/large"]
        assert [(each.endpoint, each.why) for each in exchange.decision.excluded] == [
            ("acme/none", "no such model")
        ]
        assert exchange.candidates[0].reasons[0] == "1st choice: model acme/tiny, endpoint 1 of 2"

"""What attempts have used and cost, each for itself and together."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.config import read_text
from pointsman.errors import BadRequest
from pointsman.exchange import Candidate, Exchange
from pointsman.gateway import Gateway
from pointsman.money import Cost
from pointsman.setup import assemble
from pointsman.spending import account, sum_usage, writers
from pointsman.types import Usage, UsageDetails

CONFIG = """
plugins: {keys: {}, openai: {}, vendors: {}, routes: {}, prices: {}}
providers:
  one: {base_url: "http://127.0.0.1:9/v1", price: {input: 1, output: 2, source: list one}}
  two: {base_url: "http://127.0.0.1:9/v1", price: {input: 3, output: 4, source: list two}}
  gift: {base_url: "http://127.0.0.1:9/v1"}
models: {demo/model: {endpoints: [one/m, two/m, gift/m]}}
"""
ONE, TWO, GIFT = 0, 1, 2
SMALL, LARGE = Usage(10, 1, 2, 3, 1), Usage(1000, 100, estimated=True)


def tried(*attempts: tuple[int, Usage | None]) -> Exchange:
    """An exchange whose attempts at these endpoints have used so much."""
    document = read_text(CONFIG, name="proxy.yaml", env={}, base=Path())
    gateway = Gateway(assemble(document, env={}))
    exchange = Exchange(gateway, gateway.setup.dialects.get("openai-chat", "chat"), {})
    for place, usage in attempts:
        endpoint = gateway.setup.catalogue.models["demo/model"].endpoints[place]
        exchange.begin_attempt(Candidate(endpoint, "demo/model")).usage = usage
    return exchange


def test_a_single_attempt_is_all_there_is() -> None:
    exchange = tried((ONE, SMALL))
    assert account(exchange) is exchange.usage is SMALL
    assert exchange.cost is exchange.attempts[0].cost
    assert exchange.cost == Cost(12_000, {"input": 5000 * 10**6} | PARTS, "list one")


PARTS = {"output": 2000 * 10**6, "cache_read": 2000 * 10**6, "cache_write": 3000 * 10**6}


def test_attempts_that_used_nothing_leave_the_answer_as_it_is() -> None:
    exchange = tried((GIFT, None), (ONE, None), (TWO, SMALL))
    assert account(exchange) is exchange.usage is SMALL
    assert exchange.cost is exchange.attempt.cost
    assert exchange.cost.source == "list two"
    assert [attempt.cost for attempt in exchange.attempts[:2]] == [None, None]


def test_all_that_was_used_is_paid_and_the_usage_is_the_answers() -> None:
    exchange = tried((ONE, LARGE), (GIFT, None), (TWO, SMALL))
    assert account(exchange) == Usage(1010, 101, 2, 3, 1, estimated=True)
    assert exchange.usage is SMALL
    nano = [attempt.cost.nano if attempt.cost else None for attempt in exchange.attempts]
    assert nano == [1_200_000, None, 34_000]
    cost = exchange.cost
    assert (cost.nano, cost.billed) == (1_234_000, 1_234_000)
    assert sum(cost.details.values()) == cost.nano * 10**6
    assert cost.source == "list one; list two; with failed attempts"


def test_a_failure_behind_one_that_cost_something() -> None:
    exchange = tried((ONE, LARGE), (TWO, None))
    assert account(exchange) == LARGE
    assert (exchange.usage, exchange.cost.nano) == (None, 1_200_000)


@pytest.mark.parametrize("attempts", [((GIFT, LARGE), (ONE, SMALL)), ((ONE, SMALL), (GIFT, LARGE))])
def test_a_sum_is_not_known_where_one_of_its_parts_is_not(attempts: tuple[tuple[int, Usage], ...]) -> None:
    exchange = tried(*attempts)
    assert account(exchange) == Usage(1010, 101, 2, 3, 1, estimated=True)
    assert exchange.cost is None
    assert sorted(attempt.cost.nano if attempt.cost else 0 for attempt in exchange.attempts) == [0, 12_000]


def test_nothing_was_tried() -> None:
    exchange = tried()
    assert account(exchange) is exchange.usage is exchange.cost is None


def test_a_price_that_fails_leaves_the_attempt_unpriced_and_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise BadRequest("the list is gone")

    monkeypatch.setattr("pointsman.spending.first_sync", fail)
    exchange = tried((ONE, SMALL))
    assert account(exchange) is SMALL
    assert exchange.cost is None
    assert f"{exchange.request_id} cannot be priced: the list is gone" in caplog.text


def test_an_answer_that_another_went_on_with_has_used_what_both_have() -> None:
    exchange = tried((ONE, SMALL), (GIFT, None), (TWO, LARGE))
    cut, refused, rest = exchange.attempts
    cut.first_content, rest.first_content = 5.0, 9.0
    rest.candidate.seam = NoSeam
    assert writers(exchange.attempts) == [cut, rest]
    assert account(exchange) == exchange.usage == Usage(1010, 101, 2, 3, 1, estimated=True)
    assert exchange.first_content == 5.0, "what the client saw first"
    assert (cut.cost, rest.cost, refused.cost) != (None, None, None)
    assert exchange.cost is not None
    assert exchange.cost.nano == 12_000 + 3_400_000


class NoSeam:
    """A `Seam` that takes nothing out."""

    def feed(self, text: str) -> str:
        return text

    def finish(self) -> str:
        return ""


def test_rare_counts_and_what_is_billed_are_summed_where_they_are_told() -> None:
    one = Usage(1, 2, details=UsageDetails(images=1, searches=2), reported_nano=5, service_tier="flex")
    two = Usage(3, 4, details=UsageDetails(searches=1), reported_nano=7, service_tier="default")
    assert sum_usage((one, two)) == Usage(
        4, 6, details=UsageDetails(images=1, searches=3), reported_nano=12, service_tier="default"
    )
    assert sum_usage((one, Usage(3, 4))).reported_nano is None
    assert sum_usage(()) == Usage()

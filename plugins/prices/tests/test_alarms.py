"""Alarms: once an hour for each endpoint."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pointsman.catalogue import Catalogue, Endpoint, Model
from pointsman.exchange import Attempt, Candidate, Exchange
from pointsman.money import Cost, drifts
from pointsman.providers import Provider
from pointsman_prices.alarms import HOUR, Alarms

LAB = Provider("lab", kind="lab", dialects=frozenset())
LARGE = Endpoint(LAB, "large")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("cost", "reported", "drifted"),
    [
        *[(100, 100, False), (101, 100, False), (102, 100, True), (99, 100, False), (98, 100, True)],
        *[(0, 0, False), (1, 0, True), (0, 1, True)],
    ],
)
def test_a_bill_drifts_beyond_one_per_cent(cost: int, reported: int, drifted: bool) -> None:
    assert drifts(cost, reported) is drifted


def test_a_drift_is_told_once_an_hour_for_each_endpoint(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    alarms = Alarms(clock)
    cost = Cost(2_000_000, {}, "the list")
    with caplog.at_level(logging.WARNING):
        for endpoint in (LARGE, LARGE, Endpoint(LAB, "small")):
            alarms.bill(endpoint, cost, 1_000_000)
        alarms.bill(Endpoint(LAB, "exact"), cost, 2_000_000)
        clock.now = HOUR + 1
        alarms.bill(LARGE, cost, 1_000_000)
    told = [record.getMessage() for record in caplog.records]
    assert [text.split()[0] for text in told] == ["lab/large", "lab/small", "lab/large"]
    assert "reports a bill of 0.001 USD" in told[0]
    assert "0.002 USD by the price from the list" in told[0]


def exchange() -> Exchange:
    catalogue = Catalogue({"lab": LAB})
    catalogue.add(Model("acme/large", [LARGE], aliases=("acme-xl",)))
    made: Any = SimpleNamespace(setup=SimpleNamespace(catalogue=catalogue), notes={})
    return cast(Exchange, made)


@pytest.mark.parametrize("served", ["large", "Large-2026-11-01", "acme/large", "acme-xl"])
def test_the_model_under_any_of_its_names_is_no_alarm(served: str, caplog: pytest.LogCaptureFixture) -> None:
    asked = exchange()
    Alarms().model(asked, Attempt(1, Candidate(LARGE, "acme/large")), served)
    assert not asked.notes
    assert not caplog.records


def test_another_model_is_told_once_an_hour_and_noted_every_time(caplog: pytest.LogCaptureFixture) -> None:
    alarms = Alarms()
    attempt = Attempt(1, Candidate(LARGE, "acme/large"))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            asked = exchange()
            alarms.model(asked, attempt, "small")
            assert asked.notes == {"served": "small"}
        alarms.model(exchange(), Attempt(1, Candidate(Endpoint(LAB, "x"), "unlisted")), "y")
    texts = [record.getMessage() for record in caplog.records]
    assert len(texts) == 2
    assert "lab/large answered with model 'small'" in texts[0]
    assert "an alias of acme/large" in texts[0]


def test_of_names_without_end_only_the_beginning_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    alarms, long = Alarms(), "y" * 100_000
    attempt = Attempt(1, Candidate(Endpoint(LAB, "x" * 100_000), "lab/" + "x" * 100_000))
    with caplog.at_level(logging.WARNING):
        asked = exchange()
        alarms.model(asked, attempt, long)
        alarms.bill(attempt.endpoint, Cost(2), 1)
    assert asked.notes == {"served": "y" * 200}
    assert [len(record.getMessage()) < 1000 for record in caplog.records] == [True, True]

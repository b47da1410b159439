"""What traffic shows of endpoints."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointsman.testing import Running, running
from pointsman_openrouter import traffic as module
from pointsman_openrouter.traffic import FEWEST, NOTHING, Traffic, TrafficWatch

NOW = datetime(2026, 11, 27, 12, 3, 30, tzinfo=UTC)


@pytest.fixture
async def served() -> AsyncIterator[Running]:
    async with running("auth: none") as started:
        yield started


class Writer:
    """Writes generations of the past."""

    def __init__(self, served: Running) -> None:
        self.ledger: Any = served.gateway.ledger
        self.count = 0

    def write(self, times: int = 1, *, ago: float = 60, **fields: Any) -> None:
        for _ in range(times):
            self.count += 1
            row = {
                "id": f"gen-{self.count}",
                "request_id": f"req-{self.count}",
                "at": (NOW - timedelta(seconds=ago)).isoformat(timespec="milliseconds"),
                "dialect": "openai-chat",
                "surface": "chat",
                "model_asked": "m",
                "stream": True,
                "estimated": False,
                "byok": False,
                "cached": False,
                "endpoint": "lab/m",
                "outcome": "complete",
                "attempts": 1,
                "queue_ms": 10.0,
                "first_content_ms": 110.0,
                "total_ms": 1010.0,
                "output_tokens": 100,
            }
            self.ledger.insert("generations", {**row, **fields})

    async def read(self, watch: TrafficWatch | None = None, now: datetime = NOW) -> dict[str, Traffic]:
        await self.ledger.flush()
        return await (watch or TrafficWatch())._read(self.ledger, now)


@pytest.fixture
def writer(served: Running) -> Writer:
    return Writer(served)


def tried(endpoint: str, error: str | None = None, status: int | None = 200, **more: Any) -> dict[str, Any]:
    return {"endpoint": endpoint, "status": status, "error_type": error, "ms": 5, "byok": False, **more}


async def test_of_too_few_nothing_is_said(writer: Writer) -> None:
    writer.write(FEWEST - 1)
    assert (await writer.read())["lab/m"] == NOTHING
    writer.write(1)
    found = (await writer.read())["lab/m"]
    assert found.uptime == (100.0, 100.0, 100.0)
    assert found.latency == dict.fromkeys(("p50", "p75", "p90", "p99"), 100.0)
    assert found.throughput == dict.fromkeys(("p50", "p75", "p90", "p99"), 100.0)


async def test_uptime_is_of_five_minutes_half_an_hour_and_a_day(writer: Writer) -> None:
    writer.write(30, ago=60)
    writer.write(10, ago=20 * 60, outcome="failed", error_type="timeout")
    writer.write(40, ago=5 * 3600, outcome="incomplete", error_type="provider_unavailable")
    writer.write(100, ago=25 * 3600, outcome="failed", error_type="timeout")
    assert (await writer.read())["lab/m"].uptime == (100.0, 75.0, 37.5)


async def test_what_the_client_or_its_own_credential_is_at_fault_for_does_not_count(writer: Writer) -> None:
    writer.write(FEWEST)
    for fault in module.BLAMELESS:
        writer.write(2, outcome="failed", error_type=fault)
    writer.write(5, outcome="cancelled")
    writer.write(5, byok=True, outcome="failed", error_type="provider_unavailable")
    writer.write(5, attempts=0, endpoint=None, cached=True)
    found = await writer.read()
    assert found["lab/m"].uptime == (100.0, 100.0, 100.0)
    assert set(found) == {"lab/m"}


async def test_a_request_that_went_to_several_counts_for_each(writer: Writer) -> None:
    several = [
        tried("lab/m", "timeout", None),
        tried("lab/n", "invalid_request", 400),
        tried("lab/o", "rate_limit_exceeded", 429),
        tried("lab/p", "provider_unavailable", 401, byok=True),
        tried("cloud/m"),
    ]
    writer.write(FEWEST, attempts=5, endpoint="cloud/m", tried=json.dumps(several))
    writer.write(
        FEWEST, attempts=2, endpoint="cloud/m", tried=json.dumps([*several[:1], tried("gone/m", ms=None)])
    )
    found = await writer.read()
    assert {name: each.uptime[0] for name, each in found.items()} == {
        "lab/m": 0.0,
        "lab/n": None,
        "lab/o": None,
        "cloud/m": 100.0,
        "gone/m": None,
    }
    assert found["cloud/m"].latency is None, "its time is with the others' in it"
    params = {"start": "2026", "end": "9", "length": 4, **module.BLAMELESS_NAMES}
    read = await writer.ledger.select(module.SEVERAL, params)
    assert len(read) == len(found), "not one row for each of the requests"


async def test_shares_are_of_requests_that_were_as_fast_at_least(writer: Writer) -> None:
    for number in range(1, 101):
        writer.write(first_content_ms=10.0 + number, total_ms=1010.0, output_tokens=number)
    found = (await writer.read())["lab/m"]
    assert found.latency == {"p50": 50.0, "p75": 75.0, "p90": 90.0, "p99": 99.0}
    assert found.throughput == {"p50": 51.0, "p75": 26.0, "p90": 11.0, "p99": 2.0}


async def test_times_are_of_what_was_measured(writer: Writer) -> None:
    writer.write(FEWEST, stream=False)
    writer.write(FEWEST, estimated=True, first_content_ms=None)
    writer.write(FEWEST, ago=40 * 60)
    found = (await writer.read())["lab/m"]
    assert found.latency is None
    assert found.throughput is not None
    assert found.throughput["p50"] == 100.0


async def test_the_past_is_read_once_and_goes(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, spans = TrafficWatch(), []
    counts = module._counts

    async def counted(ledger: Any, length: int, start: str, end: str) -> Any:
        spans.append((start, end))
        return await counts(ledger, length, start, end)

    monkeypatch.setattr(module, "_counts", counted)
    writer.write(FEWEST, ago=23 * 3600, outcome="failed", error_type="timeout")
    writer.write(FEWEST)
    assert (await writer.read(watch))["lab/m"].uptime[2] == 50.0
    later = NOW + timedelta(minutes=9)
    assert (await writer.read(watch, later))["lab/m"].uptime[2] == 50.0
    evening = NOW + timedelta(hours=2)
    assert (await writer.read(watch, evening))["lab/m"].uptime == (None, None, 100.0)
    assert spans == [
        ("2026-11-26T12:0", "2026-11-27T11:3"),
        ("2026-11-27T11:3", "9"),
        ("2026-11-27T11:3", "2026-11-27T11:4"),
        ("2026-11-27T11:4", "9"),
        ("2026-11-27T11:4", "2026-11-27T13:3"),
        ("2026-11-27T13:3", "9"),
    ]


async def test_it_is_read_at_most_once_in_a_while(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, reads, clock = TrafficWatch(), [], [100.0]

    async def read(self: TrafficWatch, ledger: Any, now: datetime) -> dict[str, Traffic]:
        reads.append(now)
        return {"lab/m": NOTHING}

    monkeypatch.setattr(TrafficWatch, "_read", read)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    for seconds in (0.0, 1.0, module.FRESH - 2, 2.0):
        clock[0] += seconds
        assert await watch.traffic(served.gateway.ledger) == {"lab/m": NOTHING}
    assert len(reads) == 2


async def test_without_records_nothing_is_known() -> None:
    async with running("plugins: {usage: false, budgets: false}") as served:
        assert await TrafficWatch().traffic(served.gateway.ledger) == {}


async def test_an_index_of_times_is_used(writer: Writer) -> None:
    params = {"start": "2026", "end": "9", "length": 16, "fewest": 1, **module.BLAMELESS_NAMES}
    for sql in (module.ALONE, module.SEVERAL, module.LATENCY, module.THROUGHPUT):
        plan = await writer.ledger.select(f"explain query plan {sql}", params)
        assert any("INDEX" in row["detail"] and "at>?" in row["detail"] for row in plan), plan

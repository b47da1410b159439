"""How fast endpoints have been, from what is on record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointsman_routes.pace import FRESH, MOST_ROWS, Pace, Paces
from pointsman_routes.preferences import Percentiles


class Shelf:
    """A ledger with these generations."""

    def __init__(self, rows: Sequence[dict[str, Any]], *, there: bool = True) -> None:
        self.rows = rows
        self.there = there
        self.asked: list[dict[str, Any]] = []

    def has_table(self, name: str) -> bool:
        return self.there and name == "generations"

    async def select(self, query: str, params: dict[str, Any]) -> Sequence[dict[str, Any]]:
        self.asked.append(params)
        return self.rows


def row(
    endpoint: str, *, tokens: int | None = 100, total: float = 1100, stream: bool = True
) -> dict[str, Any]:
    return {
        "endpoint": endpoint,
        "stream": stream,
        "output_tokens": tokens,
        "queue_ms": 100,
        "first_content_ms": 600,
        "total_ms": total,
    }


async def test_pace_is_tokens_a_second_and_seconds_to_the_first_content() -> None:
    paces: Any = Paces()
    await paces.read(Shelf([row("a"), row("b", stream=False), row("c", tokens=None)]))
    seen = {name: (each.usual_throughput, each.usual_latency) for name, each in paces.known.items()}
    assert seen == {"a": (100, 0.5), "b": (100, None), "c": (None, 0.5)}


async def test_it_is_read_now_and_then() -> None:
    now = 0.0
    paces: Any = Paces(lambda: now)
    shelf = Shelf([row("a")])
    assert not paces.fresh
    await paces.read(shelf)
    await paces.read(shelf)
    assert (len(shelf.asked), paces.fresh) == (1, True)
    since = datetime.fromisoformat(shelf.asked[0]["since"])
    assert timedelta(minutes=4) < datetime.now(UTC) - since < timedelta(minutes=6)
    assert shelf.asked[0]["most"] == MOST_ROWS
    now = FRESH
    assert not paces.fresh
    await paces.read(shelf)
    assert len(shelf.asked) == 2


async def test_without_records_nothing_is_known() -> None:
    paces: Any = Paces()
    await paces.read(Shelf([], there=False))
    assert paces.known == {}


@pytest.mark.parametrize(
    ("wanted", "fast", "quick"),
    [
        (Percentiles(p50=60), True, True),
        (Percentiles(p50=61), False, True),
        (Percentiles(p90=20), True, False),
        (Percentiles(p90=21), False, False),
        (Percentiles(p50=60, p90=21), False, False),
        (Percentiles(p99=10), True, False),
        (Percentiles(), True, True),
    ],
)
def test_so_many_of_a_hundred_are_as_fast(wanted: Percentiles, fast: bool, quick: bool) -> None:
    seen = [10.0 * each for each in range(1, 11)]
    assert Pace(seen, []).is_as_fast(wanted) is fast
    assert Pace([], seen).is_as_quick(wanted) is quick


def test_nothing_is_known_of_an_endpoint_that_has_not_answered() -> None:
    empty = Pace([], [])
    assert (empty.usual_latency, empty.usual_throughput) == (None, None)
    assert empty.is_as_fast(Percentiles(p50=1)) is empty.is_as_quick(Percentiles(p50=1)) is None

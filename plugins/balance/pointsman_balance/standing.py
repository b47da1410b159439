"""Standing: how each endpoint does at this moment, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from .board import Board
from .decay import Fading
from .health import Health

__all__ = ["STANDINGS", "Standing", "standings"]

STANDINGS = "/v1/endpoints/health"
"""Where a server tells it."""

MINUTES = 5
"""For how long back percentiles are told."""
SHARES = (0.5, 0.9)


class Standing(msgspec.Struct, frozen=True):
    """One endpoint. Shares are from 0 to 1, times in seconds; None is not known.

    `state`: `up`, `waits` (it asked to be left alone), `rests` (it failed), `tries` (one request tries it).
    `share` is its part of the requests among those it was last chosen with. `errors` and `refusals` are
    shares of the requests of the last minutes, of which there were `requests`, each counting half after five;
    `first_content` and `throughput` (tokens a second) are of the last five minutes: what half of the answers
    kept to, and nine in ten. `room` is what limit headers say is left, `cap` the
    requests a minute it is thought to take.
    """

    endpoint: str
    state: Literal["up", "waits", "rests", "tries"]
    back_in: float | None
    share: float | None
    in_flight: int
    requests: float
    errors: float | None
    refusals: float | None
    bad_tools: float | None
    first_content: tuple[float, float] | None
    throughput: tuple[float, float] | None
    room: float
    cap: float | None


def standings(board: Board, now: float) -> list[Standing]:
    """All endpoints that are chosen among, by name."""
    shares = board.shares()
    return [_standing(board, name, health, shares, now) for name, health in sorted(board.known().items())]


def _standing(board: Board, name: str, health: Health, shares: Mapping[str, float], now: float) -> Standing:
    told, trying = max(board.rests.until(name), health.pause.until), health.breaker.state(now)
    state: Literal["up", "waits", "rests", "tries"] = "up"
    if trying != "closed":
        state = "rests" if trying == "open" else "tries"
    elif told > now:
        state = "waits"
    back = max(told, health.returns(now))
    return Standing(
        endpoint=name,
        state=state,
        back_in=round(back - now, 3) if back > now else None,
        share=shares.get(name),
        in_flight=health.in_flight,
        requests=round(health.requests.left(now), 1),
        errors=_part(health.errors, health.requests, now),
        refusals=_part(health.refusals, health.requests, now),
        bad_tools=_part(health.bad_tools, health.tool_requests, now),
        first_content=_pair(health.latency.of(now, MINUTES, SHARES)),
        throughput=_pair(health.throughput.of(now, MINUTES, [1 - each for each in SHARES])),
        room=round(health.headroom.share(now), 3),
        cap=health.cap.cap(now),
    )


def _part(some: Fading, of: Fading, now: float) -> float | None:
    whole = of.left(now)
    return round(some.left(now) / whole, 4) if whole > 0 else None


def _pair(found: list[float] | None) -> tuple[float, float] | None:
    return None if found is None else (found[0], found[1])

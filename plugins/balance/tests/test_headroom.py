"""Headroom, as recorded and as documented headers tell it."""

from __future__ import annotations

import pytest

from pointsman.testing.replay import recordings, shared_path
from pointsman_balance.headroom import Headroom, limits_of


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            {
                "x-ratelimit-limit-requests": "5000",
                "x-ratelimit-remaining-requests": "4999",
                "x-ratelimit-reset-requests": "12ms",
                "x-ratelimit-limit-tokens": "160000",
                "x-ratelimit-remaining-tokens": "80000",
                "x-ratelimit-reset-tokens": "6m0s",
            },
            [("requests", 5000, 4999, 0.012), ("tokens", 160000, 80000, 360.0)],
        ),
        (
            {
                "anthropic-ratelimit-input-tokens-limit": "400000",
                "anthropic-ratelimit-input-tokens-remaining": "100000",
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-requests-remaining": "49",
            },
            [("requests", 50, 49, 60.0), ("tokens", 400000, 100000, 60.0)],
        ),
        ({"x-ratelimit-limit": "20", "x-ratelimit-remaining": "5"}, [("requests", 20, 5, 60.0)]),
        ({"x-ratelimit-limit-requests": "0", "x-ratelimit-remaining-requests": "-1"}, []),
        ({"x-ratelimit-remaining-requests": "-1"}, []),
        ({"content-type": "application/json", "x-request-limit": "9"}, []),
        ({"x-ratelimit-limit-requests": "many", "x-ratelimit-remaining-requests": "some"}, []),
    ],
)
def test_limits_are_read_by_their_names(
    headers: dict[str, str], expected: list[tuple[str, float, float, float]]
) -> None:
    found = limits_of(headers, 0.0).values()
    assert sorted((each.unit, each.limit, each.remaining, each.reset) for each in found) == expected


def test_room_flows_back_until_the_reset() -> None:
    room = Headroom()
    assert room.factor(0.0) == room.share(0.0) == 1.0
    room.heard(
        {
            "x-ratelimit-limit-requests": "100",
            "x-ratelimit-remaining-requests": "1",
            "x-ratelimit-reset-requests": "60s",
        },
        1000.0,
    )
    assert room.share(1000.0) == 0.0
    assert room.factor(1000.0) == 0.0
    assert room.share(1030.0) == pytest.approx((1 + 99 / 2 - 1) / 100)
    assert room.factor(1060.0) == 1.0


def test_a_large_request_needs_more_room() -> None:
    room = Headroom()
    room.heard({"x-ratelimit-limit-tokens": "1000", "x-ratelimit-remaining-tokens": "500"}, 0.0)
    assert room.factor(0.0, tokens=10) == 1.0
    assert 0.0 < room.factor(0.0, tokens=400) < 1.0
    assert room.factor(0.0, tokens=600) == 0.0


def test_recorded_headers_are_understood() -> None:
    """Whoever sends both a limit and what remains of it is understood, whatever the headers are called."""
    shared = shared_path()
    if shared is None:
        pytest.skip("no recordings here")
    missed, understood = set(), set()
    for recording in recordings(shared):
        headers = {name.lower(): str(value) for name, value in recording.row["resp_headers"].items()}
        left = [name for name in headers if "remaining" in name and "ratelimit" in name.replace("-", "")]
        if any(name.replace("remaining", "limit") in headers for name in left):
            (understood if limits_of(headers, 0.0) else missed).add(recording.provider)
    assert understood
    assert missed - understood == set()


def test_names_that_change_with_each_answer_do_not_pile_up() -> None:
    room = Headroom()
    for number in range(1000):
        headers = {
            f"x-ratelimit-limit-{number}": "100",
            f"x-ratelimit-remaining-{number}": "50",
            f"x-ratelimit-reset-{number}": "3600",
        }
        room.heard(headers, float(number))
        assert len(room._limits) <= 32

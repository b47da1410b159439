"""Headroom, as recorded and as documented headers tell it."""

from __future__ import annotations

import pytest

from pointsman.testing.replay import recordings, shared_path
from pointsman_balance.headroom import Headroom, limits_of

TOLD: dict[str, tuple[dict[str, str], list[tuple[str, float, float, float]]]] = {
    "openai": (
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
    "anthropic": (
        {
            "anthropic-ratelimit-input-tokens-limit": "400000",
            "anthropic-ratelimit-input-tokens-remaining": "100000",
            "anthropic-ratelimit-output-tokens-limit": "80000",
            "anthropic-ratelimit-output-tokens-remaining": "79000",
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "49",
            "anthropic-ratelimit-requests-reset": "2000-01-01T00:00:00Z",
        },
        [("requests", 50, 49, 0.0), ("tokens", 80000, 79000, 60.0), ("tokens", 400000, 100000, 60.0)],
    ),
    "anthropic, unified": (
        {"anthropic-ratelimit-unified-status": "allowed", "anthropic-ratelimit-unified-reset": "1790000000"},
        [],
    ),
    "azure": (
        {
            "x-ratelimit-limit-requests": "250",
            "x-ratelimit-remaining-requests": "249",
            "x-ratelimit-limit-tokens": "250000",
            "x-ratelimit-remaining-tokens": "249000",
        },
        [("requests", 250, 249, 60.0), ("tokens", 250000, 249000, 60.0)],
    ),
    "azure, without a limit": (
        {
            "x-ratelimit-limit-requests": "0",
            "x-ratelimit-remaining-requests": "-1",
            "x-ratelimit-remaining-tokens": "-1",
        },
        [],
    ),
    "groq": (
        {
            "x-ratelimit-limit-requests": "14400",
            "x-ratelimit-remaining-requests": "14370",
            "x-ratelimit-reset-requests": "2m59.56s",
            "x-ratelimit-limit-tokens": "18000",
            "x-ratelimit-remaining-tokens": "17997",
            "x-ratelimit-reset-tokens": "7.66s",
        },
        [("requests", 14400, 14370, 179.56), ("tokens", 18000, 17997, 7.66)],
    ),
    "mistral": (
        {
            "x-ratelimit-limit-req-minute": "360",
            "x-ratelimit-remaining-req-minute": "359",
            "x-ratelimit-limit-tokens-minute": "500000",
            "x-ratelimit-remaining-tokens-minute": "499000",
            "x-ratelimit-limit-tokens-month": "1000000000",
            "x-ratelimit-remaining-tokens-month": "999000000",
            "x-ratelimit-tokens-query-cost": "12",
        },
        [
            ("requests", 360, 359, 60.0),
            ("tokens", 500000, 499000, 60.0),
            ("tokens", 1000000000, 999000000, 3600.0),
        ],
    ),
    "mistral, before": (
        {
            "ratelimitbysize-limit": "500000",
            "ratelimitbysize-remaining": "100",
            "ratelimitbysize-reset": "30",
        },
        [("tokens", 500000, 100, 30.0)],
    ),
    "by day, without a reset": (
        {"x-ratelimit-limit-requests-day": "1000", "x-ratelimit-remaining-requests-day": "10"},
        [("requests", 1000, 10, 3600.0)],
    ),
    "without a unit": (
        {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "5"},
        [("requests", 20, 5, 60.0)],
    ),
    "github": (
        {"x-rate-limit-limit": "20", "x-rate-limit-remaining": "5", "x-rate-limit-reset": "3"},
        [("requests", 20, 5, 3.0)],
    ),
    "ietf, three headers": (
        {"ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "50", "ratelimit-reset": "30"},
        [("requests", 100, 50, 30.0)],
    ),
    "ietf, one header": (
        {"ratelimit": "limit=100, remaining=50, reset=30", "ratelimit-policy": "100;w=60"},
        [("requests", 100, 50, 30.0)],
    ),
    "ietf, structured": (
        {
            "ratelimit": '"burst";r=50;t=30, "daily";r=900',
            "ratelimit-policy": '"burst";q=100;w=60,"daily";q=1000;w=86400;qu="tokens"',
        },
        [("requests", 100, 50, 30.0), ("tokens", 1000, 900, 3600.0)],
    ),
    "ietf, without its policy": ({"ratelimit": '"burst";r=50;t=30'}, []),
    "ietf, nonsense": ({"ratelimit": ";;,=", "ratelimit-policy": '"'}, []),
    "for ever": (
        {
            "x-ratelimit-limit-requests": "100",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "1e400",
            "ratelimit": '"a";r=0;t=99999999',
            "ratelimit-policy": '"a";q=5',
        },
        [("requests", 5, 0, 3600.0), ("requests", 100, 0, 3600.0)],
    ),
    "no finite numbers": (
        {
            "x-ratelimit-limit-requests": "inf",
            "x-ratelimit-remaining-requests": "nan",
            "ratelimit": '"a";r=nan',
            "ratelimit-policy": '"a";q=1e999',
        },
        [],
    ),
    "no limits": ({"content-type": "application/json", "x-request-limit": "9"}, []),
    "no numbers": ({"x-ratelimit-limit-requests": "many", "x-ratelimit-remaining-requests": "some"}, []),
}
"""By who says it: headers, and each limit's unit, size, rest, and seconds until it is full again."""


@pytest.mark.parametrize("provider", TOLD)
def test_limits_are_read_by_their_names(provider: str) -> None:
    headers, expected = TOLD[provider]
    found = limits_of(headers, 0.0).values()
    told = sorted((each.unit, each.limit, each.remaining, each.reset) for each in found)
    assert told == [(*limit[:3], pytest.approx(limit[3])) for limit in expected]


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

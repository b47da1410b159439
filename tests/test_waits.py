"""How long a provider asks us to wait, in every spelling."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from pointsman.waits import retry_after


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Sunday, 06-Nov-94 08:49:37 GMT"}, 0.0),
        *(({"retry-after": text}, None) for text in ("-1", "inf", "nan", "1e400", "", "soon", "99999999")),
    ],
)
def test_how_long_a_provider_asks_us_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_a_date_to_come_is_the_seconds_until_then() -> None:
    later = datetime.now(UTC) + timedelta(seconds=100)
    wait = retry_after({"retry-after": format_datetime(later, usegmt=True)})
    assert wait is not None
    assert 97 < wait <= 100


def in_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


RESETS: dict[str, Callable[[], str]] = {
    "iso": lambda: f"{in_an_hour().isoformat()}",
    "zulu": lambda: in_an_hour().strftime("%Y-%m-%dT%H:%M:%SZ"),
    "epoch": lambda: str(time.time() + 3600),
    "epoch-ms": lambda: str(int(time.time() * 1000) + 3_600_000),
    "h-m-s": lambda: "1h0m0s",
    "s": lambda: "3600s",
    "plain": lambda: "3600",
    "m": lambda: "60m",
}
"""One hour from now, in every spelling."""


@pytest.mark.parametrize("spelling", RESETS)
def test_the_reset_of_a_limit_that_is_used_up(spelling: str) -> None:
    headers = {
        "x-ratelimit-remaining-requests": "12",
        "x-ratelimit-reset-requests": "20ms",
        "some-ratelimit-tokens-remaining": "0",
        "some-ratelimit-tokens-reset": RESETS[spelling](),
    }
    wait = retry_after(headers)
    assert wait is not None
    assert 3500 < wait <= 3600, "the other limit is not used up"
    del headers["some-ratelimit-tokens-remaining"]
    assert retry_after(headers) == pytest.approx(wait, abs=60), "without word of what remains it counts"
    assert retry_after({**headers, "retry-after": "2"}) == 2.0


def test_a_reset_that_makes_no_sense_is_none() -> None:
    assert retry_after({"x-ratelimit-reset": "soon", "x-ratelimit-remaining": "none"}) is None

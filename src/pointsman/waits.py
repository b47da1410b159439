"""Waits: how long a provider asks us to stay away, in every spelling it may choose."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["retry_after", "seconds"]

LONGEST_WAIT = 86_400.0
EPOCH = 1e9
"""A number above this is a Unix time and not a length: in seconds, or in milliseconds a thousandfold."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_STEP = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """How many seconds a provider asks us to wait: `retry-after-ms`, else `retry-after`, else the latest
    reset among its rate limits that are used up. None where it says nothing sensible; a day is the longest
    that is believed. Header names are lower case."""
    if "retry-after-ms" in headers:
        milliseconds = _number(headers["retry-after-ms"])
        return _sensible(milliseconds / 1000 if milliseconds is not None else None)
    if "retry-after" in headers:
        return _sensible(seconds(headers["retry-after"]))
    resets = [_sensible(seconds(value)) for value in _used_up(headers)]
    return max((each for each in resets if each is not None), default=None)


def _used_up(headers: Mapping[str, str]) -> list[str]:
    """The resets of the limits of which nothing remains, or which do not tell: `…ratelimit…` headers with
    `reset` and `remaining` in one place of their names."""
    return [
        value
        for name, value in headers.items()
        if "ratelimit" in name
        and "reset" in name
        and _number(headers.get(name.replace("reset", "remaining"), "0")) == 0
    ]


def seconds(text: str) -> float | None:
    """Seconds from now: a number, a Unix time, `6m0s`, a date of HTTP or of ISO 8601."""
    text = text.strip()
    number = _number(text)
    if number is not None:
        if number > EPOCH * 1000:
            return max(0.0, number / 1000 - time.time())
        return max(0.0, number - time.time()) if number > EPOCH else number
    if _DURATION.fullmatch(text):
        return sum(float(amount) * _UNITS[unit] for amount, unit in _STEP.findall(text))
    try:
        when = datetime.fromisoformat(text) if text[:1].isdigit() else parsedate_to_datetime(text)
    except (ValueError, OverflowError, TypeError):
        return None
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _sensible(seconds: float | None) -> float | None:
    return seconds if seconds is not None and 0 <= seconds <= LONGEST_WAIT else None

"""Headers and refusals."""

from __future__ import annotations

import math

import pytest

from pointsman.state import Demand, Quota, Verdict
from pointsman_limits.claims import Claim, Claims
from pointsman_limits.settings import Measure
from pointsman_limits.telling import refusal, reset_text, tell


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.0201, "21ms"),
        (0.9999, "1s"),
        (20, "20s"),
        (1.5, "1.5s"),
        (60, "1m0s"),
        (61.25, "1m1.25s"),
        (3600, "1h0m0s"),
        (86_399.9991, "24h0m0s"),
    ],
)
def test_a_time_is_written_as_the_field_does(seconds: float, text: str) -> None:
    assert reset_text(seconds) == text


def claim(measure: Measure, amount: int, cost: int, period: str = "minute") -> Claim:
    quota = Quota(amount, period)  # type: ignore[arg-type]
    return Claim(measure, "key 'alice'", Demand(measure, quota, cost, measure != "requests"))


def test_the_tightest_of_requests_and_of_tokens_are_told() -> None:
    claims = Claims([claim("tokens", 1000, 0), claim("requests", 9, 1), claim("output_tokens", 500, 0)])
    verdicts = [Verdict(True, each.demand, each.demand.quota.amount, 7, 0.0, 61.0) for each in claims.all]
    headers: dict[str, str] = {}
    tell(headers, claims, Verdict(True, None, 0, 0, 0.0, 0.0, tuple(verdicts)))
    assert headers == {
        "x-ratelimit-limit-requests": "9",
        "x-ratelimit-remaining-requests": "7",
        "x-ratelimit-reset-requests": "1m1s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "7",
        "x-ratelimit-reset-tokens": "1m1s",
    }


@pytest.mark.parametrize(
    ("measure", "cost", "left", "wait", "said"),
    [
        ("requests", 1, 0, 6.0, "key 'alice' has used up 10 requests per minute; 0 left, resets in 1m0s"),
        (
            "output_tokens",
            5,
            3,
            6.0,
            "this request may use 5 output tokens, and key 'alice' has 3 output tokens left of 10 output "
            "tokens per minute; resets in 1m0s",
        ),
        ("tokens", 0, 3, 0.0, "key 'alice' has 3 tokens left of 10 tokens per minute; resets in 1m0s"),
        (
            "tokens",
            11,
            10,
            math.inf,
            "this request may use 11 tokens, and key 'alice' has 10 tokens per minute: ask for fewer "
            "(max_tokens)",
        ),
        ("usd", 5, 0, 6.0, "key 'alice' has used up 0.00000001 USD per minute; 0 left, resets in 1m0s"),
        ("concurrency", 1, 0, 1.0, "key 'alice' has 10 requests under way, of 10 at a time; 0 left"),
    ],
)
def test_a_refusal_says_whose_limit_how_much_is_left_and_when_it_resets(
    measure: Measure, cost: int, left: int, wait: float, said: str
) -> None:
    one = claim(measure, 10, cost, "lease" if measure == "concurrency" else "minute")
    error = refusal(Claims([one]), one, Verdict(False, one.demand, 10, left, wait, 60.0))
    assert error.message == said
    assert error.retry_after == (None if wait == math.inf else wait or 60.0)
    assert ("x-should-retry" in error.headers) == (wait == math.inf)
    assert error.extra["limit"] == {
        "of": "key 'alice'",
        "measure": measure,
        "per": None if measure == "concurrency" else "minute",
        "amount": "0.00000001" if measure == "usd" else 10,
        "remaining": "0.00" if measure == "usd" else left,
        "resets_in": 60.0,
    }

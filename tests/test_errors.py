"""The error tree, and what a provider's status becomes for our client."""

from __future__ import annotations

import re

import pytest

from pointsman import errors
from pointsman.errors import ConfigError, Internal, RequestError, UpstreamError, UpstreamStatus


def test_the_tree_at_the_top_of_the_module_is_the_tree() -> None:
    drawn = re.findall(r"[├└]── (\w+)(?: +(\d{3}) +(\w+))?", errors.__doc__ or "")
    assert {name for name, _, _ in drawn} == set(errors.__all__) - {
        "CONTENT_POLICY",
        "OUR_ACCOUNT",
        "PointsmanError",
    }
    for name, status, error_type in drawn:
        error = getattr(errors, name)
        if status:
            assert (error.status, error.error_type) == (int(status), error_type), name
        assert issubclass(error, errors.PointsmanError)


@pytest.mark.parametrize(
    ("upstream", "ours", "error_type"),
    [
        (400, 400, "invalid_request"),
        (401, 502, "provider_unavailable"),
        (402, 502, "provider_unavailable"),
        (403, 502, "provider_unavailable"),
        (404, 404, "not_found"),
        (408, 504, "timeout"),
        (413, 413, "payload_too_large"),
        (422, 422, "unprocessable"),
        (429, 429, "rate_limit_exceeded"),
        (307, 502, "provider_unavailable"),
        (500, 502, "provider_unavailable"),
        (503, 503, "provider_overloaded"),
        (504, 504, "timeout"),
        (529, 503, "provider_overloaded"),
        (599, 502, "provider_unavailable"),
    ],
)
def test_a_providers_status_for_our_client(upstream: int, ours: int, error_type: str) -> None:
    error = UpstreamStatus.of(upstream)
    assert (error.upstream_status, error.status, error.error_type) == (upstream, ours, error_type)
    assert str(upstream) in error.message or upstream in (401, 402, 403)


def test_advice_to_wait_is_passed_on_only_where_waiting_helps() -> None:
    assert UpstreamStatus.of(429, retry_after=3.0).retry_after == 3.0
    assert UpstreamStatus.of(529, retry_after=3.0).retry_after == 3.0
    assert UpstreamStatus.of(400, retry_after=3.0).retry_after is None


@pytest.mark.parametrize("status", [401, 402, 403])
def test_what_a_provider_says_of_our_account_is_for_the_log(status: int) -> None:
    error = UpstreamStatus.of(status, "key 4711 is revoked")
    assert "4711" not in error.message
    assert error.detail == "key 4711 is revoked"


def test_an_internal_error_tells_the_client_nothing() -> None:
    error = Internal("KeyError: 'secret'")
    assert "secret" not in error.message
    assert error.detail == "KeyError: 'secret'"
    assert isinstance(error, RequestError)


def test_upstream_errors_know_their_phase() -> None:
    assert UpstreamError("x", phase="connect").phase == "connect"
    assert errors.ConnectFailed("x").phase == "connect"


def test_a_config_error_is_the_text_of_its_problems() -> None:
    assert str(ConfigError.of(["a: wrong", "b: wrong"])) == "a: wrong\nb: wrong"

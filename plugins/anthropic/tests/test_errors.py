"""Errors, both ways."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.dialects import ErrorView
from pointsman.errors import UpstreamStatus
from pointsman_anthropic.errors import encode_error, error_in, nonsense, refine, reported


@pytest.mark.parametrize(
    ("kind", "upstream", "status", "error_type"),
    [
        ("invalid_request_error", 400, 400, "invalid_request"),
        ("authentication_error", 401, 502, "provider_unavailable"),
        ("billing_error", 402, 502, "provider_unavailable"),
        ("permission_error", 403, 502, "provider_unavailable"),
        ("not_found_error", 404, 404, "not_found"),
        ("request_too_large", 413, 413, "payload_too_large"),
        ("rate_limit_error", 429, 429, "rate_limit_exceeded"),
        ("api_error", 500, 502, "provider_unavailable"),
        ("timeout_error", 504, 504, "timeout"),
        ("overloaded_error", 529, 503, "provider_overloaded"),
        ("new_error", 500, 502, "provider_unavailable"),
        (None, 500, 502, "provider_unavailable"),
    ],
)
def test_a_reported_error_has_the_status_of_its_type(
    kind: str | None, upstream: int, status: int, error_type: str
) -> None:
    error = reported({"type": kind, "message": "No"}, phase="stream")
    assert (error.upstream_status, error.status, error.error_type) == (upstream, status, error_type)
    assert json.loads(error.body) == {"type": "error", "error": {"type": kind, "message": "No"}}


def test_what_is_said_of_our_key_is_not_passed_on() -> None:
    error = reported({"type": "authentication_error", "message": "invalid x-api-key"}, phase="headers")
    assert "x-api-key" not in error.message
    assert error.detail == "invalid x-api-key"


@pytest.mark.parametrize("fault", ["gone", 3, None, {"message": ["x"]}])
def test_an_odd_error_is_an_error_all_the_same(fault: Any) -> None:
    assert reported(fault, phase="stream").status == 502


def test_an_error_is_found_by_its_type() -> None:
    fault = {"type": "api_error", "message": "x"}
    assert error_in({"type": "error", "error": fault}) == fault
    assert error_in({"type": "error", "message": "x"}) == {"type": "error", "message": "x"}
    assert error_in({"type": "message", "error": None}) is None


def refused(message: str, status: int = 400) -> UpstreamStatus:
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    return UpstreamStatus.of(status, message, body=json.dumps(body).encode(), content_type="application/json")


def test_an_account_without_credit_is_not_the_clients_fault() -> None:
    error = refine(refused("Your credit balance is too low to access the API"))
    assert (error.upstream_status, error.status) == (402, 502)
    assert "credit" not in error.message


def test_other_errors_stay_as_they_are() -> None:
    for error in (refused("temperature: too hot"), refused("prompt is too long", 500)):
        assert refine(error) is error
        assert error.error_type != "context_length_exceeded"
    odd = UpstreamStatus.of(400, "x", body=b"<html>")
    assert refine(odd) is odd


@pytest.mark.parametrize(
    ("status", "error_type", "kind"),
    [
        (400, "invalid_request", "invalid_request_error"),
        (401, "authentication", "authentication_error"),
        (403, "permission_denied", "permission_error"),
        (404, "not_found", "not_found_error"),
        (413, "payload_too_large", "request_too_large"),
        (429, "rate_limit_exceeded", "rate_limit_error"),
        (500, "server", "api_error"),
        (502, "provider_unavailable", "api_error"),
        (503, "provider_overloaded", "overloaded_error"),
        (504, "timeout", "timeout_error"),
    ],
)
def test_our_errors_have_the_types_of_this_dialect(status: int, error_type: str, kind: str) -> None:
    attempts = [{"provider": "p", "status": 500}]
    view = ErrorView(
        status, error_type, "No", code="c", request_id="req-1", attempts=attempts, extra={"a": 1}
    )
    assert json.loads(encode_error(view)) == {
        "type": "error",
        "error": {
            "type": kind,
            "message": "No",
            "error_type": error_type,
            "metadata": {"a": 1, "error_type": error_type, "attempts": attempts, "code": "c"},
        },
        "request_id": "req-1",
    }


def test_nonsense_keeps_the_cause_for_the_log() -> None:
    error = nonsense("no JSON", ValueError("at 3"), phase="body")
    assert (error.message, error.detail, error.phase) == ("no JSON", "at 3", "body")

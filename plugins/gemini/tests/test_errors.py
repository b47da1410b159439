"""Errors, both ways."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.dialects import ErrorView
from pointsman.errors import UpstreamStatus
from pointsman_gemini.errors import encode_error, refine, reported

RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}


def failed(status: int, error: dict[str, Any]) -> UpstreamStatus:
    body = json.dumps({"error": error}).encode()
    return UpstreamStatus.of(status, error.get("message"), body=body, content_type="application/json")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": 404, "status": "NOT_FOUND", "message": "no such model"}, 404),
        ({"status": "RESOURCE_EXHAUSTED", "message": "slow down"}, 429),
        ({"status": "DEADLINE_EXCEEDED"}, 504),
        ({"code": 7, "status": "PERMISSION_DENIED"}, 403),
        ({"message": "what?"}, 500),
        ("broken", 500),
    ],
)
def test_an_error_in_an_answer_has_the_status_it_names(error: Any, status: int) -> None:
    found = reported(error, phase="stream")
    assert (found.upstream_status, found.phase) == (status, "stream")
    assert json.loads(found.body)["error"]


def test_the_wait_is_in_the_details() -> None:
    found = refine(failed(429, {"code": 429, "message": "quota", "details": ["odd", {"a": 1}, RETRY]}))
    assert (found.status, found.retry_after, found.message) == (429, 34.5, "quota")
    assert (
        reported({"code": 503, "message": "overloaded", "details": [RETRY]}, phase="stream").retry_after
        == 34.5
    )


def test_a_wait_that_a_header_told_stays() -> None:
    error = failed(429, {"code": 429, "message": "quota", "details": [RETRY]})
    error.retry_after = 2.0
    assert refine(error).retry_after == 2.0


@pytest.mark.parametrize("delay", [None, 5, "soon", "-1s"])
def test_a_wait_that_is_none_is_not_believed(delay: Any) -> None:
    assert (
        refine(failed(429, {"message": "x", "details": [{**RETRY, "retryDelay": delay}]})).retry_after is None
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"message": "API key not valid.", "details": [{"reason": "API_KEY_INVALID"}]}, 401),
        ({"message": "API key expired.", "details": [{"reason": "API_KEY_EXPIRED"}]}, 401),
        (
            {"message": "User location is not supported for the API use.", "status": "FAILED_PRECONDITION"},
            403,
        ),
    ],
)
def test_a_refused_key_or_place_is_the_gateways_and_not_told(error: dict[str, Any], status: int) -> None:
    found = refine(failed(400, error))
    assert (found.upstream_status, found.status) == (status, 502)
    assert error["message"] not in found.message
    assert found.detail == error["message"]


def test_any_other_refusal_stays_as_it_is() -> None:
    error = failed(400, {"code": 400, "message": "bad role", "status": "INVALID_ARGUMENT", "details": []})
    assert refine(error) is error
    page = UpstreamStatus.of(400, body=b"<html>")
    assert refine(page) is page
    odd = UpstreamStatus.of(400, body=b'{"error": "text"}')
    assert refine(odd) is odd


def test_an_error_for_a_client() -> None:
    view = ErrorView(429, "rate_limit_exceeded", "slow down", code="rate_limit_exceeded", request_id="r")
    error = json.loads(encode_error(view))["error"]
    assert (error["code"], error["status"], error["message"]) == (429, "RESOURCE_EXHAUSTED", "slow down")
    (detail,) = error["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert (detail["reason"], detail["domain"]) == ("RATE_LIMIT_EXCEEDED", "pointsman")
    assert detail["metadata"]["error_type"] == "rate_limit_exceeded"
    assert json.loads(encode_error(ErrorView(502, "server", "x")))["error"]["status"] == "INTERNAL"
    assert json.loads(encode_error(ErrorView(413, "x", "x")))["error"]["status"] == "INVALID_ARGUMENT"

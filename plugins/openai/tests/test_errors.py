"""Errors, both ways."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest

from pointsman.dialects import ErrorView
from pointsman_openai.errors import encode_error, error_in, reported


@pytest.mark.parametrize(
    ("error", "upstream", "status", "error_type"),
    [
        ({"code": 429, "message": "slow down"}, 429, 429, "rate_limit_exceeded"),
        ({"code": "429"}, 429, 429, "rate_limit_exceeded"),
        ({"type": "rate_limit_error"}, 429, 429, "rate_limit_exceeded"),
        ({"code": "insufficient_quota"}, 429, 429, "rate_limit_exceeded"),
        ({"type": "overloaded_error"}, 529, 503, "provider_overloaded"),
        ({"code": 529}, 529, 503, "provider_overloaded"),
        ({"status_code": 503}, 503, 503, "provider_overloaded"),
        ({"status_code": 400, "code": "tool_use_failed", "type": "x"}, 400, 400, "invalid_request"),
        ({"type": "invalid_request_error", "code": None}, 400, 400, "invalid_request"),
        ({"type": "BadRequestError"}, 400, 400, "invalid_request"),
        ({"code": "context_length_exceeded"}, 400, 400, "invalid_request"),
        ({"code": "model_not_found", "type": "invalid_request_error"}, 404, 404, "not_found"),
        ({"code": 422}, 422, 422, "unprocessable"),
        ({"code": 413}, 413, 413, "payload_too_large"),
        ({"code": 504}, 504, 504, "timeout"),
        ({"status": "timeout", "type": "timeout_error"}, 504, 504, "timeout"),
        ({"code": 401}, 401, 502, "provider_unavailable"),
        ({"type": "server_error"}, 500, 502, "provider_unavailable"),
        ({"code": 7}, 500, 502, "provider_unavailable"),
        ({"code": "²²²"}, 500, 502, "provider_unavailable"),
        ("something broke", 500, 502, "provider_unavailable"),
    ],
)
def test_the_status_of_a_reported_error(error: Any, upstream: int, status: int, error_type: str) -> None:
    found = reported(error, phase="stream")
    assert (found.upstream_status, found.status, found.error_type) == (upstream, status, error_type)
    assert found.phase == "stream"


def test_a_reported_error_is_told_as_it_came() -> None:
    error = {"message": "too long", "code": "context_length_exceeded", "param": "messages", "more": [1]}
    found = reported(error, phase="body")
    assert found.message == "too long"
    assert (found.code, found.param) == ("context_length_exceeded", "messages")
    assert json.loads(found.body) == {"error": error}
    assert found.content_type == "application/json"


def test_a_message_is_found_where_it_is_nested_and_capped() -> None:
    assert reported({"error": {"message": "deep"}}, phase="body").message == "deep"
    assert len(reported("x" * 9000, phase="body").message) == 2000
    assert "status 503" in reported({"code": 503}, phase="body").message


@pytest.mark.parametrize("error", [None, {}, "", 0])
def test_an_empty_error_member_is_no_error(error: Any) -> None:
    assert error_in({"error": error, "choices": []}) is None


def test_an_error_without_a_member_of_its_own_is_found() -> None:
    answer = {"object": "error", "message": "bad model", "code": 404}
    assert error_in(answer) is answer
    assert error_in({"message": "bad"}, named=True) == {"message": "bad"}


def view(status: int, error_type: str) -> ErrorView:
    return ErrorView(
        status,
        error_type,
        "no such thing",
        code="some_code",
        param="model",
        attempts=[{"endpoint": "a/b", "status": 500}],
        extra={"excluded_by": ["x"]},
    )


def test_an_error_is_written_in_openais_shape() -> None:
    assert json.loads(encode_error(view(404, "not_found"))) == {
        "error": {
            "message": "no such thing",
            "type": "not_found_error",
            "param": "model",
            "code": "some_code",
            "metadata": {
                "error_type": "not_found",
                "attempts": [{"endpoint": "a/b", "status": 500}],
                "excluded_by": ["x"],
            },
        }
    }


@pytest.mark.parametrize(
    ("status", "error_type", "kind"),
    [
        (400, "invalid_request", "invalid_request_error"),
        (401, "authentication", "authentication_error"),
        (402, "payment_required", "billing_error"),
        (403, "permission_denied", "permission_error"),
        (413, "payload_too_large", "invalid_request_error"),
        (429, "rate_limit_exceeded", "rate_limit_error"),
        (500, "server", "server_error"),
        (502, "provider_unavailable", "api_error"),
        (503, "provider_overloaded", "api_error"),
        (504, "timeout", "api_error"),
    ],
)
def test_the_type_says_whose_fault_it_is(status: int, error_type: str, kind: str) -> None:
    assert json.loads(encode_error(view(status, error_type)))["error"]["type"] == kind


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (502, openai.InternalServerError),
    ],
)
def test_the_sdk_raises_what_the_error_says(status: int, expected: type[openai.APIStatusError]) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        body = encode_error(view(status, "invalid_request"))
        return httpx2.Response(status, content=body, headers={"content-type": "application/json"})

    with (
        openai.OpenAI(
            api_key="k",
            base_url="http://gateway/v1",
            max_retries=0,
            http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
        ) as client,
        pytest.raises(expected, match="no such thing") as raised,
    ):
        client.models.list()
    assert raised.value.code == "some_code"
    assert raised.value.param == "model"

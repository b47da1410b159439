"""Errors inside answers and streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pointsman.dialects import ErrorView
from pointsman_openai.responses.errors import encode_stream_error, fault_in, stream_fault


def test_a_failed_answer_is_an_error_with_the_providers_message() -> None:
    answer = {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow down"}}
    fault = fault_in(answer, phase="body")
    assert fault is not None
    assert (fault.status, fault.message, fault.code) == (429, "slow down", "rate_limit_exceeded")


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_an_answer_that_failed_without_a_word_is_an_error(status: str) -> None:
    fault = fault_in({"status": status, "error": None}, phase="body")
    assert fault is not None
    assert status in fault.message


def test_other_answers_are_none() -> None:
    for status in ("completed", "incomplete", "queued", "in_progress", None):
        assert fault_in({"status": status, "error": None}, phase="body") is None


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        ("error", {"code": "server_error", "message": "broken", "param": None}),
        ("error", {"error": {"type": "server_error", "message": "broken"}}),
        ("response.error", {"message": "broken"}),
        ("response.failed", {"response": {"error": {"code": "server_error", "message": "broken"}}}),
        ("anything", {"error": {"message": "broken"}}),
    ],
)
def test_events_that_tell_an_error(kind: str, event: dict[str, Any]) -> None:
    fault = stream_fault(kind, event)
    assert fault is not None
    assert (fault.message, fault.phase) == ("broken", "stream")


def test_other_events_tell_none() -> None:
    assert stream_fault("response.created", {"error": None}) is None


def test_a_stream_error_is_told_to_every_kind_of_client(
    told: Callable[[bytes], list[dict[str, Any]]],
) -> None:
    view = ErrorView(502, "provider_unavailable", "cut off", request_id="1")
    error, failed = told(encode_stream_error(view))
    assert (error["type"], error["code"], error["message"]) == ("error", "server_error", "cut off")
    assert error["error"]["message"] == "cut off"
    assert failed["type"] == "response.failed"
    assert failed["response"]["error"] == {"code": "server_error", "message": "cut off"}

"""Errors, both ways: those providers report inside an answer, and those clients are told in a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.dialects import ErrorView
from pointsman.errors import Phase, UpstreamStatus
from pointsman.sse import format_event
from pointsman_openai.errors import encode_error, reported

__all__ = ["encode_stream_error", "fault_in", "stream_fault"]

BROKEN = ("failed", "cancelled")
"""What an answer's status says of one that is none."""
CODES: Mapping[str, str] = {
    "rate_limit_exceeded": "rate_limit_exceeded",
    "invalid_request": "invalid_prompt",
    "timeout": "server_error",
    "context_length_exceeded": "context_length_exceeded",
}
"""The code of a failed response, by our error type; others are `server_error`."""
_view = msgspec.json.Decoder(dict[str, Any])


def fault_in(answer: Mapping[str, Any], *, phase: Phase) -> UpstreamStatus | None:
    """The error that an answer reports instead of being one, or None."""
    error, status = answer.get("error"), answer.get("status")
    if error:
        return reported(error, phase=phase)
    if status in BROKEN:
        return reported({"message": f"the provider's answer has status {status}"}, phase=phase)
    return reported(answer, phase=phase) if answer.get("object") == "error" else None


def stream_fault(kind: str, event: Mapping[str, Any]) -> UpstreamStatus | None:
    """The error that an event of a stream reports, or None.

    It stands in the event itself, in a member `error`, or in the response that failed.
    """
    if kind == "response.failed":
        answer = event.get("response")
        failed = answer if isinstance(answer, dict) else {}
        return fault_in({**failed, "status": "failed"}, phase="stream")
    if kind in ("error", "response.error"):
        return reported(event.get("error") or event, phase="stream")
    return reported(event["error"], phase="stream") if event.get("error") else None


def encode_stream_error(error: ErrorView) -> bytes:
    """Two events: some clients look for `error`, with the error as an object or spread out, and others only
    for the response that failed."""
    told = _view.decode(encode_error(error))["error"]
    code = told["code"] or CODES.get(error.error_type, "server_error")
    spread = {
        "type": "error",
        "code": code,
        "message": error.message,
        "param": error.param,
        "sequence_number": 0,
        "error": told,
    }
    response = {
        "id": f"resp_{error.request_id}",
        "object": "response",
        "created_at": 0,
        "status": "failed",
        "error": {"code": code, "message": error.message},
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "",
        "output": [],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
    }
    failed = {"type": "response.failed", "response": response, "sequence_number": 1}
    return b"".join(
        format_event(msgspec.json.encode(event), name=str(event["type"])) for event in (spread, failed)
    )

"""Errors, both ways: those providers report, and those clients are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.dialects import ErrorView
from pointsman.errors import MalformedAnswer, Phase, UpstreamStatus

__all__ = ["encode_error", "error_in", "nonsense", "refine", "reported"]

MOST_MESSAGE = 2000
STATUS: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The status that each type of error comes with; in a stream it is all there is."""
TYPES: Mapping[str, str] = {
    "authentication": "authentication_error",
    "permission_denied": "permission_error",
    "payment_required": "billing_error",
    "not_found": "not_found_error",
    "payload_too_large": "request_too_large",
    "rate_limit_exceeded": "rate_limit_error",
    "provider_overloaded": "overloaded_error",
    "timeout": "timeout_error",
}
"""The type of an error object by our error type, where the status alone does not say it."""
NO_CREDIT = "credit balance is too low"

_object = msgspec.json.Decoder(dict[str, Any])


def error_in(answer: Mapping[str, Any]) -> Any:
    """The error that an answer or event reports, or None."""
    if answer.get("type") == "error":
        return answer.get("error") or answer
    return None


def reported(error: Any, *, phase: Phase) -> UpstreamStatus:
    """A provider's error object (or text) as ours; `body` is the error as a client may be sent it."""
    kind = error.get("type") if isinstance(error, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    shown = error if isinstance(error, dict) else {"type": "api_error", "message": str(error)}
    found = UpstreamStatus.of(
        STATUS.get(kind, 500) if isinstance(kind, str) else 500,
        message[:MOST_MESSAGE] if isinstance(message, str) else None,
        body=msgspec.json.encode({"type": "error", "error": shown}),
        content_type="application/json",
        phase=phase,
    )
    return refine(found)


def refine(error: UpstreamStatus) -> UpstreamStatus:
    """A provider's error with what its body tells beyond its status.

    An account without credit is told with status 400, which would put the blame on the request.
    """
    if error.upstream_status != 400:
        return error
    try:
        fault = error_in(_object.decode(error.body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return error
    said = fault.get("message") if isinstance(fault, dict) else None
    words = said.lower() if isinstance(said, str) else ""
    if NO_CREDIT in words:
        return UpstreamStatus.of(
            402, said, body=error.body, content_type=error.content_type, phase=error.phase
        )
    return error


def nonsense(what: str, error: Exception | None = None, *, phase: Phase = "stream") -> MalformedAnswer:
    """The error for an answer that is not of this dialect."""
    return MalformedAnswer(what, phase=phase, detail=str(error) if error else None)


def encode_error(error: ErrorView) -> bytes:
    """An error in Anthropic's shape; what that shape has no place for is in `metadata`."""
    kind = TYPES.get(error.error_type) or ("invalid_request_error" if error.status < 500 else "api_error")
    metadata: dict[str, Any] = {
        **error.extra,
        "error_type": error.error_type,
        "attempts": error.attempts,
    }
    for name, value in (("code", error.code), ("param", error.param)):
        if value is not None:
            metadata[name] = value
    body: dict[str, Any] = {
        "type": "error",
        "error": {
            "type": kind,
            "message": error.message,
            "error_type": error.error_type,
            "metadata": metadata,
        },
    }
    if error.request_id:
        body["request_id"] = error.request_id
    return msgspec.json.encode(body)

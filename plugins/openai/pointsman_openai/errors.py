"""Errors, both ways: those providers report inside an answer, and those clients are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.dialects import ErrorView
from pointsman.errors import Phase, UpstreamStatus
from pointsman.members import BAD_JSON

__all__ = ["DIALECT", "encode_error", "error_in", "refine", "reported"]

DIALECT = "openai-chat"

MOST_MESSAGE = 2000
STATUS_KEYS = ("status_code", "code", "status")
STATUS_WORDS = (
    ("rate_limit", 429),
    ("ratelimit", 429),
    ("too_many_requests", 429),
    ("quota", 429),
    ("overloaded", 529),
    ("unavailable", 503),
    ("timeout", 504),
    ("authentication", 401),
    ("api_key", 401),
    ("permission", 403),
    ("not_found", 404),
    ("notfound", 404),
    ("context_length", 400),
    ("content_filter", 400),
    ("invalid", 400),
    ("bad_request", 400),
    ("badrequest", 400),
)
"""Words in an error's type or code, and the status they stand for; the first that is found counts."""
POLICY = "content_policy_violation"
BY_POLICY = frozenset({POLICY, "content_filter", "ResponsibleAIPolicyViolation"})
"""Codes of refusals for what a request says; some hosts put them into an inner error."""
TYPES: Mapping[str, str] = {
    "authentication": "authentication_error",
    "permission_denied": "permission_error",
    "payment_required": "billing_error",
    "not_found": "not_found_error",
    "rate_limit_exceeded": "rate_limit_error",
    "server": "server_error",
}
"""The `type` of an error object, by our error type, where the status alone does not say it."""

_object = msgspec.json.Decoder(dict[str, Any])


def error_in(answer: Mapping[str, Any], *, named: bool = False) -> Any:
    """The error an answer or event reports, or None. `named` says that the event's name is `error`.

    Some servers send the members of the error at the top, `"object": "error"` among them.
    """
    error = answer.get("error")
    if error:
        return error
    return answer if named or answer.get("object") == "error" else None


def reported(error: Any, *, phase: Phase) -> UpstreamStatus:
    """A provider's error object (or text) as ours; `body` is the error as a client may be sent it."""
    found = UpstreamStatus.of(
        _status(error),
        _message(error),
        body=msgspec.json.encode({"error": error if isinstance(error, dict) else {"message": error}}),
        content_type="application/json",
        phase=phase,
    )
    return _detailed(found, error)


def refine(error: UpstreamStatus) -> UpstreamStatus:
    """A provider's error with what its body tells beyond its status and message."""
    try:
        told = _object.decode(error.body).get("error")
    except BAD_JSON:
        return error
    return _detailed(error, told)


def _detailed(found: UpstreamStatus, error: Any) -> UpstreamStatus:
    """Take code and param of an error object, and that it refuses a request for what it says."""
    if not isinstance(error, dict):
        return found
    code, param, inner = error.get("code"), error.get("param"), error.get("innererror")
    found.code = code if isinstance(code, str) else found.code
    found.param = param if isinstance(param, str) else found.param
    within = inner.get("code") if isinstance(inner, dict) else None
    if found.status == 400 and any(isinstance(each, str) and each in BY_POLICY for each in (code, within)):
        found.error_type = POLICY
    return found


def _status(error: Any) -> int:
    """The HTTP status an error object speaks of: as a number, or in the words of its type and code."""
    if not isinstance(error, dict):
        return 500
    for key in STATUS_KEYS:
        text = str(error.get(key))
        if text.isdecimal() and len(text) == 3 and 400 <= int(text) <= 599:
            return int(text)
    words = f"{error.get('type')} {error.get('code')}".lower()
    return next((status for word, status in STATUS_WORDS if word in words), 500)


def _message(error: Any) -> str | None:
    """The message in an error, which may be nested or the error itself."""
    for _ in range(3):
        if not isinstance(error, dict):
            break
        error = error.get("message") or error.get("error") or error.get("detail")
    return error[:MOST_MESSAGE] if isinstance(error, str) else None


def encode_error(error: ErrorView) -> bytes:
    """An error in OpenAI's shape; what that shape has no place for is in `metadata`."""
    kind = TYPES.get(error.error_type) or ("invalid_request_error" if error.status < 500 else "api_error")
    metadata = {**error.extra, "error_type": error.error_type, "attempts": error.attempts}
    return msgspec.json.encode(
        {
            "error": {
                "message": error.message,
                "type": kind,
                "param": error.param,
                "code": error.code,
                "metadata": metadata,
            }
        }
    )

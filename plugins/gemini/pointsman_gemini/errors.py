"""Errors, both ways: those providers report, and those clients are told.

They are objects of `google.rpc.Status`: a status as number and word, a message, and details, of which
RetryInfo says when to come back and ErrorInfo what exactly is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.dialects import ErrorView
from pointsman.errors import OUR_ACCOUNT, MalformedAnswer, Phase, UpstreamStatus
from pointsman.members import BAD_JSON
from pointsman.waits import retry_after

__all__ = ["encode_error", "nonsense", "refine", "reported"]

MOST_MESSAGE = 2000
STATUS: Mapping[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""The status that each word stands for; in a stream it may be all there is."""
WORDS: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
TYPE = "type.googleapis.com/google.rpc."
OUR_KEY = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED"})
"""Reasons in which a refusal with status 400 speaks of the gateway's key."""
OUR_PLACE = ("user location is not supported", "enable billing")
"""Words in which one speaks of the gateway's account, or of where it is."""

_object = msgspec.json.Decoder(dict[str, Any])


def reported(error: Any, *, phase: Phase) -> UpstreamStatus:
    """A provider's error object (or text) as ours; `body` is the error as a client may be sent it."""
    shown = error if isinstance(error, dict) else {"code": 500, "message": str(error), "status": "INTERNAL"}
    code, word, message = shown.get("code"), shown.get("status"), shown.get("message")
    status = code if isinstance(code, int) and 400 <= code <= 599 else STATUS.get(str(word), 500)
    found = UpstreamStatus.of(
        status,
        message[:MOST_MESSAGE] if isinstance(message, str) else None,
        body=msgspec.json.encode({"error": shown}),
        content_type="application/json",
        phase=phase,
    )
    return refine(found)


def refine(error: UpstreamStatus) -> UpstreamStatus:
    """A provider's error with what its body tells beyond its status: how long to wait, and that a refusal is
    not of the request but of the gateway's key or account, for which this dialect has no other status."""
    told = _error_in(error.body)
    details = [each for each in _list(told.get("details")) if isinstance(each, dict)]
    wait = error.retry_after
    if wait is None:
        wait = next((found for each in details if (found := _wait(each)) is not None), None)
    status, message = error.upstream_status, told.get("message")
    message = message if isinstance(message, str) else None
    if status == 400 and any(each.get("reason") in OUR_KEY for each in details):
        status = 401
    elif status == 400 and any(words in (message or "").lower() for words in OUR_PLACE):
        status = 403
    if (status, wait) == (error.upstream_status, error.retry_after) or error.upstream_status in OUR_ACCOUNT:
        return error
    return UpstreamStatus.of(
        status,
        message or error.message,
        retry_after=wait,
        body=error.body,
        content_type=error.content_type,
        phase=error.phase,
    )


def _error_in(body: bytes) -> dict[str, Any]:
    """The error object of a body; empty where there is none."""
    try:
        found = _object.decode(body).get("error")
    except BAD_JSON:
        return {}
    return found if isinstance(found, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _wait(detail: Mapping[str, Any]) -> float | None:
    """The seconds that a RetryInfo names, as in `34.07s`."""
    delay = detail.get("retryDelay")
    if detail.get("@type") != f"{TYPE}RetryInfo" or not isinstance(delay, str):
        return None
    return retry_after({"retry-after": delay})


def nonsense(what: str, error: Exception | None = None, *, phase: Phase = "stream") -> MalformedAnswer:
    """The error for an answer that is not of this dialect."""
    return MalformedAnswer(what, phase=phase, detail=str(error) if error else None)


def encode_error(error: ErrorView) -> bytes:
    """An error in this dialect's shape; what that shape has no place for is in its details."""
    word = WORDS.get(error.status) or ("INVALID_ARGUMENT" if error.status < 500 else "INTERNAL")
    metadata: dict[str, Any] = {**error.extra, "error_type": error.error_type, "attempts": error.attempts}
    for name, value in (("code", error.code), ("param", error.param), ("request_id", error.request_id)):
        if value:
            metadata[name] = value
    detail = {
        "@type": f"{TYPE}ErrorInfo",
        "reason": (error.code or error.error_type).upper(),
        "domain": "pointsman",
        "metadata": metadata,
    }
    body = {"code": error.status, "message": error.message, "status": word, "details": [detail]}
    return msgspec.json.encode({"error": body})

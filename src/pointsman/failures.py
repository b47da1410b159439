"""Failures: what an attempt ended with, what follows from it, and what the client is told in the end."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import msgspec

from .errors import CONTENT_POLICY, ConnectFailed, RequestError, Unavailable, UpstreamError, UpstreamStatus
from .providers import HttpProvider, Provider
from .upstream import Answer
from .waits import retry_after

if TYPE_CHECKING:
    from .credentials import Key
    from .exchange import Attempt, Exchange

__all__ = ["MOST_ERROR_BODY", "classify", "exhausted", "record_failure", "refine", "scrub", "status_error"]

log = logging.getLogger(__name__)

MOST_ERROR_BODY = 64 * 1024
SHORTEST_SECRET = 8
"""Shorter keys are words such as `none` that local servers want: taking them out would garble texts."""
CLIENT_ERRORS = frozenset({400, 404, 405, 409, 410, 413, 415, 422, 451})
"""Statuses with which a provider says that the request is at fault, or the model is not there."""
FINAL_ERRORS = CLIENT_ERRORS - {404, 405, 410}
"""Those among them that another endpoint would answer alike: nothing else is tried."""
TOO_LONG = "context_length_exceeded"
_TOO_LONG = re.compile(
    r"context[ _](length|window|limit)|(prompt|input|request)\b[^.]{0,60}\btoo long|maximum context"
    r"|too many (input )?tokens|reduce the length|exceeds? the (maximum|model)[^.]{0,40} tokens",
    re.IGNORECASE,
)
"""How hosts say that a request has more tokens than their model takes: there is no status for it."""


_CONTENT = re.compile(
    r"moderation|\bflagged\b|content[ _-](policy|filter)|safety (system|policy|filter)", re.IGNORECASE
)
"""How hosts say with 403, which else speaks of our key, that they refuse a request for what it says."""


def classify(error: UpstreamError) -> Literal["next", "stop"]:
    """What follows a failed attempt: the next candidate, or the error as it is.

    A request that is too long for one model may have room in another.
    """
    if isinstance(error, UpstreamStatus) and error.upstream_status in FINAL_ERRORS:
        return "next" if error.error_type == TOO_LONG else "stop"
    return "next"


def refine(error: UpstreamStatus) -> None:
    """Take from a refusal's words what its status does not tell: that the request is too long, or that it is
    refused for what it says and not for our key."""
    if error.upstream_status == 403 and error.detail and _CONTENT.search(error.detail):
        error.message, error.detail = error.detail, None
        error.status, error.error_type, error.code = 403, CONTENT_POLICY, error.code or CONTENT_POLICY
    if error.upstream_status in (400, 413, 422) and _TOO_LONG.search(f"{error.message} {error.code or ''}"):
        error.error_type = error.code = TOO_LONG


def scrub(error: UpstreamError, provider: Provider, others: Iterable[Key] = ()) -> None:
    """Take the provider's keys, and those of a client's own, out of what the provider said."""
    keys = [*provider.keys] if isinstance(provider, HttpProvider) else []
    for key in {each.secret.reveal() for each in (*keys, *others)}:
        if len(key) < SHORTEST_SECRET:
            continue
        error.message = error.message.replace(key, "[key]")
        error.code = error.code.replace(key, "[key]") if error.code else None
        error.param = error.param.replace(key, "[key]") if error.param else None
        error.detail = error.detail.replace(key, "[key]") if error.detail else None
        if isinstance(error, UpstreamStatus):
            error.body = error.body.replace(key.encode(), b"[key]")
            error.event = error.event.replace(key.encode(), b"[key]")


async def status_error(answer: Answer) -> UpstreamStatus:
    """A provider's error answer as ours; its body is capped."""
    status = answer.status
    try:
        body = await answer.read(MOST_ERROR_BODY)
    except UpstreamError:
        body = b""
    return UpstreamStatus.of(
        status,
        _told(body),
        retry_after=retry_after(answer.headers),
        body=body,
        content_type=answer.headers.get("content-type", ""),
    )


def _told(body: bytes) -> str | None:
    """The message in an error body of any of the usual shapes."""
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    for _ in range(3):
        if not isinstance(data, dict):
            break
        data = data.get("error") or data.get("message") or data.get("detail")
    return data[:2000] if isinstance(data, str) else None


def record_failure(exchange: Exchange, attempt: Attempt, error: UpstreamError) -> Literal["next", "stop"]:
    """Put a failure on record, without any secret in it; say what follows it."""
    attempt.error = error
    provider = attempt.endpoint.provider
    scrub(error, provider, [each.key for each in exchange.candidates if each.key is not None])
    verdict = classify(error)
    if verdict == "next":
        exchange.gateway.retries.failed(provider.name)
    exchange.public.attempts.append(attempt)
    log.warning(
        "%s attempt %d at %s failed in %s: %s%s",
        exchange.request_id,
        attempt.number,
        attempt.endpoint.id,
        error.phase,
        error.message,
        f" ({error.detail})" if error.detail else "",
    )
    return verdict


def exhausted(exchange: Exchange) -> RequestError:
    """What to tell a client when every attempt failed: the failure that helps it most. Where none of the
    endpoints could be reached, that nothing is available now."""
    errors = [attempt.error for attempt in exchange.attempts if attempt.error is not None]
    if not errors:
        return Unavailable("no endpoint is left to try")
    fault = next((error for error in errors if error.status in CLIENT_ERRORS), None)
    if fault is not None and len(errors) == 1:
        return fault
    limited = [error for error in errors if error.status == 429]
    telling = limited[0] if len(limited) == len(errors) else (fault or errors[-1])
    waits = [error.retry_after for error in errors if error.retry_after is not None]
    message = telling.message
    if len(errors) > 1:
        message = f"all {len(errors)} attempts failed; the last said: {errors[-1].message}"
    out_of_reach = all(isinstance(error, ConnectFailed) for error in errors)
    return RequestError(
        message,
        status=Unavailable.status if out_of_reach else telling.status,
        error_type=telling.error_type,
        code=telling.code,
        retry_after=min(waits) if waits else None,
        headers={"x-should-retry": "false"},
    )

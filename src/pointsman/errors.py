"""Every error pointsman raises on purpose.

PointsmanError
├── StartupError               the process cannot start; printed without a traceback
│   └── ConfigError            a configuration file is wrong (`config.problems` renders it)
│       └── PluginError        a plugin cannot be loaded; names plugin and file
├── SealError                  what is to be sealed or opened cannot be
└── RequestError               one request fails; rendered in the client's dialect
    ├── BadRequest             400  invalid_request
    │   └── UnknownModel       400  invalid_request
    ├── Unauthenticated        401  authentication
    ├── Forbidden              403  permission_denied
    ├── NotFound               404  not_found
    ├── MethodNotAllowed       405  invalid_request
    ├── Conflict               409  invalid_request
    ├── PayloadTooLarge        413  payload_too_large
    ├── RateLimited            429  rate_limit_exceeded
    ├── Internal               500  server
    ├── Unavailable            503  provider_unavailable
    └── UpstreamError               what one attempt at an endpoint ended with
        ├── ConnectFailed      502  provider_unavailable
        ├── UpstreamTimeout    504  timeout
        ├── UpstreamCut        502  provider_unavailable
        ├── MalformedAnswer    502  provider_unavailable
        └── UpstreamStatus     a status of 300 or above, or an error object in an answer

`error_type` takes OpenRouter's vocabulary, which is the widest in use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

__all__ = [
    "CONTENT_POLICY",
    "OUR_ACCOUNT",
    "BadRequest",
    "ConfigError",
    "Conflict",
    "ConnectFailed",
    "Forbidden",
    "Internal",
    "MalformedAnswer",
    "MethodNotAllowed",
    "NotFound",
    "PayloadTooLarge",
    "PluginError",
    "PointsmanError",
    "RateLimited",
    "RequestError",
    "SealError",
    "StartupError",
    "Unauthenticated",
    "Unavailable",
    "UnknownModel",
    "UpstreamCut",
    "UpstreamError",
    "UpstreamStatus",
    "UpstreamTimeout",
]

CONTENT_POLICY = "content_policy_violation"
"""The error type of a refusal for what a request says."""
Phase = Literal["connect", "headers", "first-content", "body", "stream"]


class PointsmanError(Exception):
    """Base of every error pointsman raises on purpose."""


class StartupError(PointsmanError):
    """The process cannot start. The message is for the operator and says what to do."""


class ConfigError(StartupError):
    """A configuration is wrong. `problems` holds every finding (`pointsman.config.Problem`)."""

    def __init__(self, message: str, problems: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)

    @classmethod
    def of(cls, problems: Sequence[Any]) -> Self:
        """The error for findings that each say `str(problem)`."""
        return cls("\n".join(str(problem) for problem in problems), problems)


class PluginError(ConfigError):
    """A plugin cannot be used. The message names the plugin and its file, and `problems` its place in the
    configuration where it stands there."""


class SealError(PointsmanError):
    """Something cannot be sealed, or what was sealed cannot be opened. Safe to show to the operator."""


class RequestError(PointsmanError):
    """One request fails.

    `message` is safe to show to the client. `detail` goes to the log only. `headers` are
    added to the answer; `extra` is carried in the error object where the dialect has a place.
    """

    status: int = 500
    error_type: str = "server"
    code: str | None = None

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        error_type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status if status is not None else type(self).status
        self.error_type = error_type or type(self).error_type
        self.code = code or type(self).code
        self.param = param
        self.retry_after = retry_after
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        self.detail = detail


class BadRequest(RequestError):
    """The request itself is wrong; sending it again will not help."""

    status = 400
    error_type = "invalid_request"


class UnknownModel(BadRequest):
    """No model is called `model`. Raised by `select_route`; hooks of `unknown_model` may know better."""

    code = "model_not_found"

    def __init__(self, message: str, *, model: str) -> None:
        super().__init__(message, param="model")
        self.model = model


class Unauthenticated(RequestError):
    """No key, or a wrong one."""

    status = 401
    error_type = "authentication"
    code = "invalid_api_key"


class Forbidden(RequestError):
    """The key is known and may not do this."""

    status = 403
    error_type = "permission_denied"


class NotFound(RequestError):
    """No such path, model or record."""

    status = 404
    error_type = "not_found"


class MethodNotAllowed(RequestError):
    """The path exists and takes another method (named in the `allow` header)."""

    status = 405
    error_type = "invalid_request"


class Conflict(RequestError):
    """What is asked contradicts what is recorded: a name taken, a second row of one key."""

    status = 409
    error_type = "invalid_request"


class PayloadTooLarge(RequestError):
    """The body is larger than `server.max_body`."""

    status = 413
    error_type = "payload_too_large"


class RateLimited(RequestError):
    """A limit is used up; `retry_after` is in seconds."""

    status = 429
    error_type = "rate_limit_exceeded"
    code = "rate_limit_exceeded"


class Internal(RequestError):
    """Our own fault. The message is a constant; what happened is in the log."""

    def __init__(self, detail: str) -> None:
        super().__init__("internal error; the log has the cause under this request's id", detail=detail)


class Unavailable(RequestError):
    """Nothing can answer now."""

    status = 503
    error_type = "provider_unavailable"


class UpstreamError(RequestError):
    """What one attempt ended with; `phase` is where it failed."""

    status = 502
    error_type = "provider_unavailable"

    def __init__(self, message: str, *, phase: Phase, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.phase: Phase = phase


class ConnectFailed(UpstreamError):
    """No connection: refused, unresolvable, TLS not trusted, or the connect deadline passed."""

    def __init__(self, message: str, *, phase: Phase = "connect", **fields: Any) -> None:
        super().__init__(message, phase=phase, **fields)


class UpstreamTimeout(UpstreamError):
    """One of the three clocks ran out: first content, stall, total."""

    status = 504
    error_type = "timeout"


class UpstreamCut(UpstreamError):
    """The connection ended before the answer was whole."""


class MalformedAnswer(UpstreamError):
    """The provider answered something that is not its dialect."""


class UpstreamStatus(UpstreamError):
    """The provider answered with an error.

    `upstream_status` is its status, `body` its body (capped, scrubbed), `content_type` that body's type;
    `event` are the bytes of the event in which a stream told it, `dialect` the one they are in.
    """

    def __init__(
        self,
        message: str,
        *,
        upstream_status: int,
        body: bytes = b"",
        content_type: str = "",
        phase: Phase = "headers",
        **fields: Any,
    ) -> None:
        super().__init__(message, phase=phase, **fields)
        self.upstream_status = upstream_status
        self.body = body
        self.content_type = content_type
        self.event = b""
        self.dialect = ""

    @classmethod
    def of(
        cls,
        upstream_status: int,
        message: str | None = None,
        *,
        retry_after: float | None = None,
        **fields: Any,
    ) -> UpstreamStatus:
        """The error for a provider's status, with the status, type and advice that our client gets.

        `message` is the provider's own, `retry_after` its advice in seconds. What a provider says of our
        key or account is for the log alone.
        """
        status, error_type = _ADVICE.get(upstream_status, (502, "provider_unavailable"))
        if upstream_status in OUR_ACCOUNT:
            fields["detail"], message = message, "the provider refused the gateway's credentials"
        return cls(
            message or f"the provider answered with status {upstream_status}",
            upstream_status=upstream_status,
            status=status,
            error_type=error_type,
            retry_after=retry_after if status in (429, 503) else None,
            **fields,
        )


_ADVICE = {
    400: (400, "invalid_request"),
    404: (404, "not_found"),
    405: (405, "invalid_request"),
    408: (504, "timeout"),
    409: (409, "invalid_request"),
    410: (410, "not_found"),
    413: (413, "payload_too_large"),
    415: (415, "invalid_request"),
    422: (422, "unprocessable"),
    429: (429, "rate_limit_exceeded"),
    451: (451, "permission_denied"),
    503: (503, "provider_overloaded"),
    504: (504, "timeout"),
    529: (503, "provider_overloaded"),
}
"""By a provider's status: what our client is told. A refused key (401, 402, 403) is ours, not its."""


OUR_ACCOUNT = frozenset({401, 402, 403})
"""Statuses with which a provider speaks of the gateway's key or account, which are none of a client's."""

"""The exchange: everything known about one request on its way through.

Hooks read and write the exchange, and for one attempt its `Attempt`, and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from .decision import Decision, Weighed
from .errors import RequestError, UpstreamError, UpstreamStatus
from .losses import Losses
from .money import Cost
from .types import Finish, Peek, Request, Usage

if TYPE_CHECKING:
    from .catalogue import Endpoint
    from .credentials import Key
    from .dialects import Codec
    from .gateway import Gateway
    from .lanes import Lane, Way
    from .setup import Setup

__all__ = ["Actor", "Attempt", "Candidate", "Exchange", "Outcome", "Plan", "Public", "Role"]

Role = Literal["admin", "member", "viewer"]
Outcome = Literal["complete", "incomplete", "failed", "cancelled"]
"""complete: the answer is whole; incomplete: it broke off after content; failed: an error was answered;
cancelled: the client left."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `models` are globs of what it may use; `key_id` identifies the key without
    being it; `explains` lets it see decision records.

    `extra` is what other plugins declared in the key's settings, by name.
    """

    name: str
    key_id: str
    role: Role = "member"
    models: tuple[str, ...] = ("*",)
    tags: tuple[str, ...] = ()
    explains: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)

    def may_use(self, *names: str) -> bool:
        """Whether any of a model's names is among the models this actor may use."""
        return any(fnmatchcase(name, pattern) for pattern in self.models for name in names)


@dataclass(frozen=True, slots=True)
class Plan:
    """What `select_route` decided: the rule's name and the models to try, in order of preference.

    `extra` is what other plugins declared for a rule's `use`, by name, as far as the rule says it.
    """

    rule: str | None
    models: tuple[str, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)


class Candidate(msgspec.Struct):
    """An endpoint that could answer, for `model`, the name under which it was found, and the way there:
    the core finds it before candidates are ranked."""

    endpoint: Endpoint
    model: str
    reasons: list[str] = []
    way: Way | None = None


@dataclass(slots=True)
class Attempt:
    """An endpoint tried. Times are monotonic seconds.

    `lost` are the parameters the request lost on the way there, `losses` what its answer lost on the way
    back.
    """

    number: int
    candidate: Candidate
    endpoint: Endpoint = field(init=False, repr=False)
    started: float = field(default_factory=time.monotonic)
    first_content: float | None = None
    ended: float | None = None
    upstream_status: int | None = None
    error: UpstreamError | None = None
    usage: Usage | None = None
    lost: list[str] = field(default_factory=list)
    losses: Losses = field(default_factory=Losses)
    key: Key | None = None

    def __post_init__(self) -> None:
        self.endpoint = self.candidate.endpoint

    @property
    def way(self) -> Way:
        """The way to it. Raises RuntimeError before there is one."""
        if self.candidate.way is None:
            raise RuntimeError(f"no way to {self.endpoint.id} has been looked for")
        return self.candidate.way

    @property
    def lane(self) -> Lane | None:
        """The lane of that way; None before there is one."""
        return self.candidate.way.lane if self.candidate.way is not None else None

    def record(self) -> dict[str, Any]:
        """The attempt as JSON data, fit for the client."""
        status = self.upstream_status
        if isinstance(self.error, UpstreamStatus):
            status = self.error.upstream_status
        return {
            "endpoint": self.endpoint.id,
            "provider": self.endpoint.provider.name,
            "lane": self.lane,
            "status": status,
            "error_type": self.error.error_type if self.error else None,
            "message": self.error.message if self.error else None,
            "lost": list(self.lost),
            "answer_lost": list(self.losses.answer),
        }


@dataclass(slots=True)
class Public:
    """What may be told to the client: headers, errors and explain are rendered from this alone."""

    provider: str | None = None
    model: str | None = None
    route: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    """Those that have ended; their `record` is fit for the client."""
    lost: Sequence[str] = ()


_UNREAD = Request(b"")
_UNSEEN = Peek("")
"""What an exchange has before its body is read."""


class Exchange:
    """One request on its way through the hooks.

    `headers` are the client's, lower case. `response_headers` go on the answer, `notes` are plugins' own
    data, by plugin name. `codec` is the client's; reading that of a page, which has no dialect, raises
    RuntimeError. `admitted` says that every `admit` hook let it pass; `stopping` is set when the
    server ends it rather than the client.
    """

    __slots__ = (
        "actor",
        "admitted",
        "at",
        "attempts",
        "candidates",
        "client",
        "codec",
        "cost",
        "decision",
        "error",
        "finish",
        "first_content",
        "gateway",
        "generation_id",
        "headers",
        "notes",
        "outcome",
        "peek",
        "plan",
        "prefix",
        "public",
        "request",
        "request_id",
        "response_headers",
        "setup",
        "started",
        "status",
        "stopping",
        "usage",
    )

    def __init__(
        self,
        gateway: Gateway,
        codec: Codec | None,
        headers: Mapping[str, str],
        *,
        prefix: str = "/v1",
        client: str = "",
        request_id: str | None = None,
    ) -> None:
        self.gateway = gateway
        self.setup: Setup = gateway.setup
        if codec is not None:
            self.codec = codec
        self.headers = headers
        self.prefix = prefix
        self.client = client
        self.request_id = request_id or gateway.ids.request()
        self.generation_id = gateway.ids.generation()
        self.at = datetime.now(UTC)
        self.started = time.monotonic()
        self.first_content: float | None = None
        self.actor: Actor | None = None
        self.admitted = False
        self.request = _UNREAD
        self.peek = _UNSEEN
        self.plan: Plan | None = None
        self.candidates: list[Candidate] = []
        self.attempts: list[Attempt] = []
        self.decision = Decision()
        self.public = Public()
        self.usage: Usage | None = None
        self.cost: Cost | None = None
        self.finish: Finish | None = None
        self.outcome: Outcome | None = None
        self.error: RequestError | None = None
        self.status: int | None = None
        self.response_headers: dict[str, str] = {}
        self.stopping = False
        self.notes: dict[str, Any] = {}

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """What is not there: the codec of a page."""
            if name == "codec":
                raise RuntimeError("this exchange has no dialect: it asks for a page")
            raise AttributeError(name)

    @property
    def dialect(self) -> str:
        """The client's dialect."""
        return self.codec.dialect

    @property
    def surface(self) -> str:
        """The operation asked for."""
        return self.codec.surface

    @property
    def attempt(self) -> Attempt | None:
        """The attempt under way, or the last one."""
        return self.attempts[-1] if self.attempts else None

    def exclude(self, candidate: Candidate, *, by: str, why: str) -> None:
        """Put on record that `rank_candidates` of plugin `by` drops a candidate."""
        self.decision.exclude(candidate.endpoint.id, by=by, why=why)

    def weighed(self) -> list[Weighed]:
        """The ranked candidates, for the record."""
        return [
            Weighed(
                each.endpoint.id,
                each.model,
                each.endpoint.provider.name,
                list(each.reasons),
                each.way.lane if each.way else None,
                list(each.way.losses.parameters) if each.way else [],
            )
            for each in self.candidates
        ]

    def begin_attempt(self, candidate: Candidate) -> Attempt:
        """Open the next attempt and disclose it."""
        attempt = Attempt(len(self.attempts) + 1, candidate)
        self.attempts.append(attempt)
        public = self.public
        public.provider, public.model = attempt.endpoint.provider.name, candidate.model
        return attempt

    def wants_explanation(self) -> bool:
        """Whether the client asked for the decision record and may see it."""
        wanted = self.headers.get("x-pointsman-explain", "").lower() in ("true", "1")
        return wanted and self.actor is not None and self.actor.explains

    def elapsed(self) -> float:
        """Seconds since the request arrived."""
        return time.monotonic() - self.started

    def record(self) -> dict[str, Any]:
        """The decision record of this exchange, as JSON data.

        A dry run of the same request differs in `id`, `at`, `timings` and `outcomes` alone.
        """
        return {
            "id": self.generation_id,
            "at": self.at.isoformat(),
            **self.decision.record(self.weighed()),
            "timings": {
                "total_ms": round(self.elapsed() * 1000, 3),
                "first_content_ms": _milliseconds(self.started, self.first_content),
                "attempts_ms": [_milliseconds(each.started, each.ended) for each in self.attempts],
            },
            "outcomes": {
                "outcome": self.outcome,
                "error": self.error.message if self.error else None,
                "error_type": self.error.error_type if self.error else None,
                "attempts": [each.record() for each in self.attempts],
            },
        }


def _milliseconds(start: float, end: float | None) -> float | None:
    return None if end is None else round((end - start) * 1000, 3)

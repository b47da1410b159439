"""The exchange: everything known about one request on its way through.

Hooks read and write the exchange, and for one attempt its `Attempt`, and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

from .chain import first_sync
from .decision import Decision, Reason
from .errors import RequestError, UpstreamError, UpstreamStatus
from .losses import Losses
from .money import Cost
from .outlook import decided, used
from .plan import Plan
from .proxies import client_behind
from .types import Finish, Peek, Request, Usage

if TYPE_CHECKING:
    from .calls import Answer
    from .catalogue import Endpoint
    from .credentials import Key
    from .dialects import Codec
    from .facts import About
    from .gateway import Gateway
    from .joint import NewSeam
    from .lanes import Lane, Way
    from .runs import Run
    from .setup import Setup
    from .stored import Stored

__all__ = ["Actor", "Attempt", "Candidate", "Exchange", "Level", "Outcome", "Plan", "Public", "Role"]

ANY = ("*",)
Role = Literal["admin", "member", "viewer"]
Outcome = Literal["complete", "incomplete", "failed", "cancelled"]
"""complete: the answer is whole; incomplete: it broke off after content; failed: an error was answered;
cancelled: the client left."""


@dataclass(frozen=True, slots=True)
class Level:
    """Whoever's rules a request is under: its key, the key's team, the team's organisation.

    `extra` is what plugins declared in the settings of that record, by name. `models`, `providers` and
    `surfaces` are globs of what may be used. With `uncollected` nothing goes to a provider that may collect
    data, with `forgotten` nothing to one that may keep any.
    """

    kind: Literal["key", "team", "organisation"]
    id: str
    name: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = ANY
    providers: tuple[str, ...] = ANY
    surfaces: tuple[str, ...] = ANY
    uncollected: bool = False
    forgotten: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `models` are globs of what it may use; `key_id` identifies the key without
    being it; `explains` lets it see decision records.

    `extra` is what other plugins declared in the key's settings, by name. `levels` are those whose rules it
    is under, from the key outward, and each must allow what it does; `bounded` says that any of them leaves
    anything out. `keys` are credentials of its own, by provider, which are used before the operator's.
    `inner`: a plugin asks, not a client.
    """

    name: str
    key_id: str
    role: Role = "member"
    models: tuple[str, ...] = ANY
    tags: tuple[str, ...] = ()
    explains: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)
    levels: tuple[Level, ...] = ()
    keys: Mapping[str, Key] = field(default_factory=dict)
    inner: bool = False
    bounded: bool = field(init=False)
    extras: tuple[Mapping[str, Any], ...] = field(init=False, repr=False, compare=False)
    """The `extra` of each level, or its own."""

    def __post_init__(self) -> None:
        globs = [self.models]
        for level in self.levels:
            globs += [level.models, level.providers, level.surfaces]
        private = any(level.uncollected or level.forgotten for level in self.levels)
        object.__setattr__(self, "bounded", private or any("*" not in each for each in globs))
        extras = tuple(level.extra for level in self.levels) or (self.extra,)
        object.__setattr__(self, "extras", extras)

    def may_use(self, *names: str) -> bool:
        """Whether any of a model's names is among the models this actor may use, at each level."""
        return _any_matches(self.models, names) and all(
            _any_matches(level.models, names) for level in self.levels
        )

    def may_reach(self, provider: str) -> bool:
        """Whether each level allows this provider."""
        return all(_any_matches(level.providers, (provider,)) for level in self.levels)

    def may_tell(self, about: About) -> bool:
        """Whether each level allows its data to a provider of which this is known."""
        return all(
            (about.collects_nothing or not level.uncollected) and (about.forgets or not level.forgotten)
            for level in self.levels
        )


def _any_matches(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


class Candidate(msgspec.Struct, eq=False):
    """An endpoint that could answer, for `model`, the name under which it was found, and the way there:
    the core finds it before candidates are ranked. `key` is used in place of the provider's own. `seam` makes
    what joins its answer to that of others which broke off, where it is asked to go on with it."""

    endpoint: Endpoint
    model: str
    reasons: list[Reason] = []
    way: Way | None = None
    key: Key | None = None
    seam: NewSeam | None = None


@dataclass(slots=True)
class Attempt:
    """An endpoint tried. Times are monotonic seconds; `connecting` is how many a new connection took.

    `lost` are the parameters the request lost on the way there, `losses` what its answer lost on the way
    back. `usage` is what it has used once it has ended, also where it failed, `cost` what that costs; None is
    nothing, or not known. `served` is the model that answered, where it says which. `complete`: its answer
    is whole; `answer` has the provider's headers, where it was asked over HTTP and answered. `bad_tools` says
    whether it called a tool with what are no arguments; None where it called none, or was not read.
    `overtaken`: another one was asked beside it, and answered before it.
    """

    number: int
    candidate: Candidate
    endpoint: Endpoint = field(init=False, repr=False)
    started: float = field(default_factory=time.monotonic)
    connecting: float | None = None
    first_content: float | None = None
    ended: float | None = None
    upstream_status: int | None = None
    answer: Answer | None = None
    complete: bool = False
    overtaken: bool = False
    error: UpstreamError | None = None
    usage: Usage | None = None
    cost: Cost | None = None
    served: str | None = None
    bad_tools: bool | None = None
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
    def byok(self) -> bool:
        """Whether it uses a credential of the client's own."""
        return self.candidate.key is not None

    @property
    def continues(self) -> bool:
        """Whether it goes on with an answer that others have begun."""
        return self.candidate.seam is not None

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
            "continues": self.continues,
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


class _NoCodec:
    """What a page has in place of a codec."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("this exchange has no dialect: it asks for a page")


_PAGE = cast("Codec", _NoCodec())


class Exchange:
    """One request on its way through the hooks.

    `headers` are the client's, lower case. `response_headers` go on the answer, `notes` are plugins' own
    data, by plugin name. `codec` is the client's; asking that of a page, which has no dialect, for anything
    raises RuntimeError. `admitted` says that every `admit` hook let it pass, `reserved` that `reserve_usage`
    was begun, `cached` that a stored answer was given; `stopping` is set when the server ends it rather than
    the client. `keep` is the most bytes of an answer that somebody wants to store. `strict` says that its
    record must be on disk before its last byte, `unsettled` why it could not be. `pricing` is the endpoint
    that `price_usage` is asked about. `usage` is the answer's own, `cost` that of all attempts. `waited` is
    for how many seconds it waited for endpoints that rest.
    `sent` is what the client got of a stream that broke off, where `keep` asked for it, `stored` the stored
    answer that was given. `run` drives it where no task of asyncio does. `resumes` says that
    `continue_stream` may go on with its stream where that breaks off: it is read as events then, and kept.
    """

    __slots__ = (
        "actor",
        "admitted",
        "at",
        "attempts",
        "cached",
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
        "keep",
        "notes",
        "outcome",
        "peek",
        "plan",
        "prefix",
        "pricing",
        "public",
        "request",
        "request_id",
        "reserved",
        "response_headers",
        "resumes",
        "run",
        "sent",
        "setup",
        "started",
        "status",
        "stopping",
        "stored",
        "strict",
        "unsettled",
        "usage",
        "waited",
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
        self.codec = codec if codec is not None else _PAGE
        self.headers = headers
        self.prefix = prefix
        trusted = gateway.setup.core.server.trusted_proxies
        self.client = client_behind(client, headers, trusted) if trusted else client
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
        self.stopping = self.reserved = self.cached = self.resumes = False
        self.keep, self.waited = 0, 0.0
        self.sent = b""
        self.stored: Stored | None = None
        self.strict = gateway.setup.core.ledger.durability == "strict"
        self.unsettled: RequestError | None = None
        self.pricing: Endpoint | None = None
        self.notes: dict[str, Any] = {}
        self.run: Run | None = None

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
        self.decision.exclude(candidate.endpoint.id, by=by, why=why, reasons=candidate.reasons)

    def begin_attempt(self, candidate: Candidate) -> Attempt:
        """Open the next attempt and disclose it."""
        attempt = Attempt(len(self.attempts) + 1, candidate, started=time.monotonic())
        if self.plan is not None and self.plan.lost:
            attempt.lost += self.plan.lost
        self.attempts.append(attempt)
        public = self.public
        public.provider, public.model = attempt.endpoint.provider.name, candidate.model
        return attempt

    def quote(self, endpoint: Endpoint, usage: Usage) -> Cost | None:
        """What a usage would cost at an endpoint; None where its price is not known. Raises RequestError."""
        before, self.pricing = self.pricing, endpoint
        try:
            cost: Cost | None = first_sync(self.setup.chains.price_usage, self, usage)
            return cost
        finally:
            self.pricing = before

    def said(self, name: str) -> list[Any]:
        """What the route says of a field that a plugin declared, and the key and those above it, in this
        order; None where they say nothing."""
        plan, actor = self.plan, self.actor
        said = [plan.extra.get(name)] if plan is not None else []
        for extra in actor.extras if actor is not None else ():
            said.append(extra.get(name))
        return said

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
            **decided(self),
            "timings": {
                "total_ms": round(self.elapsed() * 1000, 3),
                "first_content_ms": _milliseconds(self.started, self.first_content),
                "waited_ms": round(self.waited * 1000, 3),
                "attempts_ms": [_milliseconds(each.started, each.ended) for each in self.attempts],
            },
            "outcomes": {
                "outcome": self.outcome,
                "error": self.error.message if self.error else None,
                "error_type": self.error.error_type if self.error else None,
                "usage": used(self),
                "attempts": [each.record() for each in self.attempts],
            },
        }


def _milliseconds(start: float, end: float | None) -> float | None:
    return None if end is None else round((end - start) * 1000, 3)

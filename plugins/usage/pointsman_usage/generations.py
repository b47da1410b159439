"""Generations: one row for each answered request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from time import monotonic

from msgspec.structs import asdict

from pointsman.exchange import Actor, Attempt, Exchange
from pointsman.ledger import Column, Table
from pointsman.types import UsageDetails

from .endpoints import endpoint_hours
from .rollups import deriving, following

__all__ = ["GENERATIONS", "Generations", "app_of", "timestamp"]

LONGEST_TEXT = 500
"""Characters kept of texts that clients and providers choose."""
MILLISECONDS = tuple(f".{each:03d}+00:00" for each in range(1000))
"""How a time ends that is so many milliseconds behind its second."""
MOST_ACTORS = 4096
"""Actors whose columns are remembered."""

COLUMNS = {
    "id": Column("text", "The generation.", required=True),
    "request_id": Column("text", "The request, as in `x-request-id`.", required=True),
    "at": Column("text", "When the request arrived: ISO 8601, UTC, milliseconds.", required=True),
    "key_id": Column("text", "The key that asked."),
    "key_name": Column("text", "The name of that key at the time."),
    "team": Column("text", "The id of the team that the key belongs to."),
    "team_name": Column("text", "The name of that team at the time."),
    "organisation": Column("text", "The id of the organisation that the team belongs to."),
    "organisation_name": Column("text", "The name of that organisation at the time."),
    "tags": Column("text", "The tags of the key, its team and organisation, a JSON array; null without any."),
    "app": Column("text", "The application, as it names itself in its headers."),
    "app_url": Column("text", "The address that it names there."),
    "end_user": Column("text", "Whom the client says that it asks for."),
    "client_address": Column("text", "The client's address, where `client_address` asks for it."),
    "dialect": Column("text", "The client's wire format.", required=True),
    "surface": Column("text", "The operation asked for.", required=True),
    "task": Column("text", "What the request is about, where a plugin says it."),
    "model_asked": Column("text", "The model as the client asked for it.", required=True),
    "model": Column("text", "The model tried last; null where none was tried."),
    "provider": Column("text", "The provider tried last."),
    "endpoint": Column("text", "The endpoint tried last."),
    "served_model": Column("text", "The model that answered there, where it is another one."),
    "service_tier": Column("text", "The service tier that served, in the provider's word."),
    "route": Column("text", "The routing rule that decided."),
    "stream": Column("boolean", "Whether the answer was to be streamed.", required=True),
    "cached": Column("boolean", "Whether a stored answer was given."),
    "byok": Column("boolean", "Whether the client's own credential was used there."),
    "outcome": Column("text", "complete, incomplete, failed or cancelled."),
    "status": Column("integer", "The HTTP status answered; null where the client left before."),
    "finish": Column("text", "Why the answer ended."),
    "native_finish": Column("text", "The provider's own word for it."),
    "attempts": Column("integer", "How many endpoints were tried.", required=True),
    "tried": Column(
        "text",
        "Each attempt, a JSON array: endpoint, status, error_type, ms, byok; where there are several and it "
        "used anything, input, output, estimated, cost_nano; continues: it went on with another's answer.",
    ),
    "lane": Column("text", "How the last one was asked: bytes, translated, canonical or local."),
    "lost": Column("text", "Parameters of the request that had no place there, by commas."),
    "answer_lost": Column("text", "Members of its answer that had no place in the client's dialect."),
    "input_tokens": Column("integer", "Tokens of the whole input, where it was tried last; null for none."),
    "output_tokens": Column("integer", "Tokens of its whole output."),
    "cache_read_tokens": Column("integer", "Input tokens read from the provider's cache."),
    "cache_write_tokens": Column("integer", "Input tokens written to the provider's cache."),
    "reasoning_tokens": Column("integer", "Output tokens spent on reasoning."),
    "more_counts": Column("text", "Rarer counts, a JSON object: tokens of sound and images, searches."),
    "estimated": Column("boolean", "Whether the tokens are estimated, not reported.", required=True),
    "cost_nano": Column("integer", "The cost of all attempts in nano-USD; null where it is not known."),
    "billed_nano": Column("integer", "What is charged for it, with any markup, in nano-USD."),
    "price_source": Column("text", "Where the price came from."),
    "cost_bits": Column("integer", "Binary digits of `cost_nano`: costly generations are found by them."),
    "reported_nano": Column("integer", "What the providers say that they bill for it, in nano-USD."),
    "saved_nano": Column("integer", "What a stored answer would have cost, in nano-USD."),
    "queue_ms": Column("real", "Milliseconds until the first attempt: reading, deciding, waiting."),
    "connect_ms": Column("real", "Milliseconds for a new connection to the endpoint tried last."),
    "first_content_ms": Column("real", "Milliseconds until the first content."),
    "total_ms": Column("real", "Milliseconds until the end.", required=True),
    "error_type": Column("text", "The kind of error, if it ended with one."),
    "error": Column("text", "The message of that error."),
}

GENERATIONS = Table(
    name="generations",
    columns=COLUMNS,
    primary_key="id",
    indexes=(
        ("at",),
        ("key_id", "at"),
        ("team", "at"),
        ("model", "at"),
        ("provider", "at"),
        ("outcome", "at"),
        ("cost_bits", "at", "cost_nano"),
    ),
    derive=following(deriving([*COLUMNS]), endpoint_hours([*COLUMNS])),
)

NOBODY = (None,) * 7
UNUSED = (None,) * 4
UNPRICED = (None,) * 4
Owner = tuple[str | None, str | None, str | None, str | None, str | None, str | None, str | None]


class Generations:
    """Makes the rows. `address` says whether the client's address is in them."""

    def __init__(self, *, address: bool = False) -> None:
        self._address = address
        self._owners: dict[int, tuple[Actor, Owner]] = {}

    def row(self, exchange: Exchange) -> tuple[object, ...]:
        """The row of an exchange that has ended: a value for each column, in their order.

        Every request waits for this: what is said once for many of them is remembered, and times are not
        rounded here.
        """
        codec, peek, plan, actor = exchange.codec, exchange.peek, exchange.plan, exchange.actor
        usage, cost, finish, error = exchange.usage, exchange.cost, exchange.finish, exchange.error
        attempts, started, first = exchange.attempts, exchange.started, exchange.first_content
        attempt = attempts[-1] if attempts else None
        way = attempt.candidate.way if attempt else None
        notes = exchange.notes
        return (
            exchange.generation_id,
            exchange.request_id,
            timestamp(exchange.at),
            *(self._owner(actor) if actor else NOBODY),
            *app_of(exchange.headers),
            peek.user[:LONGEST_TEXT] if peek.user else None,
            exchange.client or None if self._address else None,
            codec.dialect,
            codec.surface,
            notes.get("task") if notes else None,
            peek.model[:LONGEST_TEXT],
            attempt.candidate.model[:LONGEST_TEXT] if attempt else exchange.public.model,
            attempt.endpoint.provider.name if attempt else exchange.public.provider,
            attempt.endpoint.id[:LONGEST_TEXT] if attempt else None,
            notes.get("served") if notes else None,
            usage.service_tier[:LONGEST_TEXT] if usage and usage.service_tier else None,
            plan.rule if plan else None,
            peek.stream,
            exchange.cached,
            attempt is not None and attempt.candidate.key is not None,
            exchange.outcome,
            exchange.status,
            finish.reason if finish else None,
            finish.native[:LONGEST_TEXT] if finish and finish.native else None,
            len(attempts),
            _tried(attempts) if attempts else None,
            way.lane if way else None,
            _listed(attempt.lost) if attempt and attempt.lost else None,
            _listed(attempt.losses.answer) if attempt and attempt.losses.answer else None,
            *((usage.input, usage.output, usage.cache_read, usage.cache_write) if usage else UNUSED),
            usage.reasoning if usage else None,
            _more(usage.details) if usage and usage.details else None,
            usage.estimated if usage else False,
            *((cost.nano, cost.billed, cost.source or None, cost.nano.bit_length()) if cost else UNPRICED),
            _reported(attempts) if usage and usage.reported_nano is not None else None,
            cost.saved or None if cost else None,
            (attempts[0].started - started) * 1e3 if attempts else None,
            attempt.connecting * 1e3 if attempt and attempt.connecting is not None else None,
            (first - started) * 1e3 if first is not None else None,
            (monotonic() - started) * 1e3,
            *((error.error_type, error.message[:LONGEST_TEXT]) if error else (None, None)),
        )

    def _owner(self, actor: Actor) -> Owner:
        """Key, team and organisation, each by id and name, and their tags."""
        known = self._owners.get(id(actor))
        if known is not None and known[0] is actor:
            return known[1]
        found = {level.kind: (level.id, level.name) for level in actor.levels}
        none = (None, None)
        tags = json.dumps(actor.tags, ensure_ascii=False) if actor.tags else None
        owner = actor.key_id, actor.name, *found.get("team", none), *found.get("organisation", none), tags
        if len(self._owners) >= MOST_ACTORS:
            self._owners.clear()
        self._owners[id(actor)] = actor, owner
        return owner


def _more(details: UsageDetails) -> str | None:
    """The counts that are not zero, as a JSON object."""
    found = {name: count for name, count in asdict(details).items() if count}
    return json.dumps(found) if found else None


def _reported(attempts: Sequence[Attempt]) -> int | None:
    """What all attempts that used anything are billed at; None where one of them does not say."""
    bills = [attempt.usage.reported_nano for attempt in attempts if attempt.usage is not None]
    known = [bill for bill in bills if bill is not None]
    return sum(known) if known and len(known) == len(bills) else None


def _tried(attempts: Sequence[Attempt]) -> str:
    """The attempts as a JSON array. What a single one used is in the row itself."""
    if len(attempts) == 1:
        return f"[{_attempt(attempts[0])}]"
    return f"[{','.join(_attempt(attempt)[:-1] + _used(attempt) + '}' for attempt in attempts)}]"


def _used(attempt: Attempt) -> str:
    """What else is told of one of several attempts, as further members of a JSON object: that it went on with
    another's answer, and what it used and cost, if it used anything."""
    usage, cost = attempt.usage, attempt.cost
    continues = ',"continues":true' if attempt.continues else ""
    if usage is None:
        return continues
    return (
        f'{continues},"input":{usage.input},"output":{usage.output},'
        f'"estimated":{"true" if usage.estimated else "false"},'
        f'"cost_nano":{"null" if cost is None else cost.nano}'
    )


def _attempt(attempt: Attempt) -> str:
    """One attempt as a JSON object. One that was interrupted has no time."""
    status, error, ended = attempt.upstream_status, attempt.error, attempt.ended
    return (
        f'{{"endpoint":{_quoted(attempt.endpoint.id[:LONGEST_TEXT])},'
        f'"status":{"null" if status is None else status},'
        f'"error_type":{"null" if error is None else _quoted(error.error_type)},'
        f'"ms":{"null" if ended is None else int((ended - attempt.started) * 1e3)},'
        f'"byok":{"false" if attempt.candidate.key is None else "true"}}}'
    )


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    """A text as JSON: the same few come again and again."""
    return json.dumps(text)


def timestamp(at: datetime) -> str:
    """A moment as rows carry it: ISO 8601, UTC, milliseconds."""
    return _second(at.toordinal(), at.hour, at.minute, at.second) + MILLISECONDS[at.microsecond // 1000]


@lru_cache(maxsize=64)
def _second(day: int, hour: int, minute: int, second: int) -> str:
    """One text serves all requests of a second: `isoformat` is slow."""
    return datetime.fromordinal(day).replace(hour=hour, minute=minute, second=second).isoformat()


def _listed(names: Sequence[str]) -> str | None:
    return ", ".join(names)[:LONGEST_TEXT] or None


def app_of(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """What an application calls itself: its title, else the address it names; and that address."""
    title = headers.get("x-title") or headers.get("x-openrouter-title")
    address = headers.get("http-referer")
    address = address.strip()[:LONGEST_TEXT] or None if address else None
    return title.strip()[:LONGEST_TEXT] or address if title else address, address

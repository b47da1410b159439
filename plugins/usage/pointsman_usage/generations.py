"""Generations: one row for each answered request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from pointsman.exchange import Attempt, Exchange
from pointsman.ledger import Column, Table
from pointsman.types import Usage

__all__ = ["GENERATIONS", "app_of", "generation"]

LONGEST_TEXT = 500
"""Characters kept of texts that clients and providers choose."""

GENERATIONS = Table(
    name="generations",
    columns={
        "id": Column("text", "The generation.", required=True),
        "request_id": Column("text", "The request, as in `x-request-id`.", required=True),
        "at": Column("text", "When the request arrived: ISO 8601, UTC, milliseconds.", required=True),
        "key_id": Column("text", "The key that asked."),
        "key_name": Column("text", "The name of that key at the time."),
        "app": Column("text", "The application, as it names itself in its headers."),
        "dialect": Column("text", "The client's wire format.", required=True),
        "surface": Column("text", "The operation asked for.", required=True),
        "model_asked": Column("text", "The model as the client asked for it.", required=True),
        "model": Column("text", "The model tried last; null where none was tried."),
        "provider": Column("text", "The provider tried last."),
        "endpoint": Column("text", "The endpoint tried last."),
        "route": Column("text", "The routing rule that decided."),
        "stream": Column("boolean", "Whether the answer was to be streamed.", required=True),
        "outcome": Column("text", "complete, incomplete, failed or cancelled."),
        "status": Column("integer", "The HTTP status answered; null where the client left before."),
        "finish": Column("text", "Why the answer ended."),
        "native_finish": Column("text", "The provider's own word for it."),
        "attempts": Column("integer", "How many endpoints were tried.", required=True),
        "lane": Column("text", "How the last one was asked: bytes, translated, canonical or local."),
        "lost": Column("text", "Parameters of the request that had no place there, by commas."),
        "answer_lost": Column("text", "Members of its answer that had no place in the client's dialect."),
        "input_tokens": Column("integer", "Tokens of the whole input; null where nothing was used."),
        "output_tokens": Column("integer", "Tokens of the whole output."),
        "cache_read_tokens": Column("integer", "Input tokens read from the provider's cache."),
        "cache_write_tokens": Column("integer", "Input tokens written to the provider's cache."),
        "reasoning_tokens": Column("integer", "Output tokens spent on reasoning."),
        "estimated": Column("boolean", "Whether the tokens are estimated, not reported.", required=True),
        "cost_nano": Column("integer", "The cost in nano-USD; null where it is not known."),
        "price_source": Column("text", "Where the price came from."),
        "first_content_ms": Column("real", "Milliseconds until the first content."),
        "total_ms": Column("real", "Milliseconds until the end.", required=True),
        "error_type": Column("text", "The kind of error, if it ended with one."),
        "error": Column("text", "The message of that error."),
    },
    primary_key="id",
    indexes=(("at",), ("key_id", "at")),
)


def generation(exchange: Exchange) -> tuple[object, ...]:
    """The row of an exchange that has ended: a value for each column, in their order."""
    codec, peek, plan, actor = exchange.codec, exchange.peek, exchange.plan, exchange.actor
    usage, cost, finish, error = exchange.usage, exchange.cost, exchange.finish, exchange.error
    attempt, started, first = exchange.attempt, exchange.started, exchange.first_content
    return (
        exchange.generation_id,
        exchange.request_id,
        _timestamp(exchange.at),
        *((actor.key_id, actor.name) if actor else (None, None)),
        app_of(exchange.headers),
        codec.dialect,
        codec.surface,
        peek.model[:LONGEST_TEXT],
        *(_tried(attempt) if attempt else (None, None, None)),
        plan.rule if plan else None,
        peek.stream,
        exchange.outcome,
        exchange.status,
        finish.reason if finish else None,
        finish.native[:LONGEST_TEXT] if finish and finish.native else None,
        len(exchange.attempts),
        attempt.lane if attempt else None,
        _listed(attempt.lost) if attempt and attempt.lost else None,
        _listed(attempt.losses.answer) if attempt and attempt.losses.answer else None,
        *(_counted(usage) if usage else (None, None, None, None, None, False)),
        *((cost.nano, cost.source or None) if cost else (None, None)),
        _milliseconds(first - started) if first is not None else None,
        _milliseconds(exchange.elapsed()),
        *((error.error_type, error.message[:LONGEST_TEXT]) if error else (None, None)),
    )


def _tried(attempt: Attempt) -> tuple[str, str, str]:
    """The model, provider and endpoint of an attempt."""
    endpoint = attempt.endpoint
    return attempt.candidate.model[:LONGEST_TEXT], endpoint.provider.name, endpoint.id[:LONGEST_TEXT]


def _counted(usage: Usage) -> tuple[int, int, int, int, int, bool]:
    """The tokens, and whether they are estimated."""
    return (
        usage.input,
        usage.output,
        usage.cache_read,
        usage.cache_write,
        usage.reasoning,
        usage.estimated,
    )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1e6) / 1e3  # as `round(…, 3)`, which is slow


def _timestamp(at: datetime) -> str:
    second = _second(at.toordinal(), at.hour, at.minute, at.second)
    return f"{second}.{at.microsecond // 1000:03d}+00:00"


@lru_cache(maxsize=64)
def _second(day: int, hour: int, minute: int, second: int) -> str:
    """One text serves all requests of a second: `isoformat` is slow."""
    return datetime.fromordinal(day).replace(hour=hour, minute=minute, second=second).isoformat()


def _listed(names: Sequence[str]) -> str | None:
    return ", ".join(names)[:LONGEST_TEXT] or None


def app_of(headers: Mapping[str, str]) -> str | None:
    """What an application calls itself: its title, else the address it names."""
    for name in ("x-title", "x-openrouter-title", "http-referer"):
        if name in headers and (said := headers[name].strip()):
            return said[:LONGEST_TEXT]
    return None

"""Generations: one row for each answered request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.exchange import Exchange
from pointsman.ledger import Column, Table

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


def generation(exchange: Exchange) -> dict[str, Any]:
    """The row of an exchange that has ended."""
    return {**_request(exchange), **_answer(exchange), **_amounts(exchange)}


def _request(exchange: Exchange) -> dict[str, Any]:
    actor = exchange.actor
    return {
        "id": exchange.generation_id,
        "request_id": exchange.request_id,
        "at": exchange.at.isoformat(timespec="milliseconds"),
        "key_id": actor.key_id if actor is not None else None,
        "key_name": actor.name if actor is not None else None,
        "app": app_of(exchange.headers),
        "dialect": exchange.dialect,
        "surface": exchange.surface,
        "model_asked": exchange.peek.model[:LONGEST_TEXT],
        "route": exchange.plan.rule if exchange.plan is not None else None,
        "stream": exchange.peek.stream,
    }


def _answer(exchange: Exchange) -> dict[str, Any]:
    attempt, finish, error = exchange.attempt, exchange.finish, exchange.error
    return {
        "model": attempt.candidate.model[:LONGEST_TEXT] if attempt is not None else None,
        "provider": attempt.endpoint.provider.name if attempt is not None else None,
        "endpoint": attempt.endpoint.id[:LONGEST_TEXT] if attempt is not None else None,
        "outcome": exchange.outcome,
        "status": exchange.status,
        "finish": finish.reason if finish is not None else None,
        "native_finish": finish.native[:LONGEST_TEXT] if finish is not None and finish.native else None,
        "attempts": len(exchange.attempts),
        "lane": attempt.lane if attempt is not None else None,
        "lost": _listed(attempt.lost) if attempt is not None else None,
        "answer_lost": _listed(attempt.losses.answer) if attempt is not None else None,
        "error_type": error.error_type if error is not None else None,
        "error": error.message[:LONGEST_TEXT] if error is not None else None,
    }


def _listed(names: Sequence[str]) -> str | None:
    return ", ".join(names)[:LONGEST_TEXT] or None


def _amounts(exchange: Exchange) -> dict[str, Any]:
    usage, cost = exchange.usage, exchange.cost
    first = exchange.first_content
    amounts: dict[str, Any] = {
        "estimated": usage is not None and usage.estimated,
        "cost_nano": cost.nano if cost is not None else None,
        "price_source": cost.source or None if cost is not None else None,
        "first_content_ms": round((first - exchange.started) * 1000, 3) if first is not None else None,
        "total_ms": round(exchange.elapsed() * 1000, 3),
    }
    if usage is not None:
        amounts |= {
            "input_tokens": usage.input,
            "output_tokens": usage.output,
            "cache_read_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
            "reasoning_tokens": usage.reasoning,
        }
    return amounts


def app_of(headers: Mapping[str, str]) -> str | None:
    """What an application calls itself: its title, else the address it names."""
    for name in ("x-title", "x-openrouter-title", "http-referer"):
        said = headers.get(name, "").strip()
        if said:
            return said[:LONGEST_TEXT]
    return None

"""Generations: one row for each answered request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.exchange import Attempt, Exchange
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
    """The row of an exchange that has ended. A column that is not in it is null."""
    actor, plan, error = exchange.actor, exchange.plan, exchange.error
    row: dict[str, Any] = {
        "id": exchange.generation_id,
        "request_id": exchange.request_id,
        "at": exchange.at.isoformat(timespec="milliseconds"),
        "app": app_of(exchange.headers),
        "dialect": exchange.dialect,
        "surface": exchange.surface,
        "model_asked": exchange.peek.model[:LONGEST_TEXT],
        "route": plan.rule if plan is not None else None,
        "stream": exchange.peek.stream,
        "outcome": exchange.outcome,
        "status": exchange.status,
        "attempts": len(exchange.attempts),
        "total_ms": round(exchange.elapsed() * 1000, 3),
    }
    if actor is not None:
        row["key_id"], row["key_name"] = actor.key_id, actor.name
    if error is not None:
        row["error_type"], row["error"] = error.error_type, error.message[:LONGEST_TEXT]
    if exchange.attempts:
        _add_attempt(row, exchange.attempts[-1])
    _add_answer(row, exchange)
    return row


def _add_attempt(row: dict[str, Any], attempt: Attempt) -> None:
    """What the last attempt was, and what was lost in it."""
    endpoint = attempt.endpoint
    row["model"] = attempt.candidate.model[:LONGEST_TEXT]
    row["provider"] = endpoint.provider.name
    row["endpoint"] = endpoint.id[:LONGEST_TEXT]
    row["lane"] = attempt.lane
    if attempt.lost:
        row["lost"] = _listed(attempt.lost)
    if attempt.losses.answer:
        row["answer_lost"] = _listed(attempt.losses.answer)


def _add_answer(row: dict[str, Any], exchange: Exchange) -> None:
    """How the answer ended, what it used and what it cost."""
    usage, cost, finish, first = exchange.usage, exchange.cost, exchange.finish, exchange.first_content
    row["estimated"] = usage is not None and usage.estimated
    if finish is not None:
        row["finish"] = finish.reason
        row["native_finish"] = finish.native[:LONGEST_TEXT] if finish.native else None
    if usage is not None:
        row["input_tokens"], row["output_tokens"] = usage.input, usage.output
        row["cache_read_tokens"], row["cache_write_tokens"] = usage.cache_read, usage.cache_write
        row["reasoning_tokens"] = usage.reasoning
    if cost is not None:
        row["cost_nano"], row["price_source"] = cost.nano, cost.source or None
    if first is not None:
        row["first_content_ms"] = round((first - exchange.started) * 1000, 3)


def _listed(names: Sequence[str]) -> str | None:
    return ", ".join(names)[:LONGEST_TEXT] or None


def app_of(headers: Mapping[str, str]) -> str | None:
    """What an application calls itself: its title, else the address it names."""
    for name in ("x-title", "x-openrouter-title", "http-referer"):
        if name in headers and (said := headers[name].strip()):
            return said[:LONGEST_TEXT]
    return None

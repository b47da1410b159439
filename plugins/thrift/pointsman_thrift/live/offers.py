"""Offers: what a request is expected to cost at each model, and how long it takes there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pointsman.errors import RequestError
from pointsman.exchange import Candidate, Exchange
from pointsman.types import Usage
from pointsman_thrift.policy import Offer
from pointsman_thrift.quality import Costs

from .conversations import Conversation

__all__ = ["by_model", "offers_of"]

BYTES_PER_TOKEN = 4


def by_model(candidates: Sequence[Candidate]) -> Mapping[str, list[Candidate]]:
    """The candidates of each model, in their order."""
    found: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        found.setdefault(candidate.model, []).append(candidate)
    return found


def offers_of(
    exchange: Exchange,
    models: Mapping[str, Sequence[Candidate]],
    task: str,
    *,
    costs: Costs,
    conversation: Conversation | None,
) -> list[Offer]:
    """One for each model, at its cheapest endpoint. What the conversation's model has read or written before
    lies in its cache; any other reads all of it anew."""
    at = exchange.at.timestamp()
    given = exchange.peek.characters // BYTES_PER_TOKEN + 1
    found = []
    for model, candidates in models.items():
        written = round(costs.output(task, model, at))
        if exchange.peek.max_tokens is not None:
            written = min(written, exchange.peek.max_tokens)
        kept = conversation is not None and conversation.model == model
        cached = min(given, conversation.tokens) if kept and conversation is not None else 0
        usage = Usage(given, written, cache_read=cached)
        prices = [price for each in candidates if (price := _price(exchange, each, usage)) is not None]
        found.append(Offer(model, min(prices, default=None), costs.seconds(task, model, at)))
    return found


def _price(exchange: Exchange, candidate: Candidate, usage: Usage) -> float | None:
    try:
        cost = exchange.quote(candidate.endpoint, usage)
    except RequestError:
        return None
    return None if cost is None else float(cost.nano)

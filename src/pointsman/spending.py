"""Spending: what the attempts of an exchange have used and cost, each for itself and all together."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import astuple

from .chain import first_sync
from .errors import RequestError
from .money import Cost
from .types import Usage, UsageDetails

if TYPE_CHECKING:
    from .exchange import Attempt, Exchange

__all__ = ["account", "sum_usage", "writers"]

log = logging.getLogger(__name__)


def account(exchange: Exchange) -> Usage | None:
    """Price what each attempt used; return what all of them used together, None for nothing.

    The exchange's `usage` becomes that of the last attempt, which is the one that answered if any did, and
    with it that of those that had begun what it went on with; its `cost` is what all of them cost. Each
    attempt is a bill of its own, so it is the sum of amounts that are rounded, and not known where one of
    them is not.
    """
    attempts = exchange.attempts
    if not attempts:
        return None
    last = attempts[-1]
    exchange.usage, exchange.first_content = last.usage, last.first_content
    if last.continues:
        written = writers(attempts)
        used = [each.usage for each in written if each.usage is not None]
        exchange.usage, exchange.first_content = sum_usage(used), written[0].first_content
    for attempt in attempts:
        if attempt.usage is not None:
            attempt.cost = _price(exchange, attempt, attempt.usage)
    if len(attempts) > 1 and any(attempt.usage is not None for attempt in attempts[:-1]):
        return _together(exchange)
    exchange.cost = last.cost
    return last.usage


def writers(attempts: Sequence[Attempt]) -> Sequence[Attempt]:
    """The attempts that have written an answer with which the last one goes on, and the last one."""
    return [each for each in attempts if each.first_content is not None or each is attempts[-1]]


def _together(exchange: Exchange) -> Usage:
    """What attempts used of which several may have cost something."""
    used, costs = [], []
    for attempt in exchange.attempts:
        if attempt.usage is not None:
            used.append(attempt.usage)
            costs.append(attempt.cost)
    known = [cost for cost in costs if cost is not None]
    exchange.cost = _sum_costs(known) if len(known) == len(costs) else None
    return sum_usage(used)


def _price(exchange: Exchange, attempt: Attempt, usage: Usage) -> Cost | None:
    """Let the plugins price an attempt. A price that fails is told in the log, and the attempt unpriced."""
    exchange.pricing = attempt.endpoint
    try:
        cost: Cost | None = first_sync(exchange.setup.chains.price_usage, exchange, usage)
        return cost
    except RequestError as error:
        log.error("%s cannot be priced: %s", exchange.request_id, error.detail or error.message)
        return None


def sum_usage(used: Sequence[Usage]) -> Usage:
    """What several attempts have used, as one. The service tier is that of the last."""
    reported = [each.reported_nano for each in used if each.reported_nano is not None]
    return Usage(
        sum(each.input for each in used),
        sum(each.output for each in used),
        sum(each.cache_read for each in used),
        sum(each.cache_write for each in used),
        sum(each.reasoning for each in used),
        estimated=any(each.estimated for each in used),
        service_tier=used[-1].service_tier if used else None,
        details=_sum_details([each.details for each in used if each.details is not None]),
        reported_nano=sum(reported) if used and len(reported) == len(used) else None,
    )


def _sum_details(details: Sequence[UsageDetails]) -> UsageDetails | None:
    if not details:
        return None
    return UsageDetails(*(sum(counts) for counts in zip(*map(astuple, details), strict=True)))


def _sum_costs(costs: Sequence[Cost]) -> Cost:
    details: Counter[str] = Counter()
    for cost in costs:
        details.update(cost.details)
    sources = dict.fromkeys(cost.source for cost in costs if cost.source)
    return Cost(
        sum(cost.nano for cost in costs),
        dict(details),
        "; ".join((*sources, "with failed attempts")),
        sum(cost.billed for cost in costs),
    )

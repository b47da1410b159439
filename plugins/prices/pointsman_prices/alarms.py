"""Alarms: what an operator should look at, told in the log once an hour for each endpoint."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from cachetools import TTLCache

from pointsman.catalogue import Endpoint
from pointsman.exchange import Attempt, Exchange
from pointsman.money import Cost, format_usd

from .served import is_among

__all__ = ["Alarms", "drifts"]

log = logging.getLogger(__name__)

HOUR = 3600.0
MOST = 4096
"""Endpoints that are remembered."""
DRIFT = 100
"""A bill drifts where it differs from the cost by more than this part of it: one per cent."""
NOTE = "served"
"""The note of an exchange that says which other model answered."""


def drifts(cost_nano: int, reported_nano: int) -> bool:
    """Whether a cost and what the provider reports differ by more than one per cent of that."""
    return abs(cost_nano - reported_nano) * DRIFT > reported_nano


class Alarms:
    """`now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._told: TTLCache[tuple[str, str], bool] = TTLCache(MOST, HOUR, timer=now)

    def bill(self, endpoint: Endpoint, cost: Cost, reported_nano: int) -> None:
        """Tell where a provider bills something else than its price comes to."""
        if drifts(cost.nano, reported_nano) and self._is_due("bill", endpoint.id):
            log.warning(
                "%s reports a bill of %s USD for an answer that costs %s USD by the price from %s: see "
                "`pointsman prices drift`, and correct its price",
                endpoint.id,
                format_usd(reported_nano),
                format_usd(cost.nano),
                cost.source,
            )

    def model(self, exchange: Exchange, attempt: Attempt, served: str) -> None:
        """Tell and note where another model answered than was asked for, whatever it is called."""
        endpoint, asked = attempt.endpoint, attempt.candidate.model
        known = exchange.setup.catalogue.models.get(asked)
        aliases = known.aliases if known is not None else ()
        if is_among(served, (endpoint.native_id, asked, *aliases)):
            return
        exchange.notes[NOTE] = served
        if self._is_due("model", endpoint.id):
            log.warning(
                "%s answered with model %r, which may have another price: ask for that one, or make its name "
                "an alias of %s if it is the same",
                endpoint.id,
                served[:200],
                asked,
            )

    def _is_due(self, kind: str, name: str) -> bool:
        if (kind, name) in self._told:
            return False
        self._told[kind, name] = True
        return True

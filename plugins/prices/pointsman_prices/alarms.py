"""Alarms: what an operator should look at, told in the log once an hour for each endpoint."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from cachetools import TTLCache

from pointsman.catalogue import Endpoint
from pointsman.exchange import Attempt, Exchange
from pointsman.money import Cost, drifts, format_usd

from .served import is_among

__all__ = ["Alarms"]

log = logging.getLogger(__name__)

HOUR = 3600.0
MOST = 4096
"""Endpoints that are remembered."""
LONGEST_NAME = 200
"""As much of a name as is kept and compared: clients and providers may send any."""
NOTE = "served"
"""The note of an exchange that says which other model answered."""


class Alarms:
    """`now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._told: TTLCache[tuple[str, str], bool] = TTLCache(MOST, HOUR, timer=now)
        self._same: dict[tuple[str, str], str] = {}
        """How models that were asked for at an endpoint called themselves, where they were the same."""

    def bill(self, endpoint: Endpoint, cost: Cost, reported_nano: int) -> None:
        """Tell where a provider bills something else than its price comes to."""
        if drifts(cost.nano, reported_nano) and self._is_due("bill", endpoint.id[:LONGEST_NAME]):
            log.warning(
                "%s reports a bill of %s USD for an answer that costs %s USD by the price from %s: see "
                "`pointsman prices drift`, and correct its price",
                endpoint.id[:LONGEST_NAME],
                format_usd(reported_nano),
                format_usd(cost.nano),
                cost.source,
            )

    def model(self, exchange: Exchange, attempt: Attempt, served: str) -> None:
        """Tell and note where another model answered than was asked for, whatever it is called."""
        endpoint, asked, served = attempt.endpoint, attempt.candidate.model, served[:LONGEST_NAME]
        place = endpoint.id[:LONGEST_NAME], asked[:LONGEST_NAME]
        if self._same.get(place) == served:
            return
        known = exchange.setup.catalogue.models.get(asked)
        aliases = known.aliases if known is not None else ()
        names = (endpoint.native_id[:LONGEST_NAME], place[1], *aliases)
        if is_among(served, names):
            if len(self._same) >= MOST:
                self._same.clear()
            self._same[place] = served
            return
        exchange.notes[NOTE] = served
        if self._is_due("model", place[0]):
            log.warning(
                "%s answered with model %r, which may have another price: ask for that one, or make its name "
                "an alias of %s if it is the same",
                place[0],
                served,
                place[1],
            )

    def _is_due(self, kind: str, name: str) -> bool:
        if (kind, name) in self._told:
            return False
        self._told[kind, name] = True
        return True

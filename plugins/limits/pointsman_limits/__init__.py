"""How often a key may ask: requests a second, minute, hour and day, counted in one atomic step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Self

from pointsman import hookimpl
from pointsman.config import SettingError, setting
from pointsman.errors import RateLimited
from pointsman.exchange import Actor, Exchange
from pointsman.gateway import Gateway
from pointsman.registers import RegisterSettings
from pointsman.state import Demand, Period, Quota, Verdict

__all__ = ["POINTSMAN_API", "LimitSettings", "Limits", "Rate"]

POINTSMAN_API = 1

PERIODS: dict[str, Period] = {
    "s": "second",
    "sec": "second",
    "second": "second",
    "min": "minute",
    "minute": "minute",
    "h": "hour",
    "hour": "hour",
    "d": "day",
    "day": "day",
}
_RATE = re.compile(rf"([1-9][0-9]{{0,11}}) ?/ ?({'|'.join(PERIODS)})")
COUNT_SINCE = """
select key_id, count(*) as used from generations
where at >= :start and key_id is not null group by key_id
"""
"""Generations are the requests that were admitted: those refused, by a limit or before one, leave none."""


class Rate(str):
    """So many in a period: `60/min`."""

    expected: ClassVar[str] = "a rate such as 10/s, 60/min, 1000/h or 5000/day"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": f"^{_RATE.pattern}$"}

    amount: int
    period: Period

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a rate. Raises ValueError."""
        match = _RATE.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a rate")
        rate = cls(text)
        rate.amount = int(match[1])
        rate.period = PERIODS[match[2]]
        return rate


@dataclass(frozen=True)
class LimitSettings:
    """How often a key may ask."""

    requests: Rate | tuple[Rate, ...] = setting(
        default=(), help="Model calls, each rate counted for itself.", example=["10/s", "5000/day"]
    )

    @cached_property
    def rates(self) -> tuple[Rate, ...]:
        """The rates, whether one or several were written."""
        return (self.requests,) if isinstance(self.requests, Rate) else self.requests

    def check(self) -> None:
        """One rate a period. Raises SettingError at the second: they would share one counter."""
        periods: set[Period] = set()
        for index, rate in enumerate(self.rates):
            if rate.period in periods:
                raise SettingError(("requests", index), f"a second rate per {rate.period}: keep one of them")
            periods.add(rate.period)


@dataclass(frozen=True)
class Settings:
    """Limits of those who have none of their own."""

    default: LimitSettings | None = setting(
        default=None, help="For keys without `limits`; administrators are not limited by it."
    )


class Limits:
    """The plugin."""

    def __init__(self) -> None:
        self._default: tuple[Rate, ...] = ()

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """Settings, and `limits` of a key."""
        register(Settings)
        register.field("key", "limits", LimitSettings | None, default=None, help="How often it may ask.")

    @hookimpl
    async def startup(self, gateway: Gateway) -> None:
        """Count again from the ledger what hours and days have seen before this start."""
        default = gateway.setup.settings("limits").default
        self._default = default.rates if default is not None else ()
        if not gateway.ledger.has_table("generations"):
            return
        now = datetime.now(UTC)
        hour = now.replace(minute=0, second=0, microsecond=0)
        starts: dict[Period, datetime] = {"hour": hour, "day": hour.replace(hour=0)}
        for period, start in starts.items():
            rows = await gateway.ledger.select(
                COUNT_SINCE, {"start": start.isoformat(timespec="milliseconds")}
            )
            for row in rows:
                await gateway.state.seed(_counter(row["key_id"]), period, row["used"])

    @hookimpl
    async def admit(self, exchange: Exchange) -> None:
        """Take one request out of all of the key's limits, or out of none and refuse."""
        actor = exchange.actor
        if actor is None or not (rates := self._rates(actor)):
            return
        demands, state = _demands(actor.key_id, rates), exchange.gateway.state
        verdict = state.take_now(demands) or await state.take(demands)
        if verdict.allowed or verdict.demand is None:
            exchange.response_headers.update(_headers(verdict))
            return
        raise RateLimited(
            f"key {actor.name!r} has used up {verdict.limit} requests per {verdict.demand.quota.period}",
            retry_after=verdict.retry_after,
            headers=_headers(verdict),
        )

    def _rates(self, actor: Actor) -> tuple[Rate, ...]:
        own: LimitSettings | None = actor.extra.get("limits")
        if own is not None:
            return own.rates
        return () if actor.role == "admin" else self._default


@lru_cache(maxsize=10_000)
def _demands(key_id: str, rates: tuple[Rate, ...]) -> tuple[Demand, ...]:
    """What each request of a key takes."""
    return tuple(Demand(_counter(key_id), Quota(rate.amount, rate.period)) for rate in rates)


def _counter(key_id: str) -> str:
    return f"requests:{key_id}"


def _headers(verdict: Verdict) -> dict[str, str]:
    """The tightest limit, in the headers that clients of this field read."""
    return {
        "x-ratelimit-limit-requests": str(verdict.limit),
        "x-ratelimit-remaining-requests": str(verdict.remaining),
        "x-ratelimit-reset-requests": f"{max(0.0, verdict.reset_after):.3f}s",
    }

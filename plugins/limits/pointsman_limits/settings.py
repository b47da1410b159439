"""Settings: limits of keys, teams and organisations, and rules of the plugin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

from pointsman.config import Duration, Percent, SettingError, setting
from pointsman.state import Period, Quota

from .rates import Rate, UsdRate

__all__ = ["Dimension", "LimitSettings", "Measure", "Priority", "RuleSettings", "Settings"]

Measure = Literal["requests", "tokens", "input_tokens", "output_tokens", "usd", "concurrency"]
Dimension = Literal["key", "team", "organisation", "model", "provider", "app", "tag"]
Priority = Literal["interactive", "batch"]

RATED: tuple[Measure, ...] = ("requests", "tokens", "input_tokens", "output_tokens", "usd")
PERIODS: tuple[Period, ...] = ("second", "minute", "hour", "day")
Rates = tuple[Rate | UsdRate, ...]


@dataclass(frozen=True)
class LimitSettings:
    """How much may be asked."""

    requests: Rate | tuple[Rate, ...] = setting(
        default=(), help="Model calls, each rate counted for itself.", example=["10/s", "5000/day"]
    )
    tokens: Rate | tuple[Rate, ...] = setting(
        default=(), help="Tokens of input and output together.", example="200k/min"
    )
    input_tokens: Rate | tuple[Rate, ...] = setting(default=(), help="Tokens of input.", example="2M/h")
    output_tokens: Rate | tuple[Rate, ...] = setting(default=(), help="Tokens of output.", example="50k/min")
    usd: UsdRate | tuple[UsdRate, ...] = setting(
        default=(), help="US dollars, as billed; what has no price costs nothing here.", example="5/day"
    )
    concurrency: int | None = setting(
        default=None, minimum=1, help="Requests under way at a time.", example=8
    )

    @cached_property
    def quotas(self) -> Mapping[Measure, tuple[Quota, ...]]:
        """What is limited, and how."""
        found: dict[Measure, tuple[Quota, ...]] = {}
        if self.concurrency is not None:
            found["concurrency"] = (Quota(self.concurrency, "lease"),)
        for measure in RATED:
            if rates := self._rates(measure):
                found[measure] = tuple(Quota(rate.amount, rate.period) for rate in rates)
        return found

    def check(self) -> None:
        """One rate a period, and none that another one keeps from ever being reached. Raises SettingError."""
        for measure in RATED:
            _check_periods(measure, self._rates(measure))
        totals = {rate.period: rate for rate in self._rates("tokens")}
        for part in ("input_tokens", "output_tokens"):
            for rate in self._rates(part):
                total = totals.get(rate.period)
                if total is not None and total.amount < rate.amount:
                    what = f"{rate} can never be used up: `tokens: {total}` counts these among its own"
                    raise SettingError(part, what)

    def _rates(self, measure: Measure) -> Rates:
        """The rates, whether one or several were written."""
        rates = getattr(self, measure)
        return rates if isinstance(rates, tuple) else (rates,)


def _check_periods(measure: str, rates: Rates) -> None:
    seen: dict[Period, Rate | UsdRate] = {}
    for index, rate in enumerate(rates):
        if rate.period in seen:
            where = (measure, index)
            raise SettingError(where, f"a second rate per {rate.period}: keep one of them")
        seen[rate.period] = rate
    ordered = sorted(rates, key=lambda rate: PERIODS.index(rate.period))
    for shorter, longer in pairwise(ordered):
        if longer.amount < shorter.amount:
            where = (measure, rates.index(shorter))
            raise SettingError(where, f"{shorter} can never be used up: {longer} lets less through")


@dataclass(frozen=True)
class RuleSettings(LimitSettings):
    """Limits of each model, provider, app, tag, key, team or organisation, or of each combination of them."""

    per: Dimension | tuple[Dimension, ...] = setting(
        help="Whose limits these are: each one has its own counters, or each combination of several.",
        example="model",
    )
    match: str = setting(
        default="*", help="A glob for the name of the (last) one named by `per`.", example="openai/*"
    )

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """By what is counted, in the order written."""
        return self.per if isinstance(self.per, tuple) else (self.per,)

    @property
    def name(self) -> str:
        """Tells its counters from those of other rules."""
        return f"{'+'.join(self.dimensions)}~{self.match}"

    def check(self) -> None:
        """As those of a key, and something must be counted. Raises SettingError."""
        super().check()
        if not self.dimensions or len(set(self.dimensions)) < len(self.dimensions):
            raise SettingError("per", "name at least one, and none twice")
        if not self.quotas:
            raise SettingError((), "this rule limits nothing", expected="requests, tokens, usd, concurrency…")


def check_rules(rules: Sequence[RuleSettings]) -> None:
    """One rule for the same: two would share their counters. Raises SettingError."""
    names: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.name in names:
            what = f"a second rule per {', '.join(rule.dimensions)} for {rule.match!r}: join them"
            raise SettingError((index, "match" if rule.match != "*" else "per"), what)
        names.add(rule.name)


@dataclass(frozen=True)
class Settings:
    """Limits of those who have none of their own, of models and providers, and waiting for one's turn."""

    default: LimitSettings | None = setting(
        default=None, help="For keys without `limits`; administrators are not limited by it."
    )
    rules: tuple[RuleSettings, ...] = setting(
        default=(), check=check_rules, help="Limits by what is asked for, and by whom."
    )
    max_wait: Duration = setting(
        default=Duration(0),
        help="Longest time to wait for one's turn before a 429.",
        example="5s",
    )
    max_waiting: int = setting(default=1000, minimum=1, help="Most requests that wait at a time.")
    interactive_share: Percent = setting(
        default=Percent.parse("20%"),
        maximum=1_000_000,
        help="Part of a shared `concurrency` that requests of `priority: batch` leave to others.",
    )

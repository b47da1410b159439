"""Settings: a price as an operator, a list or a provider writes it, and what is billed beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, is_dataclass
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Literal, Self, TypeAlias, get_args

from pointsman.config import Percent, SettingError, Usd, setting
from pointsman.config.declare import record_spec

from .windows import Day, Hours, overlaps

__all__ = [
    "KEYS",
    "SERVICE_TIERS",
    "BillingSettings",
    "Date",
    "LayerSettings",
    "PriceKeys",
    "PriceSettings",
    "Priced",
    "ServiceTier",
    "ServiceTierSettings",
    "ServiceTiersSettings",
    "Settings",
    "TierSettings",
    "WindowSettings",
    "as_data",
    "check_history",
    "history",
]

ServiceTier = Literal["flex", "priority", "batch"]
SERVICE_TIERS: tuple[ServiceTier, ...] = get_args(ServiceTier)


class Date(str):
    """A date, kept as written."""

    expected: ClassVar[str] = "a date such as 2026-11-01"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "date"}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a date. Raises ValueError."""
        try:
            return cls(date.fromisoformat(text).isoformat())
        except ValueError:
            raise ValueError(f"{text!r} is not a date") from None

    @property
    def seconds(self) -> float:
        """When it begins in UTC, in seconds since 1970."""
        return datetime.fromisoformat(self).replace(tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class PriceKeys:
    """US dollars per million tokens, and of what is counted one by one."""

    input: Usd | None = setting(default=None, help="Tokens of the request.", example=0.59)
    output: Usd | None = setting(default=None, help="Tokens of the answer.", example=0.79)
    cache_read: Usd | None = setting(
        default=None, help="Tokens read from the provider's cache; without it the input price."
    )
    cache_write: Usd | None = setting(
        default=None,
        help="Tokens written to the provider's cache, kept 5 minutes; without it the input price.",
    )
    cache_write_1h: Usd | None = setting(
        default=None,
        help="Those kept an hour; without it the input price, or unpriced where `cache_write` has a price.",
    )
    reasoning: Usd | None = setting(default=None, help="Tokens of thought; without it the output price.")
    audio_input: Usd | None = setting(
        default=None,
        help="Tokens of sound in the request; without it the input price, or unpriced where other sound has "
        "a price.",
    )
    audio_output: Usd | None = setting(
        default=None, help="Tokens of sound in the answer; likewise, of the output price."
    )
    cache_read_audio: Usd | None = setting(
        default=None, help="Tokens of sound read from the cache; likewise, of the price of `cache_read`."
    )
    image_input: Usd | None = setting(
        default=None, help="Tokens of images in the request; without it the input price."
    )
    image_output: Usd | None = setting(
        default=None, help="Tokens of images in the answer; without it the output price."
    )
    request: Usd | None = setting(default=None, help="US dollars for each request, whatever its tokens.")
    image: Usd | None = setting(
        default=None, help="US dollars for each image in a request, beside its tokens."
    )
    search: Usd | None = setting(
        default=None, help="US dollars for each search of the web; without it an answer with any is unpriced."
    )

    def prices(self) -> dict[str, Usd]:
        """The prices that are given, in nano-USD per million tokens or each."""
        return {name: value for name in KEYS if (value := getattr(self, name)) is not None}


KEYS: tuple[str, ...] = tuple(PriceKeys.__dataclass_fields__)


@dataclass(frozen=True)
class LayerSettings(PriceKeys):
    """Prices in place of others: those that are given, or a percentage of all."""

    all: Percent | None = setting(default=None, help="All prices at this percentage.", example="50%")

    def check(self) -> None:
        """Either prices or a percentage."""
        given = next(iter(self.prices()), None)
        if self.all is not None and given is not None:
            raise SettingError(
                "all",
                f"`all` says what every price is, and `{given}` gives one of them",
                expected="prices, or a percentage of all prices",
            )
        if self.all is None and given is None:
            raise ValueError(f"no price is given here: one of {', '.join((*KEYS, 'all'))}")


@dataclass(frozen=True)
class TierSettings(LayerSettings):
    """Prices of long requests: the whole request is priced so, the tokens below the limit too."""

    above: int = setting(
        minimum=1, help="For requests of more tokens than this, cached ones included.", example=200000
    )


@dataclass(frozen=True)
class WindowSettings(LayerSettings):
    """Prices at some hours."""

    time: Hours = setting(help="From when to when by the clocks of a zone.", example="22:00-06:00 UTC")
    days: tuple[Day, ...] = setting(
        default=(),
        help="Days on which the window begins; without it all days. What goes on past midnight still belongs "
        "to the day before.",
        example=["mon", "tue", "wed", "thu", "fri"],
    )

    def check(self) -> None:
        """Each day once."""
        super().check()
        for index, day in enumerate(self.days):
            if day in self.days[:index]:
                raise SettingError(("days", index), f"{day} is named twice")


@dataclass(frozen=True)
class ServiceTierSettings(LayerSettings):
    """Prices of a service tier."""

    shorthand: ClassVar[str] = "all"
    tiers: tuple[TierSettings, ...] = setting(
        default=(), help="Prices of long requests served so; they begin where the price's own tiers do."
    )


@dataclass(frozen=True)
class ServiceTiersSettings:
    """Prices of answers that were served otherwise than usual, each a mapping of prices or a percentage."""

    flex: ServiceTierSettings | None = setting(default=None, help="Served when there is room.", example="50%")
    priority: ServiceTierSettings | None = setting(default=None, help="Served first.", example="200%")
    batch: ServiceTierSettings | None = setting(default=None, help="Served within hours.", example="50%")


@dataclass(frozen=True)
class PriceSettings(PriceKeys):
    """A price, in US dollars per million tokens: windows count over it, tiers over them, and service tiers
    over all."""

    windows: tuple[WindowSettings, ...] = setting(
        default=(), help="Prices at some hours; no two windows may have a minute in common."
    )
    tiers: tuple[TierSettings, ...] = setting(
        default=(),
        help="Prices of long requests, from low to high; a percentage is of the prices without tiers.",
    )
    service_tiers: ServiceTiersSettings | None = setting(
        default=None, help="Prices by the service tier that served, or else was asked for."
    )
    begins: Date | None = setting(
        key="from",
        default=None,
        help="Counts from this day on, in UTC; without it always. Of a list of prices the newest that has "
        "begun counts.",
        example="2026-02-01",
    )
    source: str | None = setting(
        default=None, help="Where the price comes from.", example="the provider's price page"
    )
    date: Date | None = setting(default=None, help="When it was read there.", example="2026-11-01")

    def check(self) -> None:
        """Whether anything has a price, tiers rise, and windows do not overlap."""
        given = self.prices()
        if not given:
            raise ValueError(f"no price is given here: one of {', '.join(KEYS)}")
        problems = [*self._falling(), *self._elsewhere(), *self._overlapping()]
        if "input" in given and "output" not in given:
            problems.append(
                SettingError(
                    "output",
                    "`output` is missing: answers that have any will be unpriced",
                    hint="write `output: 0` where nothing is written, as for embeddings",
                    severity="warning",
                )
            )
        if problems:
            raise ExceptionGroup("price", problems)

    def _falling(self) -> list[SettingError]:
        return [
            SettingError(
                ("tiers", index, "above"),
                f"a tier above {tier.above} tokens must follow those that begin lower",
                expected=f"more than {before.above}",
            )
            for index, (before, tier) in enumerate(zip(self.tiers, self.tiers[1:], strict=False), 1)
            if tier.above <= before.above
        ]

    def _elsewhere(self) -> list[SettingError]:
        """Tiers of service tiers that begin where the price's own do not."""
        limits = [tier.above for tier in self.tiers]
        return [
            SettingError(
                ("service_tiers", service, "tiers", index, "above"),
                f"a tier of {service} begins above {tier.above} tokens, and none of the price does so here",
                expected=f"{limits[index]}" if index < len(limits) else "as many tiers as the price has",
            )
            for service in SERVICE_TIERS
            for index, tier in enumerate(getattr(getattr(self.service_tiers, service, None), "tiers", ()))
            if limits[index : index + 1] != [tier.above]
        ]

    def _overlapping(self) -> list[SettingError]:
        windows = [(window.time, window.days) for window in self.windows]
        return [
            SettingError(
                ("windows", second, "time"),
                f"window {self.windows[second].time} overlaps {self.windows[first].time}",
                expected="windows that have no minute of a day in common",
            )
            for first, second in overlaps(windows)
        ]


Priced: TypeAlias = PriceSettings | tuple[PriceSettings, ...]
"""A price, or its history."""


def check_history(price: Priced) -> None:
    """No two prices may begin on one day. Raises SettingError or ValueError."""
    if isinstance(price, PriceSettings):
        return
    if not price:
        raise ValueError("no price is given here: leave it out where none is known")
    seen: set[str | None] = set()
    for index, each in enumerate(price):
        if each.begins in seen:
            when = f"on {each.begins}" if each.begins else "without a day"
            raise SettingError(
                (index, "from") if each.begins else (index,),
                f"two prices begin {when}, and only one of them can count",
                expected="another day in `from`",
            )
        seen.add(each.begins)


def as_data(price: Any) -> Any:
    """A price, a history, or a part of one, as it is written; what is not given is left out."""
    if is_dataclass(price) and not isinstance(price, type):
        fields = record_spec(type(price)).fields.items()
        keys = ((name, getattr(price, field.attribute)) for name, field in fields)
        return {name: as_data(value) for name, value in keys if value not in (None, ())}
    if isinstance(price, tuple):
        return [as_data(each) for each in price]
    if isinstance(price, Usd | Percent):
        return price.text
    return str(price) if isinstance(price, str) else price


def history(price: Priced) -> Sequence[PriceSettings]:
    """A price as a history: the newest first."""
    several = (price,) if isinstance(price, PriceSettings) else price
    return sorted(several, key=lambda each: each.begins or "", reverse=True)


@dataclass(frozen=True)
class Settings:
    """What happens without a price."""

    require_price: bool = setting(
        default=False, help="Leave endpoints without a price out, rather than answer unpriced."
    )


@dataclass(frozen=True)
class BillingSettings:
    """What is billed beyond what answers cost."""

    markup: Percent = setting(
        default=Percent(0),
        help="On top of each cost, for all that have no markup of their own.",
        example="5%",
    )

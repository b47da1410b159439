"""The settings of budgets, and what in them contradicts itself."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import get_args
from urllib.parse import urlsplit

from pointsman.config import Duration, Percent, SettingError, Usd, setting
from pointsman.secrets import Secret

from .windows import Per, Zone

__all__ = ["Budget", "BudgetSettings", "WebhookSettings", "check_budgets", "listed"]

WHOLE = 1_000_000
"""100%, in millionths."""


@dataclass(frozen=True)
class Budget:
    """What may be spent in a window."""

    usd: Usd = setting(help="US dollars, by what is billed.", example=20)
    per: Per = setting(default="month", help="The window it is for; lifetime never begins again.")
    zone: Zone = setting(default=Zone("UTC"), help="Where its days begin.", example="Europe/Paris")
    hard: bool = setting(
        default=False,
        help="Reserve on disk before a provider is called; refuse where the disk cannot be written.",
    )
    refuse: bool = setting(
        default=True, help="Refuse what goes beyond it; without it only `notify` tells of it."
    )
    notify: tuple[Percent, ...] = setting(
        default=(Percent(500_000), Percent(800_000), Percent(1_000_000)),
        help="Tell the webhook and the log when so much of it is spent, once a window.",
        example=["50%", "100%"],
    )

    def check(self) -> None:
        """Raises SettingError for what contradicts itself."""
        if self.hard and not self.refuse:
            raise SettingError("refuse", "a budget that is hard refuses: take one of them out")
        for place, share in enumerate(self.notify):
            if not 0 < share <= WHOLE:
                raise SettingError(("notify", place), "a share of a budget is above 0% and at most 100%")
            if share in self.notify[:place]:
                raise SettingError(("notify", place), f"{share.text} is here twice")


def listed(budget: Budget | tuple[Budget, ...] | None) -> tuple[Budget, ...]:
    """The budgets of a record, whether none, one or several were written."""
    if budget is None:
        return ()
    return (budget,) if isinstance(budget, Budget) else budget


def check_budgets(budget: Budget | tuple[Budget, ...] | None) -> None:
    """One budget a window, and no more in a shorter one than in a longer one. Raises SettingError."""
    budgets = listed(budget)
    for index, each in enumerate(budgets):
        for other in budgets[:index]:
            if other.per == each.per:
                raise SettingError((index, "per"), f"a second budget per {each.per}: keep one of them")
    order = get_args(Per)
    by_length = sorted(enumerate(budgets), key=lambda entry: order.index(entry[1].per))
    for (index, shorter), (_, longer) in combinations(by_length, 2):
        if longer.refuse and shorter.usd > longer.usd:
            raise SettingError(
                (index, "usd"),
                f"the budget per {shorter.per} ({shorter.usd.text}) is above that per {longer.per} "
                f"({longer.usd.text}): it could never be spent",
            )


def check_url(url: str) -> None:
    """An address of http or https. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("this is not an address that begins with https:// or http://")


@dataclass(frozen=True)
class WebhookSettings:
    """Who is told when so much of a budget is spent."""

    url: str = setting(
        check=check_url, help="Where it is told, by POST of JSON.", example="https://chat.example.org/hook"
    )
    secret: Secret | None = setting(
        default=None,
        help="Signs each message: `x-pointsman-signature: sha256=` and the HMAC-SHA-256 of its body.",
    )


@dataclass(frozen=True)
class BudgetSettings:
    """How budgets are kept."""

    default_output: int = setting(
        default=1024,
        minimum=1,
        help="Tokens an answer is taken to have that sets no limit, until answers of its model were seen.",
    )
    allow_unpriced: bool = setting(
        default=False, help="Let endpoints without a known price answer under a hard budget or for credits."
    )
    lease: Duration = setting(
        default=Duration(3600),
        minimum=1,
        help="A reservation that nobody settled is given up after this long.",
    )
    webhook: WebhookSettings | None = setting(default=None)

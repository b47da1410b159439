"""Refusals: which budget of whom, how much of it is left, when it begins again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pointsman.errors import RequestError
from pointsman.money import format_usd

from .book import NEVER, Account

__all__ = ["PaymentRequired", "begins_again", "refusal", "unpriced"]


class PaymentRequired(RequestError):
    """A budget or credits do not suffice."""

    status = 402
    error_type = "payment_required"
    code = "insufficient_budget"


def begins_again(account: Account) -> str | None:
    """When an account's next window begins, in its zone; None for never."""
    if account.ends == NEVER:
        return None
    zone = ZoneInfo(account.budget.zone)
    return datetime.fromtimestamp(account.ends, UTC).astimezone(zone).isoformat(timespec="seconds")


def refusal(account: Account, needed: int, now: float) -> PaymentRequired:
    """What to tell a client whose request may cost `needed` nano-USD, which is more than is left."""
    told = f"{format_usd(account.left)} USD is left"
    if account.reserved:
        told += f" beside {format_usd(account.reserved)} that requests under way may cost"
    resets = begins_again(account)
    end = f"; it begins again at {resets}" if resets is not None else "; it does not begin again"
    if account.prepaid:
        end = "; somebody has to grant more"
    return PaymentRequired(
        f"{account} does not suffice: this request may cost {format_usd(needed)} USD and {told}{end}",
        retry_after=_wait(account, needed, now),
        extra={"budget": {**described(account), "needed_usd": format_usd(needed)}},
    )


def unpriced(account: Account, model: str) -> PaymentRequired:
    """What to tell a client whose request nobody could say the price of."""
    return PaymentRequired(
        f"{account} needs a price, and the price of no endpoint for model {model!r} is known: "
        f"{format_usd(account.left)} USD is left, and nobody can say whether it suffices",
        code="unpriced",
        extra={"budget": described(account)},
    )


def described(account: Account) -> dict[str, Any]:
    """An account as JSON data."""
    owner, budget = account.owner, account.budget
    return {
        "kind": owner.kind,
        "name": owner.name,
        "limit_usd": format_usd(account.limit),
        "per": budget.per,
        "zone": str(budget.zone),
        "hard": budget.hard,
        "prepaid": account.prepaid,
        "spent_usd": format_usd(account.spent),
        "reserved_usd": format_usd(account.reserved),
        "left_usd": format_usd(account.left),
        "resets_at": begins_again(account),
    }


def _wait(account: Account, needed: int, now: float) -> float | None:
    """Seconds until it is worth while to ask again: what is under way may cost less than is held for it."""
    if account.spent + needed <= account.limit:
        return 1.0
    return account.ends - now if account.ends != NEVER and needed <= account.limit else None

"""The book: what is spent and what is reserved of each budget, changed in steps nothing can come between.

All amounts are integer nano-USD. A book is used from one thread; none of its methods waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import NamedTuple

from pointsman.money import format_usd

from .settings import WHOLE, Budget
from .windows import window_at

__all__ = ["NEVER", "Account", "Book", "Notice", "Owner", "Reservation"]

NEVER = float("inf")


class Owner(NamedTuple):
    """Whose budget it is: `kind` is key, team or organisation."""

    kind: str
    id: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


class Notice(NamedTuple):
    """That a share (in millionths) of an account's budget is spent."""

    account: Account
    share: int
    spent: int


class Account:
    """One budget of one owner in its running window, or its prepaid credits, which have none. `serial` counts
    the windows."""

    __slots__ = (
        "budget",
        "ends",
        "limit",
        "next_notice",
        "owner",
        "prepaid",
        "refuses",
        "reserved",
        "serial",
        "spent",
        "starts",
        "told",
    )

    def __init__(self, owner: Owner, budget: Budget, now: float, *, prepaid: bool = False) -> None:
        self.owner = owner
        self.budget = budget
        self.prepaid = prepaid
        self.limit: int = budget.usd
        self.refuses = budget.refuse
        self.serial = 0
        self.begin(now)

    def begin(self, now: float) -> None:
        """Begin the window that `now` is in, with nothing spent or reserved."""
        start, end = window_at(self.budget.per, self.budget.zone, datetime.fromtimestamp(now, UTC))
        self.starts = start.timestamp() if start is not None else -NEVER
        self.ends = end.timestamp() if end is not None else NEVER
        self.serial += 1
        self.spent = self.reserved = 0
        self.told: set[int] = set()
        self.next_notice = self._next_notice()

    def __str__(self) -> str:
        if self.prepaid:
            return f"what {self.owner} has of its {format_usd(self.limit)} USD of credits"
        per = "in all" if self.budget.per == "lifetime" else f"per {self.budget.per}"
        return f"the budget of {self.owner} of {format_usd(self.limit)} USD {per}"

    @property
    def left(self) -> int:
        """What is neither spent nor reserved; never less than nothing."""
        return max(0, self.limit - self.spent - self.reserved)

    def left_at(self, now: float) -> int:
        """What is left at a moment: all of it where the window is over and nothing was charged since."""
        return self.limit if now >= self.ends else self.left

    def start_with(self, spent: int) -> None:
        """Take over what the ledger knows was spent in this window; what that has passed was told before."""
        self.spent += spent
        self.told = {share for share in self.budget.notify if self.spent >= self._amount(share)}
        self.next_notice = self._next_notice()

    def change(self, budget: Budget) -> None:
        """Go on with another amount for the same window; shares that are passed no more are told again."""
        self.budget, self.limit, self.refuses = budget, budget.usd, budget.refuse
        self.told = {share for share in self.told if self.spent >= self._amount(share)}
        self.next_notice = self._next_notice()

    def notices(self) -> list[Notice]:
        """The shares that what is spent has passed, each told once a window."""
        passed = [share for share in self.budget.notify if self.spent >= self._amount(share)]
        notices = [Notice(self, share, self.spent) for share in passed if share not in self.told]
        self.told.update(passed)
        self.next_notice = self._next_notice()
        return notices

    def _amount(self, share: int) -> int:
        return self.limit * share // WHOLE

    def _next_notice(self) -> float:
        return min(
            (self._amount(each) for each in self.budget.notify if each not in self.told), default=NEVER
        )


class Reservation:
    """An amount held in several accounts, each in its window by number, until it is settled or expires.
    `stored` says that it is on disk, too."""

    __slots__ = ("amount", "expires", "held", "stored")

    def __init__(self, held: list[tuple[Account, int]], amount: int, expires: float) -> None:
        self.held = held
        self.amount = amount
        self.expires = expires
        self.stored = False


class Book:
    """Reserves and settles. `lease` is in seconds; `tell` hears of the shares that are passed."""

    def __init__(self, *, lease: float, tell: Callable[[Notice], None]) -> None:
        self.lease = lease
        self._tell = tell
        self._open: dict[Reservation, bool] = {}  # in the order in which they expire
        self._due = -NEVER
        """Before then nothing expires."""

    def reserve(self, accounts: Sequence[Account], amount: int, now: float) -> Reservation | Account:
        """Hold an amount in all accounts, or in none: then the account that has too little is returned."""
        if now >= self._due:
            self.expire(now)
        for account in accounts:
            if now >= account.ends:
                account.begin(now)
            if account.spent + account.reserved + amount > account.limit and amount and account.refuses:
                return account
        held = []
        for account in accounts:
            account.reserved += amount
            held.append((account, account.serial))
        reservation = Reservation(held, amount, now + self.lease)
        self._open[reservation] = True
        return reservation

    def settle(self, reservation: Reservation, used: int) -> None:
        """Put what was used in the place of what was held. It counts in the window it was reserved in; after
        its lease what was used counts all the same. To be called once."""
        amount = reservation.amount if self._open.pop(reservation, False) else 0
        for account, serial in reservation.held:
            if account.serial == serial:
                account.reserved -= amount
                account.spent += used
                if account.spent >= account.next_notice:
                    for notice in account.notices():
                        self._tell(notice)

    def expire(self, now: float) -> None:
        """Give up what nobody settled in time."""
        expired = list(takewhile(lambda each: each.expires <= now, self._open))
        for reservation in expired:
            del self._open[reservation]
            for account, serial in reservation.held:
                if account.serial == serial:
                    account.reserved -= reservation.amount
        oldest = next(iter(self._open), None)
        self._due = oldest.expires if oldest is not None else now + self.lease

    @property
    def open(self) -> int:
        """How many reservations are neither settled nor expired."""
        return len(self._open)

"""Payers: the accounts that each key's requests are charged to, its own and those of all above it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.config import Usd
from pointsman.errors import Unavailable
from pointsman.exchange import Actor
from pointsman.setup import Setup

from .book import Account, Owner
from .records import BEGINNING, Records, hour_of, timestamp
from .settings import Budget, listed
from .windows import Clock

__all__ = ["Payer", "Payers", "accounts_of", "key_id", "owners_of", "pays"]

log = logging.getLogger(__name__)

Key = tuple[str, str, str, str]
MOST_PAYERS = 100_000


@dataclass(frozen=True, slots=True)
class Payer:
    """What a key's requests are charged to. `hard` is the first account that is hard, `exact` the first that
    needs to know prices: that is hard, or prepaid."""

    actor: Actor
    owners: tuple[Owner, ...]
    accounts: tuple[Account, ...]
    hard: Account | None
    exact: Account | None


class Payers:
    """The payers of a gateway. What an account has spent is read from the ledger when it is first needed."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self.known: dict[str, Payer] = {}
        """By key: good for an actor that has not changed since."""
        self._accounts: dict[Key, Account] = {}
        self._reading = asyncio.Lock()
        self._loading: dict[Key, asyncio.Future[Account]] = {}

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Every account that was needed so far."""
        return tuple(self._accounts.values())

    def forget(self, accounts: Iterable[Key]) -> None:
        """Look anew for what each key is charged to, and in the ledger for these accounts, if they come
        back: of what is spent meanwhile they hear nothing."""
        self.known.clear()
        for key in accounts:
            self._accounts.pop(key, None)

    async def find(self, actor: Actor, *, newest: bool = True) -> Payer:
        """The payer of an actor. Without `newest` the budgets that it knows of may have been changed since:
        then those there are count. Raises Unavailable where a hard budget's past cannot be read."""
        owners = owners_of(actor)
        accounts: list[Account] = []
        for owner, extra in owners:
            for budget in listed(extra.get("budget")):
                accounts.append(await self._account(owner, budget, newest=newest))
            if extra.get("prepaid"):
                accounts.append(await self.credits(owner))
        hard = next((account for account in accounts if account.budget.hard), None)
        exact = next((account for account in accounts if account.budget.hard or account.prepaid), None)
        payer = Payer(actor, tuple(owner for owner, _ in owners), tuple(accounts), hard, exact)
        if len(self.known) >= MOST_PAYERS:
            self.known.clear()
        if newest:
            self.known[actor.key_id] = payer
        return payer

    async def credits(self, owner: Owner) -> Account:
        """The prepaid credits of an owner, with what was granted by now. They are charged with what was spent
        since the hour of the first grant."""
        async with self._reading:  # so that nobody puts back what another has read later
            granted, since = await self._records.granted(owner)
            budget = Budget(usd=Usd(max(0, granted)), per="lifetime")
            start = hour_of(since or timestamp(self._clock.now()))
            return await self._account(owner, budget, since=start, prepaid=True)

    async def _account(
        self,
        owner: Owner,
        budget: Budget,
        *,
        since: str | None = None,
        prepaid: bool = False,
        newest: bool = True,
    ) -> Account:
        """The account of a budget: those who ask for it at the same time wait for one reading."""
        key = _key(owner.kind, owner.id, budget, prepaid=prepaid)
        account = self._accounts.get(key)
        if account is None:
            loading = self._loading.get(key)
            if loading is None:
                account = Account(owner, budget, self._clock.now(), prepaid=prepaid)
                loading = asyncio.ensure_future(self._load(account, since))
                self._loading[key] = loading
                loading.add_done_callback(lambda done: self._loaded(key, done))
            account = await asyncio.shield(loading)
        if newest and account.budget != budget:
            account.change(budget)
        return account

    def _loaded(self, key: Key, done: asyncio.Future[Account]) -> None:
        del self._loading[key]
        if not done.cancelled() and done.exception() is None:
            self._accounts[key] = done.result()

    async def _load(self, account: Account, since: str | None) -> Account:
        """Take over what the ledger knows. Raises Unavailable, for a hard budget, where it cannot tell."""
        if since is None:
            since = BEGINNING if account.budget.per == "lifetime" else timestamp(account.starts)
        try:
            await self._records.flush()
        except Unavailable as error:
            if account.budget.hard or account.prepaid:
                raise Unavailable(f"{account} cannot be kept: {error.message}") from error
            log.warning("%s may begin with less spent than was: %s", account, error.message)
        if not self._records.sums and not account.budget.hard:
            log.warning("%s forgets what was spent when the gateway stops: the plugin usage is off", account)
        account.start_with(await self._records.spent(account.owner, since))
        return account


def _key(kind: str, id: str, budget: Budget, *, prepaid: bool = False) -> Key:
    return kind, id, "credits" if prepaid else budget.per, budget.zone


def accounts_of(setup: Setup) -> set[Key]:
    """The accounts of those whom a configuration names."""
    sections, found = setup.config.sections, set()
    organisation = sections.get("organisation")
    named = [("key", key_id(key.digest), key) for key in sections.get("keys", ())]
    named += [("team", name, team) for name, team in sections.get("teams", {}).items()]
    named += [("organisation", organisation.name, organisation)] if organisation is not None else []
    for kind, id, grants in named:
        found |= {_key(kind, id, budget) for budget in listed(grants.extra.get("budget"))}
        if grants.extra.get("prepaid"):
            found.add(_key(kind, id, Budget(usd=Usd(0), per="lifetime"), prepaid=True))
    return found


def key_id(digest: bytes) -> str:
    """What identifies a configured key in records."""
    return f"key-{digest.hex()[:12]}"


def pays(actor: Actor) -> bool:
    """Whether anything is charged for what an actor does."""
    return any(extra.get("budget") or extra.get("prepaid") for extra in actor.extras)


def owners_of(actor: Actor) -> Sequence[tuple[Owner, Mapping[str, Any]]]:
    """Who pays for an actor, from the key outward, with what is declared of each."""
    if not actor.levels:
        return [(Owner("key", actor.key_id, actor.name), actor.extra)]
    return [(Owner(level.kind, level.id, level.name), level.extra) for level in actor.levels]

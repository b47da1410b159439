"""What a key, its team and their organisation may spend: reserved before an answer, settled with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from pointsman import hookimpl
from pointsman.candidates import find_candidates
from pointsman.config import Problem
from pointsman.errors import ConfigError, RequestError, Unavailable
from pointsman.exchange import Actor, Candidate, Exchange, Plan
from pointsman.gateway import Gateway
from pointsman.money import NANO, Cost
from pointsman.registers import (
    RegisterCommand,
    RegisterHttp,
    RegisterRouting,
    RegisterSettings,
    RegisterTable,
)
from pointsman.setup import Setup
from pointsman.types import Usage

from .book import Account, Book, Reservation
from .credits import Credits
from .estimates import Estimates
from .payers import Payer, Payers, accounts_of, pays
from .records import CREDITS, RESERVATIONS, Records
from .refusals import PaymentRequired, refusal, unpriced
from .settings import Budget, BudgetSettings, check_budgets
from .webhook import Webhook
from .windows import Clock

__all__ = ["POINTSMAN_API", "Budgets"]

POINTSMAN_API = 1

log = logging.getLogger(__name__)

NOTE = "budgets"
FORGET_EVERY = 300.0
"""Seconds between two looks for reservations that have a generation by now."""
MOST_TOLD = 1000
"""Endpoints without a price that the log is told of."""
WHOSE = {"key": "it", "team": "all its keys together", "organisation": "all its teams together"}


class Budgets:
    """The plugin."""

    def __init__(self) -> None:
        self.clock = Clock()
        self._settings = BudgetSettings()
        self._told: set[str] = set()

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """Settings, `budget` and `prepaid` of those who pay, `over_budget` of a route."""
        register(BudgetSettings)
        for record, whose in WHOSE.items():
            register.field(
                record,
                "budget",
                Budget | tuple[Budget, ...] | None,
                default=None,
                check=check_budgets,
                help=f"What {whose} may spend: one budget, or a list of one a window.",
            )
            register.field(
                record,
                "prepaid",
                bool,
                default=False,
                help=f"Let {whose} spend no more than the credits granted (`pointsman credits grant`).",
            )
        register.field(
            "use",
            "over_budget",
            tuple[str, ...] | None,
            default=None,
            help="Models to try in place of all others when a budget does not suffice for those.",
        )

    @hookimpl
    def register_routing(self, register: RegisterRouting) -> None:
        """Let rules ask for what is left of budgets."""
        unknown = "Not known before a key's first request since the start has been reserved."
        for name, read, help in (
            (
                "budget.left",
                self._share_left,
                "The least share left of any budget of the key, as `10%`.",
            ),
            ("budget.left_usd", self._usd_left, "The fewest US dollars that are left in any of them."),
        ):
            register.variable(name, float, read, help=f"{help} {unknown}")

    @hookimpl
    def register_tables(self, register: RegisterTable) -> None:
        """Keep reservations and credits."""
        register(RESERVATIONS)
        register(CREDITS)

    @hookimpl
    def register_http(self, register: RegisterHttp) -> None:
        """Show and grant credits."""
        register("/api/v1/credits", self._credits, methods=("GET", "POST"), role="viewer")

    @hookimpl
    def register_commands(self, register: RegisterCommand) -> None:
        """Add `pointsman credits`."""
        from .command import credits

        register(credits)

    @hookimpl
    async def startup(self, gateway: Gateway) -> None:
        """Open the book; what a process that has ended left reserved counts as spent. Raises ConfigError for
        a route that goes on with models nobody has."""
        await _check(gateway.setup)
        self._settings = gateway.setup.settings("budgets")
        self._webhook = Webhook(gateway, self._settings.webhook)
        self._estimates = Estimates(self._settings.default_output)
        self.book = Book(lease=self._settings.lease, tell=self._webhook.tell)
        self.records = Records(gateway.ledger)
        self.payers = Payers(self.records, self.clock)
        self.credits = Credits(gateway.setup, self.records, self.payers, self.clock)
        if gateway.ledger.has_table(RESERVATIONS.name):
            gateway.every(FORGET_EVERY, self.records.forget)
            lost = await self.records.recover()
            if lost:
                log.warning("%d reservations were open when the last process ended: they are spent", lost)

    @hookimpl
    async def reload(self, gateway: Gateway, setup: Setup) -> Callable[[], None]:
        """Go on with other settings; what is spent and what is held stays. Raises ConfigError as at the
        start."""
        await _check(setup)
        settings: BudgetSettings = setup.settings("budgets")
        gone = accounts_of(gateway.setup) - accounts_of(setup)

        def change() -> None:
            self._settings = settings
            self._webhook.settings = settings.webhook
            self._estimates.default_output = settings.default_output
            self.book.lease = settings.lease
            self.credits = Credits(setup, self.records, self.payers, self.clock)
            self.payers.forget(gone)

        return change

    @hookimpl
    def reserve_usage(self, exchange: Exchange) -> Coroutine[Any, Any, None] | None:
        """Hold what the dearest candidate may cost. Raises PaymentRequired where a budget has less."""
        actor = exchange.actor
        if actor is None:
            return None
        payer = self.payers.known.get(actor.key_id)
        if payer is not None and payer.actor is actor:
            return self._reserve(exchange, payer)
        return self._find_and_reserve(exchange, actor) if pays(actor) else None

    @hookimpl
    def settle_usage(
        self, exchange: Exchange, usage: Usage | None, cost: Cost | None
    ) -> Coroutine[Any, Any, None] | None:
        """Put what was used in the place of what was held."""
        held: Reservation | None = exchange.notes.pop(NOTE, None)
        if held is None:
            return None
        if usage is None:
            used = 0
        elif cost is None:  # it has no price, or pricing it failed: what is not known is not nothing
            used = held.amount
            self._unpriced(exchange)
        else:
            used = cost.billed
        self.book.settle(held, used)
        if exchange.usage is not None:
            self._estimates.learn(exchange, exchange.usage)
        return self.records.settle(exchange.generation_id, used) if held.stored else None

    def _accounts(self, exchange: Exchange) -> tuple[Account, ...]:
        """The accounts that a request is charged to, as far as they are known."""
        actor = exchange.actor
        payer = self.payers.known.get(actor.key_id) if actor is not None else None
        return payer.accounts if payer is not None and payer.actor is actor else ()

    def _share_left(self, exchange: Exchange) -> float | None:
        now = self.clock.now()
        shares = [each.left_at(now) / each.limit if each.limit else 0.0 for each in self._accounts(exchange)]
        return min(shares, default=None)

    def _usd_left(self, exchange: Exchange) -> float | None:
        now = self.clock.now()
        return min((each.left_at(now) / NANO for each in self._accounts(exchange)), default=None)

    async def _credits(self, request: Request) -> JSONResponse:
        return await self.credits.answer(request)

    def _unpriced(self, exchange: Exchange) -> None:
        """Warn of answers that no budget is charged for, once an endpoint."""
        attempt = exchange.attempt
        if attempt is not None and attempt.endpoint.id not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(attempt.endpoint.id)
            log.warning("%s has no price: budgets cannot count what it answers", attempt.endpoint.id)

    async def _find_and_reserve(self, exchange: Exchange, actor: Actor) -> None:
        newest = exchange.setup is exchange.gateway.setup
        rest = self._reserve(exchange, await self.payers.find(actor, newest=newest))
        if rest is not None:
            await rest

    def _reserve(self, exchange: Exchange, payer: Payer) -> Coroutine[Any, Any, None] | None:
        """Reserve in memory, at once; what is left to wait for is returned."""
        try:
            self._hold(exchange, payer)
        except PaymentRequired as error:
            plan = exchange.plan
            others: tuple[str, ...] = plan.extra.get("over_budget") or () if plan is not None else ()
            if not others:
                raise
            return self._reserve_others(exchange, payer, others, error)
        return self._store(exchange, payer) if payer.hard is not None else None

    def _hold(self, exchange: Exchange, payer: Payer) -> None:
        """Hold what the dearest candidate may cost in all accounts, or raise PaymentRequired."""
        needed = self._needed(exchange, payer)
        now = self.clock.now()
        reserved = self.book.reserve(payer.accounts, needed, now)
        if isinstance(reserved, Account):
            raise refusal(reserved, needed, now)
        exchange.notes[NOTE] = reserved

    def _needed(self, exchange: Exchange, payer: Payer) -> int:
        """What the dearest of the candidates would be billed, in nano-USD. Those that have no price are left
        out where a budget is hard, and where credits pay."""
        needed = 0
        unknown: list[Candidate] = []
        for candidate in exchange.candidates:
            cost = exchange.quote(candidate.endpoint, self._estimates.usage(exchange, candidate))
            if cost is None:
                unknown.append(candidate)
            elif cost.billed > needed:
                needed = cost.billed
        if unknown and payer.exact is not None and not self._settings.allow_unpriced:
            if len(unknown) == len(exchange.candidates):
                raise unpriced(payer.exact, exchange.peek.model)
            for candidate in unknown:
                why = f"its price is not known, and {payer.exact} needs one (budgets.allow_unpriced)"
                exchange.exclude(candidate, by="budgets", why=why)
            exchange.candidates = [each for each in exchange.candidates if each not in unknown]
        return needed

    async def _reserve_others(
        self, exchange: Exchange, payer: Payer, models: tuple[str, ...], error: PaymentRequired
    ) -> None:
        """Do with the models that the route has for this case, or raise the error that led here."""
        before, plan = exchange.candidates, exchange.plan
        exchange.plan = (
            replace(plan, models=models, extra={}, lost=(), pick=None, across=False)
            if plan is not None
            else Plan(None, models)
        )
        try:
            await find_candidates(exchange)
        except RequestError:
            exchange.plan = plan
            raise error from None
        for candidate in before:
            exchange.exclude(candidate, by="budgets", why=error.message)
        exchange.decision.models = models
        exchange.keep = 0  # a cache would take it for what the models planned at first have answered
        self._hold(exchange, payer)
        if payer.hard is not None:
            await self._store(exchange, payer)

    async def _store(self, exchange: Exchange, payer: Payer) -> None:
        """Put a reservation of a hard budget on disk. Raises Unavailable where that cannot be done."""
        held: Reservation = exchange.notes[NOTE]
        held.stored = exchange.strict = True
        try:
            await self.records.reserve(exchange.generation_id, payer.owners, held.amount, self.clock.now())
        except Unavailable as error:
            held.stored = False
            raise Unavailable(
                f"{payer.hard} is hard, and the ledger cannot record what is reserved: {error.message}",
                detail=error.detail,
            ) from error


async def _check(setup: Setup) -> None:
    """Look for what only shows once it is known which models there are. Raises ConfigError."""
    await setup.catalogue.settled(name for _, _, name in _named(setup))
    problems = list(_unknown(setup))
    if problems:
        raise ConfigError.of(problems)


def _named(setup: Setup) -> Iterator[tuple[str, str, str]]:
    """The models of `over_budget`: place, rule and name."""
    for index, route in enumerate(setup.section("routes") if "routes" in setup.schema.sections else ()):
        for place, name in enumerate(route.use.extra.get("over_budget") or ()):
            yield f"routes.{index}.use.over_budget.{place}", route.name, name


def _unknown(setup: Setup) -> Iterator[Problem]:
    """Models of `over_budget` that nobody has."""
    for place, rule, name in _named(setup):
        if setup.catalogue.lacks(name):
            near = setup.catalogue.near(name)
            yield setup.config.problem(
                place,
                f"rule {rule!r} uses model {name!r}, which no provider has",
                expected="a model or alias of `models:`, or `provider/model`",
                hint=f"did you mean {' or '.join(near)}?" if near else "",
            )

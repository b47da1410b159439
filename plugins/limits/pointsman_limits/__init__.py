"""How much a key, team, organisation, model, provider or app may ask, counted in one atomic step."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from pointsman import hookimpl
from pointsman.chain import Patient
from pointsman.counters import A_WHILE
from pointsman.errors import RateLimited, Unavailable
from pointsman.exchange import Attempt, Candidate, Exchange
from pointsman.gateway import Gateway
from pointsman.money import Cost
from pointsman.registers import RegisterSettings
from pointsman.setup import Setup
from pointsman.state import Demand, Verdict
from pointsman.types import Usage

from .claims import Claim, Claims, costs_of
from .estimates import Estimates
from .line import Line
from .prepared import Prepared
from .rates import Rate, UsdRate
from .recount import recount
from .settings import LimitSettings, Priority, RuleSettings, Settings
from .telling import refusal, tell

__all__ = ["POINTSMAN_API", "LimitSettings", "Limits", "Rate", "RuleSettings", "Settings", "UsdRate"]

POINTSMAN_API = 1

NAME = "limits"
SPEAKING = frozenset({"chat", "completions"})
"""Surfaces that answer with text."""
NOTHING = Claims(())
GRACE = 60.0
"""Seconds a lease outlives the longest request that may hold it."""


class Taken(msgspec.Struct):
    """What an exchange has taken: its claims, and when, in monotonic seconds; None where that is unsure."""

    claims: Claims
    at: float | None = None


class Ask(msgspec.Struct):
    """What an exchange wants to take, if this candidate is to answer it."""

    candidate: Candidate
    claims: Claims
    demands: list[Demand]

    def refused_by(self, verdict: Verdict) -> Claim:
        """The claim that refused."""
        place = next(place for place, demand in enumerate(self.demands) if demand is verdict.demand)
        return self.claims.all[place]

    def refusal(self, verdict: Verdict, why: str = "") -> RateLimited:
        """What the client is told."""
        return refusal(self.claims, self.refused_by(verdict), verdict, why)


class Limits:
    """The plugin."""

    def __init__(self) -> None:
        self._settings = Settings()
        self._prepared = Prepared(self._settings)
        self._estimates = Estimates()
        self._line = Line(self._settings.max_waiting)
        self._ttl = GRACE

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """Settings, and `limits` of a key, team and organisation."""
        register(Settings)
        for record in ("key", "team", "organisation"):
            register.field(
                record,
                "limits",
                LimitSettings | None,
                default=None,
                help=f"How much the {record} may ask, all in all.",
            )
        register.field(
            "key",
            "priority",
            Priority,
            default="interactive",
            help="Requests of `batch` wait behind others, and leave them the last of a shared concurrency.",
        )

    @hookimpl
    async def startup(self, gateway: Gateway) -> None:
        """Check what goes over several settings, and count again from the ledger what was used before."""
        self._go_by(gateway.setup)
        await recount(gateway, self._settings.rules)

    @hookimpl
    async def reload(self, gateway: Gateway, setup: Setup) -> Callable[[], None]:
        """Count again where limits are others than before: of one that is new nothing was counted. Who waits
        goes on waiting, in the same line."""
        if _limiting(setup) != _limiting(gateway.setup):
            with suppress(Unavailable):  # what cannot be written now is not in the sums
                await gateway.ledger.flush()
            await recount(gateway, setup.settings(NAME).rules)
        return partial(self._go_by, setup)

    def _go_by(self, setup: Setup) -> None:
        core = setup.core
        self._settings = settings = setup.settings(NAME)
        self._prepared = Prepared(settings)
        self._line.most = settings.max_waiting
        self._ttl = core.upstream.total * core.attempts + settings.max_wait + GRACE

    @hookimpl
    def reserve_usage(self, exchange: Exchange) -> Patient | None:
        """Take what the request may use out of all its limits, or out of none and refuse."""
        candidate = exchange.candidates[0]
        claims = self._prepared.claims(exchange, candidate)
        if claims is None or not claims.all:
            return None
        if self._line.queues and self._line.before(None, claims.counters, batch=claims.batch):
            return Patient(self._wait(exchange, None), self._settings.max_wait)
        demands = self._demands(exchange, candidate, claims) if claims.varies else claims.fixed
        verdict = exchange.gateway.state.take_now(demands, exchange.generation_id, self._ttl)
        if verdict is None or not verdict.allowed:
            rest = self._again(exchange, Ask(candidate, claims, demands), verdict)
            return Patient(rest, self._settings.max_wait)
        self._passed(exchange, claims, verdict)
        return None

    @hookimpl
    def settle_usage(
        self, exchange: Exchange, usage: Usage | None, cost: Cost | None
    ) -> Coroutine[Any, Any, None] | None:
        """Let go of what was reserved, and count what was really used; nothing, where nothing was tried."""
        taken: Taken | None = exchange.notes.get(NAME)
        if taken is None:
            return None
        claims, tried = taken.claims, bool(exchange.attempts)
        if tried and not claims.held and not self._prepared.by_candidate:
            return None
        used = self._used(exchange, claims, usage, cost) if tried else []
        given_back = claims.taken() if not tried and taken.at is not None else []
        state = exchange.gateway.state
        if given_back or not state.settle_now(exchange.generation_id, used):
            return self._settle(exchange, taken, used, given_back)
        if self._line.queues:
            self._line.wake(claims.counters)
        return None

    async def _settle(
        self, exchange: Exchange, taken: Taken, used: list[Demand], given_back: list[Demand]
    ) -> None:
        state = exchange.gateway.state
        await state.settle(exchange.generation_id, used)
        if given_back and taken.at is not None:
            await state.give_back(given_back, time.monotonic() - taken.at)
        self._line.wake(taken.claims.counters)

    def _used(
        self, exchange: Exchange, claims: Claims, usage: Usage | None, cost: Cost | None
    ) -> list[Demand]:
        """What was used of the limits that applied in the end: another candidate may have answered."""
        attempt = exchange.attempt
        if attempt is None:
            return []
        used: list[Demand] = []
        if self._prepared.by_candidate:
            before, claims = (
                set(claims.counters),
                self._prepared.claims(exchange, attempt.candidate) or claims,
            )
            used = [demand for demand in claims.taken() if (demand.key, demand.quota.period) not in before]
        if usage is None or not (claims.varies or self._prepared.by_candidate):
            return used
        if exchange.usage is not None:
            self._estimates.learn(attempt.candidate.model, exchange.peek, exchange.usage)
        if self._prepared.by_candidate and len(exchange.attempts) > 1:
            return used + [demand for each in exchange.attempts for demand in self._used_by(exchange, each)]
        return used + claims.used(costs_of(usage.input, usage.output, cost.billed if cost is not None else 0))

    def _used_by(self, exchange: Exchange, attempt: Attempt) -> list[Demand]:
        """What one of several attempts used, of the limits of its own candidate."""
        claims, usage, cost = self._prepared.claims(exchange, attempt.candidate), attempt.usage, attempt.cost
        if claims is None or usage is None:
            return []
        return claims.used(costs_of(usage.input, usage.output, cost.billed if cost is not None else 0))

    def _demands(self, exchange: Exchange, candidate: Candidate, claims: Claims) -> list[Demand]:
        """What the request may use at a candidate."""
        writes = exchange.surface in SPEAKING
        read, written = self._estimates.tokens(candidate.model, exchange.peek, writes=writes)
        nano = 0
        if claims.money:
            cost = exchange.quote(candidate.endpoint, Usage(read, written, estimated=True))
            nano = cost.billed if cost is not None else 0
        return claims.demands(costs_of(read, written, nano))

    def _passed(self, exchange: Exchange, claims: Claims, verdict: Verdict) -> None:
        exchange.notes[NAME] = Taken(claims, time.monotonic())
        tell(exchange.response_headers, claims, verdict)

    async def _again(self, exchange: Exchange, ask: Ask, verdict: Verdict | None) -> None:
        """What `reserve_usage` could not do at once: ask a state that waits, try what else could answer,
        wait for its turn, refuse."""
        ask, verdict = await self._try(exchange, ask, verdict)
        if verdict.allowed:
            return
        patience = self._settings.max_wait
        if not patience or verdict.retry_after > max(patience, A_WHILE):
            raise ask.refusal(verdict)
        await self._wait(exchange, (ask, verdict))

    async def _try(
        self, exchange: Exchange, ask: Ask | None = None, verdict: Verdict | None = None
    ) -> tuple[Ask, Verdict]:
        """Take for the first candidate whose limits allow it; those before it are left out.

        Only limits by model and provider can be escaped so. The first refusal, where none allows it.
        """
        refused: tuple[Ask, Verdict] | None = None
        for place, candidate in enumerate(exchange.candidates):
            if ask is None or ask.candidate is not candidate:
                claims = self._prepared.claims(exchange, candidate) or NOTHING
                ask, verdict = Ask(candidate, claims, self._demands(exchange, candidate, claims)), None
            if verdict is None:
                verdict = await self._take(exchange, ask)
            if verdict.allowed:
                self._passed(exchange, ask.claims, verdict)
                for skipped in exchange.candidates[:place]:
                    exchange.exclude(skipped, by=NAME, why="its limit is used up")
                exchange.candidates = exchange.candidates[place:]
                return ask, verdict
            refused = refused or (ask, verdict)
            if not ask.refused_by(verdict).moves:
                break
        if refused is None:
            raise RuntimeError("a request without candidates reached the limits")
        return refused

    async def _take(self, exchange: Exchange, ask: Ask) -> Verdict:
        """Take at once or by and by. Cancelled meanwhile, it is not known whether anything was taken."""
        state, lease = exchange.gateway.state, exchange.generation_id
        verdict = state.take_now(ask.demands, lease, self._ttl)
        if verdict is None:
            exchange.notes[NAME] = Taken(ask.claims)
            verdict = await state.take(ask.demands, lease, self._ttl)
            del exchange.notes[NAME]
        return verdict

    async def _wait(self, exchange: Exchange, refused: tuple[Ask, Verdict] | None) -> None:
        """Wait for its turn, by arrival; refuse when `max_wait` is over, or too many wait already."""
        candidate = exchange.candidates[0]
        claims = self._prepared.claims(exchange, candidate) or NOTHING
        line, patience = self._line, self._settings.max_wait
        if line.full:
            raise await self._turned_away(exchange, claims, refused, f"; {len(line)} requests wait already")
        until = time.monotonic() + patience
        with line.place(batch=claims.batch) as place:
            while (left := until - time.monotonic()) > 0:
                counter = line.before(place, claims.counters)
                if counter is None:
                    ask, verdict = refused = await self._try(exchange)
                    if verdict.allowed:
                        return
                    if verdict.retry_after > max(left, A_WHILE):
                        break
                    counter, left = ask.refused_by(verdict).counter, min(left, verdict.retry_after)
                await line.wait(place, counter, left)
        why = f"; it waited up to {patience.text} for its turn"
        raise await self._turned_away(exchange, claims, refused, why)

    async def _turned_away(
        self, exchange: Exchange, claims: Claims, refused: tuple[Ask, Verdict] | None, why: str
    ) -> RateLimited:
        """The refusal of a request that waited, or could not. Whose turn it never was has a look."""
        if refused is None:
            looks = [Demand(claim.demand.key, claim.demand.quota, 0) for claim in claims.all]
            ask = Ask(exchange.candidates[0], claims, looks)
            refused = ask, await self._take(exchange, ask)
        return refused[0].refusal(refused[1], why)


def _limiting(setup: Setup) -> list[object]:
    """All of a configuration that says how much may be asked."""
    sections = setup.config.sections
    return [setup.settings(NAME), *(sections.get(name) for name in ("keys", "teams", "organisation"))]

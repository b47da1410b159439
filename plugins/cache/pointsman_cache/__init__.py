"""Answers kept for requests that come again; of identical ones at the same time one goes to a provider."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from pointsman import hookimpl
from pointsman.exchange import Exchange, Plan
from pointsman.gateway import Gateway
from pointsman.registers import RegisterSettings
from pointsman.setup import Setup
from pointsman.stored import Stored

from .fingerprint import fingerprint
from .flights import Flights
from .replay import replay
from .settings import CacheSettings
from .store import Entry, Store, Tenant
from .wishes import NAME, Said, Wish, wish_of

__all__ = ["POINTSMAN_API", "Cache", "may_keep", "may_use"]

POINTSMAN_API = 1

STATUS = "x-pointsman-cache"
THEIRS = "x-openrouter-cache-"
"""How the headers begin in which clients of this field look for the same."""


@dataclass(slots=True)
class Ticket:
    """Where the answer of a request goes, whether others wait for it, and the plan by which it was looked
    for."""

    tenant: Tenant
    fingerprint: bytes
    ttl: float
    leads: bool
    plan: Plan | None


class Cache:
    """The plugin."""

    def __init__(self) -> None:
        self._settings = CacheSettings()
        self._store = Store(self._settings.max_size)
        self._flights = Flights()

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """Settings, and `cache` of a route, a preset, a key, a team and an organisation."""
        register(CacheSettings)
        for record, what in (
            ("use", "requests of this route"),
            ("preset", "requests for this preset"),
            ("key", "requests of this key"),
            ("team", "requests of its keys"),
            ("organisation", "requests of its keys"),
        ):
            register.field(
                record,
                NAME,
                Said,
                default=None,
                help=f"Whether answers to {what} are kept, or for how long; false forbids it.",
                example={"ttl": "1h"},
            )

    @hookimpl
    def startup(self, gateway: Gateway) -> None:
        """Make room."""
        self._settings = gateway.setup.settings("cache")
        self._store = Store(self._settings.max_size)

    @hookimpl
    def reload(self, setup: Setup) -> Callable[[], None]:
        """Go on with other settings; what is kept stays, as far as there is room."""
        settings: CacheSettings = setup.settings("cache")

        def change() -> None:
            if settings.max_size != self._settings.max_size:
                self._store = self._store.resized(settings.max_size)
            self._settings = settings

        return change

    @hookimpl
    def lookup_response(self, exchange: Exchange) -> Coroutine[Any, Any, Stored | None] | None:
        """The answer kept for this request, or that of an identical one under way. Raises BadRequest."""
        wish = wish_of(exchange, self._settings)
        return None if wish is None else self._look_up(exchange, wish)

    @hookimpl
    def store_response(self, exchange: Exchange, stored: Stored) -> None:
        """Keep a complete answer, and give it to those who wait for it."""
        ticket: Ticket | None = exchange.notes.get(NAME)
        if ticket is None or stored.size > self._settings.max_entry or not may_keep(stored):
            return
        if exchange.plan is not ticket.plan:  # other models were tried in the end than it was looked for by
            return
        if any(each.continues for each in exchange.attempts):  # it is of several endpoints, and tells of one
            return
        entry = self._store.put(
            ticket.tenant,
            ticket.fingerprint,
            stored,
            ttl=ticket.ttl,
            usage_told=exchange.peek.usage_in_stream,
        )
        if ticket.leads:
            ticket.leads = False
            self._flights.land(ticket.tenant, ticket.fingerprint, entry)

    @hookimpl
    def request_finished(self, exchange: Exchange) -> None:
        """Let another go where this one had no answer to keep."""
        ticket: Ticket | None = exchange.notes.get(NAME)
        if ticket is not None and ticket.leads:
            ticket.leads = False
            self._flights.fail(ticket.tenant, ticket.fingerprint)

    async def _look_up(self, exchange: Exchange, wish: Wish) -> Stored | None:
        digest = fingerprint(exchange) if wish.use else None
        if digest is None or exchange.actor is None:
            exchange.response_headers[STATUS] = "bypass"
            return None
        tenant = Tenant.of(exchange.actor, self._settings.scope)
        found = await self._find(exchange, tenant, digest, wish)
        if found is None:
            exchange.keep = max(exchange.keep, self._settings.max_entry)
            exchange.response_headers.update(_miss(wish))
        return found

    async def _find(self, exchange: Exchange, tenant: Tenant, digest: bytes, wish: Wish) -> Stored | None:
        """The answer for a request; without one it has a ticket, and leads where nobody else does."""
        if wish.clear:
            self._store.drop(tenant, digest)
        if not wish.fresh:
            entry = self._store.get(tenant, digest)
            answer = self._answer(entry, exchange, wish) if entry is not None else None
            if answer is not None:
                return answer
        leads = await self._join(tenant, digest, wish)
        if isinstance(leads, Entry):
            answer = self._answer(leads, exchange, wish)
            if answer is not None:
                return answer
        exchange.notes[NAME] = Ticket(tenant, digest, wish.ttl, leads is True, exchange.plan)
        return None

    async def _join(self, tenant: Tenant, digest: bytes, wish: Wish) -> Entry | bool:
        """What an identical request brings, or whether this one leads."""
        if wish.fresh:
            return self._flights.lead(tenant, digest)
        return await self._flights.join(tenant, digest, patience=self._settings.wait)

    def _answer(self, entry: Entry, exchange: Exchange, wish: Wish) -> Stored | None:
        """What is kept, where it is young enough and of an endpoint that the key may use. Tells of it."""
        age = self._store.age(entry)
        if age >= wish.oldest or not may_use(exchange, entry.stored):
            return None
        answer = replay(entry, exchange)
        if answer is not None:
            exchange.response_headers.update(_hit(entry, age))
        return answer


def may_use(exchange: Exchange, stored: Stored) -> bool:
    """Whether the endpoint that answered is still there, and one that the key may use."""
    catalogue, actor = exchange.setup.catalogue, exchange.actor
    resolution = catalogue.resolve(stored.endpoint)
    there = resolution.endpoints if resolution is not None else ()
    endpoint = next((each for each in there if each.id == stored.endpoint), None)
    return (
        actor is not None
        and endpoint is not None
        and actor.may_reach(stored.provider)
        and actor.may_tell(endpoint.provider.about)
        and actor.may_use(*catalogue.names_of(stored.model, endpoint))
    )


def may_keep(stored: Stored) -> bool:
    """Whether an answer is one: its end was no error, and a stream said how it ended."""
    if stored.finish is None:
        return not stored.stream
    return stored.finish.reason != "error"


def _hit(entry: Entry, age: float) -> dict[str, str]:
    return {
        STATUS: "hit",
        f"{THEIRS}status": "HIT",
        f"{THEIRS}age": str(int(age)),
        f"{THEIRS}ttl": str(int(entry.ttl - age)),
        f"{THEIRS}source-id": entry.stored.generation_id,
    }


def _miss(wish: Wish) -> dict[str, str]:
    return {STATUS: "miss", f"{THEIRS}status": "MISS", f"{THEIRS}ttl": str(int(wish.ttl))}

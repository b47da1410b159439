"""Writes a row to the ledger for every generation, and adds the commands that read them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from pointsman import hookimpl
from pointsman.errors import RequestError, Unavailable
from pointsman.exchange import Exchange
from pointsman.gateway import Gateway
from pointsman.ledger import Ledger
from pointsman.money import Cost
from pointsman.registers import (
    RegisterCommand,
    RegisterHttp,
    RegisterRouting,
    RegisterSettings,
    RegisterTable,
)
from pointsman.setup import Setup
from pointsman.stored import Stored
from pointsman.types import Usage as Tokens

from .bodies import BODIES, FIELD, Bodies, check_sealable
from .endpoints import ENDPOINT_DAYS, ENDPOINT_HOURS, close_days
from .generations import GENERATIONS, Generations, app_of
from .retention import INTERVAL, Retention
from .rollups import ROLLUPS
from .settings import LogBodies, Settings
from .totals import TOTALS, close_totals

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["POINTSMAN_API", "TABLES", "Usage"]

POINTSMAN_API = 1

TABLES = (GENERATIONS, *ROLLUPS.values(), TOTALS, ENDPOINT_HOURS, ENDPOINT_DAYS, BODIES)
RECORDED = "usage.recorded"
FULL = "the record of this request could not be kept: the ledger's queue is full"
SLOW = "the record of this request could not be written in time"


class Usage:
    """The plugin."""

    def __init__(self) -> None:
        self._generations = Generations()
        self._bodies: Bodies | None = None
        self._refuses = False
        self._retention: Retention | None = None

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """Settings, and whose bodies are logged."""
        register(Settings)
        for record, whose in (
            ("use", "requests of this route"),
            ("key", "its requests"),
            ("team", "its keys' requests"),
            ("organisation", "its keys' requests"),
        ):
            register.field(
                record,
                FIELD,
                LogBodies | None,
                default=None,
                help=f"Whether the texts of {whose} and of their answers are kept: off, errors or all.",
            )

    @hookimpl
    def register_routing(self, register: RegisterRouting) -> None:
        """Let rules ask for applications."""
        help = "What the calling application calls itself (`X-Title`), or its address (`HTTP-Referer`)."
        register.variable("app", str, lambda exchange: app_of(exchange.headers)[0], help=help)

    @hookimpl
    def register_tables(self, register: RegisterTable) -> None:
        """Keep generations, what they add up to, and bodies."""
        for table in TABLES:
            register(table)

    @hookimpl
    def register_commands(self, register: RegisterCommand) -> None:
        """Add `pointsman usage`, `pointsman logs` and `pointsman ledger`."""
        from .command import usage
        from .logs import logs
        from .maintenance import ledger

        register(usage)
        register(logs)
        register(ledger)

    @hookimpl
    def register_http(self, register: RegisterHttp) -> None:
        """Say how the ledger is."""
        register("/health/ledger", self._health, methods=("GET",), role="viewer")

    @hookimpl
    def startup(self, gateway: Gateway) -> None:
        """Read the settings; in the background add up days, and delete what is old. Raises ConfigError."""
        self.reload(gateway, gateway.setup)()
        gateway.every(INTERVAL, partial(self._look_after, gateway.ledger))

    @hookimpl
    def reload(self, gateway: Gateway, setup: Setup) -> Callable[[], None]:
        """Go by other settings. Raises ConfigError."""
        check_sealable(setup)
        settings: Settings = setup.settings("usage")

        def change() -> None:
            self._generations = Generations(address=settings.client_address)
            self._refuses = settings.when_full == "refuse"
            self._bodies = Bodies(gateway.vault, settings.log_bodies, most=settings.max_body)
            self._retention = Retention(gateway.ledger, settings.retention)

        return change

    async def _look_after(self, ledger: Ledger) -> None:
        await close_days(ledger, datetime.now(UTC))
        await close_totals(ledger, datetime.now(UTC))
        if self._retention is not None:
            await self._retention.run()

    @hookimpl
    def admit(self, exchange: Exchange) -> None:
        """Refuse what could not be recorded, if that is wanted. Raises Unavailable."""
        if (self._refuses or exchange.strict) and exchange.gateway.ledger.full:
            raise Unavailable("the ledger takes no more records now; try again later", retry_after=1)

    @hookimpl
    def reserve_usage(self, exchange: Exchange) -> None:
        """Ask for the answer, where its text is logged: by now others have said how much they want."""
        if self._bodies is not None:
            self._bodies.begin(exchange)

    @hookimpl
    def settle_usage(
        self, exchange: Exchange, usage: Tokens | None, cost: Cost | None
    ) -> Awaitable[None] | None:
        """Store the row, and wait for it, where the answer must not end before."""
        return self._commit(exchange) if exchange.strict else None

    @hookimpl
    def store_response(self, exchange: Exchange, stored: Stored) -> None:
        """Keep the text of an answer that is to be logged."""
        if self._bodies is not None:
            self._bodies.answered(exchange, stored)

    @hookimpl
    def request_finished(self, exchange: Exchange) -> None:
        """Store the row of a request for which any endpoint was considered, unless it is stored already."""
        if not exchange.admitted:
            return
        ledger, notes = exchange.gateway.ledger, exchange.notes
        if not (notes and RECORDED in notes):
            ledger.insert(GENERATIONS.name, self._generations.row(exchange))
        if self._bodies is not None and (row := self._bodies.row(exchange)) is not None:
            ledger.insert(BODIES.name, row)

    async def _commit(self, exchange: Exchange) -> None:
        ledger = exchange.gateway.ledger
        if ledger.full:
            exchange.unsettled = Unavailable(FULL, retry_after=1)
            return
        exchange.notes[RECORDED] = True
        ledger.insert(GENERATIONS.name, self._generations.row(exchange))
        before, exchange.unsettled = exchange.unsettled, Unavailable(SLOW, retry_after=1)
        try:
            await ledger.flush()
        except RequestError as error:
            exchange.unsettled = error
        else:
            exchange.unsettled = before

    async def _health(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        gateway: Gateway = request.app.state.gateway
        found = {**gateway.ledger.health(), "when_full": "refuse" if self._refuses else "drop"}
        return JSONResponse(found, 200 if found["ok"] else 503)

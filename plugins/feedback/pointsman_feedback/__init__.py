"""How good answers were: votes, checks and signals, and what they come to for each task and model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pointsman import hookimpl
from pointsman.dialects import PREFIXES
from pointsman.exchange import Exchange
from pointsman.gateway import Gateway
from pointsman.ledger import delete_before
from pointsman.registers import RegisterHttp, RegisterSettings, RegisterTable
from pointsman.setup import Setup
from pointsman.stored import Stored

from .observer import Observer
from .records import FEEDBACK, FEEDBACK_DAYS
from .settings import FeedbackSettings, share_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["POINTSMAN_API", "Feedback", "share_of"]

POINTSMAN_API = 1

SETTLED = 15.0
"""Seconds between two looks for answers after which nobody asked again."""
DELETED = 600.0
"""Seconds between two looks for what is old."""


class Feedback:
    """The plugin."""

    def __init__(self) -> None:
        self._gateway: Gateway | None = None
        self._observer: Observer | None = None
        self._settings = FeedbackSettings()

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """What is looked at."""
        register(FeedbackSettings)

    @hookimpl
    def register_tables(self, register: RegisterTable) -> None:
        """Keep what is said of answers, and what machines' words come to by day."""
        register(FEEDBACK)
        register(FEEDBACK_DAYS)

    @hookimpl
    def register_http(self, register: RegisterHttp) -> None:
        """Take votes, and show them to administrators."""
        for prefix in PREFIXES:
            register(f"{prefix}/feedback", self._feedback, methods=("GET", "POST"), role="member")
        path = "/api/v1/generation/feedback"
        register(path, self._openrouter_feedback, methods=("POST",), role="member")

    @hookimpl
    def startup(self, gateway: Gateway) -> None:
        """Begin to look at answers."""
        self._gateway, self._settings = gateway, gateway.setup.settings("feedback")
        self._observer = Observer(gateway.ledger, self._settings)
        gateway.every(SETTLED, self._settle)
        gateway.every(DELETED, self._delete)

    @hookimpl
    def reload(self, setup: Setup) -> Callable[[], None]:
        """Go by other settings."""
        settings: FeedbackSettings = setup.settings("feedback")

        def change() -> None:
            self._settings = settings
            if self._observer is not None:
                self._observer.use(settings)

        return change

    @hookimpl
    def reserve_usage(self, exchange: Exchange) -> None:
        """Draw what is looked at."""
        if self._observer is not None:
            self._observer.begin(exchange)

    @hookimpl
    def store_response(self, exchange: Exchange, stored: Stored) -> None:
        """Take the answer that is to be checked."""
        if self._observer is not None:
            self._observer.answered(exchange, stored)

    @hookimpl
    def request_finished(self, exchange: Exchange) -> None:
        """Check the answer, and watch what its client does next."""
        if self._observer is not None and exchange.notes:
            self._observer.finished(exchange)

    async def _settle(self) -> None:
        if self._observer is not None:
            self._observer.settle()

    async def _delete(self) -> None:
        """Delete what is older than `retention`. Raises Unavailable."""
        kept, gateway = self._settings.retention, self._gateway
        if kept is not None and gateway is not None:
            before = (datetime.now(UTC) - timedelta(seconds=kept)).isoformat()
            await delete_before(gateway.ledger, FEEDBACK, before)
            await delete_before(gateway.ledger, FEEDBACK_DAYS, before[:10])

    async def _feedback(self, request: Request) -> Response:
        from .pages import feedback

        return await feedback(request)

    async def _openrouter_feedback(self, request: Request) -> Response:
        from .pages import openrouter_feedback

        return await openrouter_feedback(request)

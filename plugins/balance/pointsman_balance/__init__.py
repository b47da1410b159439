"""Which endpoint of a model comes first: by price, speed, failures and room, as its traffic shows them."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from msgspec import json

from pointsman import hookimpl
from pointsman.config import ConfigError
from pointsman.exchange import Attempt, Candidate, Exchange
from pointsman.gateway import Gateway
from pointsman.registers import Pick, RegisterCommand, RegisterHttp, RegisterRouting, RegisterSettings
from pointsman.rests import Rests
from pointsman.setup import Setup

from .board import Board
from .pickers import NOTE, WEIGHT, Pickers
from .seen import seen, speaks_for_all
from .sessions import Session
from .settings import BalanceSettings
from .standing import STANDINGS, Standing, standings
from .sticking import register_sticky, unknown_parts

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["POINTSMAN_API", "Balance", "Standing"]

POINTSMAN_API = 1


class Balance:
    """The plugin."""

    def __init__(self) -> None:
        self._start(BalanceSettings(), Rests())

    def _start(self, settings: BalanceSettings, rests: Rests) -> None:
        draw = Random().random  # noqa: S311 - when rests end, not a secret
        self._board = Board(draw, settings.taste, rests)
        self._pickers = Pickers(self._board, sticky=settings.sticky)

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """Settings, `weight` of an endpoint, and `sticky` of a rule."""
        register(BalanceSettings)
        register_sticky(register)
        register.field(
            "endpoint",
            WEIGHT,
            float | None,
            default=None,
            minimum=0,
            help="Its share where a rule says `pick: weighted`; 1 where nothing is said.",
            example=2,
        )

    @hookimpl
    def register_routing(self, register: RegisterRouting) -> None:
        """The ways of choosing among endpoints."""
        for name, picker, help in (
            ("cheapest", "cheapest", "the lowest price of this request at this hour first"),
            ("fastest", "fastest", "the most tokens a second first"),
            ("lowest-latency", "lowest_latency", "the shortest time to the first content first"),
            ("least-busy", "least_busy", "the fewest requests under way first"),
            ("weighted", "weighted", "by chance, each by its `weight`"),
            ("ordered", "ordered", "in the order of the configuration"),
        ):
            register(name, self._calling(picker), help=help)
        help = "by chance, each by its price, speed, failures and room"
        register("balanced", self._calling("balanced"), help=help, default=True)

    def _calling(self, picker: str) -> Pick:
        """A picker by its name: those there are at the time, for start-up makes them anew."""

        def pick(exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
            found: Pick = getattr(self._pickers, picker)
            return found(exchange, candidates)

        return pick

    @hookimpl
    def register_http(self, register: RegisterHttp) -> None:
        """Say how endpoints do."""
        register(STANDINGS, self._standings, methods=("GET",), role="admin")

    async def _standings(self, request: Request) -> Response:
        """How endpoints do at this moment."""
        from starlette.responses import Response

        found = {"data": self.standings()}
        return Response(json.encode(found), media_type="application/json")

    def standings(self) -> list[Standing]:
        """The same, for other plugins."""
        return standings(self._board, time.monotonic())

    @hookimpl
    def register_commands(self, register: RegisterCommand) -> None:
        """`pointsman top`."""
        from .command import top

        register(top)

    @hookimpl
    def startup(self, gateway: Gateway) -> None:
        """Begin with nothing known. Raises ConfigError for a rule whose requests have nothing in common."""
        _check(gateway.setup)
        self._start(gateway.setup.settings("balance"), gateway.rests)

    @hookimpl
    def reload(self, setup: Setup) -> Callable[[], None]:
        """Go on with other settings; what is known of endpoints and sessions stays."""
        _check(setup)
        settings: BalanceSettings = setup.settings("balance")

        def change() -> None:
            self._board.taste, self._pickers.sticky = settings.taste, settings.sticky
            self._board.price_anew()

        return change

    @hookimpl
    def rank_candidates(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate] | None:
        """Put the model first that answered before, where a rule wants that: its picker does the rest."""
        return self._pickers.model_first(exchange, candidates) if len(candidates) > 1 else None

    @hookimpl
    def attempt_started(self, exchange: Exchange, attempt: Attempt) -> None:
        """Count it."""
        self._board.begun(attempt.endpoint.id, attempt.started)

    @hookimpl
    def attempt_finished(self, exchange: Exchange, attempt: Attempt) -> None:
        """Learn from it."""
        endpoint, now, answer = attempt.endpoint.id, time.monotonic(), attempt.answer
        session: Session | None = exchange.notes.get(NOTE)
        if attempt.complete and session is not None:
            self._pickers.sessions.answered(session, attempt.candidate.model, endpoint)
        if endpoint not in self._board:
            return
        self._board.ended(endpoint, seen(exchange, attempt), now, attempt.started)
        if answer is not None and speaks_for_all(attempt):
            self._board.heard(endpoint, answer.headers, now)


def _check(setup: Setup) -> None:
    """Raises ConfigError for what rules want their requests to have in common, and none has."""
    problems = [*unknown_parts(setup)]
    if problems:
        raise ConfigError.of(problems)

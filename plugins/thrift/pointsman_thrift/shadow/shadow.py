"""Shadow: draws answered chats, and has them compared one after the other, as long as there is money."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Protocol

from pointsman.catalogue import Catalogue
from pointsman.dialects import Translator
from pointsman.exchange import Exchange
from pointsman.gateway import Gateway
from pointsman.inner import KEY_ID
from pointsman.stored import Stored
from pointsman.types import Usage
from pointsman_feedback.answers import chat_of, response_of
from pointsman_feedback.records import owner_of
from pointsman_usage.generations import app_of

from .asking import comparable, most_written, restrictions
from .comparing import PLUGIN, Comparing, Comparison, body_of, is_whole
from .judge import LONGEST, WORDS, Verdict
from .purse import Purse
from .settings import CHECKS, WHOLE, ShadowSettings

__all__ = ["FIELD", "Shadow", "Teacher"]

log = logging.getLogger(__name__)

FIELD = "shadow"
"""What routes, keys, teams and the organisation say of it: `false` keeps their requests from it."""
DRAWN, TASK = "thrift.shadow", "task"
"""Notes."""
INTERVAL = 1.0
"""Seconds between two looks for what is to be compared."""
MOST_WAITING = 64
"""Comparisons; of more, the newest is left out."""
BYTES_PER_TOKEN = 3
GUESSED = 500
"""Tokens of an answer that does not tell."""
INSTRUCTED = 250
"""Tokens of a judge's instructions."""


class Teacher(Protocol):
    """Who knows what is still to be learned."""

    def rival(self, exchange: Exchange, model: str, rivals: Sequence[str]) -> str:
        """Of these rivals of the model that answered, the one whose answer is worth having."""

    def told(self, exchange: Exchange, model: str, rival: str) -> Callable[[Verdict], None]:
        """What is to be told how the two compare."""


class Shadow:
    """The comparisons of a gateway."""

    def __init__(
        self,
        gateway: Gateway,
        settings: ShadowSettings,
        *,
        teacher: Teacher,
        chance: Random | None = None,
    ) -> None:
        self._gateway = gateway
        self._teacher = teacher
        self._chance = chance or Random()  # noqa: S311 - a sample
        self._purse = Purse(settings.usd_per_day)
        self._comparing = Comparing(gateway, self._purse)
        self._waiting: deque[Comparison] = deque()
        self._counted = False
        self.use(settings)

    def use(self, settings: ShadowSettings) -> None:
        """Go by other settings; what waits is still compared."""
        self._settings = settings
        self._share = settings.rate / WHOLE
        self._purse.most = settings.usd_per_day

    @property
    def waiting(self) -> int:
        """How many comparisons are still to be made."""
        return len(self._waiting)

    def begin(self, exchange: Exchange) -> None:
        """Draw a request whose answer is still to come."""
        if not self._share or self._chance.random() >= self._share:
            return
        actor, most = exchange.actor, self._settings.max_size
        if actor is None or actor.inner or exchange.peek.has_tools or len(exchange.request.raw) > most:
            return
        if not isinstance(exchange.codec, Translator) or exchange.surface != "chat":
            return
        if False in exchange.said(FIELD):
            return
        exchange.notes[DRAWN] = None
        exchange.keep = max(exchange.keep, most)

    def answered(self, exchange: Exchange, stored: Stored) -> None:
        """Remember the answer of one that was drawn."""
        if DRAWN in exchange.notes and stored.size <= self._settings.max_size:
            exchange.notes[DRAWN] = stored

    def finished(self, exchange: Exchange) -> None:
        """Have it compared, if there is a rival, and money."""
        stored: Stored | None = exchange.notes.pop(DRAWN, None)
        if stored is None or exchange.outcome != "complete" or exchange.cached or not exchange.attempts:
            return
        if len(self._waiting) >= MOST_WAITING or exchange.attempts[-1].byok:
            return
        comparison = self._comparison(exchange, stored)
        if comparison is not None:
            self._waiting.append(comparison)

    async def work(self) -> None:
        """Compare what waits. Raises nothing of what goes wrong with one of them."""
        if not self._counted:
            await self._purse.recount(self._gateway.ledger, key=KEY_ID, name=PLUGIN)
            self._counted = True
        while self._waiting:
            comparison = self._waiting.popleft()
            try:
                await self._comparing.compare(comparison)
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("a comparison with %s failed", comparison.rival)

    def _comparison(self, exchange: Exchange, stored: Stored) -> Comparison | None:
        chat, response, codec = chat_of(exchange), response_of(exchange, stored), exchange.codec
        body, actor = body_of(exchange.request.raw), exchange.actor
        if chat is None or response is None or body is None or actor is None:
            return None
        if not isinstance(codec, Translator) or not is_whole(response) or not comparable(body, chat):
            return None
        attempt = exchange.attempts[-1]
        rivals = self._rivals(exchange, attempt.candidate.model)
        if not rivals:
            return None
        rival = self._teacher.rival(exchange, attempt.candidate.model, rivals)
        usage = stored.usage or Usage(len(exchange.request.raw) // BYTES_PER_TOKEN, GUESSED)
        most = most_written(chat, usage.output)
        expected = self._expected(exchange, stored, rival, usage=Usage(usage.input, most))
        held = self._purse.take(expected) if expected is not None else None
        if held is None:
            return None
        row: dict[str, Any] = {
            "generation_id": exchange.generation_id,
            **owner_of(actor),
            "app": app_of(exchange.headers)[0],
            "task": exchange.notes.get(TASK),
            "model": attempt.candidate.model,
            "provider": attempt.endpoint.provider.name,
            "endpoint": attempt.endpoint.id,
        }
        return Comparison(
            codec=codec,
            body=body,
            chat=chat,
            response=response,
            rival=rival,
            judge=self._settings.judge,
            actor=actor,
            row=row,
            held=held,
            most=most,
            restricted=restrictions(exchange.plan),
            told=self._teacher.told(exchange, attempt.candidate.model, rival),
        )

    def _rivals(self, exchange: Exchange, model: str) -> list[str]:
        """Who might have answered in its place."""
        catalogue, actor = exchange.setup.catalogue, exchange.actor
        names = self._settings.rivals or (exchange.plan.models if exchange.plan is not None else ())
        found: dict[str, None] = {}
        for name in names:
            resolution = catalogue.resolve(name)
            if resolution is None or resolution.model == model or actor is None:
                continue
            if actor.may_use(*resolution.names):
                found[resolution.model] = None
        return [*found]

    def _expected(self, exchange: Exchange, stored: Stored, rival: str, *, usage: Usage) -> int | None:
        """What a comparison may cost at most, at the dearest endpoints; None where that is not known. `usage`
        is what the rival may use; nothing is thought to be in its cache."""
        cost = _dearest(exchange, rival, Usage(usage.input, usage.output))
        judge = self._settings.judge
        if cost is None or judge == CHECKS:
            return cost
        texts = (len(exchange.request.raw), stored.size, usage.output * BYTES_PER_TOKEN)
        read = sum(min(size, LONGEST) for size in texts) // BYTES_PER_TOKEN + INSTRUCTED
        judged = _dearest(exchange, judge, Usage(read, WORDS))
        return cost + 2 * judged if judged is not None else None


def _dearest(exchange: Exchange, model: str, usage: Usage) -> int | None:
    """The highest price of a usage among a model's endpoints; None where one of them has none."""
    catalogue: Catalogue = exchange.setup.catalogue
    resolution = catalogue.resolve(model)
    endpoints = resolution.endpoints if resolution is not None else ()
    costs = [exchange.quote(endpoint, usage) for endpoint in endpoints]
    known = [cost.nano for cost in costs if cost is not None]
    return max(known) if known and len(known) == len(costs) else None

"""The observer: looks at some requests, at their answers and at what their clients do next.

Requests wait for the draws and, while any answer is watched, for a digest of their body; all else happens
after the last byte. Only complete answers are judged: an error says nothing of how good a model is.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pointsman.exchange import Exchange
from pointsman.ledger import Ledger
from pointsman.stored import Stored
from pointsman_usage.generations import app_of, timestamp

from .answers import chat_of, response_of
from .checks import SHAPED, checked, is_looping
from .records import FEEDBACK, WEIGHTS, Source, owner_of
from .settings import WHOLE, FeedbackSettings
from .watch import Prompt, Watch, Watched

__all__ = ["Observer"]

CHAT = "chat"
CHECK, WATCH = "feedback.check", "feedback.watch"
"""Notes: the answer to be checked, once there is one; that its client is watched."""

REPEATED, SWITCHED, CUT_SHORT, LOOPING, KEPT = "repeated", "switched", "cut_short", "tool_loop", "kept"
SIGNALS = {REPEATED: 0.3, SWITCHED: 0.3, CUT_SHORT: 0.2, LOOPING: 0.5, KEPT: 0.05}
"""How many votes each sign counts for. Most answers are not complained about, good ones or bad: that nobody
asks again says little, but without it any complaint would be all that is known."""


class Observer:
    """Draws requests by `settings`, and writes rows into a ledger."""

    def __init__(
        self,
        ledger: Ledger,
        settings: FeedbackSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._ledger = ledger
        self._draw = draw
        self.watch = Watch(settings.signals.within, clock=clock)
        self.use(settings)

    def use(self, settings: FeedbackSettings) -> None:
        """Go by other settings; what is watched stays so."""
        self._checks = settings.checks.sample / WHOLE
        self._signals = settings.signals.sample / WHOLE
        self._most: int = settings.checks.max_size
        self.watch.within = settings.signals.within

    def begin(self, exchange: Exchange) -> None:
        """Draw a request, and see whether it was asked before."""
        codec = exchange.codec
        if codec.surface != CHAT or (exchange.actor is not None and exchange.actor.inner):
            return
        if self.watch:
            self._asked(exchange)
        if self._signals and self._draw() < self._signals:
            exchange.notes[WATCH] = True
        if self._checks and self._draw() < self._checks and self._is_checkable(exchange):
            exchange.notes[CHECK] = None
            exchange.keep = max(exchange.keep, self._most)

    def answered(self, exchange: Exchange, stored: Stored) -> None:
        """Remember an answer until all is known of its request."""
        if CHECK in exchange.notes and stored.size <= self._most:
            exchange.notes[CHECK] = stored

    def finished(self, exchange: Exchange) -> None:
        """Write what can be told of a request now, and watch its client."""
        notes = exchange.notes
        if exchange.outcome != "complete" or exchange.cached or not exchange.attempts:
            return
        stored, watched = notes.pop(CHECK, None), WATCH in notes
        if stored is None and not watched:
            return
        looping = stored is not None and self._check(exchange, stored)
        if not watched:
            return
        if looping or _is_cut_short(exchange):
            kind = LOOPING if looping else CUT_SHORT
            self._write(_row(exchange), "implicit", kind, score=0.0, weight=SIGNALS[kind])
        else:
            self.watch.answered(_prompt(exchange), _row(exchange), exchange.peek.model)

    def settle(self) -> None:
        """Write of each watched answer that nobody asked again."""
        for each in self.watch.kept():
            self._write(each.row, "implicit", KEPT, score=1.0, weight=SIGNALS[KEPT])

    def _is_checkable(self, exchange: Exchange) -> bool:
        raw = exchange.request.raw
        if len(raw) > self._most:
            return False
        return exchange.peek.has_tools or any(word in raw for word in SHAPED)

    def _asked(self, exchange: Exchange) -> None:
        found = self.watch.asked(_prompt(exchange))
        if found is not None:
            self._again(found, exchange.peek.model)

    def _again(self, before: Watched, model: str) -> None:
        """The same was asked again: of another model where the client had enough of this one."""
        kind = REPEATED if model == before.model else SWITCHED
        self._write(before.row, "implicit", kind, score=0.0, weight=SIGNALS[kind])

    def _check(self, exchange: Exchange, stored: Stored) -> bool:
        """Write what the checks say; whether the model goes in circles."""
        chat, response = chat_of(exchange), response_of(exchange, stored)
        if chat is None or response is None:
            return False
        for kind, good in checked(chat, response).items():
            self._write(_row(exchange), "check", kind, score=float(good), weight=WEIGHTS["check"])
        return is_looping(chat, response)

    def _write(self, row: dict[str, Any], source: Source, kind: str, *, score: float, weight: float) -> None:
        said = {
            "id": f"{source}|{row['generation_id']}|{kind}",
            "at": timestamp(datetime.now(UTC)),
            "source": source,
            "kind": kind,
            "score": score,
            "weight": weight,
        }
        self._ledger.insert(FEEDBACK.name, {**row, **said})


def _is_cut_short(exchange: Exchange) -> bool:
    """Whether an answer ended at a length that its client did not set."""
    finish = exchange.finish
    return finish is not None and finish.reason == "length" and exchange.peek.max_tokens is None


def _prompt(exchange: Exchange) -> Prompt:
    """What a key asks, whichever model it asks. The digest lasts as long as this process."""
    key = exchange.actor.key_id if exchange.actor is not None else ""
    before, _, after = exchange.request.raw.partition(b'"%b"' % exchange.peek.model.encode())
    return key, hash((before, after))


def _row(exchange: Exchange) -> dict[str, Any]:
    """What a row says of the answer."""
    attempt = exchange.attempts[-1]
    served = exchange.notes.get("served")
    return {
        "generation_id": exchange.generation_id,
        **(owner_of(exchange.actor) if exchange.actor is not None else {"key_id": ""}),
        "app": app_of(exchange.headers)[0],
        "task": exchange.notes.get("task"),
        "model": attempt.candidate.model,
        "provider": attempt.endpoint.provider.name,
        "endpoint": attempt.endpoint.id,
        "served_model": served,
    }

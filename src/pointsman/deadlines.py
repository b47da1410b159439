"""Deadlines over what an attempt waits for.

A deadline moves with each event of a stream, and nearly none is ever reached. So there is no timer for each:
moving one is an assignment, and a wheel that turns twenty times a second finds those that have passed.
"""

from __future__ import annotations

import asyncio
import time
from math import inf
from types import TracebackType
from typing import Literal, Self

from .errors import UpstreamTimeout
from .runs import Run, Runner

__all__ = ["Clocks", "Deadline", "Wheel"]

TURN = 0.05
"""Seconds between two looks at all deadlines: how late one may be."""
WORDS = {
    "first content": "the provider sent no content in time",
    "stall": "the provider's stream stalled",
    "total": "the provider took longer than the whole answer may",
}


class Wheel:
    """Looks after the deadlines of one event loop. It stands still while there are none."""

    __slots__ = ("_deadlines", "_loop", "_timer")

    def __init__(self) -> None:
        self._deadlines: set[Deadline] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def add(self, deadline: Deadline) -> None:
        """Look after a deadline."""
        self._deadlines.add(deadline)
        if self._timer is None:
            self._loop = asyncio.get_running_loop()
            self._timer = self._loop.call_later(TURN, self._turn)

    def discard(self, deadline: Deadline) -> None:
        """Forget a deadline."""
        self._deadlines.discard(deadline)

    def _turn(self) -> None:
        self._timer = None
        if self._loop is None or not self._deadlines:
            return
        now = time.monotonic()
        overdue = []
        for deadline in self._deadlines:
            if deadline.moved:
                deadline.move(now)
            elif deadline.at <= now:
                overdue.append(deadline)
        for deadline in overdue:
            deadline.expire()
        self._timer = self._loop.call_later(TURN, self._turn)


class Deadline:
    """A context manager that cancels the run that is in it soon after `at`, in monotonic seconds, and raises
    TimeoutError then; without a run the task. `at` may be moved at any time, nowhere with infinity."""

    __slots__ = ("_cancelling", "_run", "_runner", "_wheel", "at", "expired", "moved")

    def __init__(self, wheel: Wheel, at: float = inf, run: Run | None = None) -> None:
        self.at = at
        self.expired = False
        """Whether it came to that."""
        self.moved = False
        """It is to `move` when the wheel turns: who moves it often does not look at the clock each time."""
        self._wheel = wheel
        self._cancelling = 0
        self._run = run
        self._runner: Runner | None = None  # what is in it

    def expire(self) -> None:
        """Cancel what is in it."""
        self._wheel.discard(self)
        if self._runner is not None:
            self.expired = True
            self._runner.cancel()

    def move(self, now: float) -> None:
        """Set `at` anew, at this moment."""
        self.moved = False

    def told(self) -> Exception:
        """What it raises."""
        return TimeoutError()

    def __enter__(self) -> Self:
        runner = self._run or asyncio.current_task()
        if runner is None:
            raise RuntimeError("a deadline is for what runs in a task")
        self._runner = runner
        self._cancelling = runner.cancelling()
        self._wheel.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        runner, self._runner = self._runner, None
        self._wheel.discard(self)
        if not self.expired or runner is None:
            return
        alone = runner.uncancel() <= self._cancelling  # nobody else cancelled it
        if alone and isinstance(error, asyncio.CancelledError):
            raise self.told() from None


class Clocks(Deadline):
    """Three clocks over one attempt, as one deadline: first content, stall, total. Seconds.

    Raises UpstreamTimeout that says which clock ran out.
    """

    __slots__ = ("_paused_at", "_stall", "_total_at", "_which", "first_content")

    def __init__(
        self, wheel: Wheel, *, first_content: float, stall: float, total: float, run: Run | None = None
    ) -> None:
        now = time.monotonic()
        soon = first_content < total
        super().__init__(wheel, now + (first_content if soon else total), run)
        self._stall = stall
        self._total_at = now + total
        self._paused_at: float | None = None
        self._which: Literal["first content", "stall", "total"] = "first content" if soon else "total"
        self.first_content: float | None = None
        """When the first content came, in monotonic seconds."""

    def content(self) -> None:
        """Content has come: from now on the stall clock runs."""
        if self.first_content is not None and self._paused_at is None:
            self.moved = True
            return
        now = time.monotonic()
        if self.first_content is None:
            self.first_content = now
        if self._paused_at is not None:
            self._total_at += now - self._paused_at
            self._paused_at = None
        self.move(now)

    def move(self, now: float) -> None:
        """See `Deadline`: the stall clock starts again."""
        self.moved = False
        self.at = now + self._stall
        self._which = "stall"
        if self.at >= self._total_at:
            self.at, self._which = self._total_at, "total"

    def pause(self) -> None:
        """The client is slow: that is no fault of the provider's, so all clocks stand until `content`."""
        self._paused_at = time.monotonic()
        self.at = inf
        self.moved = False

    def told(self) -> Exception:
        """What it raises."""
        return UpstreamTimeout(
            WORDS[self._which], phase="first-content" if self.first_content is None else "stream"
        )

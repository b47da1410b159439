"""Deadlines over what an attempt waits for.

A deadline moves with each event of a stream. Its timer does not: it is set once, and where it finds that the
deadline has moved on it goes to sleep again, so that moving costs an assignment.
"""

from __future__ import annotations

import asyncio
import time
from math import inf
from types import TracebackType
from typing import Literal

from .errors import UpstreamTimeout

__all__ = ["Clocks", "Deadline"]

EARLY = 0.001
"""Seconds by which a loop's clock, which is read in milliseconds, may make a timer come too soon."""
WORDS = {
    "first content": "the provider sent no content in time",
    "stall": "the provider's stream stalled",
    "total": "the provider took longer than the whole answer may",
}


class Deadline:
    """An async context manager that cancels what is in it at `at`, by the loop's clock, and raises
    TimeoutError then."""

    __slots__ = ("_at", "_cancelling", "_expired", "_loop", "_task", "_timer", "_wakes")

    def __init__(self, at: float = inf) -> None:
        self._loop = asyncio.get_running_loop()
        self._at = at
        self._wakes = inf
        self._expired = False
        self._cancelling = 0
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def expired(self) -> bool:
        """Whether it came to that."""
        return self._expired

    def now(self) -> float:
        """The loop's clock."""
        return self._loop.time()

    def move(self, at: float) -> None:
        """Put the deadline off, or forward; nowhere with infinity."""
        self._at = at
        if at < self._wakes and self._task is not None:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._wakes = self._at
        self._timer = self._loop.call_at(self._at, self._wake)

    def _wake(self) -> None:
        self._timer, self._wakes = None, inf
        if self._task is None or self._expired:
            return
        if self._at <= self.now() + EARLY:
            self._expired = True
            self._task.cancel()
        elif self._at < inf:
            self._arm()

    async def __aenter__(self) -> Deadline:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline is for what runs in a task")
        self._task = task
        self._cancelling = task.cancelling()
        if self._at < inf:
            self._arm()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._expired and task is not None:
            ours = task.uncancel() <= self._cancelling
            if ours and kind is not None and issubclass(kind, asyncio.CancelledError):
                raise TimeoutError from error


class Clocks:
    """Three clocks over one attempt, as one deadline: first content, stall, total. Seconds.

    An async context manager; raises UpstreamTimeout that says which clock ran out.
    """

    __slots__ = ("_deadline", "_paused_at", "_stall", "_total_at", "_which", "first_content")

    def __init__(self, *, first_content: float, stall: float, total: float) -> None:
        self._deadline = Deadline()
        now = self._deadline.now()
        self._stall = stall
        self._total_at = now + total
        self._paused_at: float | None = None
        self._which: Literal["first content", "stall", "total"] = "first content"
        self.first_content: float | None = None
        """When the first content came, in monotonic seconds."""
        self._set("first content", now + first_content)

    def _set(self, which: Literal["first content", "stall"], at: float) -> None:
        if at < self._total_at:
            self._which = which
            self._deadline.move(at)
        else:
            self._which = "total"
            self._deadline.move(self._total_at)

    def content(self) -> None:
        """Content has come: from now on the stall clock runs."""
        now = self._deadline.now()
        if self.first_content is None:
            self.first_content = time.monotonic()
        if self._paused_at is not None:
            self._total_at += now - self._paused_at
            self._paused_at = None
        self._set("stall", now + self._stall)

    def pause(self) -> None:
        """The client is slow: that is no fault of the provider's, so all clocks stand until `content`."""
        self._paused_at = self._deadline.now()
        self._deadline.move(inf)

    async def __aenter__(self) -> Clocks:
        await self._deadline.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._deadline.__aexit__(kind, error, trace)
        except TimeoutError:
            phase: Literal["stream", "first-content"] = (
                "first-content" if self.first_content is None else "stream"
            )
            raise UpstreamTimeout(WORDS[self._which], phase=phase) from None

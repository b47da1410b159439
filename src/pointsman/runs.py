"""Runs: how an exchange goes from one wait to the next.

Most exchanges wait once, for their provider, and nearly all that a task of asyncio does for that they do not
need. So a run sends its coroutine on by itself, called back by what it waits for. Where it comes to code of
others that waits, which may ask asyncio what task it is in, it becomes a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import copy_context
from typing import Any, Protocol

__all__ = ["Ended", "Run", "Runner", "in_task"]

Ended = Callable[["BaseException | None"], None]
"""Told how it ended: with nothing, a CancelledError, or what should not have happened."""


class Runner(Protocol):
    """What can be interrupted: a run, or a task of asyncio."""

    def cancel(self) -> bool:
        """Raise CancelledError where it waits; False where it has ended."""

    def cancelling(self) -> int:
        """How often that was asked, and not taken back."""

    def uncancel(self) -> int:
        """Take one back; how many are left."""


class _Task:
    """What a run waits for that is to become a task."""

    def __await__(self) -> Generator[Any, None, None]:
        yield self


_task = _Task()


async def in_task() -> None:
    """Return in a task of asyncio: from here on others may wait for whatever they like."""
    if asyncio.current_task() is None:
        await _task


def _nobody(error: BaseException | None) -> None:
    """Told nothing more."""


class Run:
    """A coroutine under way. Begin it with `step`; `await` it from inside to pause until `resume`.

    It may also wait for futures. As a task would, it has variables of its own (`contextvars`), and ends where
    it waits, soon, when it is cancelled.
    """

    __slots__ = (
        "_awaited",
        "_cancelling",
        "_context",
        "_coroutine",
        "_ended",
        "_loop",
        "_must_cancel",
        "task",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None], ended: Ended
    ) -> None:
        self._loop = loop
        self._coroutine: Coroutine[Any, Any, None] | None = coroutine
        self._ended = ended
        self._context = copy_context()
        self._awaited: Any = None  # what it waits for, itself where it pauses; None while it does not wait
        self._cancelling = 0
        self._must_cancel = False
        self.task: asyncio.Task[None] | None = None
        """The task that it has become."""

    def __await__(self) -> Generator[Any, None, None]:
        yield self

    def step(self) -> None:
        """Go on to the next wait, or to the end."""
        coroutine = self._coroutine
        if coroutine is None:
            return
        self._awaited = None
        try:
            if self._must_cancel:
                self._must_cancel = False
                awaited = self._context.run(coroutine.throw, asyncio.CancelledError())
            else:
                awaited = self._context.run(coroutine.send, None)
        except StopIteration:
            self._end(None)
        except (Exception, asyncio.CancelledError) as error:
            self._end(error)
        else:
            self._awaited = awaited
            if awaited is not self or self._must_cancel:
                self._wait()

    def resume(self) -> None:
        """Go on, if it pauses."""
        if self._awaited is self:
            self.step()

    def cancel(self) -> bool:
        """See `Runner`."""
        if self.task is not None:
            self._cancelling += 1
            return self.task.cancel()
        if self._coroutine is None:
            return False
        self._cancelling += 1
        self._must_cancel = True
        self._interrupt()
        return True

    def cancelling(self) -> int:
        """See `Runner`."""
        return self._cancelling

    def uncancel(self) -> int:
        """See `Runner`."""
        self._cancelling -= 1
        if self.task is not None:
            self.task.uncancel()
        return self._cancelling

    def _wait(self) -> None:
        """Be called back by what is awaited."""
        awaited, coroutine = self._awaited, self._coroutine
        if awaited is _task and coroutine is not None:
            self.task = self._loop.create_task(coroutine, context=self._context)
            self.task.add_done_callback(self._task_ended)
            if self._must_cancel:
                self.task.cancel()
            return
        if awaited is None:
            self._loop.call_soon(self.step)
        elif awaited is not self:
            awaited._asyncio_future_blocking = False  # as a task says that it has taken it
            awaited.add_done_callback(self._awaited_done)
        if self._must_cancel:
            self._interrupt()

    def _awaited_done(self, future: asyncio.Future[Any]) -> None:
        if self._awaited is future:
            self.step()

    def _interrupt(self) -> None:
        """Have the wait end soon, not now: who cancels is in the middle of something."""
        if self._awaited is self:
            self._loop.call_soon(self.resume)
        elif self._awaited is not None:
            self._awaited.cancel()

    def _end(self, error: BaseException | None) -> None:
        self._coroutine = None
        ended, self._ended = (
            self._ended,
            _nobody,
        )  # who is told mostly has the run in hand: let go of each other
        ended(error)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._end(asyncio.CancelledError() if task.cancelled() else task.exception())

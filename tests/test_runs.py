"""Runs: driven by hand as a task would drive them, and as a task from where others wait."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import pytest

from pointsman.runs import Run, in_task

MARK: ContextVar[str] = ContextVar("mark", default="none")


class Driven:
    """A run of a coroutine function that is given the run, and how it ended."""

    def __init__(self, work: Callable[[Run], Coroutine[Any, Any, None]]) -> None:
        self.ends: list[BaseException | None] = []
        self.over = asyncio.Event()
        made: list[Run] = []

        async def worked() -> None:
            await work(made[0])

        self.run = Run(asyncio.get_running_loop(), worked(), self._ended)
        made.append(self.run)

    def _ended(self, error: BaseException | None) -> None:
        self.ends.append(error)
        self.over.set()

    async def end(self) -> BaseException | None:
        async with asyncio.timeout(5):
            await self.over.wait()
        (end,) = self.ends
        return end


async def test_a_run_begins_at_once_and_pauses_until_it_is_resumed() -> None:
    done: list[Any] = []

    async def work(run: Run) -> None:
        done.append(asyncio.current_task())
        await run
        done.append("resumed")

    driven = Driven(work)
    outside = asyncio.current_task()
    driven.run.step()
    assert done == [outside], "in whatever called it, and in no task of its own"
    driven.run.resume()
    assert done[1:] == ["resumed"]
    assert driven.ends == [None]
    driven.run.resume()
    driven.run.step()
    assert not driven.run.cancel()
    assert driven.ends == [None], "it is over"


async def test_a_run_waits_for_futures_and_for_the_loop() -> None:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    got: list[Any] = []

    async def work(run: Run) -> None:
        await asyncio.sleep(0)
        got.append(await future)
        try:
            await asyncio.gather(asyncio.sleep(0), _raise(ValueError("x")))
        except ValueError as error:
            got.append(str(error))

    driven = Driven(work)
    driven.run.step()
    driven.run.resume()
    assert got == [], "what it does not pause for does not resume it"
    await asyncio.sleep(0)
    future.set_result("there")
    assert await driven.end() is None
    assert got == ["there", "x"]


async def _raise(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("error", [ValueError("x"), asyncio.CancelledError()])
async def test_how_it_ends_is_told(error: BaseException) -> None:
    async def work(run: Run) -> None:
        raise error

    driven = Driven(work)
    driven.run.step()
    assert driven.ends == [error]


async def _pause(run: Run) -> None:
    await run


async def _sleep(run: Run) -> None:
    await asyncio.sleep(60)


async def _future(run: Run) -> None:
    await asyncio.get_running_loop().create_future()


async def _as_task(run: Run) -> None:
    await in_task()
    await asyncio.sleep(60)


@pytest.mark.parametrize("work", [_pause, _sleep, _future, _as_task])
@pytest.mark.parametrize("ticks", range(4))
async def test_one_that_is_cancelled_ends_soon_wherever_it_waits(
    work: Callable[[Run], Coroutine[Any, Any, None]], ticks: int
) -> None:
    driven = Driven(work)
    driven.run.step()
    for _ in range(ticks):
        await asyncio.sleep(0)
    assert driven.run.cancel()
    assert driven.ends == [], "soon, not now"
    assert isinstance(await driven.end(), asyncio.CancelledError)


async def test_one_that_is_cancelled_before_it_began_never_begins() -> None:
    begun: list[Run] = []

    async def work(run: Run) -> None:
        begun.append(run)

    driven = Driven(work)
    assert driven.run.cancel()
    driven.run.step()
    assert isinstance(await driven.end(), asyncio.CancelledError)
    assert begun == []


async def test_one_that_is_cancelled_at_work_hears_of_it_where_it_waits_next() -> None:
    heard: list[str] = []

    async def work(run: Run) -> None:
        run.cancel()
        heard.append("at work")
        try:
            await run
        except asyncio.CancelledError:
            heard.append("cancelled")
            assert run.cancelling() == 1
            assert run.uncancel() == 0
        await asyncio.sleep(0)

    driven = Driven(work)
    driven.run.step()
    assert await driven.end() is None
    assert heard == ["at work", "cancelled"]


async def test_what_comes_between_a_cancelling_and_its_moment_does_not_undo_it() -> None:
    driven = Driven(_pause)
    driven.run.step()
    driven.run.cancel()
    driven.run.resume()
    assert isinstance(driven.ends[0], asyncio.CancelledError)
    await asyncio.sleep(0)
    assert len(driven.ends) == 1


async def test_it_becomes_a_task_where_others_wait() -> None:
    seen: list[Any] = []

    async def work(run: Run) -> None:
        await in_task()
        seen.append(asyncio.current_task())
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        await in_task()
        seen.append(asyncio.current_task())

    driven = Driven(work)
    outside = asyncio.current_task()
    asyncio.get_running_loop().call_soon(driven.run.step)
    assert await driven.end() is None
    assert seen == [driven.run.task] * 2
    assert driven.run.task not in (None, outside)


async def test_what_was_cancelled_on_the_way_to_a_task_is() -> None:
    async def work(run: Run) -> None:
        run.cancel()
        await in_task()

    driven = Driven(work)
    asyncio.get_running_loop().call_soon(driven.run.step)
    assert isinstance(await driven.end(), asyncio.CancelledError)


async def test_when_it_is_over_it_lets_go_of_who_is_told() -> None:
    class Owner:
        run: Run

        def ended(self, error: BaseException | None) -> None:
            assert error is None

    async def work() -> None:
        await asyncio.sleep(0)

    gc.disable()
    try:
        owner = Owner()
        owner.run = Run(asyncio.get_running_loop(), work(), owner.ended)
        owner.run.step()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gone = weakref.ref(owner)
        del owner
        assert gone() is None, "without a search for cycles"
    finally:
        gc.enable()


async def test_each_has_variables_of_its_own() -> None:
    seen: list[str] = []

    async def work(run: Run) -> None:
        MARK.set("mine")
        await run
        seen.append(MARK.get())
        await asyncio.sleep(0)
        seen.append(MARK.get())
        await in_task()
        seen.append(MARK.get())

    driven = Driven(work)
    asyncio.get_running_loop().call_soon(driven.run.step)
    await asyncio.sleep(0)
    assert MARK.get() == "none"
    asyncio.get_running_loop().call_soon(driven.run.resume)
    await driven.end()
    assert seen == ["mine"] * 3

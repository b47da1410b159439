"""Deadlines: which clock ran out, what moves them, and whose cancellation it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from pointsman.deadlines import TURN, Clocks, Deadline, Wheel
from pointsman.errors import UpstreamTimeout
from pointsman.runs import Run


def clocks(*, first_content: float = 60.0, stall: float = 60.0, total: float = 60.0) -> Clocks:
    return Clocks(Wheel(), first_content=first_content, stall=stall, total=total)


async def hang(timer: Clocks, after: Callable[[Clocks], None] = lambda timer: None) -> None:
    with timer:
        after(timer)
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("limits", "after", "words", "phase"),
    [
        ({"first_content": 0.01}, lambda timer: None, "no content in time", "first-content"),
        ({"stall": 0.01}, lambda timer: timer.content(), "stalled", "stream"),
        ({"total": 0.01}, lambda timer: timer.content(), "longer than the whole", "stream"),
    ],
)
async def test_each_clock_ends_the_attempt_and_says_which(
    limits: dict[str, float], after: Callable[[Clocks], None], words: str, phase: str
) -> None:
    with pytest.raises(UpstreamTimeout, match=words) as caught:
        await asyncio.wait_for(hang(clocks(**limits), after), 5)
    assert caught.value.phase == phase


async def test_content_starts_the_stall_clock_again_when_the_wheel_turns() -> None:
    timer = clocks(stall=30.0, total=40.0)
    timer.content()
    before = timer.at
    timer.content()
    assert (timer.moved, timer.at) == (True, before), "nobody looked at the clock"
    timer.move(time.monotonic() + 5.0)
    assert not timer.moved
    assert 4.0 < timer.at - before < 6.0
    timer.move(time.monotonic() + 20.0)
    assert timer.at - before < 11.0, "the whole answer has its own end"


async def test_the_wheel_moves_what_is_to_move_and_does_not_end_it() -> None:
    wheel = Wheel()
    timer = Clocks(wheel, first_content=60.0, stall=30.0, total=60.0)
    with timer:
        timer.content()
        timer.at = 0.0
        timer.content()
        wheel._turn()
    assert (timer.moved, timer.expired) == (False, False)
    assert timer.at > 0.0


async def test_it_interrupts_a_run_that_is_no_task() -> None:
    wheel, over = Wheel(), asyncio.Event()
    ends: list[BaseException | None] = []

    async def work() -> None:
        with pytest.raises(TimeoutError), Deadline(wheel, time.monotonic(), run):
            await run
        assert run.cancelling() == 0

    def ended(error: BaseException | None) -> None:
        ends.append(error)
        over.set()

    run = Run(asyncio.get_running_loop(), work(), ended)
    run.step()
    async with asyncio.timeout(5):
        await over.wait()
    assert ends == [None]


async def test_clocks_let_other_time_outs_and_errors_pass() -> None:
    with pytest.raises(TimeoutError, match="mine"), clocks():
        raise TimeoutError("mine")
    with pytest.raises(KeyError), clocks():
        raise KeyError("x")


def deadline_in(seconds: float) -> Deadline:
    return Deadline(Wheel(), time.monotonic() + seconds)


async def moving(deadline: Deadline, *places: float) -> None:
    with deadline:
        for at in places:
            deadline.at = at
        await asyncio.Event().wait()


async def test_a_deadline_that_moves_on_is_kept_at_its_last_place() -> None:
    begun = time.monotonic()
    deadline = deadline_in(0.01)
    with pytest.raises(TimeoutError):
        await moving(deadline, *(begun + 0.03 * step for step in range(1, 6)))
    assert deadline.expired
    assert time.monotonic() - begun >= 0.15


async def test_it_may_come_forward_too_and_be_set_late() -> None:
    deadline = Deadline(Wheel())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(moving(deadline, time.monotonic() + 60, time.monotonic() + 0.01), 5)
    assert deadline.expired


async def test_one_that_is_taken_away_or_left_in_time_does_nothing() -> None:
    with deadline_in(0.005) as deadline:
        deadline.at = float("inf")
        await asyncio.sleep(2 * TURN)
    with deadline_in(0.005):
        pass
    await asyncio.sleep(2 * TURN)
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_a_cancellation_from_outside_is_not_taken_for_it() -> None:
    async def wait() -> None:
        with deadline_in(60):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_wheel_without_deadlines_stands_still_and_turns_again() -> None:
    wheel = Wheel()
    for _ in range(2):
        with Deadline(wheel):
            assert wheel._timer is not None
        await asyncio.sleep(2 * TURN)
        assert wheel._timer is None
    with pytest.raises(TimeoutError), Deadline(wheel, 0):
        await asyncio.Event().wait()


async def test_while_a_client_is_behind_the_clocks_stand() -> None:
    timer = clocks(stall=0.2, total=0.3)
    with timer:
        timer.content()
        timer.pause()
        await asyncio.sleep(0.5)
        timer.content()

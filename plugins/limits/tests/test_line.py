"""Who goes before whom."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from pointsman_limits.line import Counter, Line

A: Counter = ("a", "minute")
B: Counter = ("b", "minute")


async def join(line: Line, name: str, told: list[str], counter: Counter = A, *, batch: bool = False) -> None:
    with line.place(batch=batch) as place:
        await line.wait(place, counter, 60)
        told.append(name)


def start(waiting: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(waiting)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_first_to_come_is_the_first_to_go_and_interactive_before_batch() -> None:
    line, told = Line(10), list[str]()
    tasks = [
        start(join(line, name, told, batch=name.startswith("batch")))
        for name in ("batch one", "one", "batch two", "two")
    ]
    await settle()
    assert (len(line), bool(line.queues)) == (4, True)
    line.wake([A, B])
    await asyncio.gather(*tasks)
    assert told == ["one", "two", "batch one", "batch two"]
    assert (len(line), bool(line.queues)) == (0, False)


async def test_who_leaves_frees_its_place_and_the_next_one_is_told() -> None:
    line, told = Line(2), list[str]()
    one, two = (start(join(line, name, told)) for name in ("one", "two"))
    await settle()
    assert line.full
    one.cancel()
    await asyncio.gather(one, return_exceptions=True)
    await two
    assert (told, line.full, bool(line.queues)) == (["two"], False, False)


async def test_newcomers_go_behind_those_who_wait_for_the_same() -> None:
    line = Line(10)
    waiting = start(join(line, "batch", [], batch=True))
    await settle()
    assert line.before(None, [B]) is None
    assert line.before(None, [B, A]) is None, "interactive goes before batch"
    assert line.before(None, [B, A], batch=True) == A
    other = start(join(line, "interactive", []))
    await settle()
    assert line.before(None, [A]) == A
    with line.place(batch=False) as behind:
        assert line.before(behind, [A]) == A
        assert line.before(behind, [B]) is None
    for task in (waiting, other):
        task.cancel()
    await asyncio.gather(waiting, other, return_exceptions=True)
    assert line.before(None, [A]) is None


async def test_one_may_move_from_one_limit_to_another() -> None:
    line = Line(10)
    with line.place(batch=False) as place:
        await line.wait(place, A, 0)
        assert place.at == A
        await line.wait(place, B, 0)
        assert place.at == B
        assert line.before(None, [A]) is None
    assert not line.queues


@pytest.mark.parametrize("counter", [A, B])
async def test_what_nobody_waits_for_wakes_nobody(counter: Counter) -> None:
    line = Line(1)
    line.wake([counter])
    assert not line.queues

"""Chains: the runners, their one timer, and who is named when a plugin fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.chain import (
    Chain,
    Link,
    Patient,
    concat,
    each,
    first,
    first_sync,
    fold,
    freeze,
    observe,
    traced,
)
from pointsman.errors import Forbidden, Internal


def chain(*functions: Callable[..., Any], timeout: float | None = 5.0) -> Chain:
    links = [
        Link(f"plugin{number}", function, asyncio.iscoroutinefunction(function))
        for number, function in enumerate(functions)
    ]
    return freeze("some_hook", links, timeout)


def answering(value: Any, calls: list[Any] | None = None) -> Callable[..., Any]:
    def function(*args: Any) -> Any:
        if calls is not None:
            calls.append(args)
        return value

    return function


def answering_async(value: Any) -> Callable[..., Any]:
    async def function(*args: Any) -> Any:
        await asyncio.sleep(0)
        return value

    return function


def raising(error: BaseException) -> Callable[..., Any]:
    def function(*args: Any) -> Any:
        raise error

    return function


async def hanging(*args: Any) -> None:
    await asyncio.Event().wait()


async def test_first_stops_at_the_first_answer_sync_or_async() -> None:
    calls: list[Any] = []
    assert await first(chain(answering(None), answering_async("b"), answering("c", calls)), "x") == "b"
    assert calls == []
    assert await first(chain(answering(None)), "x") is None
    assert await first(Chain("none"), "x") is None
    assert await first(chain(answering(0)), "x") == 0, "only None means no answer"


async def test_each_calls_all_in_order_and_stops_at_a_refusal() -> None:
    calls: list[Any] = []
    await each(chain(answering(None, calls), answering_async(None), answering(None, calls)), 1, 2)
    assert calls == [(1, 2), (1, 2)]
    with pytest.raises(Forbidden, match="no"):
        await each(chain(raising(Forbidden("no")), answering(None, calls)), 1)
    assert len(calls) == 2


async def test_fold_hands_on_what_the_one_before_made() -> None:
    def double(exchange: Any, value: list[int]) -> list[int]:
        return value * 2

    async def append(exchange: Any, value: list[int]) -> list[int]:
        return [*value, exchange]

    assert await fold(chain(double, answering(None), append), 9, [1]) == [1, 1, 9]
    assert await fold(chain(answering([])), 9, [1]) == [], "an empty list is an answer"


async def test_concat_joins_and_skips_none() -> None:
    assert await concat(chain(answering([1]), answering(None), answering_async([2, 3])), "x") == [1, 2, 3]


async def test_a_fault_fails_closed_and_names_plugin_and_hook_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for run in (first, each, concat):
        caplog.clear()
        with pytest.raises(Internal) as caught:
            await run(chain(answering(None), raising(ZeroDivisionError("secret detail"))), "x")
        assert "secret detail" not in caught.value.message
        assert "plugin plugin1 failed in hook some_hook: ZeroDivisionError" in caplog.text


async def test_a_hanging_hook_is_cancelled_by_the_phase_timer_and_named() -> None:
    with pytest.raises(Internal) as caught:
        await each(chain(answering_async(None), hanging, timeout=0.01), "x")
    assert caught.value.detail == "plugin 'plugin1' hung in hook some_hook for 0.01 s"


async def test_a_time_out_of_the_plugins_own_is_its_fault_not_the_timers() -> None:
    with pytest.raises(Internal) as caught:
        await each(chain(answering_async(None), raising(TimeoutError("mine"))), "x")
    assert caught.value.detail == "plugin 'plugin1' failed in hook some_hook"


async def test_a_plain_function_that_times_out_by_itself_is_at_fault_too() -> None:
    with pytest.raises(Internal):
        await each(chain(raising(TimeoutError("mine"))), "x")
    calls: list[Any] = []
    assert observe(chain(raising(TimeoutError("mine")), answering(None, calls)), "x") is None
    assert calls == [("x",)]


async def test_being_cancelled_is_not_a_fault() -> None:
    task = asyncio.ensure_future(each(chain(hanging), "x"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_observers_all_run_whatever_one_of_them_does(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[Any] = []
    functions = (
        raising(ValueError("oops")),
        hanging,
        raising(Forbidden("not your business")),
        answering(None, calls),
    )
    rest = observe(chain(*functions, timeout=0.01), "x")
    assert rest is not None
    assert calls == []
    await rest
    assert calls == [("x",)]
    for number in range(3):
        assert f"plugin{number}" in caplog.text


async def test_a_plain_function_waits_by_returning_a_coroutine() -> None:
    async def refuse() -> None:
        await asyncio.sleep(0)
        raise Forbidden("on second thoughts")

    def sometimes(argument: str) -> Any:
        return refuse() if argument == "wait" else None

    async def hang() -> None:
        await asyncio.Event().wait()

    await each(chain(sometimes), "x")
    with pytest.raises(Forbidden):
        await each(chain(sometimes), "wait")
    with pytest.raises(Internal):
        await each(chain(lambda argument: hang(), timeout=0.01), "x")
    assert observe(chain(sometimes), "x") is None
    rest = observe(chain(sometimes), "wait")
    assert rest is not None
    await rest


async def test_who_may_wait_long_moves_the_end_of_the_phase_by_as_much_and_no_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def pause() -> None:
        await asyncio.sleep(0.05)

    async def hang() -> None:
        await asyncio.Event().wait()

    calls: list[Any] = []
    patient = chain(lambda argument: Patient(pause(), 60), answering(None, calls), timeout=0.01)
    await each(patient, "x")
    assert calls == [("x",)]
    with pytest.raises(Internal):
        await each(chain(lambda argument: pause(), answering(None, calls), timeout=0.01), "x")
    with pytest.raises(Internal):
        await each(chain(lambda argument: Patient(hang(), 0.02), timeout=0.01), "x")
    assert len(calls) == 1
    assert caplog.text.count("plugin 'plugin0' hung in hook some_hook") == 2
    await each(chain(lambda argument: Patient(pause(), 0), timeout=None), "x")


def test_first_sync_answers_and_names_a_fault(caplog: pytest.LogCaptureFixture) -> None:
    assert first_sync(chain(answering(None), answering(7)), "x") == 7
    assert first_sync(chain(), "x") is None
    with pytest.raises(Internal, match="internal error"):
        first_sync(chain(raising(KeyError("k"))), "x")
    assert "plugin plugin0 failed" in caplog.text
    with pytest.raises(Forbidden):
        first_sync(chain(raising(Forbidden("no"))), "x")


async def test_tracing_tells_each_call_and_changes_nothing() -> None:
    told: list[str] = []
    links = chain(answering(None), answering_async("b"), raising(Forbidden("no"))).links
    followed = [traced(link, "some_hook", told.append) for link in links]
    assert await first(freeze("some_hook", followed[:2], 1.0), "x") == "b"
    with pytest.raises(Forbidden):
        await each(freeze("some_hook", followed[2:], 1.0), "x")
    assert [line.split(" ")[:4] for line in told] == [
        ["hook", "some_hook", "plugin", f"plugin{number}"] for number in range(3)
    ]
    assert told[0].endswith("-> None")
    assert told[1].endswith("-> str")
    assert told[2].endswith("raised Forbidden")


@pytest.fixture(autouse=True)
def _log_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

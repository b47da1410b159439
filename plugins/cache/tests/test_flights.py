"""Single flight: who goes, who waits, and who goes next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.stored import Stored
from pointsman_cache.flights import Flights
from pointsman_cache.store import Entry, Tenant

HERE = (Tenant("key", "alice"), b"1")
THERE = (Tenant("key", "bob"), b"1")
LONG = 60.0


@pytest.fixture
def entry(answer: Callable[..., Stored]) -> Entry:
    return Entry(answer("Hello"), 0.0, 60.0)


async def followers(
    flights: Flights, number: int, patience: float = LONG
) -> list[asyncio.Task[Entry | bool]]:
    """So many that wait already."""
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(flights.join(*HERE, patience=patience)) for _ in range(number)]
    await asyncio.sleep(0)
    return tasks


async def test_the_first_leads_and_only_the_first() -> None:
    flights = Flights()
    assert [flights.lead(*HERE), flights.lead(*HERE), flights.lead(*THERE)] == [True, False, True]


async def test_all_who_wait_get_the_leaders_answer(entry: Entry) -> None:
    flights = Flights()
    flights.lead(*HERE)
    waiting = await followers(flights, 5)
    flights.land(*HERE, entry)
    assert await asyncio.gather(*waiting) == [entry] * 5
    assert len(flights) == 0
    assert flights.lead(*HERE), "the next flight has a leader of its own"


async def test_where_the_leader_fails_exactly_one_goes_on(entry: Entry) -> None:
    flights = Flights()
    flights.lead(*HERE)
    waiting = await followers(flights, 3)
    for place in (0, 1):
        flights.fail(*HERE)
        assert await waiting[place] is True
        assert not any(task.done() for task in waiting[place + 1 :])
        assert not flights.lead(*HERE)
    flights.land(*HERE, entry)
    assert await waiting[2] is entry
    assert len(flights) == 0


async def test_a_flight_that_nobody_waits_for_ends() -> None:
    flights = Flights()
    flights.lead(*HERE)
    flights.fail(*HERE)
    assert len(flights) == 0


async def test_who_leaves_does_not_disturb_the_others(entry: Entry) -> None:
    flights = Flights()
    flights.lead(*HERE)
    first, second, third = await followers(flights, 3)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert not flights.lead(*HERE)
    flights.land(*HERE, entry)
    assert await asyncio.gather(first, third) == [entry, entry]


async def test_one_that_is_called_to_lead_and_leaves_hands_it_on() -> None:
    flights = Flights()
    flights.lead(*HERE)
    first, second, third = await followers(flights, 3)
    flights.fail(*HERE)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second is True
    assert not third.done()
    flights.fail(*HERE)
    third.cancel()
    with pytest.raises(asyncio.CancelledError):
        await third
    assert len(flights) == 0, "the last one that leaves ends the flight"


async def test_one_that_is_answered_and_leaves_changes_nothing(entry: Entry) -> None:
    flights = Flights()
    flights.lead(*HERE)
    (only,) = await followers(flights, 1)
    flights.land(*HERE, entry)
    only.cancel()
    with pytest.raises(asyncio.CancelledError):
        await only
    assert len(flights) == 0


async def test_patience_ends(entry: Entry) -> None:
    flights = Flights()
    flights.lead(*HERE)
    (hasty,) = await followers(flights, 1, patience=0)
    (patient,) = await followers(flights, 1)
    assert await hasty is False
    flights.land(*HERE, entry)
    assert await patient is entry


async def test_who_joins_where_nobody_leads_does() -> None:
    flights = Flights()
    assert await flights.join(*HERE, patience=LONG) is True
    assert not flights.lead(*HERE)


async def test_flights_of_two_tenants_have_nothing_to_do_with_each_other(entry: Entry) -> None:
    flights = Flights()
    flights.lead(*HERE)
    flights.lead(*THERE)
    (mine,) = await followers(flights, 1)
    flights.land(*THERE, entry)
    await asyncio.sleep(0)
    assert not mine.done()
    flights.fail(*HERE)
    assert await mine is True


@settings(deadline=None)
@given(st.lists(st.sampled_from(["arrive", "leave", "land", "fail"]), max_size=40))
def test_there_is_one_leader_as_long_as_there_is_anybody(
    answer: Callable[..., Stored], steps: list[str]
) -> None:
    """Whatever happens: while some wait exactly one leads, and nobody waits for nobody."""
    landed = Entry(answer("Hello"), 0.0, 60.0)

    async def scene() -> None:
        flights = Flights()
        leading = 0
        waiting: list[asyncio.Task[Entry | bool]] = []
        for step in steps:
            if step == "arrive":
                if flights.lead(*HERE):
                    leading += 1
                else:
                    waiting += await followers(flights, 1)
            elif step == "leave" and waiting:
                waiting.pop(len(waiting) // 2).cancel()
            elif step == "land" and leading:
                leading -= 1
                flights.land(*HERE, landed)
            elif step == "fail" and leading:
                leading -= 1
                flights.fail(*HERE)
            for _ in range(3):
                await asyncio.sleep(0)
            leading += sum(1 for task in waiting if task.done() and task.result() is True)
            waiting = [task for task in waiting if not task.done()]
            assert leading <= 1
            assert leading == len(flights)
            assert leading or not waiting
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(scene())

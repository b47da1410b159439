"""The store: whose an entry is, how long it lasts, how much there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.exchange import Actor, Level
from pointsman.stored import Stored
from pointsman_cache.store import ENTRY, FRAME, Store, Tenant

Answer = Callable[..., Stored]
ALICE, BOB = Tenant("key", "alice"), Tenant("key", "bob")
ONE, TWO = b"1" * 32, b"2" * 32


def member(key: str, *levels: tuple[str, str]) -> Actor:
    """A key and those above it."""
    return Actor(key, key, levels=tuple(Level(kind, id, id, {}) for kind, id in levels))  # type: ignore[arg-type]


@pytest.fixture
def store(clock: Any) -> Store:
    return Store(100_000, now=clock)


def test_what_is_kept_is_found_by_its_tenant_alone(store: Store, answer: Answer) -> None:
    entry = store.put(ALICE, ONE, answer("Hello"), ttl=60)
    assert store.get(ALICE, ONE) is entry
    assert store.get(ALICE, TWO) is None
    assert store.get(BOB, ONE) is None


def test_a_tenant_must_be_told(store: Store) -> None:
    with pytest.raises(TypeError):
        store.get(ONE)  # type: ignore[call-arg,arg-type]


@pytest.mark.parametrize(
    ("scope", "tenants"),
    [
        ("key", [("key", "a"), ("key", "b"), ("key", "c"), ("key", "x")]),
        ("team", [("team", "t"), ("team", "t"), ("team", "u"), ("key", "x")]),
        ("global", [("global", "")] * 4),
    ],
)
def test_a_scope_says_who_shares(scope: Any, tenants: list[tuple[str, str]]) -> None:
    actors = [
        member("a", ("key", "a"), ("team", "t"), ("organisation", "o")),
        member("b", ("key", "b"), ("team", "t"), ("organisation", "o")),
        member("c", ("key", "c"), ("team", "u"), ("organisation", "o")),
        member("x", ("key", "x"), ("organisation", "o")),
    ]
    assert [(each.scope, each.id) for each in (Tenant.of(actor, scope) for actor in actors)] == tenants


def test_a_key_and_a_team_of_one_name_are_two_tenants(store: Store, answer: Answer) -> None:
    store.put(Tenant("key", "x"), ONE, answer("mine"), ttl=60)
    assert store.get(Tenant("team", "x"), ONE) is None
    assert store.get(Tenant("global", "x"), ONE) is None


def test_an_entry_lasts_as_long_as_it_was_put_there_for(store: Store, answer: Answer, clock: Any) -> None:
    store.put(ALICE, ONE, answer("short"), ttl=1)
    long = store.put(ALICE, TWO, answer("long"), ttl=100)
    clock.seconds += 1
    assert store.get(ALICE, ONE) is None
    assert store.get(ALICE, TWO) is long
    assert store.age(long) == 1
    clock.seconds += 99
    assert (store.get(ALICE, TWO), len(store), store.size) == (None, 0, 0)


def test_a_newer_answer_takes_the_place_of_an_older(store: Store, answer: Answer, clock: Any) -> None:
    store.put(ALICE, ONE, answer("old"), ttl=10)
    clock.seconds += 9
    new = store.put(ALICE, ONE, answer("new"), ttl=10)
    clock.seconds += 9
    assert store.get(ALICE, ONE) is new
    assert (len(store), store.size) == (1, new.weight)


def test_what_is_dropped_is_gone_and_may_have_been_before(store: Store, answer: Answer, clock: Any) -> None:
    store.put(ALICE, ONE, answer("Hello"), ttl=10)
    store.put(BOB, ONE, answer("Hello"), ttl=10)
    store.drop(ALICE, ONE)
    store.drop(ALICE, TWO)
    assert store.get(ALICE, ONE) is None
    assert store.get(BOB, ONE) is not None
    clock.seconds += 11
    store.drop(BOB, ONE)
    assert len(store) == 0


def test_the_one_used_least_recently_goes_first(answer: Answer, clock: Any) -> None:
    weight = ENTRY + FRAME + 1000
    store = Store(3 * weight, now=clock)
    text = "x" * 1000
    for name in (b"1", b"2", b"3"):
        store.put(ALICE, name, answer(text), ttl=60)
    assert store.get(ALICE, b"1") is not None
    store.put(ALICE, b"4", answer(text), ttl=60)
    assert [store.get(ALICE, name) is not None for name in (b"1", b"2", b"3", b"4")] == [
        True,
        False,
        True,
        True,
    ]


def test_an_answer_larger_than_the_store_leaves_the_others(answer: Answer, clock: Any) -> None:
    store = Store(2 * ENTRY, now=clock)
    store.put(ALICE, ONE, answer("small"), ttl=60)
    entry = store.put(ALICE, TWO, answer("x" * 10_000), ttl=60)
    assert len(entry.stored.frames[0][0]) == 10_000, "those who wait for it get it all the same"
    assert store.get(ALICE, TWO) is None
    assert store.get(ALICE, ONE) is not None


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3000), st.integers(1, 20), st.integers(0, 5))))
def test_the_store_never_holds_more_than_it_may(
    answer: Answer, puts: list[tuple[int, int, int, int]]
) -> None:
    now = 0.0
    most = 8000
    store = Store(most, now=lambda: now)
    for name, size, ttl, passes in puts:
        store.put(ALICE, b"%d" % name, answer("x" * size), ttl=ttl)
        kept = [store.get(ALICE, b"%d" % each) for each in range(10)]
        assert sum(entry.weight for entry in kept if entry is not None) == store.size <= most
        now += passes


def test_frames_weigh_more_than_their_bytes(answer: Answer, clock: Any) -> None:
    store = Store(10**6, now=clock)
    whole = store.put(ALICE, ONE, answer("x" * 1000), ttl=60)
    stream = store.put(ALICE, TWO, answer(*["x"] * 1000), ttl=60)
    assert stream.weight - whole.weight == 999 * FRAME

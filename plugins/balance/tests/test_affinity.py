"""Which replica a session goes to."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pointsman_balance.affinity import SLACK, nearest

REPLICAS = [f"lab-{number}/model" for number in range(5)]
SESSIONS = [number.to_bytes(16, "big") for number in range(2000)]


def test_a_session_goes_to_the_same_replica_and_sessions_to_all() -> None:
    idle = [0] * 5
    places = [nearest(session, REPLICAS, idle) for session in SESSIONS]
    assert places == [nearest(session, REPLICAS, idle) for session in SESSIONS]
    assert all(300 < count < 500 for count in Counter(places).values())


def test_a_replica_less_moves_only_its_own_sessions() -> None:
    before = {session: REPLICAS[nearest(session, REPLICAS, [0] * 5)] for session in SESSIONS}
    after = {session: REPLICAS[nearest(session, REPLICAS[:4], [0] * 4)] for session in SESSIONS}
    moved = {session for session in SESSIONS if before[session] != after[session]}
    assert moved == {session for session in SESSIONS if before[session] == REPLICAS[4]}


def test_a_busy_replica_is_passed_by() -> None:
    first = nearest(SESSIONS[0], REPLICAS, [0] * 5)
    busy = [0] * 5
    busy[first] = 20
    assert nearest(SESSIONS[0], REPLICAS, busy) != first


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=12), st.binary(min_size=16, max_size=16))
def test_nobody_is_taken_who_has_far_more_to_do_than_the_others(in_flight: list[int], session: bytes) -> None:
    replicas = [f"lab-{number}/model" for number in range(len(in_flight))]
    place = nearest(session, replicas, in_flight)
    assert in_flight[place] <= SLACK * sum(in_flight) / len(in_flight) + 1

"""What is learnt of an endpoint from how its attempts ended."""

from __future__ import annotations

import pytest

from pointsman_balance.health import FIRST_SHARE, SLOW_START, WAIT, Health, Observed

ANSWERED = Observed(
    answered=True, first_content=0.5, writing=2.0, input=1000, output=100, cache_read=250, bad_tools=False
)


def health() -> Health:
    return Health.of(lambda: 0.5)


def attempt(each: Health, seen: Observed, now: float, *peers: Health) -> None:
    each.begun(now)
    each.ended(seen, now, peers)


def test_an_answer_teaches_its_speed_its_size_and_how_much_was_cached() -> None:
    each = health()
    attempt(each, ANSWERED, 0.0)
    assert each.first_content.value(0.0) == pytest.approx(0.5)
    assert each.token.value(0.0) == pytest.approx(0.02)
    assert (each.input.value(0.0), each.output.value(0.0)) == (1000, 100)
    assert each.cached.value(0.0) == pytest.approx(0.25)
    assert each.latency.of(0.0, shares=(0.5,)) == pytest.approx([0.5], rel=0.1)
    assert each.throughput.of(0.0, shares=(0.5,)) == pytest.approx([40.0], rel=0.1)
    assert each.bad_tools.left(0.0) == 0.0
    assert each.tool_requests.left(0.0) == 1.0


def test_what_is_in_flight_comes_back_however_it_ends() -> None:
    each = health()
    for seen in (ANSWERED, Observed(failed=True), Observed(refused=True), Observed()):
        each.begun(0.0)
        assert each.in_flight == 1
        each.ended(seen, 0.0, ())
        assert each.in_flight == 0


def test_a_client_at_fault_says_nothing_of_the_endpoint() -> None:
    each = health()
    for _ in range(100):
        attempt(each, Observed(), 0.0)
    assert each.requests.left(0.0) == each.errors.left(0.0) == 0.0
    assert not each.rests(0.0)


def test_refusals_are_no_failures_and_open_no_breaker() -> None:
    each = health()
    for _ in range(20):
        attempt(each, Observed(refused=True), 0.0)
    assert each.errors.left(0.0) == 0.0
    assert each.refusals.left(0.0) == 20.0
    assert each.wait.value(0.0) == WAIT
    assert not each.rests(0.0)


def test_what_began_before_it_rests_neither_ends_nor_prolongs_that() -> None:
    each = health()
    for _ in range(5):
        attempt(each, Observed(failed=True), 10.0)
    for seen in (ANSWERED, Observed(failed=True), Observed(refused=True), Observed()):
        each.begun(5.0)
        each.ended(seen, 12.0, [], 5.0)
        assert each.returns(12.0) == 15.0
    each.begun(15.0)
    each.ended(Observed(failed=True), 15.5, [], 5.0)
    assert each.rests(15.5), "the one that tries is still under way"
    assert each.returns(15.5) == 15.5
    each.ended(ANSWERED, 16.0, [], 15.0)
    assert not each.rests(16.0)
    assert each.back == 16.0


def test_failures_in_a_row_make_it_rest_and_an_answer_brings_it_back_slowly() -> None:
    each = health()
    for _ in range(5):
        attempt(each, Observed(failed=True), 0.0)
    assert each.rests(0.0)
    assert each.returns(0.0) == 5.0
    assert not each.rests(5.0)
    attempt(each, ANSWERED, 5.0)
    assert each.slow_start(5.0) == FIRST_SHARE
    assert FIRST_SHARE < each.slow_start(5.0 + SLOW_START / 2) < 1.0
    assert each.slow_start(5.0 + SLOW_START) == 1.0


def test_an_endpoint_that_never_rested_starts_with_all_of_its_weight() -> None:
    each = health()
    attempt(each, ANSWERED, 0.0)
    assert each.slow_start(0.0) == 1.0


def test_it_rests_for_a_share_of_failures_only_where_its_peers_do_better() -> None:
    def after(peer_fails: bool) -> bool:
        each, peer = health(), health()
        for number in range(60):
            attempt(peer, Observed(failed=True) if peer_fails and number % 2 else ANSWERED, 0.0)
        for number in range(60):
            attempt(each, Observed(failed=True) if number % 3 else ANSWERED, 0.0, peer)
        return each.rests(0.0)

    assert after(peer_fails=False)
    assert not after(peer_fails=True)


def test_what_happened_long_ago_is_forgotten() -> None:
    each = health()
    for _ in range(4):
        attempt(each, Observed(failed=True), 0.0)
    assert each.errors.left(3600.0) < 0.01


def test_one_that_was_overtaken_is_slower_than_was_known() -> None:
    each = health()
    for _ in range(20):
        attempt(each, Observed(answered=True, writing=1.0, output=100), 0.0)
    known = each.token.value(0.0)
    attempt(each, Observed(overtaken=True, writing=0.5), 0.0)
    assert each.token.value(0.0) == known, "it would have needed longer than that anyway"
    for _ in range(20):
        attempt(each, Observed(overtaken=True, writing=9.0), 0.0)
    assert each.token.value(0.0) == pytest.approx(0.05)
    assert each.peak.left(0.0) == 9.0
    assert each.requests.left(0.0) == 20.0, "nothing was answered"


def test_one_that_is_always_overtaken_is_known_to_be_slow() -> None:
    each = health()
    attempt(each, Observed(overtaken=True, writing=30.0), 0.0)
    assert each.token.value(0.0) == pytest.approx(0.1)

"""A pool's keys are taken in turn; one that must wait rests, one that is refused is left out."""

from __future__ import annotations

import pytest

from pointsman.credentials import KeyPool
from pointsman.errors import CONTENT_POLICY, ConnectFailed, UpstreamError, UpstreamStatus
from pointsman.secrets import Secret


def pool(*names: str) -> KeyPool:
    return KeyPool([Secret(name) for name in names])


def taken(keys: KeyPool, times: int) -> list[str]:
    found = [keys.take() for _ in range(times)]
    return [key.secret.reveal() for key in found if key is not None]


def test_keys_are_taken_in_turn() -> None:
    assert taken(pool("a", "b", "c"), 7) == ["a", "b", "c", "a", "b", "c", "a"]
    assert pool().take() is None
    assert (len(pool("a", "b")), len(pool())) == (2, 0)


@pytest.mark.parametrize("status", [429, 401, 402, 403])
def test_a_key_that_failed_rests_and_another_is_to_be_tried(status: int) -> None:
    keys = pool("a", "b", "c")
    first = keys.take()
    assert first is not None
    assert keys.failed(first, UpstreamStatus.of(status))
    assert taken(keys, 4) == ["b", "c", "b", "c"]


def flagged() -> UpstreamStatus:
    error = UpstreamStatus.of(403)
    error.error_type = CONTENT_POLICY
    return error


@pytest.mark.parametrize(
    "error", [ConnectFailed("x"), UpstreamStatus.of(500), UpstreamStatus.of(529), flagged()], ids=repr
)
def test_what_says_nothing_of_a_key_does_not_rest_it(error: UpstreamError) -> None:
    keys = pool("a", "b")
    first = keys.take()
    assert first is not None
    assert not keys.failed(first, error)
    assert taken(keys, 2) == ["b", "a"]


def test_a_key_is_back_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("pointsman.credentials.time.monotonic", lambda: now)
    keys = pool("a", "b")
    first = keys.take()
    assert first is not None
    keys.failed(first, UpstreamStatus.of(429, retry_after=30))
    assert taken(keys, 2) == ["b", "b"]
    now += 31
    assert taken(keys, 2) == ["a", "b"]


def test_several_keys_say_when_the_first_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.credentials.time.monotonic", lambda: 1000.0)
    keys = pool("a", "b")
    assert keys.back == 0.0
    for wait in (30, 20):
        key = keys.take()
        assert key is not None
        keys.failed(key, UpstreamStatus.of(429, retry_after=wait))
    assert keys.back == 1020.0
    alone = pool("a")
    key = alone.take()
    assert key is not None
    alone.failed(key, UpstreamStatus.of(429, retry_after=30))
    assert alone.back == 0.0, "a single key is never taken away"


def test_the_last_keys_are_never_taken_away() -> None:
    keys = pool("a", "b")
    for _ in range(2):
        key = keys.take()
        assert key is not None
        last = keys.failed(key, UpstreamStatus.of(401 if key.secret.reveal() == "a" else 429))
    assert not last, "no other key is left to try"
    assert taken(keys, 2) == ["b", "b"], "the one that will be back first"
    single = pool("a")
    key = single.take()
    assert key is not None
    assert not single.failed(key, UpstreamStatus.of(401))
    assert taken(single, 1) == ["a"]


def test_keys_that_two_pools_have_rest_on() -> None:
    before, after = pool("a", "b"), pool("b", "c")
    for _ in range(2):
        key = before.take()
        assert key is not None
        before.failed(key, UpstreamStatus.of(401))
    after.keep(before)
    assert taken(after, 2) == ["c", "c"]
    assert [key.secret.reveal() for key in after] == ["b", "c"]

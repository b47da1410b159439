"""Who rests: an endpoint that refuses, all that a provider has where it is overloaded."""

from __future__ import annotations

import pytest

from pointsman.credentials import Key
from pointsman.errors import ConnectFailed, UpstreamError, UpstreamStatus
from pointsman.rests import MOMENT, Rests, overloaded
from pointsman.secrets import Secret


def status(upstream: int, message: str = "no", wait: float | None = None) -> UpstreamStatus:
    return UpstreamStatus.of(upstream, message, retry_after=wait)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (status(529), True),
        (status(503, "The engine is currently overloaded"), True),
        (status(503, "We are at capacity right now"), True),
        (status(503, "The model is overloaded. Please try again later."), False),
        (status(503), False),
        (status(429, "overloaded"), False),
        (status(500, "overloaded"), False),
        (ConnectFailed("overloaded"), False),
    ],
)
def test_what_is_an_overload_of_all(error: UpstreamError, expected: bool) -> None:
    assert overloaded(error) == expected


def test_a_refusal_speaks_for_one_endpoint_and_only_if_it_says_how_long() -> None:
    rests = Rests()
    rests.failed("lab/one", status(429), 100.0)
    assert (rests.until("lab/one"), rests.latest) == (0.0, 0.0)
    rests.failed("lab/one", status(429, wait=7.0), 100.0)
    rests.failed("lab/a/b", status(503, wait=3.0), 100.0)
    assert [rests.until(each) for each in ("lab/one", "lab/a/b", "lab/two")] == [107.0, 103.0, 0.0]
    assert (rests.of_provider("lab"), rests.latest) == (0.0, 107.0)


def test_an_overload_speaks_for_all_of_a_provider() -> None:
    rests = Rests()
    rests.failed("lab/one", status(529), 100.0)
    assert rests.until("lab/two") == rests.of_provider("lab") == 100.0 + MOMENT
    assert rests.until("labs/two") == 0.0
    rests.failed("lab/one", status(529, wait=60.0), 100.0)
    assert rests.until("lab/two") == 160.0


def test_a_rest_is_not_cut_short_nor_longer_than_is_believed() -> None:
    rests = Rests()
    rests.failed("lab/one", status(429, wait=60.0), 100.0)
    rests.failed("lab/one", status(429, wait=1.0), 100.0)
    assert rests.until("lab/one") == 160.0
    rests.failed("lab/one", status(429, wait=86_400.0), 100.0)
    assert rests.until("lab/one") == 700.0


def test_where_several_keys_were_refused_the_first_that_is_free_counts() -> None:
    rests = Rests()
    rests.failed("lab/one", status(429, wait=60.0), 100.0, 110.0)
    assert rests.until("lab/one") == 110.0
    rests.failed("lab/two", status(503, wait=60.0), 100.0, 90.0)
    assert rests.until("lab/two") == 160.0, "a key that is free makes no difference"


def test_what_has_passed_is_forgotten() -> None:
    rests = Rests()
    for number in range(100):
        rests.failed(f"lab/{number}", status(429, wait=0.5), float(number))
    assert rests.until("lab/99") == 99.5
    assert rests.until("lab/0") == 0.0


def test_a_clients_own_key_rests_for_itself() -> None:
    rests, key = Rests(), Key(Secret("own"))
    rests.refused(key, ConnectFailed("x"), 100.0)
    assert (key.rests_until, rests.latest) == (0.0, 0.0)
    rests.refused(key, status(429, wait=30.0), 100.0)
    assert (key.rests_until, rests.latest) == (130.0, 130.0)
    assert rests.until("lab/one") == 0.0

"""Wrong keys, and who sends them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from pointsman.testing import Running
from pointsman_keys import guesses
from pointsman_keys.guesses import Guesses

Serve = Callable[..., AbstractAsyncContextManager[Running]]


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_so_many_a_minute_and_then_a_wait() -> None:
    clock = Clock()
    counted = Guesses(3, clock)
    assert [counted.wrong("10.0.0.1") for _ in range(3)] == [None] * 3
    clock.seconds = 20
    assert counted.wrong("10.0.0.1") == 40
    assert counted.wrong("10.0.0.2") is None, "another address counts for itself"
    clock.seconds = 60
    assert counted.wrong("10.0.0.1") is None


def test_no_limit() -> None:
    counted = Guesses(0)
    assert {counted.wrong("10.0.0.1") for _ in range(1000)} == {None}


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "", True),
        ("unix", "", False),
    ],
)
def test_addresses_of_one_client(first: str, second: str, same: bool) -> None:
    counted = Guesses(1)
    counted.wrong(first)
    assert (counted.wrong(second) is not None) is same


def test_addresses_without_end_take_no_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "MOST_ADDRESSES", 10)
    counted = Guesses(1)
    for number in range(100):
        counted.wrong(f"10.0.0.{number}")
    assert len(counted._seen) == 10


@pytest.mark.parametrize(
    ("trusted", "expected"), [("[127.0.0.1]", [401, 401, 429, 401]), ("[]", [401, 401, 429, 429])]
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models"])
async def test_behind_a_proxy_each_client_is_counted_for_itself(
    serve: Serve, path: str, trusted: str, expected: list[int]
) -> None:
    async with serve(f"server: {{trusted_proxies: {trusted}}}", keys="{wrong_keys: 2}") as served:
        found = []
        for client in ("198.51.100.1", "198.51.100.1", "198.51.100.1", "198.51.100.2"):
            headers = {"x-api-key": "pm-wrong", "x-forwarded-for": f"6.6.6.6, {client}"}
            method = "POST" if path.endswith("completions") else "GET"
            found.append((await served.client.request(method, path, headers=headers)).status_code)
        assert found == expected


async def test_the_audit_log_has_the_address_of_the_client(serve: Serve) -> None:
    more = "server: {trusted_proxies: [127.0.0.1]}\nadmin_key: the-admin-key"
    async with serve(more, plugin="openrouter") as served:
        headers = {"x-api-key": "the-admin-key", "x-forwarded-for": "198.51.100.1"}
        made = await served.client.post("/api/v1/keys", json={"name": "a"}, headers=headers)
        assert made.status_code == 201
        assert [row["address"] for row in await served.rows("audit")] == ["198.51.100.1"]

"""Whose word on a client's address is taken."""

from __future__ import annotations

import pytest

from pointsman.proxies import Proxy, client_behind

TRUSTED = (Proxy("10.0.0.0/8"), Proxy("::1"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "6.6.6.6, 198.51.100.1, 10.0.0.3", "198.51.100.1"),
        ("10.0.0.2", "10.0.0.4,10.0.0.3", "10.0.0.4"),
        ("10.0.0.2", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.2", "[2001:db8::1]:443", "2001:db8::1"),
        ("10.0.0.2", "2001:DB8::1", "2001:db8::1"),
        ("::ffff:10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("::1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.2", "198.51.100.1, unknown", "10.0.0.2"),
        ("10.0.0.2", "198.51.100.1, 999.1.1.1", "10.0.0.2"),
        ("", "198.51.100.1", ""),
        ("not an address", "198.51.100.1", "not an address"),
    ],
)
def test_the_last_that_a_trusted_proxy_names(peer: str, forwarded: str, client: str) -> None:
    assert client_behind(peer, {"x-forwarded-for": forwarded}, TRUSTED) == client


def test_without_the_header_a_proxy_is_the_client() -> None:
    assert client_behind("10.0.0.2", {}, TRUSTED) == "10.0.0.2"


def test_a_unix_socket_may_have_a_proxy_behind_it() -> None:
    headers = {"x-forwarded-for": "198.51.100.1"}
    assert client_behind("", headers, (Proxy("unix"),)) == "198.51.100.1"
    assert client_behind("127.0.0.1", headers, (Proxy("unix"),)) == "127.0.0.1"


def test_a_long_chain_is_looked_at_from_its_end() -> None:
    chain = ", ".join(["198.51.100.1", *["10.0.0.3"] * 10_000])
    assert client_behind("10.0.0.2", {"x-forwarded-for": chain}, TRUSTED) == "10.0.0.3"


@pytest.mark.parametrize("text", ["10.0.0.2", "10.1.2.3/8", "::/0", "unix"])
def test_what_can_be_trusted(text: str) -> None:
    assert Proxy.parse(text) == text


@pytest.mark.parametrize("text", ["localhost", "10.0.0", "10.0.0.0/33", ""])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear|unix|Expected|network"):
        Proxy.parse(text)

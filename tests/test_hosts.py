"""Which Host headers are answered."""

from __future__ import annotations

import pytest

from pointsman.hosts import Hosts, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1", "[::1]"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com", "", "127.0.0.1.evil.com"])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_on_loopback_only_its_names_are_answered() -> None:
    hosts = Hosts((), bound_to="127.0.0.1")
    for good in ("localhost", "LOCALHOST:4141", "127.0.0.1:80", "[::1]:4141"):
        assert hosts.allows(good)
    for bad in (
        "evil.com",
        "localhost.evil.com",
        "127.0.0.1@evil.com",
        "a/?x=",
        "",
        "localhost:99999999",
        "a b",
    ):
        assert not hosts.allows(bad)


def test_elsewhere_any_well_formed_name_is_answered_unless_listed() -> None:
    assert Hosts((), bound_to="0.0.0.0").allows("gateway.corp")
    assert not Hosts((), bound_to="0.0.0.0").allows("a/?x=")
    listed = Hosts(("gw.corp", "*.lab.corp"), bound_to="0.0.0.0")
    assert listed.allows("GW.corp:8443")
    assert listed.allows("a.lab.corp")
    assert not listed.allows("lab.corp")
    assert not listed.allows("evilgw.corp")
    assert Hosts(("*",), bound_to="127.0.0.1").allows("anything.example")


def test_origins_are_those_of_hosts_that_are_answered() -> None:
    hosts = Hosts((), bound_to="127.0.0.1")
    assert hosts.allows_origin("http://localhost:4141")
    assert hosts.allows_origin("https://127.0.0.1")
    for bad in ("https://evil.example", "null", "", "file://localhost", "http://localhost.evil.example"):
        assert not hosts.allows_origin(bad)

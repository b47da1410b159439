"""The kit as fixtures: there for every test, without an import."""

from __future__ import annotations

import socket
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

import pytest

from pointsman.testing import FakeProvider, Script, pytest_plugin, running


def test_the_fixtures_are_registered_by_an_entry_point(pytestconfig: pytest.Config) -> None:
    (entry,) = entry_points(group="pytest11", name="pointsman")
    assert entry.load() is pytest_plugin
    assert pytestconfig.pluginmanager.hasplugin("pointsman")


async def test_a_server_and_a_provider_are_at_hand(
    pointsman_running: Callable[..., Any],
    pointsman_fake_provider: Callable[..., Any],
    config: Callable[..., dict[str, Any]],
    chat: dict[str, Any],
    answer: Script,
) -> None:
    assert pointsman_running is running
    assert pointsman_fake_provider is FakeProvider
    async with pointsman_fake_provider(answer) as fake, pointsman_running(config(fake)) as served:
        assert (await served.client.post("/v1/chat/completions", json=chat)).status_code == 200


def test_a_test_can_do_without_the_network(no_network: None) -> None:
    with pytest.raises(OSError, match="the network is blocked"):
        socket.getaddrinfo("example.invalid", 80)
    assert socket.getaddrinfo("localhost", 80)

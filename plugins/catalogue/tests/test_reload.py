"""The catalogue when the configuration changes: what is known goes over, who is new is asked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.errors import ConfigError
from pointsman.testing import FakeProvider, Hang, Running, Script
from pointsman_catalogue import keeper as keeping
from pointsman_catalogue import plugin_of

Serve = Callable[..., Any]


def listing(*ids: str) -> Script:
    return Script.json({"object": "list", "data": [{"id": each, "context_length": 8192} for each in ids]})


def lab(fake: FakeProvider, name: str = "lab") -> str:
    return f'  {name}: {{base_url: "{fake.url}", api_key: sk-lab, discover: true}}\n'


def names(server: Running) -> list[str]:
    return [each for each in server.gateway.setup.catalogue.names() if each != "echo/echo"]


def config(*providers: str, more: str = "") -> str:
    return f"auth: none\nproviders:\n  from_env: false\n{''.join(providers)}{more}"


async def test_what_a_provider_has_listed_goes_over_without_asking_it_again(serve: Serve) -> None:
    async with (
        FakeProvider(listing("m-1")) as one,
        FakeProvider(listing("n-1")) as two,
        serve(lab(one).strip()) as server,
    ):
        provider, asked = server.gateway.setup.providers["lab"], len(one.requests)
        rule = "routes: [{name: r, use: {models: [two/n-1]}}]\n"
        await server.reload(config(lab(one), lab(two, "two"), more=rule))
        assert names(server) == ["lab/m-1", "two/n-1"]
        assert server.gateway.setup.providers["lab"] is provider
        assert len(one.requests) == asked
        fact = server.gateway.setup.catalogue.models["two/n-1"].endpoints[0].facts["context"]
        assert fact.value == 8192
        await server.reload(config(lab(two, "two")))
        assert names(server) == ["two/n-1"]
        keeper = plugin_of(server.gateway).keeper
        assert keeper is not None
        await keeper.refresh()
        await keeper.retry()
        assert names(server) == ["two/n-1"]


async def test_a_provider_at_another_address_is_another_one(serve: Serve) -> None:
    async with (
        FakeProvider(listing("m-1")) as one,
        FakeProvider(listing("n-1")) as two,
        serve(lab(one).strip()) as server,
    ):
        await server.reload(config(lab(two)))
        assert names(server) == ["lab/n-1"]


async def test_who_does_not_answer_holds_nothing_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "PATIENCE", 0.01)
    scripts = [Script((Hang(),), framing="raw"), listing("n-1")]
    async with FakeProvider(listing("m-1")) as one, FakeProvider(scripts) as two, serve() as server:
        await server.reload(config(lab(two)))
        assert names(server) == []
        assert server.gateway.setup.catalogue.pending
        keeper = plugin_of(server.gateway).keeper
        assert keeper is not None
        await keeper.retry()
        assert names(server) == ["lab/n-1"]
        await server.reload(config(lab(one)))
        assert names(server) == ["lab/m-1"]
        assert not server.gateway.setup.catalogue.pending


async def test_what_is_heard_while_a_reload_is_refused_is_not_lost(serve: Serve) -> None:
    scripts = [listing("m-1"), listing("m-2")]
    async with FakeProvider(scripts) as one, serve(lab(one).strip()) as server:
        with pytest.raises(ConfigError, match="which no provider has"):
            await server.reload(config(lab(one), more="routes: [{name: r, use: {models: [acme/gone]}}]\n"))
        assert names(server) == ["lab/m-1"]
        keeper = plugin_of(server.gateway).keeper
        assert keeper is not None
        await keeper.refresh()
        assert names(server) == ["lab/m-2"]


async def test_its_own_settings_are_for_a_restart(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with serve() as server:
        await server.reload(config(more="plugins: {catalogue: {refresh: 5m}}\n"))
    assert "plugins.catalogue has changed and stays as it is until a restart" in caplog.text

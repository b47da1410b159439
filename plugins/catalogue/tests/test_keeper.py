"""The keeper: who is asked when, what is kept, and what start-up waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.config import read_text
from pointsman.errors import ConfigError
from pointsman.gateway import Gateway
from pointsman.providers import HttpProvider, Listed
from pointsman.setup import assemble
from pointsman.testing import FakeProvider, Hang, Running, Script, running
from pointsman_catalogue import keeper as keeping
from pointsman_catalogue import plugin_of
from pointsman_catalogue.child import CompileError
from pointsman_catalogue.compile import Compiled
from pointsman_catalogue.keeper import Keeper
from pointsman_catalogue.rows import Row

Serve = Callable[..., Any]
RowOf = Callable[..., Row]


SILENT = Script((Hang(),), framing="raw")


def listing(*ids: str, **said: Any) -> Script:
    return Script.json({"object": "list", "data": [{"id": each, **said} for each in ids]})


def lab(fake: FakeProvider, **more: str) -> str:
    extra = "".join(f", {name}: {value}" for name, value in more.items())
    return f'lab: {{base_url: "{fake.url}", api_key: sk-lab, discover: true{extra}}}'


def keeper_of(server: Running) -> Keeper:
    keeper = plugin_of(server.gateway).keeper
    assert keeper is not None
    return keeper


def names(server: Running) -> list[str]:
    return [each for each in server.gateway.setup.catalogue.names() if each != "echo/echo"]


async def test_a_provider_that_is_asked_lists_its_models(serve: Serve) -> None:
    async with FakeProvider(listing("m-1", "m-2", context_length=8192)) as fake, serve(lab(fake)) as server:
        assert names(server) == ["lab/m-1", "lab/m-2"]
        (received,) = fake.requests
        assert (received.method, received.path) == ("GET", "/v1/models")
        assert received.headers["authorization"] == "Bearer sk-lab"
        fact = server.gateway.setup.catalogue.models["lab/m-1"].endpoints[0].facts["context"]
        assert (fact.value, fact.source) == (8192, "the provider's listing")
        assert fact.date


async def test_ids_that_no_request_could_name_are_left_out(serve: Serve) -> None:
    odd = listing("good", "x" * 201, "line\nend", "\x1b[2J")
    async with FakeProvider(odd) as fake, serve(lab(fake)) as server:
        assert names(server) == ["lab/good"]


async def test_a_listing_is_shown_at_once_after_a_restart_though_its_provider_hangs(serve: Serve) -> None:
    async with FakeProvider([listing("m-1"), SILENT]) as fake:
        async with serve(lab(fake)) as server:
            assert names(server) == ["lab/m-1"]
            async with asyncio.timeout(5):
                while not await server.rows("known_listings"):
                    await asyncio.sleep(0)
        async with serve(lab(fake)) as server:
            assert names(server) == ["lab/m-1"]
            assert not server.gateway.setup.catalogue.pending


async def test_what_was_listed_elsewhere_is_not_shown(serve: Serve) -> None:
    async with FakeProvider(listing("m-1")) as one, FakeProvider([Script.json({}, status=500)]) as two:
        async with serve(lab(one)) as server:
            await server.gateway.ledger.flush()
            await keeper_of(server).refresh()
        async with serve(lab(two)) as server:
            assert names(server) == []


async def test_who_never_answers_holds_nothing_up_and_more_may_come(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PATIENCE", 0.01)
    async with FakeProvider([SILENT]) as fake, serve(lab(fake)) as server:
        assert server.gateway.ready
        assert server.gateway.setup.catalogue.pending
        assert names(server) == []


async def test_a_model_that_vanished_is_not_listed_any_more_but_what_the_operator_named_is(
    serve: Serve,
) -> None:
    models = "models: {acme/kept: {endpoints: [lab/gone]}}"
    scripts = [listing("gone", "stays"), listing("stays", "new")]
    async with FakeProvider(scripts) as fake, serve(lab(fake), more=models) as server:
        assert names(server) == ["acme/kept", "lab/gone", "lab/stays"]
        await keeper_of(server).refresh()
        assert names(server) == ["acme/kept", "lab/stays", "lab/new"]
        found = server.gateway.setup.catalogue.resolve("acme/kept")
        assert found is not None
        assert [each.id for each in found.endpoints] == ["lab/gone"]


async def test_a_listing_that_fails_is_one_warning_and_what_was_listed_stays(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Script.json({"error": {"message": "sk-lab"}}, status=500)
    scripts = [listing("m-1"), broken, broken, listing("m-1"), broken]
    async with FakeProvider(scripts) as fake, serve(lab(fake)) as server:
        for _ in range(4):
            await keeper_of(server).refresh()
        assert names(server) == ["lab/m-1"]
    warned = [each.message for each in caplog.records if "does not list" in each.message]
    assert warned == [f"provider lab ({fake.url[:-3]}) does not list its models: HTTPStatusError"] * 2


async def test_local_servers_that_do_not_answer_are_left_out_and_come_when_they_do(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve("from_env: true") as server:
        found = [each for each in server.gateway.setup.providers.values() if each.found]
        assert found
        assert all("does not answer" in str(each.unready()) for each in found)
        one = found[0]

        async def answers(http: object) -> list[Listed]:
            return [Listed("m-1")]

        monkeypatch.setattr(one, "list_models", answers)
        await keeper_of(server).retry()
        assert one.unready() is None
        assert names(server) == [f"{one.name}/m-1"]


async def test_a_service_whose_key_the_environment_has_stays_though_it_does_not_list_its_models(
    serve: Serve, row: RowOf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuses(self: object, http: object) -> list[Listed]:
        raise httpx.ConnectError("nobody is there")

    monkeypatch.setattr(HttpProvider, "list_models", refuses)
    rows = [row("groq", "a", "acme/a", context=1)]
    async with serve("from_env: true", rows=rows, env={"GROQ_API_KEY": "k"}) as server:
        await keeper_of(server).retry()
        assert server.gateway.setup.providers["groq"].unready() is None
        assert names(server) == ["acme/a"]
    (warned,) = [each.message for each in caplog.records if "does not list" in each.message]
    assert warned.startswith("provider groq (https://api.groq.com")


async def test_a_server_that_was_looked_for_goes_with_its_models_and_while_it_is_gone_nothing_changes(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve("from_env: true") as server:
        catalogue = server.gateway.setup.catalogue
        one = next(each for each in server.gateway.setup.providers.values() if each.found)
        answers: list[list[Listed]] = [[Listed("m-1")], []]

        async def answer(http: object) -> list[Listed]:
            if not answers[0]:
                raise httpx.ConnectError("nobody is there")
            return answers.pop(0)

        monkeypatch.setattr(one, "list_models", answer)
        await keeper_of(server).retry()
        assert names(server) == [f"{one.name}/m-1"]
        await keeper_of(server).refresh()
        assert names(server) == []
        edition = catalogue.edition
        await keeper_of(server).retry()
        assert catalogue.edition == edition


async def test_who_is_looked_for_at_our_own_port_is_never_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def answer(self: HttpProvider, http: object) -> list[Listed]:
        asked.append(self.name)
        raise httpx.ConnectError("nobody is there")

    monkeypatch.setattr(HttpProvider, "list_models", answer)
    text = "server: {port: 8000}\nproviders: {from_env: true, mine: {base_url: 'http://localhost:8000/v1'}}"
    setup = assemble(read_text(text, name="p", env={}, base=tmp_path), env={})
    setup.providers["mine"].discover = True
    async with Gateway.dry(setup) as gateway:
        keeper = plugin_of(gateway).keeper
        assert keeper is not None
        await keeper.refresh()
    found = {each.name for each in setup.providers.values() if each.found}
    assert found - {*asked} == {"vllm"}
    assert "mine" in asked, "what an operator writes is his own affair"


async def test_a_listing_that_cannot_be_read_is_a_warning_and_the_others_are_heard(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeProvider([listing("m-1"), listing("m-2")]) as fake:
        odd = f'odd: {{base_url: "{fake.url}", api_key: k, discover: true}}'
        async with serve(lab(fake), odd) as server:

            async def answer(http: object) -> list[Listed]:
                return [Listed(5)]  # type: ignore[arg-type]

            monkeypatch.setattr(server.gateway.setup.providers["odd"], "list_models", answer)
            await keeper_of(server).refresh()
            assert not server.gateway.setup.catalogue.pending
            assert "provider odd" in caplog.text


async def test_requests_come_between_the_models_of_a_long_listing() -> None:
    turns: list[int] = []

    async def others() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(others())
        models = await keeping._read([Listed(f"m-{number}") for number in range(1000)])
        task.cancel()
    assert len(models) == 1000
    assert len(turns) >= 1000 // keeping.BATCH


async def test_servers_on_this_machine_are_waited_for_a_little_longer(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PATIENCE", 0.0)
    monkeypatch.setattr(keeping, "LOCAL_PATIENCE", 30.0)
    async with serve("from_env: true") as server:
        found = [each for each in server.gateway.setup.providers.values() if each.found]
        assert all("does not answer" in str(each.unready()) for each in found)


async def test_a_listing_knows_prices_and_canonical_names(serve: Serve, row: RowOf) -> None:
    rows = [
        row("groq", "llama-x", "meta-llama/llama-x", context=1, price={"input": "1", "output": "2"}),
        row("openrouter", "openai/gpt-oss-120b", "openai/gpt-oss-120b"),
    ]
    said = listing("llama-x", "openai/gpt-oss-120b", "own", context_window=2)
    async with FakeProvider(said) as fake:
        line = f'groq: {{base_url: "{fake.url}", api_key: k, discover: true}}'
        async with serve(line, rows=rows) as server:
            assert names(server) == ["meta-llama/llama-x", "openai/gpt-oss-120b", "groq/own"]
            facts = server.gateway.setup.catalogue.models["meta-llama/llama-x"].endpoints[0].facts
            assert (facts["context"].value, facts["price"].source) == (2, "genai-prices 0.2.3")


async def test_prices_are_compiled_after_start_and_models_appear(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "SETTLE", 0.0)
    async with serve("groq: {api_key: k}", more="log: {level: warning}") as server:
        assert server.gateway.setup.catalogue.pending
        async with asyncio.timeout(60):
            while "meta-llama/llama-3.3-70b-instruct" not in names(server):
                await asyncio.sleep(0.01)
        (endpoint,) = server.gateway.setup.catalogue.models["meta-llama/llama-3.3-70b-instruct"].endpoints
        assert endpoint.id == "groq/llama-3.3-70b-versatile"
        assert endpoint.facts["price"].value
        assert await server.rows("known_endpoints")


async def test_the_version_that_the_ledger_has_is_not_compiled_again(
    serve: Serve, row: RowOf, everything: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def compiled() -> Compiled:
        asked.append(1)
        return Compiled("0.9", everything.rows[:2], {"id": 3})

    monkeypatch.setattr(keeping, "compiled", compiled)
    async with serve("groq: {api_key: k}", rows=[row("groq", "a", "acme/a", context=1)]) as server:
        await keeper_of(server).compile()
        assert asked == []
        monkeypatch.setattr(keeping, "installed_version", lambda: "0.9")
        await keeper_of(server).compile()
        await keeper_of(server).compile()
        assert asked == [1]
        assert len(await server.rows("known_endpoints")) == 2
        assert names(server) == []
        monkeypatch.setattr(keeping, "installed_version", lambda: None)
        await keeper_of(server).compile()
        assert asked == [1]


async def test_prices_that_cannot_be_compiled_are_a_warning(
    serve: Serve, row: RowOf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def compiled() -> Compiled:
        raise CompileError("it is broken")

    monkeypatch.setattr(keeping, "compiled", compiled)
    monkeypatch.setattr(keeping, "installed_version", lambda: "0.9")
    async with serve("groq: {api_key: k}", rows=[row("groq", "a", "acme/a", context=1)]) as server:
        await keeper_of(server).compile()
        assert names(server) == ["acme/a"]
    assert "goes on without new prices: it is broken" in caplog.text


async def test_providers_that_cannot_be_called_offer_nothing(serve: Serve, row: RowOf) -> None:
    async with serve("groq: {}", rows=[row("groq", "a", "acme/a", context=1)]) as server:
        assert names(server) == []


async def test_a_ledger_that_refuses_leaves_the_listing_on_the_shelf(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeProvider([listing("m-1"), listing("m-2")]) as fake, serve(lab(fake)) as server:

        async def refuses(statements: object) -> list[int]:
            raise keeping.Unavailable("the disk is full")

        monkeypatch.setattr(server.gateway.ledger, "execute", refuses)
        await keeper_of(server).refresh()
        assert names(server) == ["lab/m-2"]
    assert "the listing of provider lab is not kept: the disk is full" in caplog.text


async def test_a_rule_with_a_model_that_only_prices_tell_of_waits_for_them(tmp_path: Path) -> None:
    rule = "routes: [{name: r, when: {model: x}, use: {models: [%s]}}]"
    cloud = "providers: {groq: {api_key: k}}\n"
    with pytest.raises(ConfigError, match=r"(?s)gpt-oss-12b', which no.*mean openai/gpt-oss-120b"):
        async with running(cloud + rule % "openai/gpt-oss-12b", folder=tmp_path):
            pass
    (tmp_path / "pointsman.db").unlink()
    async with running(cloud + rule % "openai/gpt-oss-120b", folder=tmp_path) as server:
        assert not server.gateway.setup.catalogue.pending


async def test_a_rule_may_name_what_a_provider_would_have_if_it_had_a_key(serve: Serve, row: RowOf) -> None:
    rule = "routes: [{name: r, when: {model: x}, use: {models: [%s]}}]"
    rows = [row("groq", "a", "acme/a", context=1)]
    async with serve("groq: {}", rows=rows, more=rule % "acme/a") as server:
        assert names(server) == []
    with pytest.raises(ConfigError, match="uses model 'acme/b', which no provider has"):
        async with serve("groq: {}", more=rule % "acme/b"):
            pass


async def test_a_rule_may_name_what_a_listing_may_bring(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PATIENCE", 0.01)
    rule = "routes: [{name: r, when: {model: x}, use: {models: [some/model]}}]"
    async with FakeProvider([SILENT]) as fake, serve(lab(fake), more=rule) as server:
        assert server.gateway.ready
    with pytest.raises(ConfigError, match="uses model 'some/model', which no provider has"):
        async with serve('lab: {base_url: "http://127.0.0.1:1/v1"}', more=rule):
            pass

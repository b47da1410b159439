"""Every hook, each by a plugin in one file: it is called, with what, and what its answer does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from pointsman.app import create_app
from pointsman.chain import concat
from pointsman.config import Document, read_text
from pointsman.errors import ConfigError, PluginError, StartupError
from pointsman.gateway import Gateway
from pointsman.plugins import standard_order
from pointsman.reload import Reloader
from pointsman.setup import assemble

HEAD = """
from pointsman import hookimpl
from pointsman.catalogue import Endpoint, Model
from pointsman.config import setting
from pointsman.errors import *
from pointsman.exchange import Actor, Candidate, Plan
from pointsman.ledger import Column, Table
from pointsman.money import Cost
from pointsman.providers import Provider
from pointsman.types import *
from pointsman.events import *
from dataclasses import dataclass
import click
POINTSMAN_API = 1
"""
ANSWERING = """
@hookimpl
def register_providers(register):
    register("canned", lambda name, settings: Provider(name, kind="canned"))

@hookimpl
async def call_provider(exchange, attempt):
    if attempt.endpoint.provider.kind != "canned":
        return None
    message = Message("assistant", [Text("from " + attempt.endpoint.id)])
    return Response("r", "m", 1, [Choice(message, Finish("stop"))], Usage(3, 2))
"""
PRICED = """
@hookimpl
def price_usage(exchange, usage):
    return Cost(usage.input * 1000 + usage.output)
"""
KEEPING = (
    PRICED
    + """
@hookimpl
def lookup_response(exchange):
    exchange.keep = int(exchange.headers.get("x-keep", 100000))
    exchange.gateway.kept = getattr(exchange.gateway, "kept", {})
    return exchange.gateway.kept.get(exchange.request.raw)
@hookimpl
async def store_response(exchange, stored):
    exchange.gateway.kept[exchange.request.raw] = stored
"""
)
CONFIG = """
auth: {auth}
ledger: sqlite:///test.db
plugins:
{plugins}  ./mine.py: {{{settings}}}
providers:
  can: {{vendor: canned}}
models:
  demo/one: {{aliases: [one], endpoints: [can/a, can/b]}}
{more}
"""
Send = Callable[..., Awaitable[httpx.Response]]


class Running:
    """A gateway with one plugin file, answering in this process."""

    def __init__(self, gateway: Gateway, client: httpx.AsyncClient, text: str) -> None:
        self.gateway = gateway
        self.client = client
        self.text = text

    async def chat(self, model: str = "one", **headers: str) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
        return await self.client.post("/v1/chat/completions", json=body, headers=headers)


Start = Callable[..., Any]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start a gateway from the text of one plugin."""

    @asynccontextmanager
    async def started(
        plugin: str, *, auth: str = "none", settings: str = "", more: str = "", routes: bool = True
    ) -> AsyncIterator[Running]:
        (tmp_path / "mine.py").write_text(HEAD + ANSWERING + plugin)
        used = ["openai", "routes"] if routes else ["openai"]
        others = [name for name in standard_order() if name not in used]
        rows = [f"  {name}: {{}}\n" for name in used] + [f"  {name}: false\n" for name in others]
        text = CONFIG.format(auth=auth, plugins="".join(rows), settings=settings, more=more)
        gateway = Gateway(assemble(read_text(text, name="proxy.yaml", env={}, base=tmp_path), env={}))
        await gateway.start()
        transport = httpx.ASGITransport(create_app(gateway))
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                yield Running(gateway, client, text)
        finally:
            await gateway.stop()

    return started


async def test_hook_plugin_settings(start: Start) -> None:
    plugin = """
@dataclass(frozen=True)
class Mine:
    \"\"\"Mine.\"\"\"
    word: str = setting(default="x", help="A word.")

@hookimpl
def plugin_settings(register):
    register(Mine)
    register(dict[str, int], section="numbers", default={}, help="Numbers.")
    register.field("endpoint", "colour", str, default="grey", help="A colour.")
"""
    async with start(plugin, settings="word: hello", more="numbers: {a: 1}") as running:
        setup = running.gateway.setup
        assert setup.settings("mine").word == "hello"
        assert setup.section("numbers") == {"a": 1}
        assert setup.catalogue.models["demo/one"].endpoints[0].extra["colour"] == "grey"
    with pytest.raises(ConfigError, match=r"(?s)proxy\.yaml:\d+:\d+: .*wrod.*word"):
        async with start(plugin, settings="wrod: hello"):
            pass
    claims = plugin + "    register(int, section='server', help='Mine too.')\n"
    with pytest.raises(StartupError, match="'server' is claimed twice: by core and by mine"):
        async with start(claims):
            pass


async def test_hook_register_dialects(start: Start) -> None:
    plugin = """
@hookimpl
def register_dialects(register):
    from pointsman_openai.codecs import ChatCodec
    class Other(ChatCodec):
        dialect, path = "other", "/other/chat"
    register(Other())
"""
    async with start(plugin) as running:
        body = {"model": "one", "messages": [{"role": "user", "content": "hi"}]}
        for prefix in ("/v1", "/api/v1"):
            answer = await running.client.post(f"{prefix}/other/chat", json=body)
            assert answer.json()["choices"][0]["message"]["content"] == "from can/a"


async def test_hook_register_providers(start: Start) -> None:
    async with start("") as running:
        assert running.gateway.setup.providers["can"].kind == "canned"
        assert (await running.chat()).json()["choices"][0]["message"]["content"] == "from can/a"


async def test_hook_register_models(start: Start) -> None:
    plugin = """
@hookimpl
def register_models(register):
    register(Model("added/model", [Endpoint(register.providers["can"], "c")], ("extra",)))
"""
    async with start(plugin) as running:
        assert (await running.chat("extra")).headers["x-pointsman-model"] == "added/model"


async def test_hook_register_http(start: Start) -> None:
    plugin = """
from starlette.responses import PlainTextResponse
async def page(request):
    return PlainTextResponse(request.state.actor.name if hasattr(request.state, "actor") else "anybody")
async def broken(request):
    raise KeyError("secret")
@hookimpl
def register_http(register):
    register("/open", page, methods=["GET"], role="public")
    register("/closed", page, methods=["GET"], role="viewer")
    register("/admin", page, methods=["GET"], role="admin")
    register("/broken", broken, methods=["GET"], role="public")
    register("/told", page, methods=["GET"], role="admin", refused=told)
    register("/cookie", page, methods=["GET"], role="admin", keyed=by_cookie)
    register("/told/broken", broken, methods=["GET"], role="public", refused=told)
def by_cookie(headers):
    return {"x-name": headers.get("cookie", "")}
def told(request, error):
    return PlainTextResponse(f"{request.url.path} {error.status} {error.message}", error.status)
@hookimpl
def authenticate(exchange):
    name = exchange.headers.get("x-name")
    return Actor(name, name, role="admin" if name == "root" else "member") if name else None
"""
    async with start(plugin, auth="keys") as running:
        get = running.client.get
        assert (await get("/open")).text == "anybody"
        assert (await get("/closed")).status_code == 401
        assert (await get("/closed", headers={"x-name": "ann"})).text == "ann"
        assert (await get("/admin", headers={"x-name": "ann"})).status_code == 403
        assert (await get("/admin", headers={"x-name": "root"})).text == "root"
        wrong = await running.client.post("/open")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")
        assert (await running.client.head("/open")).status_code == 200
        failed = await get("/broken")
        assert failed.status_code == 500
        assert "secret" not in failed.text
        closed = await get("/told")
        assert closed.status_code == 401
        assert closed.text.startswith("/told 401 no API key")
        assert (
            await get("/told", headers={"x-name": "ann"})
        ).text == "/told 403 this needs a key of role admin"
        assert (await get("/cookie", headers={"cookie": "root"})).text == "root"
        assert (await get("/cookie", headers={"x-name": "root"})).status_code == 401
        assert (await get("/closed", headers={"cookie": "root"})).status_code == 401
        told = await get("/told/broken")
        assert told.status_code == 500
        assert "secret" not in told.text
    undeclared = plugin.replace(', methods=["GET"], role="viewer"', "")
    with pytest.raises(PluginError, match="'mine' registers /closed without declaring methods and role"):
        async with start(undeclared, auth="keys"):
            pass


def test_hook_register_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pointsman.cli import main

    plugin = """
@click.command()
def hello():
    click.echo("hello from a plugin")
@hookimpl
def register_commands(register):
    register(hello)
"""
    (tmp_path / "mine.py").write_text(HEAD + plugin)
    (tmp_path / "proxy.yaml").write_text("plugins: {./mine.py: {}}\n")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["hello"])
    assert (result.exit_code, result.output) == (0, "hello from a plugin\n")
    assert "hello" in CliRunner().invoke(main, ["--help"]).output


async def test_hook_register_tables(start: Start) -> None:
    plugin = """
TABLE = Table("notes", {"id": Column("text", "Id."), "note": Column("text", "A note.")}, "id")
@hookimpl
def register_tables(register):
    register(TABLE)
"""
    async with start(plugin) as running:
        ledger = running.gateway.ledger
        ledger.insert("notes", {"id": "1", "note": "hello"})
        await ledger.flush()
        assert await ledger.select("select id, note from notes") == [{"id": "1", "note": "hello"}]


async def test_hook_startup(start: Start) -> None:
    plugin = """
@hookimpl
async def startup(gateway):
    gateway.setup.catalogue.add(Model("made/at-start"))
"""
    async with start(plugin) as running:
        assert "made/at-start" in running.gateway.setup.catalogue.models
    with pytest.raises(StartupError, match="not today"):
        async with start("@hookimpl\ndef startup(gateway):\n    raise StartupError('not today')\n"):
            pass


async def test_hook_reload(start: Start) -> None:
    plugin = """
SEEN = []
@hookimpl
async def reload(gateway, setup):
    if setup.core.attempts == 9:
        raise StartupError("not nine")
    SEEN.append((gateway.setup.core.attempts, setup.core.attempts))
    return lambda: SEEN.append("changed")
"""
    async with start(plugin) as running:
        gateway, text = running.gateway, ""

        def again() -> Document:
            return read_text(text, name="proxy.yaml", env={}, base=gateway.setup.base)

        reloader = Reloader(gateway, again, env={})
        before = running.text
        text = f"{before}\nattempts: 2\n"
        await reloader.reload()
        mine = gateway.setup.plugins.get("mine")
        assert mine is not None
        assert mine.target.SEEN == [(4, 2), "changed"]
        text = f"{before}\nattempts: 9\n"
        with pytest.raises(ConfigError, match="not nine"):
            await reloader.reload()
        assert gateway.setup.core.attempts == 2
        assert (await running.chat()).status_code == 200


async def test_hook_authenticate(start: Start) -> None:
    plugin = """
@hookimpl
async def authenticate(exchange):
    assert exchange.request.raw == b"", "headers only: the body is not read yet"
    name = exchange.headers.get("x-name")
    if name == "mallory":
        raise Unauthenticated("not you")
    return Actor(name, name) if name else None
"""
    async with start(plugin, auth="keys") as running:
        assert (await running.chat()).status_code == 401
        assert (await running.chat(**{"x-name": "ann"})).status_code == 200
        refused = await running.chat(**{"x-name": "mallory"})
        assert (refused.status_code, refused.json()["error"]["message"]) == (401, "not you")


async def test_hook_select_route(start: Start) -> None:
    plugin = """
@hookimpl(tryfirst=True)
def select_route(exchange):
    return Plan("mine", ("one",)) if exchange.peek.model == "anything" else None
"""
    async with start(plugin) as running:
        answer = await running.chat("anything")
        assert answer.headers["x-pointsman-route"] == "mine"
        assert answer.headers["x-pointsman-model"] == "demo/one"
        assert "x-pointsman-route" not in (await running.chat("one")).headers


async def test_hook_unknown_model(start: Start) -> None:
    plugin = """
@hookimpl(tryfirst=True)
async def unknown_model(exchange, model):
    if model == "gone":
        return NotFound(f"{model} went away", code="model_deprecated")
"""
    async with start(plugin) as running:
        gone, never = await running.chat("gone"), await running.chat("never")
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "model_deprecated")
        assert (never.status_code, never.json()["error"]["code"]) == (400, "model_not_found")
        assert (await running.chat("one")).status_code == 200


async def test_hook_admit(start: Start) -> None:
    plugin = """
@hookimpl
def admit(exchange):
    if exchange.peek.characters > 30:
        raise RateLimited("slowly", retry_after=2.2, headers={"x-left": "0"})
    exchange.response_headers["x-left"] = "1"
"""
    async with start(plugin) as running:
        small = await running.client.post(
            "/v1/chat/completions", json={"model": "one", "messages": [{"role": "x"}]}
        )
        assert (small.status_code, small.headers["x-left"]) == (200, "1")
        refused = await running.chat()
        assert refused.status_code == 429
        assert (refused.headers["retry-after"], refused.headers["x-left"]) == ("3", "0")
        assert refused.json()["error"]["metadata"]["error_type"] == "rate_limit_exceeded"


async def test_hook_list_candidates(start: Start) -> None:
    plugin = """
@hookimpl
def list_candidates(exchange):
    resolution = exchange.setup.catalogue.resolve("one")
    return [Candidate(endpoint, "demo/one") for endpoint in reversed(resolution.endpoints)]
"""
    async with start(plugin, routes=False) as running:
        assert (await running.chat("whatever")).json()["choices"][0]["message"]["content"] == "from can/b"


async def test_hook_rank_candidates(start: Start) -> None:
    plugin = """
@hookimpl
def rank_candidates(exchange, candidates):
    if exchange.headers.get("x-none"):
        for candidate in candidates:
            exchange.exclude(candidate, by="mine", why="no reason")
        return []
    return candidates[::-1]
"""
    async with start(plugin) as running:
        assert (await running.chat()).json()["choices"][0]["message"]["content"] == "from can/b"
        nothing = await running.chat(**{"x-none": "1"})
        assert nothing.status_code == 404
        assert nothing.json()["error"]["code"] == "no_endpoints"
        assert {"endpoint": "can/a", "by": "mine", "why": "no reason"} in nothing.json()["error"]["metadata"][
            "excluded_by"
        ]


async def test_hook_lookup_response_and_store_response_are_a_pair(start: Start) -> None:
    async with start(KEEPING) as running:
        first, again = await running.chat(), await running.chat()
        assert again.json() == first.json()
        assert [each.headers["x-pointsman-cost"] for each in (first, again)] == ["0.000003002", "0.00"]
        assert again.headers["x-pointsman-provider"] == "can"
        assert "x-pointsman-attempts" not in again.headers


async def test_hook_lookup_response(start: Start) -> None:
    async with start(KEEPING) as running:
        asked = {"model": "one", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        first, again = [await running.client.post("/v1/chat/completions", json=asked) for _ in range(2)]
        assert again.headers["content-type"] == first.headers["content-type"]
        assert again.text == first.text
        assert again.text.endswith("data: [DONE]\n\n")
        assert first.headers["x-generation-id"] != again.headers["x-generation-id"]


async def test_hook_store_response(start: Start) -> None:
    """Only complete answers are offered, and only those that are not larger than was asked for."""
    async with start(KEEPING) as running:
        assert (await running.chat("nope")).status_code == 400
        assert (await running.chat(**{"x-keep": "10"})).status_code == 200
        assert running.gateway.kept == {}
        await running.chat()
        (stored,) = running.gateway.kept.values()
        assert (stored.endpoint, stored.stream, stored.usage.output) == ("can/a", False, 2)


async def test_hook_reserve_usage(start: Start) -> None:
    plugin = (
        PRICED
        + """
@hookimpl
def reserve_usage(exchange):
    costs = [exchange.quote(each.endpoint, Usage(1, 1)).nano for each in exchange.candidates]
    exchange.response_headers["x-quoted"] = str(costs)
    if exchange.headers.get("x-poor"):
        raise RateLimited("nothing left")
    return waiting() if exchange.headers.get("x-slow") else None
async def waiting():
    import asyncio
    await asyncio.sleep(0)
    raise RateLimited("not even later")
"""
    )
    async with start(plugin) as running:
        assert (await running.chat()).headers["x-quoted"] == "[1001, 1001]"
        refused = await running.chat(**{"x-poor": "1"})
        assert (refused.status_code, "x-pointsman-attempts" in refused.headers) == (429, False)
        later = await running.chat(**{"x-slow": "1"})
        assert (later.status_code, later.json()["error"]["message"]) == (429, "not even later")


async def test_hook_settle_usage(start: Start) -> None:
    plugin = (
        PRICED
        + """
@hookimpl
def reserve_usage(exchange):
    if exchange.headers.get("x-poor"):
        raise RateLimited("nothing left")
@hookimpl
async def settle_usage(exchange, usage, cost):
    told = (exchange.outcome, usage and usage.output, cost and cost.nano)
    exchange.gateway.settled = [*getattr(exchange.gateway, "settled", []), told]
    if exchange.headers.get("x-lost"):
        exchange.unsettled = Unavailable("not on disk")
    raise ValueError("observers do not fail requests")
"""
    )
    async with start(plugin) as running:
        assert (await running.chat()).status_code == 200
        assert (await running.chat(**{"x-poor": "1"})).status_code == 429
        assert (await running.chat("nope")).status_code == 400
        unsettled = await running.chat(**{"x-lost": "1"})
        assert (unsettled.status_code, unsettled.json()["error"]["message"]) == (503, "not on disk")
        assert running.gateway.settled == [
            ("complete", 2, 3002),
            ("failed", None, None),
            ("complete", 2, 3002),
        ]


async def test_hook_call_provider(start: Start) -> None:
    plugin = """
CANNED = [call_provider]
@hookimpl(tryfirst=True)
async def call_provider(exchange, attempt):
    how = exchange.headers.get("x-how")
    if how == "broken" and attempt.number == 1:
        raise KeyError("a bug")
    if how == "events":
        async def events():
            yield Started("r", "m", 1)
            yield PartStart(0, 0, Text(""))
            yield PartDelta(0, 0, "streamed")
            yield PartEnd(0, 0)
            yield Finished(0, Finish("stop"))
        return events()
    return await CANNED[0](exchange, attempt)
"""
    async with start(plugin) as running:
        assert (await running.chat(**{"x-how": "events"})).json()["choices"][0]["message"][
            "content"
        ] == "streamed"
        failed_over = await running.chat(**{"x-how": "broken"})
        assert failed_over.headers["x-pointsman-attempts"] == "2"
        assert failed_over.json()["choices"][0]["message"]["content"] == "from can/b"


async def test_hook_continue_stream(start: Start) -> None:
    """A plugin's own answer is nothing that others could be asked to go on with: who goes on is told in
    tests/test_continuing.py and in those of the plugin resume."""
    plugin = """
@hookimpl(tryfirst=True)
def call_provider(exchange, attempt):
    async def events():
        yield Started("r", "m", 1)
        yield PartStart(0, 0, Text(""))
        yield PartDelta(0, 0, "half of")
        raise KeyError("a bug")
    return events()
@hookimpl
def admit(exchange):
    exchange.resumes = exchange.headers.get("x-how") == "resumes"
@hookimpl
async def continue_stream(exchange, attempt, so_far):
    exchange.gateway.seen = (attempt.number, attempt.error.phase, so_far.text)
    return lambda candidate, chat: []
"""
    async with start(plugin) as running:
        asked = {"model": "one", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        for how, seen in (("", None), ("resumes", (1, "stream", "half of"))):
            headers = {"x-how": how}
            answer = await running.client.post("/v1/chat/completions", json=asked, headers=headers)
            assert "half of" in answer.text
            assert '"error"' in answer.text
            assert "[DONE]" not in answer.text
            assert getattr(running.gateway, "seen", None) == seen


async def test_hook_attempt_started(start: Start) -> None:
    plugin = """
CANNED = [call_provider]
@hookimpl(tryfirst=True)
async def call_provider(exchange, attempt):
    exchange.gateway.seen.append(("called", attempt.number))
    if attempt.number == 1 and exchange.headers.get("x-how") == "broken":
        raise KeyError("a bug")
    return await CANNED[0](exchange, attempt)
@hookimpl
def attempt_started(exchange, attempt):
    exchange.gateway.seen = [*getattr(exchange.gateway, "seen", []), ("started", attempt.endpoint.id)]
    raise ValueError("observers do not fail requests")
"""
    async with start(plugin) as running:
        assert (await running.chat(**{"x-how": "broken"})).status_code == 200
        assert running.gateway.seen == [
            *(("started", "can/a"), ("called", 1)),
            *(("started", "can/b"), ("called", 2)),
        ]


async def test_hook_attempt_finished(start: Start) -> None:
    plugin = """
CANNED = [call_provider]
@hookimpl(tryfirst=True)
async def call_provider(exchange, attempt):
    if attempt.number == 1:
        raise KeyError("a bug")
    return await CANNED[0](exchange, attempt)
@hookimpl
def attempt_finished(exchange, attempt):
    usage = attempt.usage and attempt.usage.input
    seen = (attempt.number, attempt.complete, type(attempt.error).__name__, usage, attempt.ended is not None)
    exchange.gateway.seen = [*getattr(exchange.gateway, "seen", []), seen]
    raise ValueError("observers do not fail requests")
"""
    async with start(plugin) as running:
        assert (await running.chat()).status_code == 200
        first, second = running.gateway.seen
        assert first[:2] == (1, False)
        assert first[2:] == ("MalformedAnswer", None, True)
        assert second == (2, True, "NoneType", 3, True)


async def test_hook_register_routing(start: Start) -> None:
    plugin = """
@hookimpl
def register_routing(register):
    register("backwards", lambda exchange, candidates: candidates[::-1], help="the last first")
"""
    routes = "routes: [{{name: all, use: {{pick: {}}}}}]"
    async with start(plugin, more=routes.format("backwards")) as running:
        answer = await running.chat()
        assert answer.json()["choices"][0]["message"]["content"] == "from can/b"
    with pytest.raises(ConfigError, match=r"no plugin in use picks 'backward'[\s\S]*did you mean backwards"):
        async with start(plugin, more=routes.format("backward")):
            pass
    with pytest.raises(PluginError, match="both register pick 'backwards'"):
        async with start(plugin + plugin.split("def register_routing(register):")[1]):
            pass


async def test_hook_register_routing_variables(start: Start) -> None:
    plugin = """
@hookimpl
def register_routing(register):
    register.variable("size", int, lambda exchange: len(exchange.request.raw), help="Bytes.")
    register.variable("words", dict[str, str], lambda exchange: {"a": "x"}, help="Words.")
"""
    routes = "routes: [{{name: big, when: {{{}}}, use: {{models: [can/b]}}}}]"
    for when, endpoint in (
        ('size: "> 10"', "can/b"),
        ('size: "> 10k"', "can/a"),
        ("words.a: x", "can/b"),
        ("words.b: x", "can/a"),
    ):
        async with start(plugin, more=routes.format(when)) as running:
            answer = await running.chat()
            assert answer.json()["choices"][0]["message"]["content"] == f"from {endpoint}"
    for when, why in (
        ('siez: "> 10"', r"unknown key `siez` in `routes\.0\.when`[\s\S]*did you mean `size`"),
        ("size: large", "'large' compares nothing with a number"),
        ("words.a: []", "an empty list matches nothing"),
    ):
        with pytest.raises(ConfigError, match=why):
            async with start(plugin, more=routes.format(when)):
                pass
    with pytest.raises(StartupError, match="key 'size' of 'when' is claimed twice: by mine and by mine"):
        async with start(plugin + '    register.variable("size", str, print, help="Mine too.")\n'):
            pass


async def test_hook_check_setup(start: Start) -> None:
    plugin = """
@hookimpl
async def check_setup(gateway):
    config = gateway.setup.config
    return [config.problem("models.demo/one", "is that all?", severity="warning")]
"""
    async with start(plugin) as running:
        chain = running.gateway.setup.plugins.chain("check_setup", None)
        (problem,) = await concat(chain, running.gateway)
        assert (problem.message, problem.severity) == ("is that all?", "warning")


async def test_hook_price_usage(start: Start) -> None:
    plugin = """
@hookimpl
def price_usage(exchange, usage):
    if exchange.headers.get("x-broken"):
        raise ZeroDivisionError
    return Cost(usage.input * 1000 + usage.output)
"""
    async with start(plugin, more="cost_in_body: always") as running:
        answer = await running.chat()
        assert answer.headers["x-pointsman-cost"] == "0.000003002"
        assert json.loads(answer.text, parse_float=str)["usage"]["cost"] == "0.000003002"
        unpriced = await running.chat(**{"x-broken": "1"})
        assert (unpriced.status_code, unpriced.headers["x-pointsman-cost"]) == (200, "unpriced")
        assert unpriced.json()["usage"]["cost"] is None


async def test_hook_quote_usage(start: Start) -> None:
    plugin = """
from datetime import timedelta
from pointsman.outlook import Quote

@hookimpl
def quote_usage(exchange, usage, at):
    if exchange.headers.get("x-broken"):
        raise BadRequest("no prices today")
    exchange.gateway.seen = exchange.pricing.id
    return Quote(Cost(at.minute), at + timedelta(minutes=1))
"""
    async with start(plugin) as running:
        told = await running.chat(**{"x-pointsman-explain": "true"})
        record = json.loads(told.headers["x-pointsman-decision"])
        now, candidate = datetime.fromisoformat(record["at"]), record["candidates"][-1]
        then = now + timedelta(minutes=1)
        assert candidate["price"] == {
            "nano": now.minute,
            "next": {"at": then.isoformat(), "nano": then.minute},
        }
        assert running.gateway.seen == candidate["endpoint"]
        told = await running.chat(**{"x-pointsman-explain": "true", "x-broken": "1"})
        assert json.loads(told.headers["x-pointsman-decision"])["candidates"][0]["price"] == {"nano": None}


async def test_hook_request_finished(start: Start) -> None:
    plugin = """
@hookimpl
async def request_finished(exchange):
    exchange.gateway.seen = [*getattr(exchange.gateway, "seen", []), (exchange.outcome, exchange.status)]
    raise ValueError("observers do not fail requests")
"""
    async with start(plugin) as running:
        assert (await running.chat()).status_code == 200
        assert (await running.chat("nope")).status_code == 400
        assert running.gateway.seen == [("complete", 200), ("failed", 400)]


async def test_a_hook_that_answers_nonsense_fails_the_attempt_and_not_the_server(start: Start) -> None:
    plugin = """
WRONG = [call_provider]
@hookimpl(tryfirst=True)
async def call_provider(exchange, attempt):
    return 7 if attempt.number == 1 else await WRONG[0](exchange, attempt)
"""
    async with start(plugin) as running:
        answer = await running.chat()
        assert (answer.status_code, answer.headers["x-pointsman-attempts"]) == (200, "2")

"""A real server with limits, in front of a provider that always answers."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.config import Document, read_text
from pointsman.exchange import Actor, Candidate, Exchange, Level
from pointsman.gateway import Gateway
from pointsman.money import Cost
from pointsman.setup import assemble
from pointsman.state import MemoryState
from pointsman.testing import FakeProvider, Received, Running, Script, running
from pointsman.types import Peek, Usage
from pointsman_limits import Limits, LimitSettings, Rate, UsdRate

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "large",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
EVENTS = [
    b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n',
    b"data: [DONE]\n\n",
]


def answered(received: Received) -> Script:
    """What the provider does where nothing else is said: it answers."""
    return Script.sse(EVENTS) if received.json.get("stream") else Script.json(ANSWER)


Serve = Callable[..., AbstractAsyncContextManager[Running]]


class Clock:
    """Monotonic seconds, and a wall clock that starts at half past ten."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> int:
        return round(self.seconds * 1e9)

    def utcnow(self) -> datetime:
        return datetime.fromtimestamp(
            datetime(2030, 5, 1, 10, 30, tzinfo=UTC).timestamp() + self.seconds, UTC
        )


@pytest.fixture
def clock() -> Clock:
    """The clock of the servers that `serve` starts; it stands until a test moves it."""
    return Clock()


@pytest.fixture
def digest() -> Callable[[str], str]:
    """What stands in the configuration for a key."""
    return lambda key: hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture
def serve(clock: Clock, digest: Callable[[str], str], tmp_path: Path) -> Serve:
    """Serves with limits for alice and default ones: `async with serve(alice, default=…)`.

    `frozen=False` leaves it the state, and so the clock, that it was started with. `more` stands behind the
    default, `key` behind alice's limits, `top` at the end of the file; `script` is what the provider does.
    """

    @asynccontextmanager
    async def run(
        alice: str = "null",
        *,
        default: str = "null",
        usage: str = "{}",
        frozen: bool = True,
        more: str = "",
        key: str = "",
        top: str = "",
        script: Callable[[Received], Script] = answered,
    ) -> AsyncIterator[Running]:

        async with FakeProvider(script) as fake:
            config = f"""
auth: keys
admin_key: root
plugins:
  openai: {{}}
  keys: {{}}
  routes: {{}}
  limits: {{default: {default}{more}}}
  usage: {usage}
  prices: {{}}
  echo: {{}}
keys:
  - {{name: alice, key_hash: {digest("alice")}, limits: {alice}{key}}}
  - {{name: bob, key_hash: {digest("bob")}}}
  - {{name: carol, key_hash: {digest("carol")}, role: admin, limits: {{requests: 1/day}}}}
  - {{name: dave, key_hash: {digest("dave")}, role: viewer}}
providers:
  lab: {{vendor: openai, base_url: "{fake.url}", api_key: provider-secret, price: {{input: 1, output: 2}}}}
models: {{acme/large: {{endpoints: [lab/large]}}, acme/both: {{endpoints: [lab/large, echo/echo]}}}}
{top}
"""
            async with running(config, folder=tmp_path) as served:
                if frozen:
                    served.gateway.state = MemoryState(now=clock.now, utcnow=clock.utcnow)
                yield served

    return run


@pytest.fixture
def ask() -> Callable[..., object]:
    """Asks a server for a chat: `await ask(served, "alice")`."""

    async def send(served: Running, key: str = "alice", **more: object) -> httpx.Response:
        body = {"model": "acme/large", "messages": [{"role": "user", "content": "Hello"}], **more}
        return await served.client.post("/v1/chat/completions", json=body, headers={"x-api-key": key})

    return send


ALONE = """
auth: none
plugins:
  openai: {{}}
  echo: {{}}
  prices: {{}}
  routes: {{}}
  limits: {limits}
providers:
  lab: {{vendor: openai, base_url: "http://127.0.0.1:1/v1", api_key: x, price: {{input: 1, output: 2}}}}
models: {{acme/large: {{endpoints: [lab/large, lab/other]}}, acme/small: {{endpoints: [echo/echo]}}}}
"""


def _document(limits: str) -> Document:
    return read_text(ALONE.format(limits=limits), name="proxy.yaml", env={}, base=Path())


class Lab:
    """A plugin at work, and exchanges for it."""

    def __init__(self, gateway: Gateway, plugin: Limits) -> None:
        self.gateway = gateway
        self.plugin = plugin
        self._numbers = count()

    def exchange(
        self,
        actor: Actor,
        *,
        model: str = "acme/large",
        characters: int = 0,
        max_tokens: int | None = 0,
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """A request whose candidates are ranked."""
        codec = self.gateway.setup.dialects.get("openai-chat", "chat")
        exchange = Exchange(self.gateway, codec, headers or {})
        exchange.generation_id = f"gen-{next(self._numbers)}"
        exchange.actor = actor
        exchange.peek = Peek(model, max_tokens=max_tokens, characters=characters)
        endpoints = self.gateway.setup.catalogue.models[model].endpoints
        exchange.candidates = [Candidate(endpoint, model) for endpoint in endpoints]
        return exchange

    async def reserve(self, exchange: Exchange) -> None:
        """As the pipeline does, before the first attempt. Raises RateLimited."""
        exchange.reserved = True
        patient = self.plugin.reserve_usage(exchange)
        if patient is not None:
            await patient.rest

    async def settle(self, exchange: Exchange, usage: Usage | None = None, nano: int | None = None) -> None:
        """As the pipeline does, after the attempts; without usage nothing was used."""
        cost = Cost(nano) if nano is not None else None
        exchange.usage = usage
        rest = self.plugin.settle_usage(exchange, usage, cost)
        if rest is not None:
            await rest

    async def answer(self, exchange: Exchange, usage: Usage | None = None, nano: int | None = None) -> None:
        """All of it, with one attempt."""
        await self.reserve(exchange)
        exchange.begin_attempt(exchange.candidates[0])
        await self.settle(exchange, usage, nano)


@asynccontextmanager
async def _lab(limits: str = "{}", state: MemoryState | None = None) -> AsyncIterator[Lab]:
    """The plugin with these settings: `async with lab("{max_wait: 5s}") as it`."""
    setup = assemble(_document(limits), env={})
    async with Gateway.dry(setup) as gateway:
        gateway.state = state or gateway.state
        plugin = next(each.target for each in setup.plugins.plugins if each.name == "limits")
        yield Lab(gateway, plugin)


def _limits(**given: Any) -> LimitSettings:
    """Limits of a record, rates as they are written: `limits(requests="10/s")`."""
    read: dict[str, Any] = {}
    for name, value in given.items():
        kind = UsdRate if name == "usd" else Rate
        several = value if isinstance(value, list) else [value]
        read[name] = value if name == "concurrency" else tuple(kind.parse(each) for each in several)
    return LimitSettings(**read)


def _key(
    name: str = "alice", team: Level | None = None, *, priority: str = "interactive", **given: Any
) -> Actor:
    """Whoever asks, with these limits."""
    extra = {"limits": _limits(**given) if given else None, "priority": priority}
    levels = (Level("key", f"key-{name}", name, extra), *((team,) if team else ()))
    return Actor(name, f"key-{name}", extra=extra, levels=levels, tags=("red", "blue"))


def _team(name: str = "research", **given: Any) -> Level:
    """A team with these limits."""
    return Level("team", f"team-{name}", name, {"limits": _limits(**given)})


@pytest.fixture
def lab() -> Callable[..., AbstractAsyncContextManager[Lab]]:
    """The plugin alone with these settings: `async with lab("{max_wait: 5s}") as it`."""
    return _lab


@pytest.fixture
def key() -> Callable[..., Actor]:
    """Whoever asks, with these limits: `key(requests="10/s")`."""
    return _key


@pytest.fixture
def team() -> Callable[..., Level]:
    """A team with these limits: `key(team=team(concurrency=3))`."""
    return _team


@pytest.fixture
def config() -> Callable[[str], Document]:
    """A configuration with these settings of the plugin."""
    return _document

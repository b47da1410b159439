"""Answers, requests and clocks for the cache's tests; and a gateway in front of a provider that numbers its
answers."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import httpx
import pytest

from pointsman.catalogue import Catalogue, Endpoint, Model
from pointsman.dialects import Codec
from pointsman.events import explode
from pointsman.exchange import Actor, Exchange, Plan
from pointsman.losses import Losses
from pointsman.providers import Provider
from pointsman.stored import Stored
from pointsman.testing import FakeProvider, Received, Running, Script, running
from pointsman.types import Choice, Embeddings, Finish, Message, Request, Response, Text, Usage
from pointsman_anthropic import CountTokensCodec, MessagesCodec
from pointsman_cache import Cache
from pointsman_openai import ResponsesCodec
from pointsman_openai.codecs import ChatCodec, CompletionsCodec, EmbeddingsCodec


class Clock:
    """Monotonic seconds that stand until a test moves them."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    """A clock that stands."""
    return Clock()


@pytest.fixture(scope="session")
def answer() -> Callable[..., Stored]:
    """Makes an answer to keep: `answer("Hello", "there", endpoint="lab/m")`, a stream where it has several
    frames."""

    def make(*texts: str, endpoint: str = "lab/m", model: str = "acme/m", name: str = "gen-1") -> Stored:
        frames = tuple((text.encode(), 1) for text in texts)
        return Stored(
            frames=frames,
            stream=len(frames) > 1,
            usage=None,
            finish=None,
            provider=endpoint.partition("/")[0],
            model=model,
            endpoint=endpoint,
            generation_id=name,
            at=0.0,
        )

    return make


@pytest.fixture(scope="session")
def asking() -> Callable[..., Any]:
    """Makes what the cache reads of an exchange: a request, who asks, what was decided.

    `body` may be the bytes themselves. The catalogue has `acme/m` (alias `big`) at `lab/m` and `spare/m`, and
    `acme/n` at `lab/n`.
    """
    providers = {name: Provider(name, kind=name) for name in ("lab", "spare")}
    catalogue = Catalogue(providers)
    catalogue.add(
        Model("acme/m", [Endpoint(providers["lab"], "m"), Endpoint(providers["spare"], "m")], ("big",))
    )
    catalogue.add(Model("acme/n", [Endpoint(providers["lab"], "n")]))

    def make(
        body: Any = None,
        *,
        codec: Codec | None = None,
        headers: Mapping[str, str] | None = None,
        plan: Plan | None = None,
        actor: Actor | None = None,
    ) -> Any:
        codec = codec or ChatCodec()
        if body is None:
            body = {"model": "acme/m", "messages": [{"role": "user", "content": "Hello"}]}
        request = Request(body if isinstance(body, bytes) else json.dumps(body).encode())
        peek = codec.peek(request)
        exchange = SimpleNamespace(
            codec=codec,
            headers=headers or {},
            request=request,
            peek=peek,
            plan=plan or Plan(None, (peek.model, *peek.models)),
            actor=actor or Actor("alice", "key-alice"),
            setup=SimpleNamespace(catalogue=catalogue),
            notes={},
            response_headers={},
            keep=0,
        )
        exchange.said = partial(Exchange.said, exchange)
        return exchange

    return make


CODECS: Mapping[str, Codec] = {
    f"/v1{codec.path}": codec
    for codec in (
        *(ChatCodec(), CompletionsCodec(), EmbeddingsCodec()),
        *(ResponsesCodec(), MessagesCodec(), CountTokensCodec()),
    )
}
DIALECTS = {
    "lab": "openai-chat",
    "spare": "openai-chat",
    "resp": "openai-responses",
    "mess": "anthropic-messages",
}
"""What each provider speaks: they are the same one."""
PEOPLE = Path(__file__).with_name("people.py")


def said(received: Received, number: int) -> Script:
    """A provider's answer in the dialect that it was asked in: it says which it is."""
    codec, request = CODECS[received.path], Request(received.body)
    peek, losses = codec.peek(request), Losses()
    if codec.surface == "embeddings":
        vectors = Embeddings("m", [[float(number)]], Usage(input=3))
        return Script.whole(codec.encode_response(vectors, request=request, losses=losses))
    message = Message("assistant", [Text(f"Answer {number}.")])
    counted = {"anthropic-messages": {"input_tokens": number}} if codec.surface == "count_tokens" else {}
    choices = [Choice(message, Finish("stop", "stop"))]
    response = Response(f"answer-{number}", "m", 1, choices, Usage(3, 2), counted)
    if not peek.stream:
        return Script.whole(codec.encode_response(response, request=request, losses=losses))
    encoder = codec.encode_stream(peek=peek, request=request, losses=losses)
    events = [*map(encoder.feed, explode(response)), *(event for event, _ in encoder.finish())]
    return Script.sse(filter(None, events))


class Lab:
    """A gateway in front of a provider that numbers its answers, or answers as `answers` says."""

    def __init__(self, running: Running, provider: FakeProvider) -> None:
        self.running = running
        self.provider = provider

    @property
    def calls(self) -> int:
        """How often the provider was called."""
        return len(self.provider.requests)

    @property
    def cache(self) -> Cache:
        """The plugin."""
        plugin = self.running.gateway.setup.plugins.get("cache")
        assert plugin is not None
        target: Cache = plugin.target
        return target

    async def ask(self, path: str, body: Any, key: str = "alice", **headers: str) -> httpx.Response:
        """Ask for an answer; `_` in headers stands for `-`."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.running.client.post(path, content=content, headers={"x-api-key": key, **given})

    async def idle(self) -> None:
        """Return when no request is under way."""
        async with asyncio.timeout(10):
            while self.running.gateway.running:
                await asyncio.sleep(0)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when something is so."""
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0)

    def body(
        self, path: str, text: str = "Hello", *, model: str = "", who: str = "", **more: Any
    ) -> dict[str, Any]:
        """A small request for a path, in the name of `who` where that does not count. Unless one is named, it
        is for a model that speaks the same dialect."""
        named = {"user": who}
        if path.endswith("/chat/completions"):
            content: dict[str, Any] = {"messages": [{"role": "user", "content": text}]}
        elif path.endswith(("/messages", "/count_tokens")):
            content = {"messages": [{"role": "user", "content": text}], "max_tokens": 99}
            named = {"metadata": {"user_id": who}}
            model = model or "acme/mess"
        elif path.endswith("/completions"):
            content = {"prompt": text}
        else:
            content = {"input": text}
            if path.endswith("/responses"):
                named = {"session_id": who}
                model = model or "acme/resp"
        return {"model": model or "acme/m", **content, **(named if who else {}), **more}


Answering = Callable[[Received], Script | Awaitable[Script]]


@pytest.fixture
def lab(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Lab]]:
    """Boots one: `async with lab({"always": True}) as lab`, with settings of the cache.

    `answers` takes the place of the numbered ones, `more` are further sections of the configuration.
    """

    @asynccontextmanager
    async def boot(
        cache: Mapping[str, Any],
        *,
        answers: Answering | None = None,
        door: Literal["auto", "asgi"] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[Lab]:
        numbers = itertools.count(1)
        async with FakeProvider(answers or (lambda received: said(received, next(numbers)))) as fake:
            config = {
                "auth": "keys",
                "plugins": {
                    "cache": dict(cache),
                    **dict.fromkeys(("balance", "keys", "limits"), False),
                    str(PEOPLE): {},
                },
                "providers": {
                    name: {"base_url": fake.url, "api_key": "sk-lab", "dialects": [dialect]}
                    for name, dialect in DIALECTS.items()
                },
                "models": {
                    "acme/m": {"aliases": ["big"], "endpoints": ["lab/m", "spare/m"]},
                    "acme/resp": {"endpoints": ["resp/m"]},
                    "acme/mess": {"endpoints": ["mess/m"]},
                },
                "log": {"level": "error"},
                **(more or {}),
            }
            async with running(config, folder=tmp_path, door=door) as server:
                yield Lab(server, fake)

    return boot


@pytest.fixture
def numbered() -> Callable[[Received, int], Script]:
    """Makes a provider's answer with a number in it."""
    return said

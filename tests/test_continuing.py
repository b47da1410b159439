"""Continuing: who is asked to go on, in which way, and when nobody is."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pointsman.chain import Chain, Link
from pointsman.config import read_text
from pointsman.continuing import Continuation, continued, to_continue
from pointsman.dialects import Mark
from pointsman.events import Event, Finished, PartDelta, PartStart, Started
from pointsman.exchange import Candidate, Exchange, Plan
from pointsman.gateway import Gateway
from pointsman.joint import Joint
from pointsman.lanes import Lanes, Way
from pointsman.setup import assemble
from pointsman.types import Chat, Finish, Message, Request, Text

CONFIG = """
plugins: {keys: {}, openai: {}, anthropic: {}, vendors: {}, routes: {}, echo: {}}
providers:
  one: {base_url: "http://127.0.0.1:9/v1"}
  two: {base_url: "http://127.0.0.1:9/v1", dialects: [anthropic-messages]}
models:
  demo/m:
    endpoints:
      - one/m
      - {endpoint: two/claude-sonnet-4-5, params: {temperature: 0.5}}
      - echo/echo
      - two/claude-opus-4-7
"""
ASKED = {"model": "demo/m", "messages": [{"role": "user", "content": "Hi"}], "top_p": 0.5, "odd": {"a": 1}}


class Silent:
    """A `StreamEncoder` that writes nothing."""

    def feed(self, event: Event) -> bytes:
        return b""

    def finish(self) -> list[tuple[bytes, Mark]]:
        return []


class NoSeam:
    """A `Seam` that takes nothing out."""

    def feed(self, text: str) -> str:
        return text

    def finish(self) -> str:
        return ""


def asking(**fields: Any) -> Exchange:
    """A request whose candidates are known, with their ways."""
    gateway = Gateway(assemble(read_text(CONFIG, name="proxy.yaml", env={}, base=Path()), env={}))
    exchange = Exchange(gateway, gateway.setup.dialects.get("openai-chat", "chat"), {})
    exchange.request = Request(json.dumps({**ASKED, **fields}).encode())
    exchange.peek = exchange.codec.peek(exchange.request)
    lanes = Lanes(exchange.codec, exchange.request, gateway.setup.dialects)
    exchange.candidates = [
        Candidate(endpoint, "demo/m", way=lanes.way(endpoint))
        for endpoint in gateway.setup.catalogue.models["demo/m"].endpoints
    ]
    return exchange


def said(*, ended: bool = False) -> Joint:
    """What the client has."""
    joint = Joint(Silent(), asked=1)
    for event in (Started("r", "m", 1), PartStart(0, 0, Text("")), PartDelta(0, 0, "Hello")):
        joint.feed(event)
    if ended:
        joint.feed(Finished(0, Finish("stop")))
    return joint


def begun(chat: Chat, text: str = "Hello") -> Continuation:
    """The request with an answer begun."""
    messages = [*chat.messages, Message("assistant", [Text(text)])]
    return Continuation(msgspec.structs.replace(chat, messages=messages), NoSeam)


def ways(candidate: Candidate, chat: Chat) -> Sequence[Continuation]:
    return [begun(chat, "first way"), begun(chat, "second way")]


def body_of(candidate: Candidate | None) -> Any:
    assert candidate is not None
    assert candidate.way is not None
    assert candidate.way.request is not None
    assert candidate.seam is NoSeam
    return candidate.way.request.body


def test_an_endpoint_is_asked_what_it_would_have_been_and_the_answer_begun() -> None:
    exchange = asking()
    one, two = exchange.candidates[:2]
    assert body_of(continued(exchange, one, ways)) == {
        **ASKED,
        "model": "m",
        "messages": [*ASKED["messages"], {"role": "assistant", "content": "first way"}],  # type: ignore[misc]
    }
    assert one.way is not None
    assert one.way.request is None, "the candidate itself stays as it is"
    translated = body_of(continued(exchange, two, ways))
    assert translated["temperature"] == 0.5, "its default"
    assert [each["role"] for each in translated["messages"]] == ["user", "assistant"]


def test_each_way_is_tried_once_and_those_that_lose_content_never() -> None:
    exchange = asking()
    one, two, _, newest = exchange.candidates
    found = []
    while (candidate := continued(exchange, one, ways)) is not None:
        found.append(body_of(candidate)["messages"][-1]["content"])
        exchange.begin_attempt(candidate)
    assert found == ["first way", "second way"]
    assert continued(exchange, two, ways) is not None, "that is another one"
    assert continued(exchange, newest, ways) is None, "it begins all its answers itself"


def test_who_gets_no_request_of_ours_cannot_be_asked() -> None:
    exchange = asking()
    echo = exchange.candidates[2]
    assert echo.way is not None
    assert echo.way.lane == "canonical"
    assert continued(exchange, echo, ways) is None
    one = exchange.candidates[0]
    assert continued(exchange, Candidate(one.endpoint, "demo/m"), ways) is None
    surface = exchange.setup.dialects.get("openai-chat", "completions")
    assert continued(exchange, Candidate(one.endpoint, "demo/m", way=Way("bytes", surface)), ways) is None
    exchange.request = Request(b'{"model": "demo/m", "messages": [{"role": "user", "content": 5}]}')
    assert continued(exchange, one, ways) is None, "a request that only its host understands"


def hooked(exchange: Exchange) -> list[tuple[int, str]]:
    """Let a plugin answer the hook; what it was asked."""
    asked = []

    def answer(exchange: Exchange, attempt: Any, so_far: Message) -> Any:
        asked.append((attempt.number, so_far.text))
        return ways

    chain = Chain("continue_stream", (Link("mine", answer, False),))
    exchange.setup = replace(exchange.setup, chains=replace(exchange.setup.chains, continue_stream=chain))
    return asked


async def test_a_plugin_is_asked_how_with_what_the_client_has() -> None:
    exchange = asking()
    asked = hooked(exchange)
    attempt = exchange.begin_attempt(exchange.candidates[0])
    assert await to_continue(exchange, attempt, said(), exchange.candidates[1:]) is ways
    assert asked == [(1, "Hello")]


@pytest.mark.parametrize("why", ["nobody left", "attempts", "deadline", "ended"])
async def test_nobody_is_asked_where_it_would_be_in_vain(why: str) -> None:
    exchange = asking()
    asked = hooked(exchange)
    attempt = exchange.begin_attempt(exchange.candidates[0])
    left = [] if why == "nobody left" else exchange.candidates[1:]
    if why == "attempts":
        exchange.plan = Plan(None, ("demo/m",), attempts=1)
    if why == "deadline":
        exchange.plan = Plan(None, ("demo/m",), deadline=0.5)
        exchange.started = time.monotonic() - 1
    assert await to_continue(exchange, attempt, said(ended=why == "ended"), left) is None
    assert asked == []

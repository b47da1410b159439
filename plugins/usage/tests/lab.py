"""A plugin for the tests: a provider whose models answer, fail or break off by name, somebody who asks, a
price with a markup, a stored answer, and a task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from pointsman import hookimpl
from pointsman.config import ProviderSettings
from pointsman.credentials import Key
from pointsman.errors import ConnectFailed
from pointsman.events import Event, Finished, PartDelta, PartEnd, PartStart, Started, UsageUpdate
from pointsman.exchange import Actor, Attempt, Candidate, Exchange, Level
from pointsman.money import Cost, sum_cost
from pointsman.providers import Provider
from pointsman.registers import RegisterProvider
from pointsman.secrets import Secret
from pointsman.stored import Stored
from pointsman.types import Finish, Text, Usage, UsageDetails

POINTSMAN_API = 1


def make(name: str, settings: ProviderSettings) -> Provider:
    return Provider(name, kind="lab", dialects=frozenset({"openai-chat"}))


@hookimpl
def register_providers(register: RegisterProvider) -> None:
    register("lab", make)


@hookimpl
def authenticate(exchange: Exchange) -> Actor:
    extra = {"log_bodies": exchange.headers.get("x-lab-bodies")}
    levels = (
        Level("key", "key-1", "alice", extra),
        Level("team", "team-1", "Research"),
        Level("organisation", "org-1", "Acme"),
    )
    return Actor("alice", "key-1", role="admin", levels=levels, extra=extra)


@hookimpl
def rank_candidates(exchange: Exchange, candidates: list[Candidate]) -> None:
    if "x-lab-byok" in exchange.headers:
        for candidate in candidates:
            candidate.key = Key(Secret("sk-own"))
    if "x-lab-task" in exchange.headers:
        exchange.notes["task"] = exchange.headers["x-lab-task"]


@hookimpl
def lookup_response(exchange: Exchange) -> Stored | None:
    if exchange.peek.model != "lab/stored":
        return None
    return Stored(
        ((b'{"id": "x", "object": "chat.completion", "choices": []}', 0),),
        stream=False,
        usage=Usage(input=10, output=5),
        finish=Finish("stop"),
        provider="lab",
        model="lab/stored",
        endpoint="lab/stored",
        generation_id="gen-0",
        at=0.0,
    )


@hookimpl
def reserve_usage(exchange: Exchange) -> None:
    if "x-lab-strict" in exchange.headers:
        exchange.strict = True


@hookimpl
def call_provider(exchange: Exchange, attempt: Attempt) -> AsyncIterator[Event]:
    return answer(attempt.endpoint.native_id)


async def answer(native_id: str) -> AsyncIterator[Event]:
    if native_id == "down":
        raise ConnectFailed("the lab is closed")
    yield Started("lab-1", native_id, 0)
    yield PartStart(0, 0, Text(""))
    yield PartDelta(0, 0, "Hello")
    if native_id == "hangs":
        await asyncio.Event().wait()
    if native_id == "cut":
        raise ConnectFailed("the lab burned down")
    yield PartEnd(0, 0)
    if native_id == "billed":
        details = UsageDetails(audio_input=7, searches=2)
        yield UsageUpdate(Usage(1000, 50, service_tier="flex", details=details, reported_nano=1_000_000))
    elif native_id != "silent":
        yield UsageUpdate(Usage(input=1000, output=50, cache_read=600, cache_write=100, reasoning=20))
    yield Finished(0, Finish("length", "max_tokens"))


@hookimpl
def price_usage(exchange: Exchange, usage: Usage) -> Cost | None:
    attempt = exchange.attempt
    if attempt is not None and attempt.served == "billed":
        exchange.notes["served"] = "another"
    if attempt is None or attempt.endpoint.native_id == "free":
        return None
    return sum_cost(
        {"input": (usage.input, 3_000_000), "output": (usage.output, 15_000_000)},
        source="lab list",
        markup=100_000,
    )

"""A plugin for the tests: a provider whose models answer, fail or break off by name, and a price."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from pointsman import hookimpl
from pointsman.config import ProviderSettings
from pointsman.errors import ConnectFailed
from pointsman.events import Event, Finished, PartDelta, PartEnd, PartStart, Started, UsageUpdate
from pointsman.exchange import Attempt, Exchange
from pointsman.money import Cost, sum_cost
from pointsman.providers import Provider
from pointsman.registers import RegisterProvider
from pointsman.types import Finish, Text, Usage

POINTSMAN_API = 1


def make(name: str, settings: ProviderSettings) -> Provider:
    return Provider(name, kind="lab", dialects=frozenset({"openai-chat"}))


@hookimpl
def register_providers(register: RegisterProvider) -> None:
    register("lab", make)


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
    if native_id != "silent":
        yield UsageUpdate(Usage(input=1000, output=50, cache_read=600, cache_write=100, reasoning=20))
    yield Finished(0, Finish("length", "max_tokens"))


@hookimpl
def price_usage(exchange: Exchange, usage: Usage) -> Cost | None:
    attempt = exchange.attempt
    if attempt is None or attempt.endpoint.native_id == "free":
        return None
    return sum_cost(
        {"input": (usage.input, 3_000_000), "output": (usage.output, 15_000_000)}, source="lab list"
    )

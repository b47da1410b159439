"""A plugin for the tests: a provider without a network, and keys whose names are their secrets."""

from __future__ import annotations

import asyncio

from pointsman import hookimpl
from pointsman.config import ProviderSettings
from pointsman.errors import ConnectFailed
from pointsman.exchange import Actor, Attempt, Exchange
from pointsman.providers import Provider
from pointsman.registers import RegisterProvider
from pointsman.types import Choice, Finish, Message, Response, Text, Usage

POINTSMAN_API = 1


class Lab(Provider):
    """Has only the models that the configuration lists, unless it is called `open`."""

    def takes(self, native_id: str) -> bool:
        return self.name == "open"


def make(name: str, settings: ProviderSettings) -> Provider:
    return Lab(name, kind="lab", dialects=frozenset({"openai-chat"}))


@hookimpl
def register_providers(register: RegisterProvider) -> None:
    register("lab", make)


@hookimpl
def authenticate(exchange: Exchange) -> Actor | None:
    name = exchange.headers.get("x-api-key")
    if name is None:
        return None
    return Actor(
        name,
        f"key-{name}",
        role="admin" if name == "root" else "member",
        models=("acme/small",) if name == "narrow" else ("*",),
        explains=name != "blind",
    )


@hookimpl
async def call_provider(exchange: Exchange, attempt: Attempt) -> Response | None:
    native_id = attempt.endpoint.native_id
    if native_id == "broken":
        raise ConnectFailed("the lab is closed")
    if native_id == "hangs":
        await asyncio.Event().wait()
    message = Message("assistant", [Text("Hello")])
    return Response(
        "lab-1", native_id, 0, [Choice(message, Finish("stop", "end"))], Usage(input=12, output=3)
    )

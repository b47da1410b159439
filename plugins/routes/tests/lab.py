"""A plugin for the tests: a provider without a network, and keys whose names are their secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pointsman import hookimpl
from pointsman.config import ProviderSettings, setting
from pointsman.errors import ConnectFailed
from pointsman.exchange import Actor, Attempt, Exchange
from pointsman.money import MILLION, NANO, Cost, round_cost
from pointsman.providers import Provider
from pointsman.registers import RegisterProvider, RegisterRouting, RegisterSettings
from pointsman.secrets import Secret
from pointsman.setup import Setup
from pointsman.types import Choice, Finish, Message, Response, Text, Usage

POINTSMAN_API = 1

PRICES = {
    "lab/large": {"input": 2, "output": 8, "request": 0.01, "image": 0.005, "audio": 40},
    "spare/large": {"input": 1, "output": 9, "request": 0, "image": 0, "audio": 1},
    "lab/tiny": dict.fromkeys(("input", "output", "request", "image", "audio"), 0),
}
"""US dollars for a million tokens, or each, by endpoint; those of others are not known."""


@dataclass(frozen=True)
class KeySettings:
    """A key."""

    record: ClassVar[str] = "key"
    name: str = setting(help="Its name.")
    key_hash: Secret = setting(help="Its hash.")
    role: Literal["admin", "member"] = setting(default="member", help="Its role.")
    models: tuple[str, ...] = setting(default=("*",), help="What it may use.")
    tags: tuple[str, ...] = setting(default=(), help="Its tags.")
    explain: bool = setting(default=True, help="Whether it sees records.")
    extra: Mapping[str, Any] = field(default_factory=dict)


class Lab(Provider):
    """Has only the models that the configuration lists, unless it is called `open` or `shut`."""

    def takes(self, native_id: str) -> bool:
        return self.name in ("open", "shut")

    def unready(self) -> str | None:
        return "is closed" if self.name == "shut" else None


def make(name: str, settings: ProviderSettings) -> Provider:
    return Lab(name, kind=name, dialects=frozenset({"openai-chat"}))


@hookimpl
def plugin_settings(register: RegisterSettings) -> None:
    register(tuple[KeySettings, ...], section="keys", default=(), help="Keys.")
    register.field("use", "colour", str | None, default=None, help="A word of another plugin.")


@hookimpl
def register_routing(register: RegisterRouting) -> None:
    register.variable("mood", str, lambda exchange: exchange.notes.get("mood"), help="What a plugin found.")


@hookimpl
def register_providers(register: RegisterProvider) -> None:
    register("lab", make)


def actor(setup: Setup, name: str) -> Actor | None:
    key = next((key for key in setup.section("keys") if key.name == name), None)
    return Actor(name, f"key-{name}", key.role, key.models, key.tags, key.explain) if key else None


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
def price_usage(exchange: Exchange, usage: Usage) -> Cost | None:
    prices = PRICES.get(exchange.pricing.id) if exchange.pricing else None
    if prices is None:
        return None
    details = usage.details
    sound, images = (details.audio_input, details.images) if details else (0, 0)
    amounts = {
        "input": (usage.input - sound) * prices["input"],
        "audio": sound * prices["audio"],
        "output": usage.output * prices["output"],
        "request": prices["request"] * MILLION,
        "images": images * prices["image"] * MILLION,
    }
    return round_cost({name: round(amount * NANO) for name, amount in amounts.items()}, "lab")


@hookimpl
def call_provider(exchange: Exchange, attempt: Attempt) -> Response:
    native_id = attempt.endpoint.native_id
    if native_id == "broken":
        raise ConnectFailed("the lab is closed")
    message = Message("assistant", [Text("Hello")])
    return Response(
        "lab-1", native_id, 0, [Choice(message, Finish("stop", "end"))], Usage(input=12, output=3)
    )

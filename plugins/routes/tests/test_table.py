"""Every preference of a request, in every dialect, over real sockets: who is tried, in which order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from pointsman.testing import FakeProvider, Received, Running, Script, running

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "main",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
}
CONFIG = """
plugins: {{routes: {{pick: ordered}}, catalogue: {{prices: false}}}}
log: {{level: error}}
providers:
  cheap: {{base_url: "{url}", dialects: [openai-chat]}}
  dear: {{base_url: "{url}", dialects: [openai-chat], data: {{trains: false, retains: false}}}}
  bare: {{base_url: "{url}", dialects: [openai-chat]}}
models:
  acme/main:
    aliases: [main]
    endpoints:
      - endpoint: cheap/main
        price: {{input: 1, output: 2, service_tiers: {{flex: 50%}}}}
        quantization: fp8
        parameters: [top_p]
        max_output: 100
      - endpoint: dear/main
        price: {{input: 5, output: 9}}
        service_tiers: [priority]
        quantization: fp16
        parameters: [temperature, max_tokens]
        distillable: true
        max_output: 4096
      - bare/main
  acme/other: {{endpoints: [{{endpoint: dear/other, price: {{input: 3, output: 3}}}}]}}
  acme/gift:
    endpoints:
      - {{endpoint: dear/gift, price: {{input: 3, output: 3}}}}
      - {{endpoint: cheap/gift, price: {{input: 0, output: 0}}}}
  acme/line-2: {{released: 2025-01-01, endpoints: [cheap/line-2]}}
  acme/line-3: {{released: 2025-09-01, endpoints: [cheap/line-3]}}
  acme/line-1.5: {{released: 2025-12-01, endpoints: [cheap/line-1.5]}}
presets:
  brief: {{models: [acme/main], params: {{temperature: 0.25}}, preferences: {{order: [dear]}}}}
"""
TURN = {"role": "user", "content": "Hello"}
ASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": [TURN]}),
    "responses": ("/v1/responses", {"input": "Hello"}),
    "messages": ("/v1/messages", {"messages": [TURN]}),
    "gemini": ("/v1beta/models/{model}:generateContent", {"contents": [{"parts": [{"text": "Hello"}]}]}),
}
"""A request in each dialect, but for its model."""
CALLED = {
    ("responses", "max_tokens"): "max_output_tokens",
    ("gemini", "max_tokens"): "maxOutputTokens",
    ("gemini", "service_tier"): "serviceTier",
}
"""What dialects call members of the table otherwise."""
INSIDE = frozenset({"temperature", "max_tokens"})
"""Those that stand in `generationConfig` in gemini."""
OURS = frozenset({"provider", "models", "preset", "session_id"})
SPEEDS = (("dear", 9000.0, 100.0), ("cheap", 1000.0, 900.0))
"""Of endpoints of acme/main: milliseconds for an answer of 1000 tokens, and to its first content."""


@dataclass(frozen=True)
class Case:
    """A preference: what a request says, and the endpoints that are tried for it, in this order."""

    said: Mapping[str, Any]
    expected: tuple[str, ...]
    model: str = "acme/main"
    lost: str | None = None
    sent: Mapping[str, Any] = field(default_factory=dict)
    """What the first provider gets to see."""


def provider(
    *expected: str, lost: str | None = None, more: Mapping[str, Any] | None = None, **said: Any
) -> Case:
    return Case({"provider": said, **(more or {})}, expected, lost=lost)


CHEAP, DEAR, BARE = ALL = ("cheap/main", "dear/main", "bare/main")
CASES: dict[str, Case] = {
    "nothing": Case({}, ALL),
    "order": provider(DEAR, CHEAP, BARE, order=["dear"]),
    "order of endpoints": provider(BARE, DEAR, CHEAP, order=["bare/main", "dear/fp16"]),
    "allow_fallbacks": provider(CHEAP, allow_fallbacks=False),
    "allow_fallbacks and order": provider(BARE, DEAR, order=["bare", "dear"], allow_fallbacks=False),
    "only": provider(CHEAP, BARE, only=["bare", "cheap"]),
    "only nobody": provider(only=["nobody"]),
    "ignore": provider(DEAR, BARE, ignore=["cheap"]),
    "require_parameters": provider(DEAR, require_parameters=True, more={"temperature": 0.5, "max_tokens": 9}),
    "data_collection": provider(DEAR, data_collection="deny"),
    "data_collection allow": provider(*ALL, data_collection="allow"),
    "zdr": provider(DEAR, zdr=True),
    "enforce_distillable_text": provider(DEAR, enforce_distillable_text=True),
    "quantizations": provider(CHEAP, BARE, quantizations=["fp8", "unknown"]),
    "sort price": provider(CHEAP, DEAR, BARE, sort="price"),
    "sort throughput": provider(CHEAP, DEAR, BARE, sort="throughput"),
    "sort latency": provider(DEAR, CHEAP, BARE, sort="latency"),
    "sort exacto": provider(*ALL, sort="exacto", lost="provider.sort"),
    "sort by model": provider(
        DEAR, CHEAP, BARE, "dear/other", sort={"by": "latency"}, more={"models": ["acme/other"]}
    ),
    "sort across models": provider(
        CHEAP,
        "dear/other",
        DEAR,
        BARE,
        sort={"by": "price", "partition": "none"},
        more={"models": ["acme/other"]},
    ),
    "max_price": provider(CHEAP, max_price={"prompt": 2, "completion": 2}),
    "max_price of nobody": provider(max_price={"prompt": 0.1}),
    "preferred_min_throughput": provider(CHEAP, BARE, DEAR, preferred_min_throughput=500),
    "preferred_min_throughput of all": provider(CHEAP, BARE, DEAR, preferred_min_throughput={"p90": 500}),
    "preferred_max_latency": provider(DEAR, BARE, CHEAP, preferred_max_latency=0.5),
    "max_tokens": Case({"max_tokens": 1000}, (DEAR, BARE)),
    ":floor": Case({}, (CHEAP, CHEAP, DEAR, BARE), "acme/main:floor", sent={"service_tier": "flex"}),
    ":nitro": Case({}, (CHEAP, DEAR, DEAR, BARE), "acme/main:nitro"),
    ":exacto": Case({}, ALL, "main:exacto", lost="model:exacto"),
    ":free": Case({}, ("cheap/gift",), "acme/gift:free"),
    ":free of nobody": Case({}, (), "acme/main:free"),
    "models": Case({"models": ["acme/nothing", "acme/other"]}, (*ALL, "dear/other")),
    "models and suffixes": Case({"models": ["acme/gift:free"]}, ("dear/other", "cheap/gift"), "acme/other"),
    "session_id": Case({"session_id": "s"}, ALL),
    "service_tier priority": Case(
        {"service_tier": "priority"}, (DEAR, CHEAP, BARE), sent={"service_tier": "priority"}
    ),
    "service_tier flex": Case({"service_tier": "flex"}, (CHEAP,), sent={"service_tier": "flex"}),
    "service_tier default": Case({"service_tier": "default"}, ALL),
    "@preset": Case({}, (DEAR, CHEAP, BARE), "@preset/brief", sent={"temperature": 0.25}),
    "model@preset": Case({}, ("dear/other",), "acme/other@preset/brief", sent={"temperature": 0.25}),
    "preset": Case({"preset": "brief"}, ("dear/other",), "acme/other", sent={"temperature": 0.25}),
    "~latest": Case({}, ("cheap/line-1.5",), "~acme/line-latest", sent={"model": "line-1.5"}),
    "~latest in models": Case(
        {"models": ["~acme/line-latest"]}, ("dear/other", "cheap/line-1.5"), "acme/other"
    ),
    "~latest of nobody": Case({}, (), "~acme/lime-latest"),
}


@asynccontextmanager
async def served(written: int = 0) -> AsyncIterator[tuple[Running, list[Received]]]:
    """A server whose providers have written so many tokens: of answers without any no speed is known."""
    usage = {"prompt_tokens": 3, "completion_tokens": written, "total_tokens": 3 + written}
    async with (
        FakeProvider(lambda _: Script.json({**ANSWER, "usage": usage})) as fake,
        running(CONFIG.format(url=fake.url)) as server,
    ):
        for name, total, first in SPEEDS:
            server.gateway.ledger.insert("generations", generation(name, total, first))
        await server.gateway.ledger.flush()
        yield server, fake.requests


def generation(name: str, total: float, first: float) -> dict[str, Any]:
    return {
        "id": f"gen-{name}",
        "request_id": "r",
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "dialect": "openai-chat",
        "surface": "chat",
        "model_asked": "acme/main",
        "endpoint": f"{name}/main",
        "stream": True,
        "outcome": "complete",
        "attempts": 1,
        "output_tokens": 1000,
        "estimated": False,
        "first_content_ms": first,
        "total_ms": total,
    }


def asked(dialect: str, case: Case) -> tuple[str, dict[str, Any]]:
    """Path and body of a request."""
    path, body = ASKS[dialect]
    members: dict[str, Any] = {} if dialect == "gemini" else {"model": case.model}
    for name, value in case.said.items():
        spelled = CALLED.get((dialect, name), name)
        if dialect == "gemini" and name in INSIDE:
            members.setdefault("generationConfig", {})[spelled] = value
        else:
            members[spelled] = value
    return path.format(model=case.model), {**body, **members}


async def found(
    server: Running, requests: list[Received], dialect: str, case: Case
) -> tuple[tuple[str, ...], str | None, dict[str, Any]]:
    """Who was to be tried, in which order; what was lost; and what of interest the provider got."""
    path, body = asked(dialect, case)
    requests.clear()
    answer = await server.client.post(path, json=body, headers={"x-pointsman-explain": "true"})
    record = (await server.rows("decisions"))[-1]["record"]
    order = tuple(each["endpoint"] for each in record["candidates"])
    assert answer.status_code == (200 if order else 404), answer.text
    sent = requests[0].json if requests else {}
    assert not OURS & sent.keys()
    if order:
        assert answer.headers["x-pointsman-provider"] == order[0].partition("/")[0]
    lost = ", ".join(
        each for each in answer.headers.get("x-pointsman-lost", "").split(", ") if ":" in each or "." in each
    )
    return order, lost or None, {name: sent.get(name) for name in case.sent}


@pytest.mark.parametrize("dialect", [*ASKS])
async def test_every_preference_means_the_same_in_every_dialect(dialect: str) -> None:
    async with served() as (server, requests):
        told = {name: await found(server, requests, dialect, case) for name, case in CASES.items()}
    assert told == {name: (case.expected, case.lost, dict(case.sent)) for name, case in CASES.items()}


async def test_a_tier_is_billed_as_it_was_served_and_told() -> None:
    async with served(written=1) as (server, requests):
        for model, tier in (("acme/main:floor", None), ("acme/main", "flex"), ("acme/main", None)):
            said = {"service_tier": tier} if tier else {}
            body = {"model": model, "messages": [TURN], **said}
            answer = await server.client.post("/v1/chat/completions", json=body)
            expected = "0.000005" if (model, tier) == ("acme/main", None) else "0.0000025"
            assert answer.headers["x-pointsman-cost"] == expected, (model, tier)
            assert requests[-1].json.get("service_tier") == ("flex" if expected == "0.0000025" else None)

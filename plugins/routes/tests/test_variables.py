"""Variables: what rules see of requests, whatever their dialect."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pointsman.config import read_text
from pointsman.exchange import Actor, Level
from pointsman.gateway import Gateway
from pointsman.setup import Setup, assemble
from pointsman_routes.dry import ADMIN, dry_exchange

PIXEL = "iVBORw0KGgo="
HELLO = {"role": "user", "content": "Hello"}
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}
ACTOR = Actor(
    "alice",
    "key-alice",
    tags=("batch",),
    levels=(
        Level("key", "key-alice", "alice"),
        Level("team", "red", "red"),
        Level("organisation", "acme", "acme"),
    ),
)
CHAT = {"model": "acme/large", "messages": [HELLO]}


def image(dialect: str) -> dict[str, Any]:
    """A request with an image."""
    if dialect == "anthropic-messages":
        source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
        return {
            **CHAT,
            "max_tokens": 9,
            "messages": [{"role": "user", "content": [{"type": "image", "source": source}]}],
        }
    if dialect == "openai-responses":
        part = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}
        return {"model": "acme/large", "input": [{"role": "user", "content": [part]}]}
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    return {**CHAT, "messages": [{"role": "user", "content": [part]}]}


def schema(dialect: str) -> dict[str, Any]:
    """A request whose answer is to fit a schema."""
    if dialect == "anthropic-messages":
        return {
            **CHAT,
            "max_tokens": 9,
            "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
        }
    if dialect == "openai-responses":
        form = {"type": "json_schema", "name": "x", "schema": SCHEMA}
        return {"model": "acme/large", "input": "Hello", "text": {"format": form}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    return {**CHAT, "response_format": form}


def plain(dialect: str) -> dict[str, Any]:
    """A request that speaks of images and schemas and has none."""
    text = "an image of a schema"
    if dialect == "openai-responses":
        return {"model": "acme/large", "input": text}
    return {**CHAT, "max_tokens": 9, "messages": [{"role": "user", "content": text}]}


def setup_of(folder: Path, when: str) -> Setup:
    config = f"""
plugins: {{openai: {{}}, anthropic: {{}}, routes: {{}}}}
providers: {{lab: {{base_url: "http://127.0.0.1:1"}}}}
models: {{acme/large: {{endpoints: [lab/large]}}}}
routes: [{{name: chosen, when: {when}}}]
"""
    return assemble(read_text(config, name="proxy.yaml", env={}, base=folder), env={})


async def chosen(
    folder: Path, when: str, body: dict[str, Any], dialect: str = "openai-chat", **more: Any
) -> bool:
    """Whether a rule with this `when` takes a request."""
    setup = setup_of(folder, when)
    async with Gateway.dry(setup) as gateway:
        codec = setup.dialects.get(dialect, "chat")
        actor = more.pop("actor", ADMIN)
        exchange, error = await dry_exchange(gateway, codec, json.dumps(body).encode(), actor=actor, **more)
        assert error is None, error
        return exchange.decision.rule == "chosen"


@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses", "anthropic-messages"])
@pytest.mark.parametrize(
    ("when", "body"), [("{has_images: true}", image), ("{has_schema: true}", schema)], ids=["image", "schema"]
)
async def test_images_and_schemas_are_seen_in_every_dialect(
    tmp_path: Path, dialect: str, when: str, body: Callable[[str], dict[str, Any]]
) -> None:
    assert await chosen(tmp_path, when, body(dialect), dialect)
    assert not await chosen(tmp_path, when, plain(dialect), dialect)
    assert await chosen(tmp_path, when.replace("true", "false"), plain(dialect), dialect)


async def test_an_escaped_image_is_seen_too(tmp_path: Path) -> None:
    raw = (
        json.dumps(image("openai-chat"))
        .replace("image_url", "\\u0069mage_url")
        .replace("image/", "\\u0069mage/")
    )
    setup = setup_of(tmp_path, "{has_images: true}")
    async with Gateway.dry(setup) as gateway:
        codec = setup.dialects.get("openai-chat", "chat")
        exchange, _ = await dry_exchange(gateway, codec, raw.encode(), actor=ADMIN)
        assert exchange.decision.rule == "chosen"


@pytest.mark.parametrize(
    ("when", "body", "more", "expected"),
    [
        ("{dialect: openai-*}", {}, {}, True),
        ("{dialect: anthropic-messages}", {}, {}, False),
        ("{team: red}", {}, {}, True),
        ("{team: '*'}", {}, {"actor": ADMIN}, False),
        ("{organisation: [x, ac*]}", {}, {}, True),
        ("{user: 'u-*'}", {"user": "u-1"}, {}, True),
        ("{user: '*'}", {}, {}, False),
        ("{headers.X-Region: eu}", {}, {"headers": {"x-region": "eu"}}, True),
        ("{headers: {x-region: [us, 'e?']}}", {}, {"headers": {"X-Region": "eu"}}, True),
        ("{headers.x-region: '*'}", {}, {}, False),
        ("{metadata.job: 'night-*'}", {"metadata": {"job": "night-1"}}, {}, True),
        ("{metadata.job: '*'}", {"metadata": {"job": 3}}, {}, False),
        ("{metadata.job: '*'}", {"metadata": None}, {}, False),
        ("{tokens: '< 100'}", {}, {}, True),
        ("{tokens: '>= 1k, < 2k'}", {"messages": [{"role": "user", "content": "x" * 5000}]}, {}, True),
        ("{max_tokens: '<= 1k'}", {"max_tokens": 1000}, {}, True),
        ("{max_tokens: '<= 1k'}", {}, {}, False),
        ("{max_tokens: 7}", {"max_tokens": 7}, {}, True),
        ("{has_tools: true}", {}, {}, False),
        ("{service_tier: priority}", {"service_tier": "priority"}, {}, True),
        ("{service_tier: fast}", {"serviceTier": "fast"}, {}, True),
        ("{service_tier: '*'}", {"service_tier": None}, {}, False),
        ("{stream: true}", {"stream": True}, {}, True),
    ],
)
async def test_what_rules_see(
    tmp_path: Path, when: str, body: dict[str, Any], more: dict[str, Any], expected: bool
) -> None:
    assert await chosen(tmp_path, when, {**CHAT, **body}, **{"actor": ACTOR, **more}) is expected


async def test_a_tool_is_seen(tmp_path: Path) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    assert await chosen(tmp_path, "{has_tools: true}", {**CHAT, "tools": [tool]})


@pytest.mark.parametrize(
    ("when", "at", "expected"),
    [
        ('{time: "22:00-06:00 Europe/Paris"}', "2026-11-27T23:00+00:00", True),
        ('{time: "22:00-06:00 Europe/Paris"}', "2026-11-27T12:00+00:00", False),
        ('{time: ["01:00-02:00 UTC", "12:00-13:00 UTC"]}', "2026-11-27T12:59+00:00", True),
        ("{day: [sat, sun]}", "2026-11-28T12:00+00:00", True),
        ("{day: mon-fri Europe/Paris}", "2026-11-27T23:30+00:00", False),
        ("{not: {day: sat}}", "2026-11-27T23:30+00:00", True),
    ],
)
async def test_what_rules_see_of_the_clock(tmp_path: Path, when: str, at: str, expected: bool) -> None:
    assert await chosen(tmp_path, when, CHAT, at=datetime.fromisoformat(at)) is expected


async def test_on_record_are_the_members_that_rules_ask_for_and_no_others(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, "{headers.x-region: eu, metadata.job: x}")
    async with Gateway.dry(setup) as gateway:
        headers = {"x-region": "eu", "authorization": "Bearer secret"}
        body = {**CHAT, "metadata": {"job": "y" * 1000, "other": "private"}}
        codec = setup.dialects.get("openai-chat", "chat")
        exchange, _ = await dry_exchange(
            gateway, codec, json.dumps(body).encode(), actor=ADMIN, headers=headers
        )
        record = exchange.record()
    assert record["values"] == {"headers.x-region": "eu", "metadata.job": "y" * 200}
    assert "secret" not in json.dumps(record)
    assert "private" not in json.dumps(record)

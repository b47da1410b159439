"""Dry runs: requests are made and decided as the server would, and none is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

import pytest

from pointsman.errors import StartupError
from pointsman.exchange import Actor
from pointsman.gateway import Gateway
from pointsman.setup import Setup
from pointsman_routes.dry import ADMIN, actor_of, body_of, codec_of, dry_exchange

Make = Callable[[str], Setup]
KEYS = "keys: [{name: alice, key_hash: x, tags: [eu]}]\n"


async def test_an_exchange_has_what_it_was_given(setup: Make) -> None:
    made = setup("")
    async with Gateway.dry(made) as gateway:
        codec, at = codec_of(made, "chat", None), datetime.fromisoformat("2026-11-28T03:00+01:00")
        exchange, error = await dry_exchange(
            gateway,
            codec,
            body_of(codec, "fast", None),
            actor=Actor("alice", "key-1"),
            seed=7,
            at=at,
            headers={"X-Region": "eu"},
            notes={"task": "maths"},
        )
    assert error is None
    assert exchange.actor == Actor("alice", "key-1")
    assert exchange.at == at
    assert exchange.headers == {"x-region": "eu"}
    assert (exchange.notes["task"], exchange.decision.seed) == ("maths", 7)
    assert [each.endpoint.id for each in exchange.candidates] == ["lab/small"]
    assert exchange.attempts == []


async def test_what_would_be_refused_is_told_with_how_far_it_came(setup: Make) -> None:
    made = setup("")
    codec = codec_of(made, "chat", None)
    async with Gateway.dry(made) as gateway:
        _, error = await dry_exchange(gateway, codec, b"{")
        assert error is not None
        assert "JSON" in error.message
        exchange, error = await dry_exchange(gateway, codec, body_of(codec, "nope", None))
    assert error is not None
    assert error.code == "model_not_found"
    assert exchange.actor is ADMIN
    assert exchange.candidates == []


def test_keys_are_found_by_their_names(setup: Make) -> None:
    assert actor_of(setup(KEYS), "alice").tags == ("eu",)
    with pytest.raises(StartupError, match=r"there is no key 'alcie'; did you mean 'alice'\?"):
        actor_of(setup(KEYS), "alcie")


def test_surfaces_and_dialects_are_found(setup: Make) -> None:
    made = setup("")
    assert codec_of(made, "embeddings", "openai-chat").surface == "embeddings"
    with pytest.raises(StartupError, match="surface 'chat' in dialect 'gemini' is not served; served are: "):
        codec_of(made, "chat", "gemini")


def test_a_model_is_put_into_what_was_given(setup: Make) -> None:
    codec = codec_of(setup(""), "chat", None)
    assert json.loads(body_of(codec, "fast", b'{"model": "x", "n": 1}')) == {"model": "fast", "n": 1}
    assert body_of(codec, None, b'{"n": 1}') == b'{"n": 1}'
    with pytest.raises(StartupError, match="--body: "):
        body_of(codec, "fast", b"[")

"""Recorded requests, decided again from what their records kept, and refusals to guess at the rest."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest

from pointsman.exchange import Actor
from pointsman.gateway import Gateway
from pointsman.setup import Setup
from pointsman_routes.dry import codec_of, dry_exchange
from pointsman_routes.replay import NotReplayable, Way, compared

Make = Callable[[str], Setup]
LONG = "routes: [{name: long, when: {tokens: '> 100'}, use: {models: [big]}}, {name: rest}]\n"


async def record_of(setup: Setup, body: dict[str, Any], **given: Any) -> dict[str, Any]:
    """The record of a request, as the ledger gives it back."""
    async with Gateway.dry(setup) as gateway:
        raw = msgspec.json.encode({"messages": [{"role": "user", "content": "Hello"}], **body})
        exchange, _ = await dry_exchange(gateway, codec_of(setup, "chat", None), raw, **given)
        found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(exchange.record()))
        return found


async def replay(old: Setup, new: Setup, record: dict[str, Any]) -> tuple[Way, Way]:
    async with AsyncExitStack() as stack:
        before, after = [await stack.enter_async_context(Gateway.dry(each)) for each in (old, new)]
        return await compared(before, after, record)


@pytest.mark.parametrize(
    ("sections", "body"),
    [
        (LONG, {"model": "fast", "messages": [{"role": "user", "content": "long " * 200}]}),
        (LONG, {"model": "fast", "models": ["big", "acme/tiny"]}),
        (LONG, {"model": "big", "provider": {"order": ["spare"]}}),
        (
            "routes: [{name: some, when: {max_tokens: '< 20', stream: true}, use: {models: [big]}}]\n",
            {
                "model": "fast",
                "max_tokens": 10,
                "stream": True,
            },
        ),
        (
            "routes: [{name: him, when: {user: ann}, use: {models: [big]}}]\n",
            {"model": "fast", "user": "ann"},
        ),
        ("routes: [{name: x, use: {preferences: {order: [spare]}}}]\n", {"model": "big"}),
        (
            "routes: [{name: x, use: {preferences: {only: [lab]}}}]\n",
            {"model": "big", "provider": {"sort": "price"}},
        ),
    ],
)
async def test_a_request_goes_where_it_went(setup: Make, sections: str, body: dict[str, Any]) -> None:
    record = await record_of(setup(sections), body)
    before, after = await replay(setup(sections), setup(sections), record)
    assert before == after
    assert before.rule == record["rule"]
    assert list(before.endpoints) == [each["endpoint"] for each in record["candidates"]]


async def test_preferences_of_a_rule_are_not_taken_for_those_of_the_request(setup: Make) -> None:
    asks = "routes: [{name: x, use: {preferences: {order: [spare]}}}]\n"
    record = await record_of(setup(asks), {"model": "big"})
    before, after = await replay(setup(asks), setup("routes: [{name: x}]\n"), record)
    assert (before.choice, after.choice) == ("spare/large", "lab/large")


async def test_what_is_refused_is_a_way_too(setup: Make) -> None:
    record = await record_of(setup(""), {"model": "shut/any"})
    before, after = await replay(setup(""), setup("routes: [{name: x, use: {models: [fast]}}]\n"), record)
    assert (before.choice, after.choice) == ("(no_endpoints)", "lab/small")


async def test_the_price_is_that_of_what_was_used_and_unknown_where_nobody_knows(setup: Make) -> None:
    record = await record_of(setup(""), {"model": "big"})
    record["outcomes"]["usage"] = {"input": 1000, "output": 0, "cache_read": 0, "cache_write": 0}
    before, after = await replay(setup(""), setup("routes: [{name: x, use: {models: [fast]}}]\n"), record)
    assert (before.nano, after.nano) == (1000 * 2000 + 10_000_000, None)


async def test_an_endpoint_that_could_not_take_the_content_stays_out(setup: Make) -> None:
    record = await record_of(setup(""), {"model": "big"})
    record["excluded"].append({"endpoint": "lab/large", "by": "core", "why": "cannot take an image"})
    before, after = await replay(setup(""), setup(""), record)
    assert before.endpoints == after.endpoints == ("spare/large",)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"request": None}, "its record is of a version that kept too little"),
        ({"requested": ""}, "it ended before its model was known"),
        ({"rule": "other"}, "OLD decides otherwise than was decided then"),
        ({"models": ["other"]}, "OLD decides otherwise than was decided then"),
        ({"surface": "songs"}, "OLD: surface 'songs' in dialect 'openai-chat' is not served"),
        ({"key": "carol"}, "OLD does not have its key"),
        ({"values": {}}, "a rule of OLD asks for `user`, which was not kept"),
        ({"values": {"user": "x" * 200}}, "a rule of OLD asks for `user`, which was not kept"),
    ],
)
async def test_what_cannot_be_decided_again_is_told(setup: Make, change: dict[str, Any], why: str) -> None:
    sections = "routes: [{name: him, when: {user: ann}, use: {models: [big]}}]\n"
    record = await record_of(setup(sections), {"model": "fast", "user": "ann"})
    asked = {name: change.pop(name) for name in ("surface", "key") if name in change}
    record = {**record, "request": record["request"] | asked, **change}
    with pytest.raises(NotReplayable, match=why):
        await replay(setup(sections), setup(sections), record)


async def test_values_of_other_plugins_are_those_that_were_kept(setup: Make) -> None:
    sections = "routes: [{name: sad, when: {mood: sad}, use: {models: [big]}}]\n"
    record = await record_of(setup(sections), {"model": "fast"}, notes={"mood": "sad"})
    before, after = await replay(setup(sections), setup(sections.replace("[big]", "[acme/tiny]")), record)
    assert (before.choice, after.choice) == ("lab/large", "spare/large")


async def test_tags_are_those_that_the_key_has_in_each(setup: Make) -> None:
    def sections(tag: str) -> str:
        key = f"keys: [{{name: alice, key_hash: {'ab' * 32}, tags: [{tag}]}}]\n"
        return key + "routes: [{name: eu, when: {key.tags: {any: [eu]}}, use: {models: [big]}}]\n"

    actor = Actor("alice", "key-alice", tags=("eu",))
    record = await record_of(setup(sections("eu")), {"model": "fast"}, actor=actor)
    before, after = await replay(setup(sections("eu")), setup(sections("us")), record)
    assert (before.rule, after.rule) == ("eu", None)

"""The plugin over real sockets: hits and misses on every surface, and what a client is told of them."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

import pytest
from msgspec.structs import replace

from pointsman.exchange import Actor, Level, Plan
from pointsman.stored import Stored
from pointsman.testing import Received, Script, StreamClient
from pointsman.types import Finish
from pointsman_cache import Cache, may_keep, may_use
from pointsman_cache.store import Store

Boot = Callable[..., AbstractAsyncContextManager[Any]]
Door = Literal["auto", "asgi"]

CHAT = "/v1/chat/completions"
SURFACES = (
    *(CHAT, "/v1/completions", "/v1/embeddings"),
    *("/v1/responses", "/v1/messages", "/v1/messages/count_tokens"),
)
STREAMS = (CHAT, "/v1/completions", "/v1/responses", "/v1/messages")
ALWAYS = {"always": True}
THEIRS = "x-openrouter-cache-"


def told(answer: Any) -> dict[str, str]:
    """What an answer's headers say of the cache."""
    return {
        name.removeprefix(THEIRS): value
        for name, value in answer.headers.items()
        if name.startswith(THEIRS) or name == "x-pointsman-cache"
    }


def status(answer: Any) -> str | None:
    """hit, miss or bypass."""
    found: str | None = answer.headers.get("x-pointsman-cache")
    return found


@pytest.mark.parametrize("door", ["auto", "asgi"])
@pytest.mark.parametrize("prefix", ["/v1", "/api/v1"])
@pytest.mark.parametrize(
    ("path", "stream"), [*((path, False) for path in SURFACES), *((path, True) for path in STREAMS)]
)
async def test_the_second_of_two_is_answered_with_the_first(
    lab: Boot, path: str, stream: bool, prefix: str, door: Door
) -> None:
    path = path.replace("/v1", prefix)
    async with lab(ALWAYS, door=door) as place:
        body = place.body(path, stream=stream)
        first = await place.ask(path, body)
        again = await place.ask(path, json.dumps(dict(reversed(body.items())), indent=3).encode())
        assert (first.status_code, again.status_code, place.calls) == (200, 200, 1)
        assert first.content == again.content or prefix == "/api/v1", "there it tells what it cost"
        assert again.headers["content-type"] == first.headers["content-type"]
        assert again.headers["x-generation-id"] != first.headers["x-generation-id"]
        assert told(first) == {"x-pointsman-cache": "miss", "status": "MISS", "ttl": "300"}
        hit = told(again)
        assert (hit.pop("age"), int(hit.pop("ttl")) in (299, 300)) == ("0", True)
        assert hit == {
            "x-pointsman-cache": "hit",
            "status": "HIT",
            "source-id": first.headers["x-generation-id"],
        }
        other = await place.ask(path, place.body(path, "Hello!", stream=stream))
        assert (status(other), place.calls) == ("miss", 2)
        assert other.content != first.content


async def test_where_nobody_asks_nothing_is_kept_or_told(lab: Boot) -> None:
    async with lab({}) as place:
        answers = [await place.ask(CHAT, place.body(CHAT)) for _ in range(2)]
        assert [told(each) for each in answers] == [{}, {}]
        assert place.calls == 2
        assert len(place.cache._store) == 0


async def test_a_client_asks_by_header_and_does_without_by_header(lab: Boot) -> None:
    async with lab({}) as place:
        body = place.body(CHAT)
        asked = [await place.ask(CHAT, body, X_OpenRouter_Cache="true") for _ in range(2)]
        assert [status(each) for each in asked] == ["miss", "hit"]
        assert told(await place.ask(CHAT, body, X_OpenRouter_Cache="false")) == {
            "x-pointsman-cache": "bypass"
        }
        assert told(await place.ask(CHAT, body)) == {}
        assert place.calls == 3


async def test_a_stream_and_a_whole_answer_are_two(lab: Boot) -> None:
    async with lab(ALWAYS) as place:
        found = [
            await place.ask(CHAT, place.body(CHAT, stream=stream)) for stream in (False, True, True, False)
        ]
        assert [status(each) for each in found] == ["miss", "miss", "hit", "hit"]
        assert [each.content for each in found[2:]] == [each.content for each in found[1::-1]]
        assert [each.headers["content-type"].partition(";")[0] for each in found[2:]] == [
            "text/event-stream",
            "application/json",
        ]


async def test_translated_answers_are_kept_in_the_clients_dialect(lab: Boot) -> None:
    async with lab(ALWAYS) as place:
        for path in ("/v1/messages", "/v1/responses"):
            for stream in (False, True):
                body = place.body(path, model="acme/m", stream=stream)
                first, again = [await place.ask(path, body) for _ in range(2)]
                assert (status(first), status(again), first.content) == ("miss", "hit", again.content)


async def test_to_clear_and_to_revalidate_keep_the_new_answer(lab: Boot) -> None:
    async with lab(ALWAYS) as place:
        body = place.body(CHAT)
        first = await place.ask(CHAT, body)
        for headers in ({"X_OpenRouter_Cache_Clear": "true"}, {"Cache_Control": "no-cache"}):
            fresh = await place.ask(CHAT, body, **headers)
            again = await place.ask(CHAT, body)
            assert (status(fresh), status(again)) == ("miss", "hit")
            assert fresh.content == again.content != first.content
            first = again


async def test_what_was_cleared_stays_so_though_nothing_new_came(lab: Boot, numbered: Any) -> None:
    answers = {1: None, 2: Script.json({"error": {"message": "no", "type": "x"}}, status=400), 3: None}
    number = 0

    def answer(received: Received) -> Script:
        nonlocal number
        number += 1
        return answers[number] or numbered(received, number)

    async with lab(ALWAYS, answers=answer) as place:
        body = place.body(CHAT)
        await place.ask(CHAT, body)
        assert (await place.ask(CHAT, body, X_OpenRouter_Cache_Clear="true")).status_code == 400
        assert status(await place.ask(CHAT, body)) == "miss"


async def test_no_store_neither_looks_nor_keeps(lab: Boot) -> None:
    async with lab(ALWAYS) as place:
        kept, other = place.body(CHAT), place.body(CHAT, "Bye")
        await place.ask(CHAT, kept)
        for body in (kept, other):
            assert status(await place.ask(CHAT, body, Cache_Control="no-store")) == "bypass"
        assert [status(await place.ask(CHAT, body)) for body in (kept, other)] == ["hit", "miss"]


async def test_an_answer_lasts_as_long_as_was_asked(lab: Boot, clock: Any) -> None:
    async with lab(ALWAYS) as place:
        place.cache._store = Store(10**6, now=clock)
        body = place.body(CHAT)
        first = await place.ask(CHAT, body, X_OpenRouter_Cache_TTL="60")
        assert told(first)["ttl"] == "60"
        clock.seconds += 59
        again = told(await place.ask(CHAT, body))
        assert (again["status"], again["age"], again["ttl"]) == ("HIT", "59", "1")
        clock.seconds += 1
        assert status(await place.ask(CHAT, body)) == "miss"
        clock.seconds += 100
        assert status(await place.ask(CHAT, body, X_OpenRouter_Cache_TTL="100")) == "miss", (
            "it is too old for this"
        )
        assert status(await place.ask(CHAT, body)) == "hit"


async def test_a_route_asks_and_forbids(lab: Boot) -> None:
    routes = [
        {"name": "never", "when": {"stream": True}, "use": {"cache": False}},
        {"name": "kept", "when": {"surface": "embeddings"}, "use": {"cache": {"ttl": "1h"}}},
    ]
    async with lab({}, more={"routes": routes}) as place:
        embed = [await place.ask("/v1/embeddings", place.body("/v1/embeddings")) for _ in range(2)]
        assert [status(each) for each in embed] == ["miss", "hit"]
        assert told(embed[0])["ttl"] == "3600"
        stream = place.body(CHAT, stream=True)
        assert status(await place.ask(CHAT, stream, X_OpenRouter_Cache="true")) == "bypass"
        assert status(await place.ask(CHAT, stream)) is None


async def test_a_key_may_be_forbidden_to_use_it(lab: Boot) -> None:
    async with lab({**ALWAYS, "scope": "team"}) as place:
        await place.ask(CHAT, place.body(CHAT), "alice")
        for headers in ({}, {"X_OpenRouter_Cache": "true"}):
            assert status(await place.ask(CHAT, place.body(CHAT), "frank", **headers)) == "bypass"
        assert status(await place.ask(CHAT, place.body(CHAT, "Bye"), "frank")) == "bypass"
        assert status(await place.ask(CHAT, place.body(CHAT, "Bye"), "alice")) == "miss", (
            "nothing of his is kept"
        )


async def test_an_answer_counts_only_where_the_key_may_use_its_endpoint(lab: Boot) -> None:
    async with lab({**ALWAYS, "scope": "team"}) as place:
        body = place.body(CHAT)
        first = await place.ask(CHAT, body, "alice")
        assert status(await place.ask(CHAT, body, "bob")) == "hit"
        assert first.headers["x-pointsman-provider"] == "lab"
        own = await place.ask(CHAT, body, "erin")
        assert (status(own), own.headers["x-pointsman-provider"]) == ("miss", "spare")
        assert status(await place.ask(CHAT, body, "erin")) == "hit"


@pytest.mark.parametrize(
    ("scope", "hits"),
    [("key", []), ("team", ["bob"]), ("global", ["bob", "carol", "dave"])],
)
async def test_a_scope_says_who_else_is_answered(lab: Boot, scope: str, hits: list[str]) -> None:
    async with lab({**ALWAYS, "scope": scope}) as place:
        body = place.body(CHAT)
        await place.ask(CHAT, body, "alice")
        found = {name: status(await place.ask(CHAT, body, name)) for name in ("bob", "carol", "dave")}
        assert found == {name: "hit" if name in hits else "miss" for name in found}


async def test_a_header_that_says_nothing_is_told_in_the_clients_dialect(lab: Boot) -> None:
    async with lab(ALWAYS) as place:
        answer = await place.ask("/v1/messages", place.body("/v1/messages"), X_OpenRouter_Cache_TTL="soon")
        assert answer.status_code == 400
        assert answer.json()["type"] == "error"
        assert "x-openrouter-cache-ttl must be a whole number of seconds" in answer.json()["error"]["message"]
        assert place.calls == 0


async def test_what_has_no_fingerprint_goes_by(lab: Boot) -> None:
    async with lab(ALWAYS) as place:
        twice = b'{"model":"acme/m","messages":[{"role":"user","content":"a","content":"b"}]}'
        for _ in range(2):
            assert status(await place.ask(CHAT, twice)) == "bypass"
        body = place.body("/v1/responses", conversation="conv_1")
        assert status(await place.ask("/v1/responses", body)) == "bypass"
        assert len(place.cache._store) == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_hit_costs_nothing_and_reports_the_usage_that_was_stored(lab: Boot, stream: bool) -> None:
    price = {"models": {"acme/m": {"endpoints": [{"endpoint": "lab/m", "price": {"input": 1, "output": 2}}]}}}
    async with lab(ALWAYS, more=price) as place:
        path = f"/api{CHAT}"
        first, again = [await place.ask(path, place.body(path, stream=stream)) for _ in range(2)]
        assert (status(first), status(again)) == ("miss", "hit")
        assert (b'"cost":0.000007' in first.content, b'"cost":0.00,' in again.content) == (True, True)
        await place.idle()
        rows = await place.running.rows("generations")
        assert [(row["input_tokens"], row["output_tokens"]) for row in rows] == [(3, 2), (3, 2)]
        assert [row["cost_nano"] for row in rows] == [7000, 0]
        assert place.calls == 1


async def test_what_a_stream_is_sent_again_as_has_the_same_pieces(lab: Boot) -> None:
    async with lab(ALWAYS) as place:
        body = place.body(CHAT, stream=True, stream_options={"include_usage": True})
        read = []
        for _ in range(2):
            async with StreamClient(
                f"{place.running.url}{CHAT}", body, headers={"x-api-key": "alice"}
            ) as client:
                read.append((await client.read(), client.headers["x-pointsman-cache"]))
        (first, miss), (again, hit) = read
        assert (miss, hit, first) == ("miss", "hit", again)
        assert again.endswith(b"data: [DONE]\n\n")
        assert b'"usage":{"prompt_tokens":3' in again


async def test_a_stream_with_usage_serves_those_who_did_not_ask_for_it_and_the_other_way_round(
    lab: Boot,
) -> None:
    async with lab(ALWAYS) as place:
        for number, order in enumerate(((True, False), (False, True))):
            found = []
            for asks in order:
                options = {"stream_options": {"include_usage": True}} if asks else {}
                answer = await place.ask(CHAT, place.body(CHAT, f"{number}", stream=True, **options))
                assert (b'"prompt_tokens":3' in answer.content) is asks
                found.append(status(answer))
            assert found == ["miss", "hit"]
        assert place.calls == 2


async def test_a_dry_run_leaves_the_cache_alone(lab: Boot) -> None:
    async with lab(ALWAYS) as place:
        await asyncio.gather(
            *(place.ask(CHAT, place.body(CHAT), x_pointsman_explain="true") for _ in range(3))
        )
        await place.idle()
        assert (place.calls, len(place.cache._flights), len(place.cache._store)) == (1, 0, 1)


async def test_keys_of_the_configuration_say_it_too(lab: Boot) -> None:
    def key(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "key_hash": hashlib.sha256(name.encode()).hexdigest(), **more}

    keys = [
        key("anna", cache={"ttl": "2m"}),
        key("bert", cache=False),
        key("clara"),
    ]
    plugins = {"cache": {"scope": "global"}, "limits": False}
    async with lab({}, more={"keys": keys, "plugins": plugins}) as place:
        asked = [await place.ask(CHAT, place.body(CHAT), name) for name in ("anna", "anna", "bert", "clara")]
        assert [status(each) for each in asked] == ["miss", "hit", None, None]
        assert told(asked[0])["ttl"] == "120"
        header = {"X_OpenRouter_Cache": "true"}
        asked = [await place.ask(CHAT, place.body(CHAT), name, **header) for name in ("bert", "clara")]
        assert [status(each) for each in asked] == ["bypass", "hit"]


@pytest.mark.parametrize(
    ("endpoint", "models", "levels", "may"),
    [
        ("lab/m", ("*",), (), True),
        ("lab/m", ("acme/*",), (), True),
        ("lab/m", ("big",), (), True),
        ("lab/m", ("lab/*",), (), True),
        ("lab/n", ("n",), (), True),
        ("lab/m", ("m",), (), False),
        ("lab/m", ("spare/*", "acme/n"), (), False),
        ("lab/m", ("*",), (Level("team", "t", "t", models=("acme/n",)),), False),
        ("lab/m", ("*",), (Level("team", "t", "t", providers=("spare",)),), False),
        ("spare/m", ("*",), (Level("team", "t", "t", providers=("spare",)),), True),
        ("lab/m", ("*",), (Level("team", "t", "t", forgotten=True),), False),
        ("lab/m", ("*",), (Level("key", "k", "k", uncollected=True),), False),
        ("gone/m", ("*",), (), False),
    ],
)
def test_a_key_may_have_an_answer_of_an_endpoint_that_it_may_use_under_any_name(
    asking: Callable[..., Any],
    answer: Callable[..., Stored],
    endpoint: str,
    models: tuple[str, ...],
    levels: tuple[Level, ...],
    may: bool,
) -> None:
    model = "acme/n" if endpoint == "lab/n" else "acme/m"
    exchange = asking(actor=Actor("alice", "k", models=models, levels=levels))
    assert may_use(exchange, answer("Hello", endpoint=endpoint, model=model)) is may


@pytest.mark.parametrize(
    ("finish", "stream", "kept"),
    [
        ("stop", True, True),
        ("length", False, True),
        ("content_filter", False, True),
        ("error", False, False),
        ("error", True, False),
        (None, False, True),
        (None, True, False),
    ],
)
def test_an_end_by_error_and_a_stream_without_an_end_are_no_answers(
    answer: Callable[..., Stored], finish: Any, stream: bool, kept: bool
) -> None:
    ended = Finish(finish) if finish is not None else None
    assert may_keep(replace(answer("Hello", *["there"] * stream), finish=ended)) is kept


async def test_an_answer_of_other_models_than_it_was_looked_for_by_is_not_kept(
    asking: Callable[..., Any], answer: Callable[..., Stored]
) -> None:
    """A plugin may plan anew before anybody is asked: for want of money, say."""
    cache = Cache()
    exchange, other = (asking(headers={"x-openrouter-cache": "true"}) for _ in range(2))
    assert await cache.lookup_response(exchange) is None
    waiting = asyncio.ensure_future(cache.lookup_response(other))
    await asyncio.sleep(0)
    exchange.plan = Plan(None, ("acme/n",))
    cache.store_response(exchange, answer("Hello", endpoint="lab/n", model="acme/n"))
    assert not waiting.done()
    cache.request_finished(exchange)
    assert await waiting is None
    cache.request_finished(other)
    assert (len(cache._store), len(cache._flights)) == (0, 0)

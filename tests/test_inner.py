"""Inner requests: a plugin asks models by the way of every request."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.errors import NotFound
from pointsman.exchange import Actor, Level
from pointsman.inner import inner_actor
from pointsman.testing import Running, running

CONFIG = """
auth: keys
keys: []
models:
  acme/large: {endpoints: [{endpoint: echo/echo, price: {input: 1000, output: 1000}}]}
"""

DIALECT = "openai-chat"


def chat(model: str, text: str = "say this back", **more: object) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


async def test_an_answer_comes_whole_priced_and_recorded_in_the_plugins_name() -> None:
    async with running(CONFIG) as served:
        reply = await served.gateway.ask(chat("acme/large"), plugin="thrift", dialect=DIALECT)
        assert reply.ok
        assert reply.json()["choices"][0]["message"]["content"] == "say this back"
        (row,) = await served.rows("generations")
        assert row["id"] == reply.generation_id
        assert (row["key_id"], row["key_name"], row["team"]) == ("system", "thrift", None)
        assert row["cost_nano"] > 0


async def test_another_dialect_and_headers_may_be_chosen() -> None:
    async with running(CONFIG) as served:
        body = {**chat("acme/large"), "max_tokens": 50}
        headers = {"x-pointsman-explain": "true"}
        reply = await served.gateway.ask(body, plugin="x", dialect="anthropic-messages", headers=headers)
        assert reply.json()["content"][0]["text"] == "say this back"
        assert "x-pointsman-decision" in reply.headers


async def test_what_is_refused_is_a_reply_too() -> None:
    async with running(CONFIG) as served:
        reply = await served.gateway.ask(chat("acme/nothing"), plugin="x", dialect=DIALECT)
        assert not reply.ok
        assert reply.status == 400
        assert "acme/nothing" in reply.json()["error"]["message"]
        with pytest.raises(NotFound, match="dialect 'odd' has no surface 'chat' here"):
            await served.gateway.ask(chat("acme/large"), plugin="x", dialect="odd")


async def test_on_behalf_of_somebody_no_more_is_allowed_than_to_them() -> None:
    bounded = Actor("ann", "key-ann", models=("acme/small",))
    async with running(CONFIG) as served:
        reply = await served.gateway.ask(chat("acme/large"), plugin="x", dialect=DIALECT, behalf=bounded)
        assert reply.status == 403


def test_bounds_are_taken_over_and_nothing_that_counts() -> None:
    level = Level("key", "k", "ann", extra={"budget": 1}, providers=("lab",), uncollected=True)
    behalf = Actor("ann", "k", extra={"budget": 1}, levels=(level,), models=("a*",))
    found = inner_actor("x", behalf)
    assert found.inner
    assert (found.name, found.key_id, found.models, found.keys) == ("x", "system", ("a*",), {})
    assert found.levels == (Level("key", "k", "ann", providers=("lab",), uncollected=True),)
    assert found.extras == ({},)


async def test_who_stops_asking_stops_the_request() -> None:
    async with running(CONFIG) as served:
        body = chat("acme/large", echo={"latency": "60s"})
        asking = asyncio.ensure_future(served.gateway.ask(body, plugin="x", dialect=DIALECT))
        while not any(exchange.attempts for exchange in served.gateway._running.values()):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        async with asyncio.timeout(5):
            while served.gateway.running:
                await asyncio.sleep(0)
        assert await outcomes(served) == ["cancelled"]


async def test_a_server_that_stops_waits_for_no_inner_request() -> None:
    async with running(f"{CONFIG}server: {{drain: 1h}}\n") as served:
        body = chat("acme/large", echo={"latency": "60s"})
        asking = asyncio.ensure_future(served.gateway.ask(body, plugin="x", dialect=DIALECT))
        while not any(exchange.attempts for exchange in served.gateway._running.values()):
            await asyncio.sleep(0)
        served.server.signal()
        async with asyncio.timeout(20):
            assert (await asking).status == 503
        later = await served.gateway.ask(body, plugin="x", dialect=DIALECT)
        assert later.status == 503


async def outcomes(served: Running) -> list[str]:
    return [row["outcome"] for row in await served.rows("generations")]

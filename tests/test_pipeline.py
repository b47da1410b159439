"""The whole way of a request: order, headers, costs, errors in the client's dialect, exactly one end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointsman.testing import FakeProvider, Script, running

Boot = Callable[..., Any]
CHAT = "/v1/chat/completions"


@pytest.mark.parametrize("unsafe", ["a b", "x" * 200, "a\tb", ""])
async def test_a_request_id_that_is_not_plain_is_replaced(
    pair: Boot, whole_answer: Script, unsafe: str
) -> None:
    async with pair(whole_answer) as both:
        answer = await both.running.client.post(CHAT, json=both.body(), headers={"x-request-id": unsafe})
        assert answer.headers["x-request-id"].startswith("req-")


async def test_a_wrong_method_names_the_right_one(pair: Boot) -> None:
    async with pair(()) as both:
        answer = await both.running.client.put(CHAT)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")
        assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_without_a_key_nothing_is_read_and_nothing_recorded(pair: Boot) -> None:
    async with pair((), more="auth: keys\nadmin_key: pm-admin\n") as both:
        answer = await both.running.client.post(CHAT, content=b"not even JSON")
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_api_key"
        assert await both.running.rows("generations") == []


async def test_endpoints_that_cannot_answer_are_excluded_with_the_reason(tmp_path: Path) -> None:
    config = """
plugins: {openai: {}, vendors: {}, routes: {}}
providers: {openai: {}, other: {vendor: deepseek, base_url: "http://127.0.0.1:1/v1"}}
models: {m: {endpoints: [openai/x, other/y]}}
"""
    async with running(config) as server:
        answer = await server.client.post("/v1/embeddings", json={"model": "m", "input": "x"})
        assert answer.status_code == 404
        excluded = answer.json()["error"]["metadata"]["excluded_by"]
        assert [(row["endpoint"], row["by"]) for row in excluded] == [
            ("openai/x", "core"),
            ("other/y", "core"),
        ]
        assert "api_key is missing" in excluded[0]["why"]
        assert "does not serve embeddings in openai-chat" in excluded[1]["why"]


async def test_the_decision_is_shown_to_who_asks_for_it(pair: Boot, whole_answer: Script) -> None:
    async with pair([whole_answer, whole_answer]) as both:
        plain = await both.running.client.post(CHAT, json=both.body())
        assert "x-pointsman-decision" not in plain.headers
        told = await both.running.client.post(CHAT, json=both.body(), headers={"x-pointsman-explain": "true"})
        record = json.loads(told.headers["x-pointsman-decision"])
        assert record["choice"] == "one/m1"
        assert record["id"] == told.headers["x-generation-id"]


async def test_other_surfaces_pass_the_same_way(pair: Boot) -> None:
    vectors = {"object": "list", "data": [{"index": 0, "embedding": [0.1]}], "usage": {"prompt_tokens": 9}}
    text = {"id": "1", "choices": [{"index": 0, "text": "Hi", "finish_reason": "stop"}]}
    async with pair([Script.json(vectors), Script.json(text)]) as both:
        embeddings = await both.running.client.post("/v1/embeddings", json={"model": "fast", "input": "x"})
        assert embeddings.content == json.dumps(vectors).encode()
        completion = await both.running.client.post("/v1/completions", json={"model": "fast", "prompt": "x"})
        assert completion.json()["choices"][0]["text"] == "Hi"
        assert [received.path for received in both.one.requests] == ["/v1/embeddings", "/v1/completions"]
        await both.idle()
        rows = await both.running.rows("generations")
        assert [row["surface"] for row in rows] == ["embeddings", "completions"]
        assert [row["input_tokens"] for row in rows] == [9, 1]


async def test_a_request_that_was_admitted_and_found_no_endpoint_has_a_row(pair: Boot) -> None:
    """What limits count, the ledger counts: a restart must come to the same."""
    async with pair(()) as both:
        model = both.running.gateway.setup.catalogue.models["demo/alone"]
        model.endpoints.clear()
        answer = await both.running.client.post(CHAT, json=both.body(model="demo/alone"))
        assert answer.status_code == 404
        row = await both.row()
        assert (row["outcome"], row["attempts"], row["input_tokens"]) == ("failed", 0, None)


async def test_what_a_host_refuses_is_left_out_and_told(whole_answer: Script, whole_stream: Script) -> None:
    async with FakeProvider([whole_answer, whole_stream, whole_answer]) as fake:
        config = f'providers: {{lab: {{vendor: groq, base_url: "{fake.url}", api_key: sk-lab-secret}}}}'
        async with running(config) as server:
            body = {"model": "lab/x", "logprobs": True, "messages": [{"role": "user", "content": "Hello"}]}
            for stream in (False, True):
                answer = await server.client.post(CHAT, json={**body, "stream": stream})
                assert answer.headers["x-pointsman-lost"] == "logprobs"
            del body["logprobs"]
            assert "x-pointsman-lost" not in (await server.client.post(CHAT, json=body)).headers
        assert ["logprobs" in received.json for received in fake.requests] == [False] * 3


TOLD = """
from pointsman import hookimpl
POINTSMAN_API = 1
@hookimpl
def settle_usage(exchange, usage, cost):
    exchange.gateway.told = (usage.input, usage.output, cost.nano, exchange.usage.input)
"""


async def test_what_is_settled_is_what_all_attempts_used_together(
    tmp_path: Path, whole_answer: Script
) -> None:
    used = {"prompt_tokens": 100, "completion_tokens": 10}
    failing = Script.json({"choices": "none", "usage": used})
    (tmp_path / "told.py").write_text(TOLD)
    async with FakeProvider(failing) as one, FakeProvider(whole_answer) as two:
        price = {"input": 1, "output": 2}
        config = {
            "plugins": {"balance": False, "./told.py": {}},
            "providers": {
                name: {"base_url": fake.url, "api_key": "k", "price": price}
                for name, fake in (("one", one), ("two", two))
            },
            "models": {"m": {"endpoints": ["one/m", "two/m"]}},
        }
        async with running(config, folder=tmp_path) as server:
            body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
            assert (await server.client.post(CHAT, json=body)).status_code == 200
            assert server.gateway.told == (109, 12, 133_000, 9)  # type: ignore[attr-defined]

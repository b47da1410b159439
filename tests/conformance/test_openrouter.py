"""OpenRouter's own SDKs, unchanged but for the base URL: they list models, chat and read the generation.

The one for JavaScript is looked for in the folder that POINTSMAN_CLIENTS names (`node_modules` in it, or in a
folder in it).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openrouter import OpenRouter, errors

from pointsman.testing import FakeProvider, Received, Running, Script, running

KEY = "pm-test"
SCRIPT = Path(__file__).with_name("openrouter.mjs")
PACKAGE = "@openrouter/sdk"
LONGEST = 60.0
"""Seconds a client may take."""
CONFIG: dict[str, Any] = {
    "auth": "keys",
    "admin_key": KEY,
    "providers": {"groq": {"api_key": "gsk-none"}},
    "models": {
        "acme/large": {
            "name": "Large",
            "context": 131_072,
            "input_modalities": ["text"],
            "output_modalities": ["text"],
            "parameters": ["temperature", "tools"],
            "endpoints": [{"endpoint": "echo/large", "price": {"input": 1, "output": 2}}],
        },
        "acme/relayed": {"endpoints": ["lab/relayed"]},
        "acme/plain": {"endpoints": ["echo/plain"]},
        "meta/llama": {"endpoints": [{"endpoint": "groq/llama", "price": [{"input": 1, "output": 2}]}]},
    },
    "plugins": {"echo": {"scripts": {"large": {"text": "Hello there"}}}, "catalogue": {"prices": False}},
    "log": {"level": "error"},
}
MODELS = ["acme/large", "acme/relayed", "acme/plain", "meta/llama", "echo/echo", "echo/large"]
HEAD = {"id": "chatcmpl-1", "created": 1_760_000_000, "model": "relayed"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
CHUNKS: list[dict[str, Any]] = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {"content": "Hello "}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {"content": "there"}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": USAGE},
]


def play(received: Received) -> Script:
    """A provider whose chunks have a usage each, as OpenAI's, and that tells no fingerprint."""
    if received.json.get("stream"):
        object = {**HEAD, "object": "chat.completion.chunk", "usage": None}
        events = [f"data: {json.dumps({**object, **chunk})}\n\n".encode() for chunk in CHUNKS]
        return Script.sse([*events, b"data: [DONE]\n\n"])
    message = {"role": "assistant", "content": "Hello there"}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return Script.json({**HEAD, "object": "chat.completion", "choices": choices, "usage": USAGE})


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    async with FakeProvider(play) as fake:
        lab = {"base_url": fake.url, "api_key": "sk-lab", "price": {"input": 1, "output": 2}}
        config = {**CONFIG, "providers": {**CONFIG["providers"], "lab": lab}}
        async with running(config, key=KEY) as started:
            yield started


@pytest.fixture
async def sdk(server: Running) -> AsyncIterator[OpenRouter]:
    async with OpenRouter(api_key=KEY, server_url=f"{server.url}/api/v1") as made:
        yield made


def message(text: str) -> Any:
    return {"role": "user", "content": text}


async def test_it_lists_models(sdk: OpenRouter) -> None:
    answer = await sdk.models.list_async(limit=2)
    assert answer is not None
    found = [each.id for each in answer.result.data]
    while (following := answer.next()) is not None:
        answer = await following
        found += [each.id for each in answer.result.data] if answer is not None else []
        if answer is None:
            break
    assert found == MODELS
    everything = await sdk.models.list_for_user_async(security={"bearer": KEY})
    assert everything is not None
    assert [each.id for each in everything.result.data] == MODELS
    assert (await sdk.models.count_async()).data.count == len(MODELS)


async def test_it_filters_and_orders_models(sdk: OpenRouter) -> None:
    cheapest = await sdk.models.list_async(sort="pricing-low-to-high", max_price=1, context=1000, q="large")
    assert cheapest is not None
    (large,) = cheapest.result.data
    assert (large.name, large.context_length, large.pricing.completion) == ("Large", 131_072, "0.000002")
    assert large.supported_parameters == ["temperature", "tools"]


async def test_it_reads_a_model_and_its_endpoints(sdk: OpenRouter) -> None:
    assert (await sdk.models.get_async(author="acme", slug="large")).data.name == "Large"
    found = (await sdk.endpoints.list_async(author="meta", slug="llama")).data
    (endpoint,) = found.endpoints
    assert (endpoint.provider_name, endpoint.tag, endpoint.uptime_last_30m) == ("Groq", "groq/llama", None)
    assert {each.model_id for each in (await sdk.endpoints.list_zdr_endpoints_async()).data} == {*MODELS} - {
        "acme/relayed"
    }
    assert {each.slug for each in (await sdk.providers.list_async()).data} == {"groq", "lab", "echo"}
    assert (await sdk.embeddings.list_models_async()).result.data == []
    with pytest.raises(errors.NotFoundResponseError, match="there is no model 'acme/nothing'"):
        await sdk.models.get_async(author="acme", slug="nothing")


@pytest.mark.parametrize(("model", "provider"), [("acme/large", "Echo"), ("acme/relayed", "lab")])
@pytest.mark.parametrize("stream", [False, True])
async def test_it_chats_and_reads_the_generation(
    sdk: OpenRouter, stream: bool, model: str, provider: str
) -> None:
    answer = await sdk.chat.send_async(model=model, messages=[message("Hello")], stream=stream)
    if stream:
        chunks = [chunk async for chunk in answer]
        id, said = (
            chunks[0].id,
            "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices),
        )
        usage = next(chunk.usage for chunk in chunks if chunk.usage)
    else:
        id, said, usage = answer.id, answer.choices[0].message.content, answer.usage
    assert said == "Hello there"
    found = (await sdk.generations.get_generation_async(id=id)).data
    assert (found.model, found.provider_name, found.streamed) == (model, provider, stream)
    assert (found.tokens_prompt, found.tokens_completion) == (usage.prompt_tokens, usage.completion_tokens)
    assert found.total_cost == usage.cost > 0


async def test_a_cost_that_is_not_known_can_be_read(sdk: OpenRouter) -> None:
    answer = await sdk.chat.send_async(model="acme/plain", messages=[message("Hello")])
    assert answer.usage.cost is None
    assert (await sdk.generations.get_generation_async(id=answer.id)).data.total_cost == -1


async def test_it_reads_what_was_spent(sdk: OpenRouter) -> None:
    answer = await sdk.chat.send_async(model="acme/large", messages=[message("Hello")])
    credits = (await sdk.credits.get_credits_async()).data
    assert (credits.total_credits, credits.total_usage) == (0, answer.usage.cost)
    assert (await sdk.analytics.get_user_activity_async()).data == []


def packages() -> Path | None:
    """The folder in which the SDK for JavaScript is installed."""
    folder = os.environ.get("POINTSMAN_CLIENTS")
    for pattern in (f"node_modules/{PACKAGE}", f"*/node_modules/{PACKAGE}") if folder else ():
        for found in sorted(Path(folder or "").glob(pattern)):
            return found.absolute()
    return None


async def test_the_one_for_javascript_does_all_that(server: Running, tmp_path: Path) -> None:
    sdk, node = packages(), shutil.which("node")
    if sdk is None or node is None:
        missing = f"no node, or no {PACKAGE}: npm install {PACKAGE} (POINTSMAN_CLIENTS)"
        if os.environ.get("POINTSMAN_REQUIRE") == "all":
            pytest.fail(missing)
        pytest.skip(missing)
    script = tmp_path / SCRIPT.name
    script.write_text(SCRIPT.read_text())
    (tmp_path / "node_modules").symlink_to(sdk.parents[1])
    process = await asyncio.create_subprocess_exec(
        node, str(script), f"{server.url}/api/v1", KEY,
        cwd=tmp_path, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(LONGEST):
            said, told = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, told.decode()
    found = json.loads(said)
    rows = await server.rows("generations")
    assert found["models"] == MODELS
    assert found["endpoint"] == {"tag": "groq/llama", "provider": "Groq"}
    assert [each["said"] for each in found["chats"]] == ["Hello there"] * 4
    assert [each["id"] for each in found["chats"]] == [row["id"] for row in rows]
    assert [each["cost"] for each in found["chats"]] == [row["cost_nano"] / 1e9 for row in rows]
    assert [each["streamed"] for each in found["chats"]] == [False, True] * 2

"""The official OpenAI SDK: through pointsman it gets what it gets from the provider itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from pointsman.testing import FakeProvider, Recording, Script, recordings, replaying, running, shared_path

SHARED = shared_path()
CONFIG = """
auth: keys
admin_key: pm-test
plugins: {{openai: {{}}, vendors: {{}}, routes: {{}}, usage: {{}}, keys: {{}}, echo: false}}
providers: {{lab: {{base_url: "{url}", api_key: sk-lab}}}}
cost_in_body: never
log: {{level: error}}
"""
METHODS = {"chat/completions": "chat", "embeddings": "embeddings", "completions": "completions"}


def method(recording: Recording) -> str | None:
    for ending, name in METHODS.items():
        if recording.path.endswith(f"/{ending}"):
            return name
    return None


@asynccontextmanager
async def clients(answers: Any) -> AsyncIterator[tuple[AsyncOpenAI, AsyncOpenAI]]:
    """The SDK straight to the provider, and through pointsman."""
    async with FakeProvider(answers) as fake, running(CONFIG.format(url=fake.url), key="pm-test") as server:
        direct = AsyncOpenAI(base_url=fake.url, api_key="x", max_retries=0)
        through = AsyncOpenAI(base_url=f"{server.url}/v1", api_key="pm-test", max_retries=0)
        async with direct, through:
            yield direct, through


async def call(client: AsyncOpenAI, kind: str, body: dict[str, Any]) -> Any:
    """What the SDK makes of an answer: plain data, or the error's status and message."""
    create = {
        "chat": client.chat.completions.create,
        "completions": client.completions.create,
        "embeddings": client.embeddings.create,
    }[kind]
    try:
        answer: Any = await create(**body)
        if not body.get("stream"):
            return answer.model_dump(warnings=False)
        return [chunk.model_dump(warnings=False) async for chunk in answer]
    except openai.APIStatusError as error:
        return {"status": error.status_code, "body": error.body}
    except openai.APIError as error:
        return {"error": error.message}


def arguments(recording: Recording) -> dict[str, Any]:
    """The recorded request as the SDK takes it: what it has no parameter for goes into extra_body."""
    known = {"model", "messages", "prompt", "input", "stream", "stream_options", "encoding_format"}
    body = {name: value for name, value in recording.request.items() if name in known}
    own = ("models", "preset", "provider")  # of the gateway that was recorded
    extra = {name: value for name, value in recording.request.items() if name not in (*known, *own)}
    if recording.request.get("stream") and "stream_options" not in body:
        body["stream_options"] = {"include_usage": True}
    if method(recording) == "embeddings":
        body.setdefault("encoding_format", "float")
    return {**body, "extra_body": extra}


@pytest.mark.skipif(SHARED is None, reason="recorded traffic is not here (POINTSMAN_SHARED)")
async def test_every_recorded_exchange_means_the_same_through_pointsman() -> None:
    assert SHARED is not None
    recorded = [
        each
        for each in recordings(SHARED)
        if method(each) and isinstance(each.request, dict) and b'data: {"value":' not in each.body
    ]
    compared = 0
    async with clients(replaying(recorded)) as (direct, through):
        for recording in recorded:
            kind = method(recording)
            assert kind is not None
            body = arguments(recording)
            if not {"messages", "prompt", "input"} & body.keys():
                continue
            wanted = await call(direct, kind, {**body, "model": recording.id})
            got = await call(through, kind, {**body, "model": f"lab/{recording.id}"})
            if isinstance(wanted, dict) and ("error" in wanted or wanted.get("status", 400) != 400):
                assert "status" in got or "error" in got, recording.id
            else:
                assert got == wanted, recording.id
            compared += 1
    assert compared > 500


async def test_a_wrong_key_is_the_sdks_own_error() -> None:
    async with clients(Script.json({})) as (_, through):
        stranger = through.with_options(api_key="pm-wrong")
        with pytest.raises(openai.AuthenticationError, match="not known"):
            await stranger.models.list()
        with pytest.raises(openai.BadRequestError, match="there is no model"):
            await through.chat.completions.create(model="nope", messages=[{"role": "user", "content": "x"}])
        with pytest.raises(openai.BadRequestError, match="`messages` must be"):
            await through.chat.completions.create(model="lab/x", messages=[])


async def test_a_stream_that_breaks_off_is_an_error_in_the_sdk(stream_events: dict[str, bytes]) -> None:
    cut = Script(
        steps=Script.sse([stream_events["role"], stream_events["hello"]]).steps,
        framing="close",
        headers={"content-type": "text/event-stream"},
    )
    async with clients(cut) as (_, through):
        stream = await through.chat.completions.create(
            model="lab/x", messages=[{"role": "user", "content": "x"}], stream=True
        )
        assert (await anext(stream)).choices[0].delta.role == "assistant"
        assert (await anext(stream)).choices[0].delta.content == "Hello"
        with pytest.raises(openai.APIError, match="before its answer was whole"):
            await anext(stream)


async def test_models_are_listed() -> None:
    listing = Script.json({"object": "list", "data": [{"id": "m-1"}]})
    async with FakeProvider(listing) as fake:
        config = CONFIG.format(url=fake.url).replace("api_key: sk-lab", "discover: true, api_key: sk-lab")
        async with running(config, key="pm-test") as server:
            client = AsyncOpenAI(base_url=f"{server.url}/v1", api_key="pm-test")
            async with client:
                assert [model.id async for model in client.models.list()] == ["lab/m-1"]


async def test_a_model_whose_name_has_a_slash_can_be_retrieved() -> None:
    config = CONFIG.format(url="http://127.0.0.1:1/v1").replace("echo: false", "echo: {}")
    async with (
        running(config, key="pm-test") as server,
        AsyncOpenAI(base_url=f"{server.url}/v1", api_key="pm-test") as client,
    ):
        assert (await client.models.retrieve("echo/echo")).id == "echo/echo"
        with pytest.raises(openai.BadRequestError, match="at most 128 answers"):
            await client.chat.completions.create(
                model="echo/echo", n=100_000_000, messages=[{"role": "user", "content": "x"}]
            )

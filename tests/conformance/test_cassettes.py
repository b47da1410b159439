"""Recorded traffic of real providers, through a real server: meaning kept, and bytes where they are raw.

Each recorded exchange is sent as its client sent it, but for the model, which names the recording; the fake
provider answers with what was recorded.
"""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pointsman.testing import FakeProvider, Recording, Running, recordings, replaying, running, shared_path

SHARED = shared_path()
SURFACES = ("chat/completions", "completions", "embeddings")
PASSED_ON = frozenset({400, 404, 405, 409, 410, 413, 415, 422, 451})
pytestmark = pytest.mark.skipif(SHARED is None, reason="recorded traffic is not here (POINTSMAN_SHARED)")

FOR_THE_GATEWAY = ("models", "preset", "provider", "session_id")
CONFIG = """
plugins: {{openai: {{}}, vendors: {{}}, routes: {{}}, usage: {{}}, keys: {{}}}}
providers:
  lab: {{base_url: "{url}", api_key: sk-lab}}
  always: {{vendor: mistral, base_url: "{url}", api_key: sk-lab}}
  azure: {{vendor: azure, base_url: "{url}", api_key: sk-lab, api_version: 2024-02-01}}
cost_in_body: never
explain: {{sample: 0}}
log: {{level: error}}
"""


def surface(recording: Recording) -> str | None:
    """The path below /v1 that the recorded request went to, if it is one of the dialect's."""
    for name in SURFACES:
        if recording.path.endswith(f"/{name}"):
            return name
    return None


def is_openai_chat(recording: Recording) -> bool:
    """Whether a recording is of this dialect: the right path, a JSON request, and not another dialect's."""
    return (
        surface(recording) is not None
        and b'data: {"value":' not in recording.body
        and isinstance(recording.request, dict)
        and not (recording.row["is_aws_eventstream"] or recording.row["is_ndjson"])
        and ("messages" in recording.request or "prompt" in recording.request or "input" in recording.request)
    )


@pytest.fixture(scope="module")
def recorded() -> list[Recording]:
    assert SHARED is not None
    found = [each for each in recordings(SHARED) if is_openai_chat(each)]
    assert len(found) > 100, "the recordings have moved"
    return found


@asynccontextmanager
async def replayed(wanted: list[Recording], **options: Any) -> AsyncIterator[tuple[Running, FakeProvider]]:
    async with (
        FakeProvider(replaying(wanted, **options)) as fake,
        running(CONFIG.format(url=fake.url)) as server,
    ):
        yield server, fake


async def ask(server: Running, recording: Recording, *, provider: str = "lab") -> Any:
    """Send the recorded request through the server, under the recording's name, without the wish for one of
    its own gateway's providers or presets: here there are others."""
    body = {**recording.request, "model": f"{provider}/{recording.id}"}
    for member in ("preset", "provider"):
        body.pop(member, None)
    return await server.client.post(f"/v1/{surface(recording)}", json=body)


def shown(recording: Recording) -> bytes:
    """What a client should see of a recorded stream: all of it up to [DONE] or an error, but for usage in an
    event of its own that it did not ask for."""
    asked = (recording.request.get("stream_options") or {}).get("include_usage")
    accounted = (recording.request.get("usage") or {}).get("include")
    kept = []
    for block in recording.body.split(b"\n\n"):
        data = block.removeprefix(b"event: error\n").removeprefix(b"data: ")
        event = json.loads(data) if data.startswith(b"{") else {}
        if not (asked or accounted) and event.get("usage") and event.get("choices") == []:
            continue
        kept.append(block)
        if data.strip() == b"[DONE]" or event.get("error"):
            return b"\n\n".join([*kept, b""])
    return b"\n\n".join(kept)


@pytest.mark.parametrize("chunk", [None, 1, "random"], ids=["whole", "bytes", "random"])
async def test_every_recorded_stream_arrives_as_it_was(recorded: list[Recording], chunk: Any) -> None:
    streams = [each for each in recorded if each.is_sse and each.status == 200]
    assert streams
    if chunk == 1:
        streams = [each for each in streams if len(each.body) < 20_000][:25]
    async with replayed(streams, chunk=chunk) as (server, _):
        for recording in streams:
            answer = await ask(server, recording)
            if answer.status_code != 200:  # it failed before any content: told as an error, not as a stream
                assert answer.status_code == 400, (recording.id, answer.text)
                assert json.dumps(answer.json()["error"]["message"]).encode() in recording.body
                continue
            assert answer.content == shown(recording), recording.id


async def test_every_recorded_whole_answer_arrives_as_it_was(recorded: list[Recording]) -> None:
    answers = [each for each in recorded if not each.is_sse and each.status == 200]
    async with replayed(answers) as (server, fake):
        for recording in answers:
            answer = await ask(server, recording)
            assert answer.status_code == 200, (recording.id, answer.text)
            assert answer.content == recording.body, recording.id
        for recording, received in zip(answers, fake.requests, strict=True):
            expected = copy.deepcopy(recording.request)
            expected["model"] = recording.id
            for member in FOR_THE_GATEWAY:
                expected.pop(member, None)
            if isinstance(expected.get("usage"), dict):
                del expected["usage"]
            assert received.json == expected, recording.id


async def test_what_recorded_requests_asked_for_is_what_providers_get(recorded: list[Recording]) -> None:
    streams = [each for each in recorded if each.is_sse and each.status == 200]
    async with replayed(streams) as (server, fake):
        for recording in streams:
            await ask(server, recording)
            expected = copy.deepcopy(recording.request)
            expected["model"] = recording.id
            for member in FOR_THE_GATEWAY:
                expected.pop(member, None)
            if isinstance(expected.get("usage"), dict):
                del expected["usage"]
            if recording.request.get("stream"):
                expected["stream_options"] = {**(expected.get("stream_options") or {}), "include_usage": True}
            assert fake.requests[-1].json == expected, recording.id


async def test_every_recorded_error_keeps_its_meaning(recorded: list[Recording]) -> None:
    errors = [each for each in recorded if each.status >= 400]
    assert errors
    async with replayed(errors) as (server, _):
        for recording in errors:
            answer = await ask(server, recording)
            if recording.status in PASSED_ON:
                assert (answer.status_code, answer.content) == (recording.status, recording.body), (
                    recording.id
                )
            else:
                assert answer.status_code in (429, 502, 503, 504), recording.id
                assert answer.headers["x-should-retry"] == "false"
                assert answer.json()["error"]["metadata"]["attempts"][0]["status"] == recording.status


def usage_of(recording: Recording) -> tuple[int, int] | None:
    """Prompt and completion tokens of a recorded answer, read in the plainest way."""
    bodies: list[Any] = []
    if recording.is_sse:
        for block in recording.body.split(b"\n\n"):
            if block.startswith(b"data: {"):
                bodies.append(json.loads(block[6:]))
    else:
        bodies.append(json.loads(recording.body))
    found = [body["usage"] for body in bodies if isinstance(body.get("usage"), dict)]
    if not found or "prompt_tokens" not in found[-1]:
        return None
    prompt, completion = found[-1]["prompt_tokens"], found[-1].get("completion_tokens") or 0
    total = found[-1].get("total_tokens") or 0
    return prompt, max(completion, total - prompt)


async def test_every_recorded_usage_is_in_the_ledger(
    recorded: list[Recording],
) -> None:
    answers = [each for each in recorded if each.status == 200 and usage_of(each) is not None]
    async with replayed(answers) as (server, _):
        for recording in answers:
            await ask(server, recording)
        while server.gateway.running:
            await _turn()
        rows = await server.rows("generations")
        assert len(rows) == len(answers)
        for recording, row in zip(answers, rows, strict=True):
            broken = b'"error":{' in recording.body
            assert row["outcome"] == ("incomplete" if broken else "complete"), recording.id
            assert (row["input_tokens"], row["output_tokens"]) == usage_of(recording), recording.id
            assert not row["estimated"]


async def _turn() -> None:
    import asyncio

    await asyncio.sleep(0)


async def test_a_host_that_always_reports_usage_is_relayed_whole(recorded: list[Recording]) -> None:
    """Where usage comes unasked there is no option to force, and nothing to hide."""
    native = [each for each in recorded if each.is_sse and each.status == 200 and each.provider == "mistral"]
    async with replayed(native) as (server, fake):
        for recording in native:
            answer = await ask(server, recording, provider="always")
            assert answer.content == recording.body, recording.id
            assert "stream_options" not in fake.requests[-1].json


async def test_deployments_are_asked_where_they_were_recorded(recorded: list[Recording]) -> None:
    """At the resource's address and not below `/v1`, with filter results carried as they came."""
    native = [each for each in recorded if each.provider == "azure-openai"]
    assert len(native) > 40
    async with replayed(native) as (server, fake):
        for recording in native:
            answer = await ask(server, recording, provider="azure")
            received = fake.requests[-1]
            path = f"/openai/deployments/{recording.id}/{surface(recording)}?api-version=2024-02-01"
            assert received.path.removeprefix("/v1") == path
            assert (received.headers["api-key"], "authorization" in received.headers) == ("sk-lab", False)
            if recording.status == 200:
                assert answer.content == shown(recording) if recording.is_sse else recording.body, (
                    recording.id
                )
                assert b"prompt_filter_results" in answer.content
                assert "stream_options" not in received.json, "this version does not know it"
            else:
                assert answer.status_code == (404 if recording.status == 404 else 502), recording.id

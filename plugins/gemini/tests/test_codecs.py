"""The codecs, and the whole way through a server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pointsman.dialects import ErrorView, Quirks
from pointsman.errors import UpstreamStatus
from pointsman.losses import Losses
from pointsman.testing import FakeProvider, Received, Running, Script, running
from pointsman.types import Embeddings, Peek, Request, Response, Text
from pointsman_gemini import ContentCodec

CONFIG = """
auth: keys
admin_key: pm-test
plugins: {{openai: {{}}, anthropic: {{}}, gemini: {{}}, usage: {{}}, keys: {{}}, echo: false}}
providers: {{lab: {{vendor: gemini, base_url: "{url}", api_key: key-of-google}}}}
log: {{level: error}}
"""
ANSWER = {
    "candidates": [{"content": {"parts": [{"text": "Fine."}], "role": "model"}, "finishReason": "STOP"}],
    "usageMetadata": {
        "promptTokenCount": 7,
        "candidatesTokenCount": 2,
        "thoughtsTokenCount": 3,
        "totalTokenCount": 12,
    },
    "modelVersion": "gemini-3-flash",
    "responseId": "r1",
}
ASKED = {"model": "lab/gemini-3-flash", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize(
    ("model", "stream", "address"),
    [
        ("gemini-3-pro", False, "/models/gemini-3-pro:generateContent"),
        ("gemini-3-pro", True, "/models/gemini-3-pro:streamGenerateContent?alt=sse"),
        ("tunedModels/mine", False, "/tunedModels/mine:generateContent"),
        ("models/gemini-3-pro", False, "/models/gemini-3-pro:generateContent"),
        ("a b?c", False, "/models/a%20b%3Fc:generateContent"),
    ],
)
def test_the_address_names_the_model(codec: ContentCodec, model: str, stream: bool, address: str) -> None:
    assert codec.address(model=model, stream=stream) == address


def test_errors_in_streams_are_whole_events(codec: ContentCodec) -> None:
    view = ErrorView(503, "provider_unavailable", "gone")
    event = codec.encode_stream_error(view)
    assert json.loads(event.removeprefix(b"data: ")) == json.loads(codec.encode_error(view))
    assert event.endswith(b"\n\n")


def test_the_cost_is_never_put_into_an_answer(codec: ContentCodec) -> None:
    assert codec.with_cost(b"{}", None, stream=False) == b"{}"


def test_a_refused_key_is_seen(codec: ContentCodec) -> None:
    body = b'{"error": {"message": "bad", "details": [{"reason": "API_KEY_INVALID"}]}}'
    assert codec.refine(UpstreamStatus.of(400, "bad", body=body)).upstream_status == 401


def test_vectors_are_no_answer_to_a_chat(codec: ContentCodec) -> None:
    with pytest.raises(TypeError):
        codec.encode_response(Embeddings("m", []), request=Request(b"{}"), losses=Losses())


def test_requests_and_answers_both_ways(codec: ContentCodec) -> None:
    body = {"model": "m", "contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "stream": True}
    request = Request.of(body)
    assert codec.peek(request).stream
    chat = codec.decode_request(request)
    assert codec.encode_request(chat, quirks=Quirks(), losses=Losses()) == body
    raw, _ = codec.forward(request, model="m", peek=Peek("m"), quirks=Quirks(), params={})
    assert json.loads(raw) == {"contents": body["contents"]}
    response = codec.decode_response(json.dumps(ANSWER).encode(), quirks=Quirks())
    assert isinstance(response, Response)
    assert response.choices[0].message.parts[0] == Text("Fine.", response.choices[0].message.parts[0].extra)  # type: ignore[union-attr]
    again = json.loads(codec.encode_response(response, request=request, losses=Losses()))
    assert again["candidates"][0]["content"] == ANSWER["candidates"][0]["content"]  # type: ignore[index]


@asynccontextmanager
async def lab(answer: Any) -> AsyncIterator[tuple[Running, FakeProvider]]:
    async with FakeProvider(answer) as fake, running(CONFIG.format(url=fake.url), key="pm-test") as served:
        yield served, fake


def answering(received: Received) -> Script:
    if "stream" in received.path:
        return Script.sse([b"data: " + json.dumps(ANSWER).encode() + b"\r\n\r\n"])
    return Script.json(ANSWER)


async def test_a_chat_goes_to_the_models_address_with_the_key_in_its_header() -> None:
    async with lab(answering) as (served, fake):
        answer = await served.client.post("/v1/chat/completions", json=ASKED)
        assert answer.status_code == 200
        assert answer.json()["choices"][0]["message"]["content"] == "Fine."
        assert answer.json()["usage"]["completion_tokens_details"]["reasoning_tokens"] == 3
        (received,) = fake.requests
        assert received.path.endswith("/models/gemini-3-flash:generateContent")
        assert received.headers["x-goog-api-key"] == "key-of-google"
        assert "authorization" not in received.headers
        assert received.json == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
        (row,) = await served.rows("generations")
        assert (row["lane"], row["input_tokens"], row["output_tokens"]) == ("translated", 7, 5)


async def test_a_stream_is_asked_for_in_the_address() -> None:
    async with lab(answering) as (served, fake):
        answer = await served.client.post("/v1/chat/completions", json={**ASKED, "stream": True})
        assert answer.status_code == 200
        assert b'"Fine."' in answer.content
        assert answer.content.endswith(b"data: [DONE]\n\n")
        assert fake.requests[0].path.endswith("/models/gemini-3-flash:streamGenerateContent?alt=sse")
        (row,) = await served.rows("generations")
        assert (row["outcome"], row["input_tokens"], row["output_tokens"]) == ("complete", 7, 5)


async def test_a_limit_tells_when_to_come_back() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "6.2s"}]
    error = {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED", "details": details}
    async with lab(lambda received: Script.json({"error": error}, status=429)) as (served, _):
        answer = await served.client.post("/v1/chat/completions", json=ASKED)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


async def test_a_call_that_went_wrong_is_a_failure() -> None:
    """Another endpoint may do better: an answer without an end is none."""
    broken = {"candidates": [{"content": {}, "finishReason": "MALFORMED_FUNCTION_CALL"}]}
    async with lab(lambda received: Script.json(broken)) as (served, _):
        answer = await served.client.post("/v1/chat/completions", json=ASKED)
        assert answer.status_code == 502
        assert "MALFORMED_FUNCTION_CALL" in answer.json()["error"]["message"]

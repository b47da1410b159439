"""The codecs, and the whole way through a server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pointsman.dialects import ErrorView, Quirks
from pointsman.errors import BadRequest, UpstreamStatus
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
        ("a/b", False, "/models/a/b:generateContent"),
        ("models", False, "/models/models:generateContent"),
        ("cheap/../dear", False, "/models/cheap%2F..%2Fdear:generateContent"),
        ("tunedModels/../models/dear", False, "/tunedModels/..%2Fmodels%2Fdear:generateContent"),
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


@pytest.mark.parametrize(
    ("raw", "place", "body"),
    [
        (b'{"contents": []} ', "/models/a/b:free:generateContent", {"contents": [], "model": "a/b:free"}),
        (b" {  } ", "/models/m:generateContent?key=x", {"model": "m"}),
        (b'{"a": 1}', "/models/m:streamGenerateContent?alt=sse", {"a": 1, "model": "m", "stream": True}),
        (b'{"model": "x", "stream": true}', "/models/m:generateContent", {"model": "m"}),
    ],
)
def test_what_the_path_says_becomes_members(codec: ContentCodec, raw: bytes, place: str, body: Any) -> None:
    assert Request(codec.placed(raw, place)).body == {"stream": False, **body}


@pytest.mark.parametrize("raw", [b"", b"[1]", b'"text"'])
def test_what_is_no_object_stays_for_others_to_refuse(codec: ContentCodec, raw: bytes) -> None:
    assert codec.placed(raw, "/models/m:generateContent") == raw


def test_streams_are_events_and_nothing_else(codec: ContentCodec) -> None:
    with pytest.raises(BadRequest, match="alt=sse"):
        codec.placed(b"{}", "/models/m:streamGenerateContent")


CONTENTS = [{"role": "user", "parts": [{"text": "Hi"}]}]


@pytest.mark.parametrize("prefix", ["/v1beta", "/v1", "/api/v1"])
async def test_a_client_of_this_dialect_gets_its_providers_bytes(prefix: str) -> None:
    async with lab(answering) as (served, fake):
        served.client.headers.pop("authorization", None)
        headers = {"x-goog-api-key": "pm-test"}
        asked = {"contents": CONTENTS, "safetySettings": [{"category": "X"}]}
        place = f"{prefix}/models/lab/gemini-3-flash"
        whole = await served.client.post(f"{place}:generateContent", json=asked, headers=headers)
        assert (whole.status_code, whole.json()) == (200, ANSWER)
        stream = await served.client.post(
            f"{place}:streamGenerateContent?alt=sse", json=asked, headers=headers
        )
        assert stream.content == b"data: " + json.dumps(ANSWER).encode() + b"\r\n\r\n"
        assert [received.json for received in fake.requests] == [asked, asked]
        assert fake.requests[1].path.endswith("/models/gemini-3-flash:streamGenerateContent?alt=sse")
        rows = await served.rows("generations")
        assert [(row["lane"], row["input_tokens"], row["output_tokens"]) for row in rows] == [
            ("bytes", 7, 5)
        ] * 2


async def test_its_errors_are_of_its_dialect() -> None:
    async with lab(answering) as (served, _):
        missing = await served.client.post(
            "/v1beta/models/nobody/none:generateContent", json={"contents": CONTENTS}
        )
        assert missing.json()["error"]["code"] == missing.status_code
        assert missing.status_code in (400, 404)
        wrong = await served.client.post("/v1beta/models/lab/m:generateContent", json={"contents": 5})
        assert (wrong.status_code, wrong.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
        bare = await served.client.post(
            "/v1beta/models/lab/m:streamGenerateContent", json={"contents": CONTENTS}
        )
        assert (bare.status_code, "alt=sse" in bare.json()["error"]["message"]) == (400, True)
        asked = await served.client.get("/v1beta/models/lab/m:generateContent")
        assert (asked.status_code, asked.headers["allow"]) == (405, "POST, OPTIONS")
        encoded = await served.client.post(
            "/v1beta/models/lab%2Fm:generateContent", json={"contents": CONTENTS}
        )
        assert encoded.status_code == 200, "an encoded slash is one of the name's"


def test_instructions_are_given_where_there_are_none() -> None:
    found = ContentCodec().instructed(Request.of({"contents": []}), "Be brief.")
    assert found.body == {"contents": [], "systemInstruction": {"parts": [{"text": "Be brief."}]}}
    for name in ("systemInstruction", "system_instruction"):
        own = Request.of({name: {"parts": [{"text": "Be long."}]}})
        assert ContentCodec().instructed(own, "Be brief.") is own

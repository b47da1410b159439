"""Embeddings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.dialects import Quirks
from pointsman.errors import BadRequest, MalformedAnswer
from pointsman.losses import Losses
from pointsman.testing import FakeProvider, Script, recordings, running, shared_path
from pointsman.types import Chat, Embeddings, Message, Peek, Request, Response, Text, Unknown, Usage
from pointsman_gemini import EmbedCodec

CONFIG = """
auth: keys
admin_key: pm-test
plugins: {{openai: {{}}, gemini: {{}}, usage: {{}}, keys: {{}}, echo: false}}
providers: {{lab: {{vendor: gemini, base_url: "{url}", api_key: key-of-google}}}}
log: {{level: error}}
"""
CODEC = EmbedCodec()
VECTORS = {"embeddings": [{"values": [0.5, -0.25]}, {"values": [1.0, 0.0]}]}


def one(text: str, **rest: Any) -> dict[str, Any]:
    return {"model": "models/m", "content": {"parts": [{"text": text}]}, **rest}


def request(*asked: Any, **rest: Any) -> Request:
    return Request.of({"model": "m", "requests": list(asked), **rest})


async def test_clients_of_another_dialect_get_vectors() -> None:
    async with (
        FakeProvider(lambda received: Script.json(VECTORS)) as fake,
        running(CONFIG.format(url=fake.url), key="pm-test") as served,
    ):
        body = {"model": "lab/gemini-embedding-001", "input": ["a", "b"], "dimensions": 2}
        answer = await served.client.post("/v1/embeddings", json=body)
        assert answer.status_code == 200
        assert [row["embedding"] for row in answer.json()["data"]] == [[0.5, -0.25], [1.0, 0.0]]
        assert answer.json()["model"] == "lab/gemini-embedding-001"
        packed = await served.client.post("/v1/embeddings", json={**body, "encoding_format": "base64"})
        assert packed.json()["data"][1]["embedding"] == "AACAPwAAAAA="
        assert "x-pointsman-lost" not in packed.headers
        received = fake.requests[0]
        assert received.path.endswith("/models/gemini-embedding-001:batchEmbedContents")
        model = {"model": "models/gemini-embedding-001", "outputDimensionality": 2}
        assert received.json == {
            "requests": [
                {**model, "content": {"parts": [{"text": "a"}]}},
                {**model, "content": {"parts": [{"text": "b"}]}},
            ]
        }
        rows = await served.rows("generations")
        assert [(row["lane"], row["estimated"]) for row in rows] == [("translated", 1)] * 2


async def test_clients_of_this_dialect_get_its_providers_bytes() -> None:
    async with (
        FakeProvider(lambda received: Script.json(VECTORS)) as fake,
        running(CONFIG.format(url=fake.url), key="pm-test") as served,
    ):
        answer = await served.client.post(
            "/v1beta/models/lab/emb:batchEmbedContents",
            json={"requests": [one("a", taskType="RETRIEVAL_QUERY")], "provider": {}},
        )
        assert (answer.status_code, answer.json()) == (200, VECTORS)
        assert fake.requests[0].json == {
            "requests": [{**one("a", taskType="RETRIEVAL_QUERY"), "model": "models/emb"}]
        }


def test_defaults_are_for_each_request() -> None:
    raw, lost = CODEC.forward(
        request(one("a"), one("b", outputDimensionality=8), models=["n"], odd=1),
        model="tunedModels/t",
        peek=Peek("m"),
        quirks=Quirks(drop=frozenset({"odd"})),
        params={"outputDimensionality": 256},
    )
    body = json.loads(raw)
    assert [each["outputDimensionality"] for each in body["requests"]] == [256, 8]
    assert {each["model"] for each in body["requests"]} == {"tunedModels/t"}
    assert (body.keys(), lost) == ({"requests"}, ["odd"])


def test_requests_are_read_and_written() -> None:
    peek = CODEC.peek(request(one("a"), models=["n"]))
    assert (peek.model, peek.models, peek.stream) == ("m", ("n",), False)
    chat = CODEC.decode_request(request(one("a", taskType="X"), one("b")))
    assert [message.text for message in chat.messages] == ["a", "b"]
    losses = Losses()
    written = CODEC.encode_request(chat, quirks=Quirks(), losses=losses)
    assert written["requests"][0] == {"content": {"parts": [{"text": "a"}]}, "taskType": "X"}
    assert losses == Losses()


def test_what_has_no_place_is_told() -> None:
    own = Unknown("gemini", {"inlineData": {}})
    messages = [Message("user", [Text("a"), own, Unknown("other", [1, 2])], path="input")]
    chat = Chat("m", messages, params={"user": "u"}, extra={"other": {"odd": 1, "dimensions": 3}})
    losses = Losses()
    body = CODEC.encode_request(chat, quirks=Quirks(), losses=losses)
    assert body["requests"] == [{"content": {"parts": [{"text": "a"}, own.data]}, "outputDimensionality": 3}]
    assert losses.parameters == ["odd", "user"]
    assert [each.path for each in losses.content] == ["input"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"requests": [one("a")]}, "model"),
        ({"model": "m"}, "requests"),
        ({"model": "m", "requests": []}, "requests"),
        ({"model": "m", "requests": ["a"]}, "requests"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(body: Any, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        CODEC.peek(Request.of(body))
    assert caught.value.param == param


def test_a_request_without_parts_is_named() -> None:
    with pytest.raises(BadRequest, match=r"requests\[0\].content"):
        CODEC.decode_request(request({"content": "a"}))


def test_answers_are_read_and_written() -> None:
    usage = {"promptTokenCount": 9}
    body = json.dumps({**VECTORS, "usageMetadata": usage}).encode()
    found = CODEC.decode_response(body, quirks=Quirks())
    assert found == Embeddings("", [[0.5, -0.25], [1.0, 0.0]], Usage(9, raw=usage))
    written = json.loads(CODEC.encode_response(found, request=request(one("a")), losses=Losses()))
    assert written["embeddings"] == VECTORS["embeddings"]
    assert written["usageMetadata"]["promptTokenCount"] == 9
    tap = CODEC.tap(peek=Peek("m"), quirks=Quirks())
    tap.whole(body)
    assert (tap.complete, tap.usage) == (True, Usage(9, raw=usage))


def test_what_is_no_vector_is_refused() -> None:
    blocked = b'{"promptFeedback": {"blockReason": "SAFETY"}}'
    for body in (b"{}", blocked, b'{"embeddings": [{}]}', b'{"embeddings": ["a"]}'):
        with pytest.raises(MalformedAnswer):
            CODEC.decode_response(body, quirks=Quirks())


def test_there_are_no_streams_of_vectors() -> None:
    with pytest.raises(MalformedAnswer):
        CODEC.tap(peek=Peek("m"), quirks=Quirks()).feed(b"data: {}\n\n")
    with pytest.raises(MalformedAnswer):
        CODEC.decode_stream(peek=Peek("m"), quirks=Quirks())
    with pytest.raises(BadRequest):
        CODEC.encode_stream(peek=Peek("m"), request=request(one("a")), losses=Losses())
    with pytest.raises(TypeError):
        CODEC.encode_response(Response("r", "m", 1, []), request=request(one("a")), losses=Losses())


def test_recorded_vectors_are_read() -> None:
    shared = shared_path()
    if shared is None:
        pytest.skip("recorded traffic is not here (POINTSMAN_SHARED)")
    found = recordings(shared, path=lambda path: path.endswith(":batchEmbedContents"))
    answers = [each for each in found if each.status == 200]
    assert len(answers) > 5
    for recording in answers:
        vectors = CODEC.decode_response(recording.body, quirks=Quirks()).vectors
        assert len(vectors) == len(recording.request["requests"])
        CODEC.decode_request(Request.of({"model": "m", **recording.request}))

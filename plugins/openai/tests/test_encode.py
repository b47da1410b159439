"""Canonical answers as whole answers."""

from __future__ import annotations

import base64
import json
import struct

from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion

from pointsman.types import (
    Choice,
    Embeddings,
    Finish,
    Media,
    Message,
    Reasoning,
    Request,
    Response,
    Text,
    ToolCall,
    Usage,
)
from pointsman_openai.encode import encode_chat, encode_completion, encode_embeddings

USAGE = Usage(input=9, output=5, cache_read=2, reasoning=1)


def response(*choices: Choice, usage: Usage | None = USAGE) -> Response:
    return Response(
        "gen-1", "m", 1_700_000_000, list(choices), usage, {"openai-chat": {"service_tier": "flex"}}
    )


def said(*parts: object, finish: str = "stop") -> Choice:
    return Choice(Message("assistant", list(parts)), Finish(finish))  # type: ignore[arg-type]


def test_a_chat_is_what_the_sdk_expects() -> None:
    data = encode_chat(response(said(Reasoning("hm"), Text("he"), Text("llo"))))
    found = ChatCompletion.model_validate_json(data, strict=True)
    assert found.object == "chat.completion"
    assert (found.id, found.model, found.created) == ("gen-1", "m", 1_700_000_000)
    assert found.choices[0].message.content == "hello"
    assert found.choices[0].finish_reason == "stop"
    assert found.usage is not None
    assert (found.usage.prompt_tokens, found.usage.completion_tokens, found.usage.total_tokens) == (9, 5, 14)
    assert found.usage.prompt_tokens_details is not None
    assert found.usage.prompt_tokens_details.cached_tokens == 2
    body = json.loads(data)
    assert body["choices"][0]["message"]["reasoning_content"] == "hm"
    assert body["service_tier"] == "flex"


def test_tool_calls_are_what_the_sdk_expects() -> None:
    call = ToolCall("call_1", "f", '{"a": 1}')
    data = encode_chat(response(said(call, finish="tool_calls"), usage=None))
    found = ChatCompletion.model_validate_json(data, strict=True)
    message = found.choices[0].message
    assert message.content is None
    assert message.tool_calls is not None
    assert message.tool_calls[0].to_dict() == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "f", "arguments": '{"a": 1}'},
    }
    assert found.usage is None


def test_an_empty_answer_has_empty_content() -> None:
    assert json.loads(encode_chat(response(said())))["choices"][0]["message"]["content"] == ""


def test_several_choices_keep_their_places() -> None:
    body = json.loads(encode_chat(response(said(Text("a")), said(Text("b"), finish="length"))))
    assert [(each["index"], each["message"]["content"]) for each in body["choices"]] == [(0, "a"), (1, "b")]
    assert body["choices"][1]["finish_reason"] == "length"


def test_pictures_are_given_by_url() -> None:
    images = (Media("image", data="AAAA", mime="image/png"), Media("image", url="https://x/y"))
    message = json.loads(encode_chat(response(said(*images))))["choices"][0]["message"]
    assert [each["image_url"]["url"] for each in message["images"]] == [
        "data:image/png;base64,AAAA",
        "https://x/y",
    ]


def test_a_completion_is_what_the_sdk_expects() -> None:
    data = encode_completion(response(said(Reasoning("hm"), Text("hello"), finish="length")))
    found = Completion.model_validate_json(data, strict=True)
    assert found.object == "text_completion"
    assert found.choices[0].text == "hello"
    assert found.choices[0].finish_reason == "length"
    assert found.usage is not None
    assert found.usage.total_tokens == 14


def test_embeddings_are_what_the_sdk_expects() -> None:
    vectors = Embeddings("m", [[0.5, -1.0], [0.25, 2.0]], Usage(input=6))
    data = encode_embeddings(vectors, request=Request(b'{"input": ["a", "b"]}'))
    found = CreateEmbeddingResponse.model_validate_json(data, strict=True)
    assert [each.embedding for each in found.data] == [[0.5, -1.0], [0.25, 2.0]]
    assert [each.index for each in found.data] == [0, 1]
    assert (found.usage.prompt_tokens, found.usage.total_tokens) == (6, 6)


def test_embeddings_in_base64_are_little_endian_floats() -> None:
    asked = Request(b'{"input": "a", "encoding_format": "base64"}')
    body = json.loads(encode_embeddings(Embeddings("m", [[0.5, -1.0]]), request=asked))
    packed = base64.b64decode(body["data"][0]["embedding"])
    assert struct.unpack("<2f", packed) == (0.5, -1.0)
    assert "usage" not in body

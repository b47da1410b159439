"""Canonical answers as whole answers."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion

from pointsman.losses import Losses
from pointsman.sealing import seal
from pointsman.types import (
    Choice,
    Citation,
    Embeddings,
    Finish,
    Media,
    Message,
    Reasoning,
    Request,
    Response,
    Text,
    ToolCall,
    Unknown,
    Usage,
)
from pointsman_openai.encode import encode_chat, encode_completion, encode_embeddings, finish_word

ASKED = Request(b"{}")
USAGE = Usage(input=9, output=5, cache_read=2, reasoning=1)


def response(*choices: Choice, usage: Usage | None = USAGE) -> Response:
    return Response(
        "gen-1", "m", 1_700_000_000, list(choices), usage, {"openai-chat": {"service_tier": "flex"}}
    )


def said(*parts: object, finish: str = "stop") -> Choice:
    return Choice(Message("assistant", list(parts)), Finish(finish))  # type: ignore[arg-type]


def chat(answer: Response, losses: Losses | None = None) -> bytes:
    return encode_chat(answer, request=ASKED, losses=losses or Losses())


def told(*parts: object, losses: Losses | None = None) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(chat(response(said(*parts)), losses))["choices"][0]["message"]
    return message


def test_a_chat_is_what_the_sdk_expects() -> None:
    data = chat(response(said(Reasoning("hm"), Text("he"), Text("llo"))))
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
    data = chat(response(said(call, finish="tool_calls"), usage=None))
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
    assert json.loads(chat(response(said())))["choices"][0]["message"]["content"] == ""


def test_several_choices_keep_their_places() -> None:
    body = json.loads(chat(response(said(Text("a")), said(Text("b"), finish="length"))))
    assert [(each["index"], each["message"]["content"]) for each in body["choices"]] == [(0, "a"), (1, "b")]
    assert body["choices"][1]["finish_reason"] == "length"


def test_pictures_are_given_by_url() -> None:
    images = (Media("image", data="AAAA", mime="image/png"), Media("image", url="https://x/y"))
    message = json.loads(chat(response(said(*images))))["choices"][0]["message"]
    assert [each["image_url"]["url"] for each in message["images"]] == [
        "data:image/png;base64,AAAA",
        "https://x/y",
    ]


def test_a_completion_is_what_the_sdk_expects() -> None:
    losses = Losses()
    data = encode_completion(response(said(Reasoning("hm"), Text("hello"), finish="length")), losses=losses)
    assert losses.answer == ["reasoning"]
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


def test_signed_thoughts_are_told_in_details_too() -> None:
    signed = Reasoning("hm", "sig", origin="anthropic-messages")
    message = told(signed, Text("x"))
    assert message["reasoning_content"] == "hm"
    assert message["reasoning_details"] == [
        {
            "type": "reasoning.text",
            "text": "hm",
            "signature": seal(signed),
            "format": "anthropic-claude-v1",
            "index": 0,
        }
    ]


def test_a_refusal_has_its_own_member() -> None:
    message = told(Text("I will not", refusal=True))
    assert (message["content"], message["refusal"]) == (None, "I will not")


def test_citations_of_pages_are_annotations_at_their_place_in_the_whole_text() -> None:
    losses = Losses()
    page, book = Citation("https://x", "X", "words", 1, 2), Citation(quote="in a book")
    message = told(Text("abc"), Text("def", citations=[page, book]), losses=losses)
    assert message["annotations"] == [
        {
            "type": "url_citation",
            "url_citation": {
                "url": "https://x",
                "title": "X",
                "content": "words",
                "start_index": 4,
                "end_index": 5,
            },
        }
    ]
    assert losses.answer == ["citations"]


def test_log_probabilities_stand_beside_the_message() -> None:
    one, two, three = ({"token": each, "logprob": -0.1} for each in "abc")
    parts = (Text("a", logprobs=[one]), Text("b", logprobs=[two]), Text("c", refusal=True, logprobs=[three]))
    choice = json.loads(chat(response(said(*parts))))["choices"][0]
    assert choice["logprobs"] == {"content": [one, two], "refusal": [three]}


def test_a_call_has_arguments_always() -> None:
    assert told(ToolCall("c", "f", ""))["tool_calls"][0]["function"]["arguments"] == "{}"


def test_what_has_no_place_is_reported() -> None:
    losses = Losses()
    foreign = {"messages": {"container": "c", "nothing": None}}
    answer = response(
        Choice(
            Message(
                "assistant",
                [
                    Unknown("messages", {"type": "server_tool_use"}),
                    Media("audio", data="A"),
                    Text("x", foreign),
                ],
                foreign,
            ),
            Finish("stop", "stop_sequence", "END"),
            foreign,
        )
    )
    chat(answer, losses)
    assert losses.answer == [
        "choices.container",
        "stop_sequence",
        "message.container",
        "server_tool_use",
        "audio",
        "content.container",
    ]


def test_finish_reasons_are_words_of_this_dialect() -> None:
    assert finish_word(Finish("stop", "end_turn")) == "stop"
    assert finish_word(Finish("tool_calls", "stop")) == "tool_calls"
    assert finish_word(Finish("tool_calls", "function_call")) == "function_call"


def test_the_tier_that_served_is_told() -> None:
    answer = Response("x", "m", 0, [said(Text("x"))], Usage(input=1, service_tier="flex"))
    assert json.loads(chat(answer))["service_tier"] == "flex"


def test_what_no_client_could_read_in_content_is_reported() -> None:
    losses = Losses()
    odd = Unknown("openai-chat", {"x": 1})
    assert told(Text("a"), odd, losses=losses)["content"] == "a"
    assert losses.answer == ["part of openai-chat"]

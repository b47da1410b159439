"""The codecs."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import msgspec
import openai
import pytest

from pointsman.dialects import ErrorView, Mark, Quirks, StreamDecoder
from pointsman.errors import BadRequest
from pointsman.events import Event, Started, accumulate, explode
from pointsman.losses import Losses
from pointsman.money import Cost
from pointsman.sse import Splitter
from pointsman.types import Choice, Embeddings, Finish, Message, Peek, Request, Response, Text, ToolCall
from pointsman_openai.codecs import ChatCodec, CompletionsCodec, EmbeddingsCodec

CHAT, COMPLETIONS, EMBEDDINGS = ChatCodec(), CompletionsCodec(), EmbeddingsCodec()
RESPONSE = Response("x", "m", 0, [Choice(Message("assistant", [Text("hi")]), Finish("stop", "stop"))])


def request(**members: Any) -> Request:
    return Request(json.dumps({"model": "m", **members}).encode())


def test_the_surfaces_of_the_dialect() -> None:
    assert [(codec.dialect, codec.surface, codec.path) for codec in (CHAT, COMPLETIONS, EMBEDDINGS)] == [
        ("openai-chat", "chat", "/chat/completions"),
        ("openai-chat", "completions", "/completions"),
        ("openai-chat", "embeddings", "/embeddings"),
    ]


def test_who_asks_and_what_is_accounted_cannot_change_an_answer() -> None:
    for codec in (CHAT, COMPLETIONS, EMBEDDINGS):
        assert {"user", "metadata", "stream_options.include_usage", "usage.include"} <= codec.bookkeeping
        assert not {"model", "seed", "store", "service_tier"} & codec.bookkeeping
        assert not codec.stateful


def test_a_chat_needs_messages() -> None:
    with pytest.raises(BadRequest, match="`messages`"):
        CHAT.peek(request(messages="hello"))


@pytest.mark.parametrize(
    ("prompt", "n", "choices"),
    [
        ("once", None, 1),
        (["a", "b"], None, 2),
        (["a", "b"], 3, 6),
        ([1, 2, 3], 2, 2),
        ([[1], [2]], 1, 2),
        ([], 1, 1),
    ],
)
def test_each_prompt_gets_its_own_answers(prompt: Any, n: int | None, choices: int) -> None:
    assert COMPLETIONS.peek(request(prompt=prompt, n=n)).choices == choices


@pytest.mark.parametrize(("codec", "member"), [(COMPLETIONS, "prompt"), (EMBEDDINGS, "input")])
def test_an_input_is_a_text_or_a_list(codec: CompletionsCodec | EmbeddingsCodec, member: str) -> None:
    for wrong in ({}, {member: None}, {member: {"x": 1}}):
        with pytest.raises(BadRequest, match=f"`{member}`"):
            codec.peek(request(**wrong))


def test_embeddings_are_never_streamed() -> None:
    asked = request(input="a", stream=True)
    peek = EMBEDDINGS.peek(asked)
    assert not peek.stream
    data, _ = EMBEDDINGS.forward(asked, model="m", peek=peek, quirks=Quirks(), params={})
    assert data == asked.raw
    with pytest.raises(BadRequest):
        EMBEDDINGS.encode_stream(peek=peek, request=asked, losses=Losses())


def test_a_completions_stream_is_asked_for_usage() -> None:
    asked = request(prompt="a", stream=True)
    data, _ = COMPLETIONS.forward(asked, model="m", peek=COMPLETIONS.peek(asked), quirks=Quirks(), params={})
    assert json.loads(data)["stream_options"] == {"include_usage": True}


def test_requests_decode_by_their_surface() -> None:
    assert CHAT.decode_request(request(messages=[{"role": "user", "content": "a"}])).messages[0].text == "a"
    assert COMPLETIONS.decode_request(request(prompt="b")).messages[0].text == "b"
    assert EMBEDDINGS.decode_request(request(input=["c"])).messages[0].text == "c"


def test_answers_encode_by_their_surface() -> None:
    asked = request()
    chat = json.loads(CHAT.encode_response(RESPONSE, request=asked, losses=Losses()))
    completion = json.loads(COMPLETIONS.encode_response(RESPONSE, request=asked, losses=Losses()))
    vectors = json.loads(EMBEDDINGS.encode_response(Embeddings("m", [[1.0]]), request=asked, losses=Losses()))
    assert chat["choices"][0]["message"]["content"] == "hi"
    assert completion["choices"][0]["text"] == "hi"
    assert vectors["data"][0]["embedding"] == [1.0]


def test_an_answer_of_another_kind_is_refused() -> None:
    for codec in (CHAT, COMPLETIONS):
        with pytest.raises(TypeError):
            codec.encode_response(Embeddings("m", []), request=request(), losses=Losses())
    with pytest.raises(TypeError):
        EMBEDDINGS.encode_response(RESPONSE, request=request(), losses=Losses())


def test_streams_encode_by_their_surface() -> None:
    for codec, kind in ((CHAT, b"chat.completion.chunk"), (COMPLETIONS, b"text_completion")):
        encoder = codec.encode_stream(peek=Peek("m", stream=True), request=request(), losses=Losses())
        encoder.feed(Started("x", "m", 0))
        assert kind in b"".join([encoder.feed(event) for event in _said()])


def _said() -> list[Event]:
    return list(explode(RESPONSE))


def test_a_chat_is_asked_of_a_provider_and_its_answers_are_read() -> None:
    asked = request(messages=[{"role": "user", "content": "a"}], stream=True)
    body = CHAT.encode_request(CHAT.decode_request(asked), quirks=Quirks(), losses=Losses())
    assert body == asked.body
    whole = CHAT.encode_response(RESPONSE, request=asked, losses=Losses())
    assert CHAT.decode_response(whole, quirks=Quirks()) == RESPONSE
    encoder = CHAT.encode_stream(peek=Peek("m", stream=True), request=asked, losses=Losses())
    decoder = CHAT.decode_stream(peek=Peek("m", stream=True), quirks=Quirks())
    read = [event for written in map(encoder.feed, _said()) for event in _read(decoder, written)]
    assert accumulate(read + decoder.finish()) == RESPONSE
    assert decoder.complete


def _read(decoder: StreamDecoder, written: bytes) -> list[Event]:
    return [event for each in Splitter(2**20).feed(written) for event in decoder.feed(each)]


def test_calls_of_custom_tools_are_unwrapped() -> None:
    asked = request(messages=[], tools=[{"type": "custom", "custom": {"name": "sh"}}])
    call = ToolCall("c1", "sh", '{"input":"ls \\"x\\""}')
    answer = Response("x", "m", 0, [Choice(Message("assistant", [call]), Finish("tool_calls"))])
    expected = {"id": "c1", "type": "custom", "custom": {"name": "sh", "input": 'ls "x"'}}
    whole = json.loads(CHAT.encode_response(answer, request=asked, losses=Losses()))
    assert whole["choices"][0]["message"]["tool_calls"] == [expected]
    encoder = CHAT.encode_stream(peek=Peek("m", stream=True), request=asked, losses=Losses())
    stream = b"".join(map(encoder.feed, explode(answer)))
    assert stream.count(b'"tool_calls":[') == 1
    assert msgspec.json.encode([{**expected, "index": 0}]) in stream


def test_the_tap_knows_what_a_whole_answer_holds() -> None:
    peek = Peek("m")
    CHAT.tap(peek=peek, quirks=Quirks()).whole(b'{"choices":[]}')
    EMBEDDINGS.tap(peek=peek, quirks=Quirks()).whole(b'{"data":[]}')
    assert CHAT.tap(peek=peek, quirks=Quirks()).feed(b"data: [DONE]\n\n") == Mark.DONE


def test_the_cost_is_spliced_in() -> None:
    assert b'"cost":0.50' in CHAT.with_cost(b'{"usage":{}}', Cost(500_000_000), stream=False)


VIEW = ErrorView(502, "provider_unavailable", "it broke off")


def test_an_error_in_a_stream_is_one_event_with_the_error_alone() -> None:
    event = CHAT.encode_stream_error(VIEW)
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    assert json.loads(event[6:]) == json.loads(CHAT.encode_error(VIEW))
    assert list(json.loads(event[6:])) == ["error"]


@pytest.mark.parametrize("codec", [CHAT, COMPLETIONS])
def test_the_sdk_raises_an_error_in_a_stream(codec: ChatCodec | CompletionsCodec) -> None:
    encoder = codec.encode_stream(peek=Peek("m", stream=True), request=request(), losses=Losses())
    stream = b"".join(map(encoder.feed, _said()[:3])) + codec.encode_stream_error(VIEW)

    def answer(asked: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=stream, headers={"content-type": "text/event-stream"})

    transport = httpx2.MockTransport(answer)
    with openai.OpenAI(
        api_key="k", base_url="http://gateway/v1", http_client=httpx2.Client(transport=transport)
    ) as client:
        events: Any
        if codec is CHAT:
            events = client.chat.completions.create(model="m", messages=[], stream=True)
        else:
            events = client.completions.create(model="m", prompt="x", stream=True)
        assert next(iter(events)).choices
        with pytest.raises(openai.APIError, match="it broke off"):
            list(events)


def test_the_example_is_a_request_that_a_shell_can_quote() -> None:
    text = ChatCodec().example("lab/x")
    assert text is not None
    assert ChatCodec().peek(Request(text.encode())).model == "lab/x"
    assert "'" not in text
    assert ChatCodec().example("it's") is None
    assert CompletionsCodec().example("x") is None

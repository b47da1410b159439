"""The codecs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.dialects import ErrorView, Quirks, Translator
from pointsman.errors import BadRequest, UpstreamStatus
from pointsman.losses import Losses
from pointsman.money import Cost
from pointsman.types import Choice, Embeddings, Finish, Message, Request, Response, Text, Usage
from pointsman_anthropic import CountTokensCodec, MessagesCodec

Make = Callable[[dict[str, Any]], Request]


def test_two_surfaces_of_one_dialect() -> None:
    messages, count = MessagesCodec(), CountTokensCodec()
    assert (messages.dialect, messages.surface, messages.path) == ("anthropic-messages", "chat", "/messages")
    assert (count.dialect, count.surface, count.path) == (
        "anthropic-messages",
        "count_tokens",
        "/messages/count_tokens",
    )
    assert (messages.local, count.local) == (False, True)
    assert isinstance(messages, Translator)
    assert not isinstance(count, Translator)
    assert messages.forward_headers == {"anthropic-version", "anthropic-beta"}
    assert (messages.bookkeeping, messages.stateful) == ({"metadata"}, {"container"})


def test_a_ping_is_an_event(codec: MessagesCodec) -> None:
    assert codec.ping == b'event: ping\ndata: {"type": "ping"}\n\n'


def test_the_cost_is_not_put_into_answers(codec: MessagesCodec) -> None:
    data = b'{"usage": {"input_tokens": 1}}'
    assert codec.with_cost(data, Cost(5), stream=False) is data


def test_errors_are_told_in_both_ways(codec: MessagesCodec) -> None:
    view = ErrorView(429, "rate_limit_exceeded", "Slow down")
    body = codec.encode_error(view)
    assert json.loads(body)["error"]["type"] == "rate_limit_error"
    assert codec.encode_stream_error(view) == b"event: error\ndata: " + body + b"\n\n"


def test_a_providers_error_is_refined(codec: MessagesCodec) -> None:
    body = b'{"type": "error", "error": {"message": "Your credit balance is too low to go on."}}'
    assert codec.refine(UpstreamStatus.of(400, "x", body=body)).upstream_status == 402


def test_embeddings_answer_no_chat(codec: MessagesCodec) -> None:
    with pytest.raises(TypeError):
        codec.encode_response(Embeddings("m", []), request=Request(b"{}"), losses=Losses())


def test_a_request_is_decoded_under_the_name_of_its_first_model(
    codec: MessagesCodec, request_of: Make
) -> None:
    assert codec.decode_request(request_of({"model": None, "models": ["a", "b"]})).model == "a"
    with pytest.raises(BadRequest):
        codec.decode_request(request_of({"model": None}))


def test_a_count_is_neither_limited_nor_streamed(request_of: Make) -> None:
    codec = CountTokensCodec()
    request = request_of({"stream": True})
    peek = codec.peek(request)
    assert not peek.stream
    params = {"max_tokens": 5, "temperature": 0, "system": "S"}
    raw, lost = codec.forward(request, model="x", peek=peek, quirks=Quirks(), params=params)
    assert (set(json.loads(raw)), lost) == ({"model", "messages", "stream", "system"}, [])
    with pytest.raises(BadRequest):
        codec.encode_stream(peek=peek, request=request, losses=Losses())
    tap = codec.tap(peek=peek, quirks=Quirks())
    tap.whole(b'{"input_tokens": 7}')
    assert tap.complete


def test_a_count_is_its_own_answer() -> None:
    codec = CountTokensCodec()
    response = Response(
        "1", "m", 0, [Choice(Message("assistant", [Text("x")]), Finish("stop"))], Usage(input=9)
    )
    for extra, tokens in (({}, 9), ({"anthropic-messages": {"input_tokens": 4}}, 4)):
        response.extra = extra
        body = codec.encode_response(response, request=Request(b"{}"), losses=Losses())
        assert json.loads(body) == {"input_tokens": tokens}


def test_instructions_are_given_where_there_are_none() -> None:
    for said in ({}, {"system": None}):
        found = MessagesCodec().instructed(Request.of({"max_tokens": 9, **said}), "Be brief.")
        assert found.body == {"max_tokens": 9, "system": "Be brief."}
    own = Request.of({"system": [{"type": "text", "text": "Be long."}]})
    assert MessagesCodec().instructed(own, "Be brief.") is own

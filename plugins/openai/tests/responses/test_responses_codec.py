"""The codec as the gateway uses it."""

from __future__ import annotations

import json

import pytest

from pointsman.dialects import ErrorView, Quirks
from pointsman.losses import Losses
from pointsman.types import Embeddings, Request, Response
from pointsman_openai import ResponsesCodec

CODEC = ResponsesCodec()
REQUEST = Request.of({"model": "m", "input": "Hello", "stream": True})
QUIRKS = Quirks()


def test_where_it_is_found() -> None:
    assert (CODEC.dialect, CODEC.surface, CODEC.path) == ("openai-responses", "chat", "/responses")
    assert CODEC.example("m") is None


def test_what_an_answer_repeats_changes_it() -> None:
    asked = {"model": "m", "input": "Hello", "metadata": {"a": "b"}, "user": "u", "prompt_cache_key": "k"}
    answer = Response("resp_1", "m", 1, [])
    told = json.loads(CODEC.encode_response(answer, request=Request.of(asked), losses=Losses()))
    assert {name: told[name] for name in ("metadata", "user", "prompt_cache_key")} == {
        name: asked[name] for name in ("metadata", "user", "prompt_cache_key")
    }
    assert not asked.keys() & CODEC.bookkeeping
    assert {"conversation", "background"} <= CODEC.stateful


def test_a_request_goes_through_all_of_it() -> None:
    peek = CODEC.peek(REQUEST)
    data, lost = CODEC.forward(REQUEST, model="n", peek=peek, quirks=QUIRKS, params={})
    assert (json.loads(data)["model"], lost) == ("n", [])
    chat = CODEC.decode_request(REQUEST)
    assert CODEC.encode_request(chat, quirks=QUIRKS, losses=Losses()) == REQUEST.body
    body = b'{"id":"resp_1","object":"response","created_at":1,"model":"m","status":"completed","output":[]}'
    CODEC.tap(peek=peek, quirks=QUIRKS).whole(body)
    answer = CODEC.decode_response(body, quirks=QUIRKS)
    assert json.loads(CODEC.encode_response(answer, request=REQUEST, losses=Losses())) == json.loads(body)
    assert not CODEC.decode_stream(peek=peek, quirks=QUIRKS).ended
    assert CODEC.encode_stream(peek=peek, request=REQUEST, losses=Losses()).finish()
    assert CODEC.with_cost(body, None, stream=False) == body


def test_errors_have_the_shape_that_clients_know() -> None:
    view = ErrorView(400, "invalid_request", "wrong", param="input")
    assert json.loads(CODEC.encode_error(view))["error"]["param"] == "input"
    assert CODEC.encode_stream_error(view).startswith(b"event: error\n")


def test_vectors_are_no_answer_to_it() -> None:
    with pytest.raises(TypeError, match="Embeddings"):
        CODEC.encode_response(Embeddings("m", []), request=REQUEST, losses=Losses())

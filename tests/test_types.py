"""Canonical types: lazy requests, and one finish rule."""

from __future__ import annotations

import pytest

from pointsman.errors import BadRequest
from pointsman.types import (
    PARAMS,
    Chat,
    Finish,
    Media,
    Message,
    Request,
    Text,
    ToolCall,
    derive_finish,
)


@pytest.mark.parametrize(
    ("native", "parts", "reason"),
    [
        ("stop", [], "stop"),
        (None, [], "stop"),
        ("end_turn", [Text("x")], "stop"),
        ("stop", [ToolCall("1", "f", "{}")], "tool_calls"),
        ("length", [ToolCall("1", "f", "{}")], "length"),
        ("max_tokens", [], "length"),
        ("function_call", [], "tool_calls"),
        ("refusal", [], "content_filter"),
        ("RECITATION", [Text("x")], "content_filter"),
        ("MALFORMED_FUNCTION_CALL", [], "error"),
        ("something_new", [], "stop"),
    ],
)
def test_one_rule_derives_every_finish_reason(native: str | None, parts: list[Text], reason: str) -> None:
    assert derive_finish(native, parts) == Finish(reason, native)  # type: ignore[arg-type]


def test_a_request_keeps_the_bytes_of_what_nobody_read() -> None:
    request = Request(b'{"model": "m", "messages": [ {"role":"user"} ], "n": 1.50}')
    assert bytes(request.fields["messages"]) == b'[ {"role":"user"} ]'
    assert bytes(request.fields["n"]) == b"1.50"
    assert request.body["messages"] == [{"role": "user"}]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "has no body"),
        (b"  \n", "has no body"),
        (b"[]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b'{"a": 1', "not valid JSON"),
        (b"{'a': 1}", "not valid JSON"),
        (b'{"a": NaN}', "not valid JSON"),
        (b'{"a": 1}{', "not valid JSON"),
        (b"{" + b'"a":{' * 100_000, "not valid JSON"),
    ],
)
def test_a_body_that_is_no_object_is_refused_in_words(raw: bytes, why: str) -> None:
    for read in (lambda: Request(raw).fields, lambda: Request(raw).body):
        with pytest.raises(BadRequest, match=why) as caught:
            read()
        assert caught.value.status == 400


def test_the_text_of_a_message_is_its_text_parts() -> None:
    assert Message("user", [Text("a"), Media("image", "u"), Text("b")]).text == "ab"


def test_media_is_a_url_or_what_a_data_url_holds() -> None:
    linked, inline, odd = Media("image"), Media("image"), Media("document")
    linked.take("https://example.org/a.png")
    inline.take("data:image/png;base64,AAAA")
    odd.take("data:text/plain,hello")
    assert (linked.url, linked.data, linked.link) == ("https://example.org/a.png", None, linked.url)
    assert (inline.url, inline.data, inline.mime) == (None, "AAAA", "image/png")
    assert inline.link == "data:image/png;base64,AAAA"
    assert odd.link == "data:text/plain,hello"


def test_a_request_can_be_made_of_a_body() -> None:
    request = Request.of({"model": "m", "n": 1})
    assert (request.body, bytes(request.fields["n"])) == ({"model": "m", "n": 1}, b"1")


def test_a_parameter_is_called_as_the_client_called_it() -> None:
    chat = Chat("m", [], names={"max_tokens": "max_output_tokens"})
    assert (chat.called("max_tokens"), chat.called("seed")) == ("max_output_tokens", "seed")
    assert all(PARAMS.values())

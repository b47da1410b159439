"""Answers as OpenRouter's clients know them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman_openai.codecs import ChatCodec, CompletionsCodec, EmbeddingsCodec
from pointsman_openai.dress import dressed_answer, dressed_events

ID = "gen-1"


@pytest.mark.parametrize(
    ("answer", "dressed"),
    [
        (
            b'\n{ "id": "chatcmpl-1", "choices": []}',
            b'\n{"system_fingerprint":null, "id": "gen-1", "choices": []}',
        ),
        (
            b'{"choices":[{"id":"x"}],"system_fingerprint":"fp_1","id" : "a\\"b"}',
            b'{"choices":[{"id":"x"}],"system_fingerprint":"fp_1","id" : "gen-1"}',
        ),
        (b'{"choices":[],"system_fingerprint":null}', b'{"choices":[],"system_fingerprint":null}'),
        (b'{"id":"1","data":[]}', b'{"id":"1","data":[]}'),
        (b"{}", b"{}"),
        (b"", b""),
    ],
)
def test_a_whole_answer(answer: bytes, dressed: bytes) -> None:
    assert dressed_answer(answer, ID) == dressed


def test_texts_about_ids_and_fingerprints_stay() -> None:
    said = {"choices": [{"message": {"content": 'the "system_fingerprint" and "id": "1" of it'}}], "id": "1"}
    told = json.loads(dressed_answer(json.dumps(said).encode(), ID))
    assert told == {"system_fingerprint": None, **said, "id": ID}


@pytest.mark.parametrize(
    ("events", "dressed"),
    [
        (b'data: {"id":"1","choices":[{}],"usage":null}\n\n', b'data: {"id":"gen-1","choices":[{}]}\n\n'),
        (
            b'data: {"id":"1", "usage" : null, "b":2}\n\n: note\n\ndata: {"id":"2"}\n\ndata: [DONE]\n\n',
            b'data: {"id":"gen-1", "b":2}\n\n: note\n\ndata: {"id":"gen-1"}\n\ndata: [DONE]\n\n',
        ),
        (
            b'event: x\r\ndata: {"usage":{"b":null},"id":"1"}\r\n\r\n',
            b'event: x\r\ndata: {"usage":{"b":null},"id":"gen-1"}\r\n\r\n',
        ),
        (b'data: {"a":",\\"usage\\":null"}\n\n', b'data: {"a":",\\"usage\\":null"}\n\n'),
        (b'data: {"a":{"id":"1"}}\n\n', b'data: {"a":{"id":"1"}}\n\n'),
        (b'data: "id"\n\n', b'data: "id"\n\n'),
        (b"", b""),
    ],
)
def test_events(events: bytes, dressed: bytes) -> None:
    assert dressed_events(events, ID) == dressed


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["id", "object", "choices", "x"]), VALUES, max_size=4), st.booleans())
def test_nothing_but_the_id_changes(body: dict[str, Any], spaced: bool) -> None:
    text = json.dumps(body, indent=1 if spaced else None, separators=None if spaced else (",", ":")).encode()
    event = b"".join(b"data: %b\n" % line for line in text.split(b"\n")) + b"\n"
    told = dressed_events(event, ID).replace(b"data: ", b"")
    assert json.loads(told) == {**body, **({"id": ID} if "id" in body else {})}


def test_which_surfaces_are_dressed() -> None:
    for codec in (ChatCodec(), CompletionsCodec()):
        assert b"gen-1" in codec.dress(b'{"id":"1","choices":[]}', ID, stream=False)
        assert b"gen-1" in codec.dress(b'data: {"id":"1"}\n\n', ID, stream=True)
    assert EmbeddingsCodec().dress(b'{"id":"1","choices":[]}', ID, stream=False) == b'{"id":"1","choices":[]}'

"""Replay: one stored stream, for clients that want its usage told and for those who do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pointsman.dialects import Codec, Mark
from pointsman.stored import Stored
from pointsman_anthropic import MessagesCodec
from pointsman_cache.replay import replay
from pointsman_cache.store import Entry
from pointsman_openai import ResponsesCodec
from pointsman_openai.codecs import ChatCodec

HELLO = b'data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'
LAST = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3}}\n\n'
DONE = b"data: [DONE]\n\n"


@pytest.fixture
def played(asking: Callable[..., Any]) -> Callable[..., list[tuple[bytes, int]] | None]:
    """What a client gets of a stream of these frames, and their marks; it `asks` for usage or not."""

    def play(*frames: tuple[bytes, Mark], told: bool, asks: bool) -> list[tuple[bytes, int]] | None:
        kept = tuple((data, mark.value) for data, mark in frames)
        stored = Stored(kept, True, None, None, "lab", "acme/m", "lab/m", "gen-1", 0.0)
        body = {"model": "m", "messages": [{"role": "user"}], "stream": True}
        exchange = asking({**body, "stream_options": {"include_usage": asks}})
        found = replay(Entry(stored, 0.0, 60.0, told), exchange)
        return list(found.frames) if found is not None else None

    return play


Played = Callable[..., list[tuple[bytes, int]] | None]
HOLD, HIDDEN = Mark.HOLD, Mark.HOLD | Mark.PRIVATE


@pytest.mark.parametrize("told", [False, True])
def test_who_asked_the_same_gets_the_same(played: Played, told: bool) -> None:
    frames = ((HELLO, Mark.NOTHING), (USAGE, HOLD if told else HIDDEN), (DONE, Mark.DONE))
    assert played(*frames, told=told, asks=told) == [(data, mark.value) for data, mark in frames]


def test_usage_is_shown_to_who_asks_and_hidden_from_who_does_not(played: Played) -> None:
    for told, before, after in ((False, HIDDEN, HOLD), (True, HOLD, HIDDEN)):
        found = played((HELLO, Mark.NOTHING), (USAGE, before), (DONE, Mark.DONE), told=told, asks=not told)
        assert found == [(HELLO, 0), (USAGE, after.value), (DONE, Mark.DONE.value)]


def test_usage_beside_a_finish_is_everybodys(played: Played) -> None:
    for asks in (False, True):
        found = played((HELLO, Mark.NOTHING), (LAST, HOLD), (DONE, Mark.DONE), told=not asks, asks=asks)
        assert found == [(HELLO, 0), (LAST, HOLD.value), (DONE, Mark.DONE.value)]


def test_a_stream_without_usage_is_nothing_for_who_asks_for_it(played: Played) -> None:
    frames = ((HELLO, Mark.NOTHING), (DONE, Mark.DONE))
    assert played(*frames, told=False, asks=True) is None
    assert played(*frames, told=True, asks=True) is not None, "its provider told none"
    assert played(*frames, told=True, asks=False) is not None


@pytest.mark.parametrize(
    ("codec", "body"),
    [
        (ChatCodec(), {"model": "m", "messages": [{"role": "user"}]}),
        (MessagesCodec(), {"model": "m", "messages": [{"role": "user", "content": ""}], "stream": True}),
        (ResponsesCodec(), {"model": "m", "input": "Hello", "stream": True}),
    ],
    ids=lambda each: type(each).__name__,
)
def test_elsewhere_all_get_what_is_stored(
    asking: Callable[..., Any], answer: Callable[..., Stored], codec: Codec, body: dict[str, Any]
) -> None:
    exchange = asking(body, codec=codec)
    for stored in (answer("whole"), answer("a", "stream")):
        if stored.stream == exchange.peek.stream:
            entry = Entry(stored, 0.0, 60.0, exchange.peek.usage_in_stream)
            assert replay(entry, exchange) is stored

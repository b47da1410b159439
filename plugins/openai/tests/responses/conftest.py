"""Recorded traffic of `/responses`, and what its tests share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from pointsman.events import Event
from pointsman.losses import Losses
from pointsman.sse import Splitter, format_event
from pointsman.testing import Recording, recordings, shared_path
from pointsman.types import Request
from pointsman_openai.responses.stream_decoder import ResponsesDecoder
from pointsman_openai.responses.stream_encoder import ResponsesStream


@pytest.fixture(scope="session")
def exchanges() -> list[Recording]:
    """Every recorded exchange; skips where there are none."""
    shared = shared_path()
    if shared is None:
        pytest.skip("recorded traffic is not here (POINTSMAN_SHARED)")
    found = recordings(shared, path=lambda path: path.endswith("/responses"))
    assert len(found) > 100, "the recordings have moved"
    return found


@pytest.fixture(scope="session")
def split() -> Callable[[bytes], list[bytes]]:
    """Cut a stream's bytes into its events."""

    def cut(data: bytes) -> list[bytes]:
        splitter = Splitter(1 << 24)
        return [*splitter.feed(data), *filter(None, [splitter.finish()])]

    return cut


@pytest.fixture(scope="session")
def read(split: Callable[[bytes], list[bytes]]) -> Callable[[bytes], list[Event]]:
    """Decode a stream's bytes."""

    def decode(data: bytes) -> list[Event]:
        decoder = ResponsesDecoder()
        events = [event for each in split(data) for event in decoder.feed(each)]
        return [*events, *decoder.finish()]

    return decode


@pytest.fixture(scope="session")
def stream() -> Callable[..., bytes]:
    """Write a stream of these events, given as (type, members)."""

    def write(*events: tuple[str, dict[str, Any]]) -> bytes:
        numbered = ({"type": kind, "sequence_number": n, **of} for n, (kind, of) in enumerate(events))
        return b"".join(format_event(json.dumps(each).encode(), name=each["type"]) for each in numbered)

    return write


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """Encode canonical events as the answer to a request with these members."""

    def encode(events: Iterable[Event], losses: Losses | None = None, **request: Any) -> bytes:
        asked = Request.of({"model": "m", "input": "Hello", "stream": True, **request})
        encoder = ResponsesStream(asked, losses if losses is not None else Losses())
        return b"".join([*map(encoder.feed, events), *(data for data, _ in encoder.finish())])

    return encode


@pytest.fixture(scope="session")
def told(split: Callable[[bytes], list[bytes]]) -> Callable[[bytes], list[dict[str, Any]]]:
    """The data of a stream's events; each must be named as its type says, and numbered in order."""

    def data(stream: bytes) -> list[dict[str, Any]]:
        found = []
        for number, event in enumerate(split(stream)):
            name, _, text = event.decode().partition("\n")
            body = json.loads(text.removeprefix("data: "))
            assert name == f"event: {body['type']}"
            assert body["sequence_number"] == number
            found.append(body)
        return found

    return data

"""Recorded traffic, and what the tests of this plugin share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.dialects import Quirks
from pointsman.events import Event, accumulate
from pointsman.losses import Losses
from pointsman.sse import Splitter
from pointsman.testing import Recording, recordings, shared_path
from pointsman.types import Peek, Request, Response
from pointsman_anthropic import MessagesCodec


@pytest.fixture(scope="session")
def recorded() -> list[Recording]:
    """Every recorded exchange of the two surfaces; skips where there are none."""
    shared = shared_path()
    if shared is None:
        pytest.skip("recorded traffic is not here (POINTSMAN_SHARED)")
    found = [
        each
        for each in recordings(shared)
        if each.path.partition("?")[0].endswith(("/messages", "/messages/count_tokens"))
        and isinstance(each.request, dict)
    ]
    assert len(found) > 300, "the recordings have moved"
    return found


@pytest.fixture(scope="session")
def answers(recorded: list[Recording]) -> list[Recording]:
    """The whole answers among them."""
    return [each for each in recorded if each.status == 200 and not each.is_sse and b'"content"' in each.body]


@pytest.fixture(scope="session")
def streams(recorded: list[Recording]) -> list[Recording]:
    """The streams among them."""
    found = [each for each in recorded if each.status == 200 and each.is_sse]
    assert found
    return found


@pytest.fixture
def codec() -> MessagesCodec:
    return MessagesCodec()


@pytest.fixture
def request_of() -> Callable[[dict[str, Any]], Request]:
    """A request with a body, of which the model and one message are given."""

    def make(body: dict[str, Any]) -> Request:
        whole = {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hi"}], **body}
        return Request(json.dumps(whole).encode())

    return make


@pytest.fixture
def again(codec: MessagesCodec) -> Callable[[Request], dict[str, Any]]:
    """A request decoded and encoded again; nothing may be lost by that."""

    def go(request: Request) -> dict[str, Any]:
        losses = Losses()
        body = codec.encode_request(codec.decode_request(request), quirks=Quirks(), losses=losses)
        assert (losses.parameters, losses.content) == ([], [])
        return body

    return go


@pytest.fixture
def decoded(codec: MessagesCodec) -> Callable[[bytes], tuple[list[Event], Response]]:
    """A stream's events, and the answer they make, without its time, which this dialect does not tell."""

    def go(stream: bytes) -> tuple[list[Event], Response]:
        decoder = codec.decode_stream(peek=Peek("m"), quirks=Quirks())
        events = [each for event in Splitter(10**7).feed(stream) for each in decoder.feed(event)]
        events += decoder.finish()
        response = accumulate(events)
        response.created = 0
        return events, response

    return go

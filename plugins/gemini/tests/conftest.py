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
from pointsman.types import Chat, Peek, Request, Response
from pointsman_gemini import ContentCodec


@pytest.fixture(scope="session")
def recorded() -> list[Recording]:
    """Every recorded exchange of the chat surface, but those that asked for numbers in place of words; skips
    where there are none."""
    shared = shared_path()
    if shared is None:
        pytest.skip("recorded traffic is not here (POINTSMAN_SHARED)")
    found = recordings(shared, path=lambda path: path.endswith("enerateContent"))
    found = [each for each in found if "enum-encoding" not in str(each.row["query"])]
    assert len(found) > 300, "the recordings have moved"
    return found


@pytest.fixture(scope="session")
def answers(recorded: list[Recording]) -> list[Recording]:
    """The whole answers among them."""
    return [each for each in recorded if each.status == 200 and not each.is_sse]


@pytest.fixture(scope="session")
def streams(recorded: list[Recording]) -> list[Recording]:
    """The streams among them."""
    found = [each for each in recorded if each.status == 200 and each.is_sse]
    assert len(found) > 10
    return found


@pytest.fixture
def codec() -> ContentCodec:
    return ContentCodec()


@pytest.fixture
def chat_of(codec: ContentCodec) -> Callable[..., Chat]:
    """What a request of this dialect says, of which only what matters is given."""

    def make(**body: Any) -> Chat:
        asked = {"model": "m", "contents": [{"role": "user", "parts": [{"text": "Hi"}]}], **body}
        return codec.decode_request(Request.of(asked))

    return make


@pytest.fixture
def sent(codec: ContentCodec) -> Callable[..., tuple[dict[str, Any], Losses]]:
    """A chat as a request of this dialect, through JSON, and what it lost."""

    def go(chat: Chat) -> tuple[dict[str, Any], Losses]:
        losses = Losses()
        written = codec.encode_request(chat, quirks=Quirks(), losses=losses)
        return json.loads(json.dumps(written)), losses

    return go


@pytest.fixture
def decoded(codec: ContentCodec) -> Callable[[bytes], tuple[list[Event], Response]]:
    """A stream's events, and the answer they make, without its time."""

    def go(stream: bytes) -> tuple[list[Event], Response]:
        decoder = codec.decode_stream(peek=Peek("m"), quirks=Quirks())
        events = [each for event in Splitter(10**7).feed(stream) for each in decoder.feed(event)]
        events += decoder.finish()
        response = accumulate(events)
        response.created = 0
        return events, response

    return go

"""Counting tokens for endpoints that cannot."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pointsman.dialects import Codec
from pointsman.types import Peek, Response, Usage
from pointsman_anthropic import CountTokensCodec, MessagesCodec
from pointsman_anthropic.count import call_provider


def asked(codec: Codec, lane: str) -> Response | None:
    exchange: Any = SimpleNamespace(codec=codec, peek=Peek("m", characters=41), request_id="r")
    attempt: Any = SimpleNamespace(way=SimpleNamespace(lane=lane))
    found: Response | None = call_provider(exchange, attempt)
    return found


def test_four_bytes_are_a_token_and_counting_uses_none() -> None:
    response = asked(CountTokensCodec(), "local")
    assert response is not None
    assert response.extra == {"anthropic-messages": {"input_tokens": 11}}
    assert response.usage == Usage()


@pytest.mark.parametrize(
    ("codec", "lane"),
    [(CountTokensCodec(), "bytes"), (MessagesCodec(), "local"), (MessagesCodec(), "translated")],
)
def test_everything_else_is_somebody_elses(codec: Codec, lane: str) -> None:
    assert asked(codec, lane) is None

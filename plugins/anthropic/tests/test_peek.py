"""Peeking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.testing import Recording
from pointsman.types import Request
from pointsman_anthropic.peek import peek

Make = Callable[[dict[str, Any]], Request]


def test_what_routing_needs_is_read(request_of: Make) -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}
    found = peek(
        request_of(
            {
                "model": "claude",
                "messages": [{"role": "user", "content": [image]}],
                "system": "Be brief",
                "stream": True,
                "max_tokens": 50,
                "tools": [{"name": "f", "input_schema": {}}],
            }
        )
    )
    assert (found.model, found.stream, found.max_tokens) == ("claude", True, 50)
    assert found.has_tools
    assert found.usage_in_stream
    assert found.characters > 100


def test_a_small_request_needs_little(request_of: Make) -> None:
    found = peek(request_of({"stream": None, "max_tokens": None, "tools": None}))
    assert (found.stream, found.max_tokens, found.has_tools) == (False, None, False)


def test_further_models_come_by_either_name(request_of: Make) -> None:
    assert peek(request_of({"models": ["a", "b"]})).models == ("a", "b")
    assert peek(request_of({"fallbacks": [{"model": "a"}, {"model": "b"}]})).models == ("a", "b")
    found = peek(request_of({"model": None, "models": ["a", "b"]}))
    assert (found.model, found.models) == ("a", ("b",))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 3}, "model"),
        ({"model": None, "fallbacks": [{"model": "a"}]}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": ["Hi"]}, "messages[0]"),
        ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"tools": {}}, "tools"),
        ({"models": ["a"], "fallbacks": [{"model": "b"}]}, "fallbacks"),
        ({"fallbacks": [{"model": "a"}] * 4}, "fallbacks"),
        ({"fallbacks": ["a"]}, "fallbacks"),
        ({"fallbacks": [{"model": ""}]}, "fallbacks"),
        ({"models": [""]}, "models"),
        ({"~foreign": {}}, "~foreign"),
    ],
)
def test_a_fault_is_named_by_its_path(request_of: Make, body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        peek(request_of(body))
    assert caught.value.param == param
    assert f"`{param}`" in caught.value.message


def test_missing_messages_are_named() -> None:
    with pytest.raises(BadRequest, match="`messages` is missing"):
        peek(Request(b'{"model": "m"}'))


def test_messages_that_cannot_be_read_are_said_to_be() -> None:
    with pytest.raises(BadRequest, match="cannot be read"):
        peek(Request(b'{"model": "m", "messages": [{"role": "user"}, 1e999]}'))


def test_every_recorded_request_can_be_peeked(recorded: list[Recording]) -> None:
    for each in recorded:
        found = peek(Request.of(each.request))
        assert found.model == each.request["model"]
        assert found.stream is bool(each.request.get("stream"))
        assert found.max_tokens == each.request.get("max_tokens")


@pytest.mark.parametrize(
    ("metadata", "found"),
    [({"user_id": "u-1"}, "u-1"), ({"user_id": 7}, None), ({}, None), (None, None), ("u", None)],
)
def test_whom_the_client_asks_for_is_read_where_it_is_a_text(
    request_of: Make, metadata: Any, found: str | None
) -> None:
    assert peek(request_of({"metadata": metadata})).user == found

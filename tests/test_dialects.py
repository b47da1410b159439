"""The registry of dialects, and errors outside of any."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.dialects import Codec, Dialects, ErrorView, plain_error
from pointsman.errors import NotFound, PluginError


def codec(dialect: str, surface: str, path: str) -> Codec:
    """A codec without functions: the registry needs only its names."""
    made: Any = type("Made", (Codec,), {"dialect": dialect, "surface": surface, "path": path})
    made.__abstractmethods__ = frozenset()
    instance: Codec = made()
    return instance


def test_codecs_are_found_by_dialect_and_surface() -> None:
    dialects = Dialects()
    chat = codec("one", "chat", "/chat")
    dialects.add(chat, "p")
    dialects.add(codec("two", "chat", "/messages"), "p")
    assert dialects.get("one", "chat") is chat
    assert dialects.names() == ["one", "two"]
    assert [each.path for each in dialects] == ["/chat", "/messages"]
    with pytest.raises(NotFound, match="'one' has no surface 'images'"):
        dialects.get("one", "images")


def test_what_a_place_says_beside_the_surface_is_for_its_codec_to_know() -> None:
    chat = codec("one", "chat", "/chat")
    assert (chat.prefixes, chat.places) == (("/v1", "/api/v1"), ())
    assert chat.placed(b"{}", "/chat?x=1") == b"{}"


def test_providers_have_a_surface_where_clients_do_unless_its_codec_says_otherwise() -> None:
    assert codec("one", "chat", "/chat").address(model="m", stream=True) == "/chat"


@pytest.mark.parametrize("again", [("one", "chat", "/other"), ("two", "chat", "/chat")])
def test_a_surface_or_path_is_registered_once(again: tuple[str, str, str]) -> None:
    dialects = Dialects()
    dialects.add(codec("one", "chat", "/chat"), "first")
    with pytest.raises(PluginError, match="which plugin 'first' has registered already"):
        dialects.add(codec(*again), "second")


def test_a_plain_error_is_json_with_what_the_error_carries() -> None:
    view = ErrorView(404, "not_found", 'no "x"', "gone", extra={"excluded_by": [1]})
    assert json.loads(plain_error(view))["error"] == {
        "message": 'no "x"',
        "type": "not_found",
        "param": None,
        "code": "gone",
        "metadata": {"excluded_by": [1], "error_type": "not_found"},
    }
    assert json.loads(plain_error(ErrorView(404, "not_found", "gone")))["error"]["code"] == 404

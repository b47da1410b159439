"""Bodies are UTF-8 and of sensible depth before anything reads them."""

from __future__ import annotations

import json

import pytest

from pointsman.errors import BadRequest
from pointsman.json_guard import DEEPEST, check_json
from pointsman.types import Request


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def test_the_deepest_allowed_passes_and_one_more_does_not() -> None:
    check_json(nested(DEEPEST))
    with pytest.raises(BadRequest, match="deeper than 64 levels"):
        check_json(nested(DEEPEST + 1))
    with pytest.raises(BadRequest, match="deeper"):
        check_json(b"[" * 100_000)


def test_brackets_within_strings_do_not_count() -> None:
    check_json(json.dumps({"text": "[{" * 500 + '"\\"[[', "more": ["[" * 200]}).encode())
    wide = json.dumps({"messages": [{"content": [{"a": []}]} for _ in range(1000)]})
    check_json(wide.encode())


def test_an_unclosed_string_is_left_to_the_parser() -> None:
    raw = b'{"a": "' + b"[" * 200
    check_json(raw)
    with pytest.raises(BadRequest, match="not valid JSON"):
        Request(raw).fields  # noqa: B018 - reading it raises


@pytest.mark.parametrize("raw", [b'{"a": "\xff"}', b"\xfe\xff\x00{", b'{"a": "\xed\xa0\x80"}', b'"\xc0\xaf"'])
def test_what_is_not_utf8_is_refused_with_its_place(raw: bytes) -> None:
    with pytest.raises(BadRequest, match="not UTF-8: byte 0x"):
        check_json(raw)


def test_an_unclosed_string_costs_no_more_than_its_length() -> None:
    """A regular expression that starts anew at each quote would take minutes here."""
    with pytest.raises(BadRequest, match="deeper"):
        check_json(b'{"a":' + b"[" * 65 + b'"' + b'\\"' * 500_000)

"""What every request body is checked for before anything reads it: UTF-8, and depth."""

from __future__ import annotations

import re

from .errors import BadRequest

__all__ = ["DEEPEST", "check_json"]

DEEPEST = 64
"""Parsers accept a thousand levels and encoders fail at a quarter of that: nothing sensible is deeper."""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
"""A string, closed or not: were the last quote required, each quote of an unclosed one would start anew."""
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def check_json(raw: bytes) -> None:
    """Raise BadRequest for a body that is not UTF-8 or nests deeper than 64 levels."""
    if not raw.isascii():
        _check_utf8(raw)
    if _opens_more_than(raw, DEEPEST):
        _check_depth(raw)


def _check_utf8(raw: bytes) -> None:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"the body is not UTF-8: byte 0x{raw[error.start]:02x} at offset {error.start} cannot stand there"
        ) from None


def _opens_more_than(raw: bytes, most: int) -> bool:
    """Whether there are more opening brackets than `most`, those in strings too: a few searches tell sooner
    than a count does."""
    for bracket in (b"[", b"{"):
        at = raw.find(bracket)
        while at >= 0:
            if most == 0:
                return True
            most -= 1
            at = raw.find(bracket, at + 1)
    return False


def _check_depth(raw: bytes) -> None:
    depth = 0
    for bracket in _STRING.sub(b"", raw).translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEEPEST:
            raise BadRequest(f"the body nests deeper than {DEEPEST} levels")

"""Heads: a client's requests mostly begin alike, but for their length, and need be parsed only once."""

from __future__ import annotations

import re

__all__ = ["Head"]

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,15})\r\n", re.IGNORECASE)
DIGITS = 15
"""Most digits of a length."""
END = b"\r\n\r\n"


class Head:
    """The head of a request that was accepted, and its `fields` by lower-case name. Whatever the parser and
    the guard said of it holds for every head that differs in the digits of its length alone."""

    __slots__ = ("_before", "_behind", "fields")

    def __init__(self, before: bytes, behind: bytes, fields: dict[str, str]) -> None:
        self._before = before
        self._behind = behind
        self.fields = fields

    @classmethod
    def of(cls, data: bytes, fields: dict[str, str], content: int, most: int) -> Head | None:
        """The head that `data` begins with, of which the parser has read these fields and `content` bytes of
        a body behind it; None where it is longer than `most` bytes, or not as plain as nearly all are."""
        end = data.find(END) + len(END)
        found = LENGTH.search(data, 0, end)
        if (
            found is None
            or not data.startswith(b"POST ")
            or len(data) - end != content
            or end + DIGITS > most
            or fields.get("content-length") != found[1].decode()
        ):
            return None
        return cls(data[: found.start(1)], data[found.end(1) : end], fields)

    def body_of(self, data: bytes) -> bytes | None:
        """The body, where `data` is one whole request with this head, and nothing else."""
        before, behind = self._before, self._behind
        if not data.startswith(before):
            return None
        start = len(before)
        end = data.find(b"\r", start, start + DIGITS + 1)
        digits = data[start:end]
        if end < 0 or not digits.isdigit() or not data.startswith(behind, end):
            return None
        body = data[end + len(behind) :]
        return body if len(body) == int(digits) else None

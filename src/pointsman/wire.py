"""Answers as they stand on the wire: headers that may be written, framing, errors told before any hook."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from .dialects import Codec, ErrorView, plain_error
from .errors import RequestError

if TYPE_CHECKING:
    from .streams import Headers

__all__ = ["error_body", "frame", "refusal", "render"]

log = logging.getLogger(__name__)

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
CONTROL = bytes({*range(0x20), 0x7F} - {0x09})
BLANK = bytes.maketrans(CONTROL, b" " * len(CONTROL))
FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})


MOST_NAMES = 1024
"""Names of headers that are remembered."""


class _Beginnings(dict[str, str]):
    """How the lines of headers begin, by their names. Raises KeyError for one that frames the body, and for
    what is no name."""

    def __missing__(self, name: str) -> str:
        if not TOKEN.fullmatch(name) or name.lower() in FRAMING:
            raise KeyError(name)
        if len(self) >= MOST_NAMES:
            self.clear()
        self[name] = f"{name.lower()}: "
        return self[name]


_beginnings = _Beginnings()


def frame(headers: Headers) -> tuple[bytes, int | None, bool]:
    """The headers as lines, each with its end; apart from them the length of the body in bytes, where it is
    known, and whether the connection is to end behind this answer.

    Nothing in it can end a line: a control character becomes a blank, a header whose name is none is left
    out. Of several lengths the last counts, which is the core's own.
    """
    length: int | None = None
    close = False
    try:
        lines = [f"{_beginnings[name]}{value}\r\n" for name, value in headers]
    except KeyError:
        lines, length, close = _apart(headers)
    raw = "".join(lines).encode("latin-1", "replace")
    if len(raw.translate(None, CONTROL)) != len(raw) - 2 * len(lines):
        ended = [line[:-2].encode("latin-1", "replace").translate(BLANK) for line in lines]
        raw = b"".join([line + b"\r\n" for line in ended])
    return raw, length, close


def _apart(headers: Headers) -> tuple[list[str], int | None, bool]:
    """As `frame`, of headers among which are some that frame the body, or are none."""
    lines: list[str] = []
    length: int | None = None
    close = False
    for name, value in headers:
        match name.lower():
            case "content-length":
                length = int(value) if value.isdecimal() else length
            case "connection":
                close = close or "close" in value.lower()
            case "transfer-encoding":
                pass
            case _:
                try:
                    lines.append(f"{_beginnings[name]}{value}\r\n")
                except KeyError:
                    log.error("a header is left out: %r is not a name", name)
    return lines, length, close


@lru_cache(64)
def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


def render(status: int, lines: bytes, length: int | None, *, chunked: bool, close: bool) -> bytes:
    """Status line and headers, up to the empty line behind them."""
    framing = b"transfer-encoding: chunked\r\n" if chunked else b""
    if length is not None:
        framing = b"content-length: %d\r\n" % length
    if close:
        framing += b"connection: close\r\n"
    return b"%b%b%b\r\n" % (_status_line(status), lines, framing)


def error_body(error: RequestError, request_id: str, codec: Codec | None = None) -> bytes:
    """An error outside of any exchange: in the dialect of the path it was sent to, where one is known."""
    view = ErrorView(
        error.status, error.error_type, error.message, error.code, request_id=request_id, extra=error.extra
    )
    return plain_error(view) if codec is None else codec.encode_error(view)


def refusal(error: RequestError, request_id: str, codec: Codec | None = None) -> bytes:
    """The whole answer to a request that is refused before anything sees it; its connection ends there."""
    body = error_body(error, request_id, codec)
    headers = [*error.headers.items(), ("x-request-id", request_id), ("content-type", "application/json")]
    lines, _, _ = frame(headers)
    return render(error.status, lines, len(body), chunked=False, close=True) + body

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


@lru_cache(1024)
def _beginning(name: str) -> str:
    """How the line of a header begins; empty for one that frames the body, and for what is no name."""
    return f"{name.lower()}: " if TOKEN.fullmatch(name) and name.lower() not in FRAMING else ""


def frame(headers: Headers) -> tuple[bytes, int | None, bool]:
    """The headers as lines, each with its end; apart from them the length of the body in bytes, where it is
    known, and whether the connection is to end behind this answer.

    Nothing in it can end a line: a control character becomes a blank, a header whose name is none is left
    out. Of several lengths the last counts, which is the core's own.
    """
    lines: list[str] = []
    length: int | None = None
    close = False
    for name, value in headers:
        beginning = _beginning(name)
        if beginning:
            lines.append(f"{beginning}{value}\r\n")
            continue
        match name.lower():
            case "content-length":
                length = int(value) if value.isdecimal() else length
            case "connection":
                close = close or "close" in value.lower()
            case "transfer-encoding":
                pass
            case _:
                log.error("a header is left out: %r is not a name", name)
    raw = "".join(lines).encode("latin-1", "replace")
    if len(raw.translate(None, CONTROL)) != len(raw) - 2 * len(lines):
        ended = [line[:-2].encode("latin-1", "replace").translate(BLANK) for line in lines]
        raw = b"".join([line + b"\r\n" for line in ended])
    return raw, length, close


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

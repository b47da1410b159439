"""Answers as they stand on the wire: headers that may be written, framing, errors told before any hook."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from .dialects import Codec, ErrorView, plain_error
from .errors import RequestError

if TYPE_CHECKING:
    from .streams import Headers

__all__ = ["Framed", "error_body", "frame", "refusal", "render"]

log = logging.getLogger(__name__)

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})


class Framed(NamedTuple):
    """Headers that may be written, and apart from them what frames the body."""

    headers: Headers
    length: int | None
    """Bytes of the body, where they are known."""
    close: bool
    """Whether the connection is to end behind this answer."""


@lru_cache(1024)
def _name(name: str) -> str:
    """A header's name in lower case; empty for what is none."""
    return name.lower() if TOKEN.fullmatch(name) else ""


def frame(headers: Headers) -> Framed:
    """Take apart what is to be written. Nothing in it can end a line: a control character becomes a blank, a
    header whose name is none is left out. Of several lengths the last counts, which is the core's own."""
    fit: Headers = []
    length: int | None = None
    close = False
    for given, value in headers:
        name = _name(given)
        if name in FRAMING:
            if name == "content-length" and value.isdecimal():
                length = int(value)
            close = close or (name == "connection" and "close" in value.lower())
        elif name:
            fit.append((name, value))
        else:
            log.error("a header is left out: %r is not a name", given)
    if not "".join([value for _, value in fit]).isprintable():
        fit = [(name, CONTROL.sub(" ", value)) for name, value in fit]
    return Framed(fit, length, close)


@lru_cache(64)
def _status_line(status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n"


def render(status: int, framed: Framed, *, chunked: bool, close: bool) -> bytes:
    """Status line and headers, up to the empty line behind them."""
    lines = [f"{name}: {value}\r\n" for name, value in framed.headers]
    if framed.length is not None:
        lines.append(f"content-length: {framed.length}\r\n")
    elif chunked:
        lines.append("transfer-encoding: chunked\r\n")
    if close:
        lines.append("connection: close\r\n")
    return f"{_status_line(status)}{''.join(lines)}\r\n".encode("latin-1", "replace")


def error_body(error: RequestError, request_id: str, codec: Codec | None = None) -> bytes:
    """An error outside of any exchange: in the dialect of the path it was sent to, where one is known."""
    view = ErrorView(
        error.status, error.error_type, error.message, error.code, request_id=request_id, extra=error.extra
    )
    return plain_error(view) if codec is None else codec.encode_error(view)


def refusal(error: RequestError, request_id: str, codec: Codec | None = None) -> bytes:
    """The whole answer to a request that is refused before anything sees it; its connection ends there."""
    body = error_body(error, request_id, codec)
    headers = [
        *error.headers.items(),
        ("x-request-id", request_id),
        ("content-type", "application/json"),
        ("content-length", str(len(body))),
    ]
    return render(error.status, frame(headers), chunked=False, close=True) + body

"""The faults of providers, by number, as data: `echo/fault-13` to `echo/fault-59`.

Numbers and titles are those of the project's list of faults. Each script is what the wire would carry.
Those up to 29 are told by the status, whatever was asked for; those up to 42 break a whole answer, those
from 43 on a stream.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.errors import (
    MalformedAnswer,
    Phase,
    UpstreamCut,
    UpstreamError,
    UpstreamStatus,
    UpstreamTimeout,
)
from pointsman.testing.script import Close, Hang, Pause, Script, Send
from pointsman.waits import retry_after

from .wire import DONE, HELLO, answer, chunk, error, event, events, failing, said, usage

__all__ = ["FAULTS", "SCRIPTS", "Fault"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, and what has to come of it: an error of a class in a phase, or, without one, the answer."""

    number: int
    title: str
    script: Script
    error: type[UpstreamError] | None = None
    phase: Phase = "headers"

    def failure(self) -> UpstreamError | None:
        """What the fault comes to where no wire can show it; None for one that is survived."""
        if self.error is None:
            return None
        if self.error is UpstreamStatus:
            status = self.script.status if self.script.status >= 300 else 502
            wait = retry_after(self.script.headers)
            return UpstreamStatus.of(status, self.title, retry_after=wait, phase=self.phase)
        return self.error(self.title, phase=self.phase)


BLOCK = b"x" * 65_536
STOP = chunk({}, "stop")
END = (STOP, usage(5, 3), DONE)
STREAM = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}
HTML = b"<!doctype html><title>Bad gateway</title><h1>502 Bad gateway</h1>"


def _bomb() -> Script:
    """80 MiB in 80 kB: one deflated mebibyte again and again, for a flush makes it stand alone."""
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    piece = deflate.compress(b" " * 2**20) + deflate.flush(zlib.Z_FULL_FLUSH)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    return Script(
        (Send(head), *[Send(piece)] * 80), headers={**JSON, "content-encoding": "gzip"}, framing="chunked"
    )


def _encoded(encoding: str, body: bytes) -> Script:
    return Script.whole(body, headers={"content-encoding": encoding})


def _raw(*pieces: bytes) -> Script:
    """Bytes instead of an answer, and then silence."""
    return Script((*map(Send, pieces), Hang()), framing="raw")


BROKEN_JSON = answer("Hello there friend")[:-20]
TRUNCATED = Script((Send(BROKEN_JSON), Close()), headers=JSON, declared=len(BROKEN_JSON) + 20)
CHUNK_CUT = Script(
    (Send(b"1000\r\n" + BROKEN_JSON), Close()),
    headers={**JSON, "transfer-encoding": "chunked"},
    framing="close",
)
DEEP = Script.whole(b'{"choices":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
NUMBERS = Script.whole(answer("Hello").replace(b'"created":1', b'"created":NaN,"far":1e999'))
NOT_UTF8 = Script.whole(answer("Hello ~").replace(b"~", b"\xff\xfe"))
GZIPPED = zlib.compress(answer("Hello there friend"), wbits=31)
CORRUPT = GZIPPED[:20] + bytes(each ^ 0xFF for each in GZIPPED[20:])
LARGE = Script((Send(b'{"choices":"'), *[Send(BLOCK)] * 1100), headers=JSON, framing="chunked")
DRIP = Script((Send(b" "), Pause(1.0)) * 3600, headers=JSON, framing="chunked")
COMMENTS = Script((Send(b": still thinking\n\n"), Pause(0.1)) * 36_000, headers=STREAM, framing="chunked")
EVENT_HEAD = b'data: {"choices":[{"index":0,"delta":{"content":"'
LARGE_EVENT = (*HELLO, EVENT_HEAD, *[BLOCK] * 127, BLOCK[: 65_537 - len(EVENT_HEAD) - 7], b'"}}]}\n\n')
MIXED_ENDS = b"".join(
    each.replace(b"\n\n", end) for each, end in zip((*HELLO, *END), (b"\r\n\r\n", b"\r\r") * 4, strict=False)
)
BYTE_BY_BYTE = events(*(MIXED_ENDS[at : at + 1] for at in range(len(MIXED_ENDS))))

_LIST = (
    Fault(
        13,
        "429 with seconds to wait",
        failing(429, "slow down", "rate_limit", retry_after="7"),
        UpstreamStatus,
    ),
    Fault(
        14,
        "429 with a date to wait for",
        failing(429, "slow down", "rate_limit", retry_after="Wed, 21 Oct 2099 07:28:00 GMT"),
        UpstreamStatus,
    ),
    Fault(
        15,
        "429 with milliseconds to wait",
        failing(429, "slow down", "rate_limit", retry_after_ms="1500"),
        UpstreamStatus,
    ),
    Fault(16, "429 without a word on waiting", failing(429, "slow down", "rate_limit"), UpstreamStatus),
    Fault(
        17,
        "429 with the time of the limit's reset",
        failing(429, "slow down", "rate_limit", anthropic_ratelimit_requests_reset="2099-10-21T07:28:00Z"),
        UpstreamStatus,
    ),
    Fault(18, "529: overloaded", failing(529, "overloaded", "overloaded_error"), UpstreamStatus),
    Fault(19, "500", failing(500, "internal error", "server_error"), UpstreamStatus),
    Fault(20, "502 with a page", Script.whole(HTML, status=502, content_type="text/html"), UpstreamStatus),
    Fault(21, "503 with nothing in it", Script(status=503), UpstreamStatus),
    Fault(22, "504", failing(504, "gateway timeout", "timeout"), UpstreamStatus),
    Fault(
        23, "401: the key is refused", failing(401, "key 4711 is revoked", "invalid_api_key"), UpstreamStatus
    ),
    Fault(24, "400: the request is wrong", failing(400, "no", "invalid_request_error"), UpstreamStatus),
    Fault(25, "404: no such model", failing(404, "no such model", "model_not_found"), UpstreamStatus),
    Fault(26, "413: too large", failing(413, "too large", "request_too_large"), UpstreamStatus),
    Fault(
        27,
        "307: a redirect",
        Script(status=307, headers={"location": "http://127.0.0.1:9/v1/chat/completions"}),
        UpstreamStatus,
    ),
    Fault(
        28,
        "a flood of 1xx",
        _raw(*[b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100] * 100),
        MalformedAnswer,
        "headers",
    ),
    Fault(29, "200 with nothing in it", Script(headers=JSON), MalformedAnswer, "body"),
    Fault(30, "JSON that breaks off", Script.whole(BROKEN_JSON), MalformedAnswer, "body"),
    Fault(31, "less than the length told", TRUNCATED, UpstreamCut, "body"),
    Fault(32, "a chunk that breaks off", CHUNK_CUT, UpstreamCut, "body"),
    Fault(
        33, "a page instead of JSON", Script.whole(HTML, content_type="text/html"), MalformedAnswer, "body"
    ),
    Fault(34, "JSON of 100,000 levels", DEEP, MalformedAnswer, "body"),
    Fault(35, "NaN and 1e999", NUMBERS, MalformedAnswer, "body"),
    Fault(36, "not UTF-8", NOT_UTF8, MalformedAnswer, "body"),
    Fault(37, "a gzip bomb", _bomb(), MalformedAnswer, "body"),
    Fault(
        38, "gzip in gzip", _encoded("gzip, gzip", zlib.compress(GZIPPED, wbits=31)), MalformedAnswer, "body"
    ),
    Fault(39, "gzip that does not inflate", _encoded("gzip", CORRUPT), MalformedAnswer, "body"),
    Fault(
        40,
        "200 kB of headers",
        Script.whole(answer("Hello"), headers={"x-filler": "y" * 200_000}),
        MalformedAnswer,
    ),
    Fault(41, "more than an answer may hold", LARGE, MalformedAnswer, "body"),
    Fault(42, "a byte a second", DRIP, UpstreamTimeout, "first-content"),
    Fault(43, "no headers", _raw(), UpstreamTimeout, "first-content"),
    Fault(44, "headers, then silence", events(Hang()), UpstreamTimeout, "first-content"),
    Fault(45, "nothing but comments", COMMENTS, UpstreamTimeout, "first-content"),
    Fault(46, "nothing but a role", events(HELLO[0], Hang()), UpstreamTimeout, "first-content"),
    Fault(
        47, "an error event first", events(event(error("no", "server_error")), DONE), UpstreamStatus, "stream"
    ),
    Fault(48, "200 with an error in JSON", failing(200, "no", "server_error"), UpstreamStatus, "body"),
    Fault(49, "a cut after content", events(*HELLO, Close()), UpstreamCut, "body"),
    Fault(50, "silence after content", events(*HELLO, Hang()), UpstreamTimeout, "stream"),
    Fault(
        51,
        "an event of broken JSON after content",
        events(*HELLO, b'data: {"choices":[{"ind\n\n', *END),
        MalformedAnswer,
        "stream",
    ),
    Fault(52, "no [DONE]", events(*HELLO, STOP)),
    Fault(53, "neither a finish reason nor [DONE]", events(*HELLO), UpstreamCut, "stream"),
    Fault(54, "no usage", events(*HELLO, STOP, DONE)),
    Fault(55, "usage twice", events(*HELLO, STOP, usage(5, 1), usage(5, 3), DONE)),
    Fault(56, "an event of 8 MiB and a byte", events(*LARGE_EVENT), MalformedAnswer, "stream"),
    Fault(57, "CRLF and CR, byte by byte", BYTE_BY_BYTE),
    Fault(58, "U+2028 in a text", events(*HELLO, said("\u2028 line\x0b ends\x85"), *END)),
    Fault(59, "data after [DONE]", events(*HELLO, *END, said(" not this"))),
)
FAULTS: Mapping[str, Fault] = {f"fault-{fault.number}": fault for fault in _LIST}
"""By the native id of the model that shows it."""
SCRIPTS: Mapping[int, Script] = {fault.number: fault.script for fault in _LIST}
"""What a provider on a real socket has to send, by number."""

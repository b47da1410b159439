"""Server-sent events: bytes in, whole events out, byte for byte.

Lines end with CR, LF or CRLF and with nothing else (WHATWG HTML, "Server-sent events"): the other
characters that Python calls line ends stand inside JSON texts. An event ends with an empty line. The
bytes of an event, its line ends included, are kept as they came, so that relaying changes nothing.
"""

from __future__ import annotations

from .errors import MalformedAnswer

__all__ = ["Splitter", "comment", "data_of", "event_name", "format_event", "has_name", "missing_end"]

LF = 0x0A
BOM = b"\xef\xbb\xbf"
ALONE = len(b"data: \n\n")
"""What an event without a name has around its data."""
SMALL = 4096
"""Bytes of an unfinished event up to which it is looked at again with the next piece."""


class Splitter:
    """Cuts a byte stream into events. `limit` caps one event, in bytes: `check` tells of a larger one."""

    __slots__ = ("_buffer", "_limit", "_scanned", "broken")

    def __init__(self, limit: int) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._limit = limit
        self.broken = False
        """What was fed last holds an event that is too large: see `check`."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; return the events they complete, each with the empty line that ends it."""
        buffer = self._buffer
        end = data.find(b"\n\n")
        if 0 < end == len(data) - 2 and not buffer and b"\r" not in data and data[0] != LF:
            self.broken = len(data) > self._limit
            return [] if self.broken else [data]  # one event, as most reads of a socket bring it
        pending = len(buffer)
        if pending < SMALL and pending + len(data) <= self._limit:
            piece = bytes(buffer) + data if pending else data
            if _is_plain(piece):
                *parts, rest = piece.split(b"\n\n")
                if rest or pending:
                    self._buffer = bytearray(rest)
                    self._scanned = 0
                return [part + b"\n\n" for part in parts]
        buffer += data
        events: list[bytes] = []
        start = 0
        while True:
            end = self._find_end(start)
            if end < 0:
                break
            if end - start > self._limit:
                self.broken = True
                break
            events.append(bytes(buffer[start:end]))
            start = self._scanned = end
        if start:
            del buffer[:start]
            self._scanned -= start
        self.broken = self.broken or len(buffer) > self._limit
        return events

    def check(self) -> None:
        """Raise MalformedAnswer where what was fed last holds an event that is too large, behind those that
        were returned."""
        if self.broken:
            raise MalformedAnswer(
                f"an event of the stream is larger than {self._limit} bytes", phase="stream"
            )

    def finish(self) -> bytes:
        """What is left when the stream ends: an event that no empty line ended, or nothing."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._scanned = 0
        return rest

    def _find_end(self, start: int) -> int:
        """Index just behind the next empty line at or after `start`, or -1.

        A CR at the very end of the buffer may still become a CRLF, so it waits for more.
        """
        buffer = self._buffer
        position = max(self._scanned, start)
        while True:
            newline = buffer.find(b"\n", position)
            carriage = buffer.find(b"\r", position, newline if newline >= 0 else len(buffer))
            first = carriage if carriage >= 0 else newline
            if first < 0:
                self._scanned = max(len(buffer), start)
                return -1
            behind = _behind(buffer, first)
            if behind < 0:
                self._scanned = first
                return -1
            if first == start or buffer[first - 1] in b"\r\n":
                return behind
            following = behind
            if following < len(buffer) and buffer[following] in b"\r\n":
                end = _behind(buffer, following)
                if end < 0:
                    self._scanned = first
                    return -1
                return end
            position = behind


def _is_plain(buffer: bytes) -> bool:
    """Whether lines end with LF alone, and events with one empty line: what nearly all hosts send."""
    return b"\r" not in buffer and b"\n\n\n" not in buffer and buffer[:1] != b"\n"


def _behind(buffer: bytearray, at: int) -> int:
    """Index behind the line end at `at`; -1 if it is a CR that may be half of a CRLF."""
    if buffer[at] == 0x0A:
        return at + 1
    if at + 1 == len(buffer):
        return -1
    return at + 2 if buffer[at + 1] == 0x0A else at + 1


def data_of(event: bytes) -> bytes | None:
    """The data of an event: its `data` lines joined by LF, or None where it has none (a comment)."""
    start, end = 0, event.find(b"\n")
    if end != len(event) - 2 and event.startswith(b"event: "):
        start, end = end + 1, event.find(b"\n", end + 1)
    if event.startswith(b"data: ", start) and event[end:] == b"\n\n" and b"\r" not in event:
        return event[start + 6 : end]  # one data line, perhaps behind a name: what nearly every event is
    lines = [
        line[6:] if line.startswith(b"data: ") else line[5:]
        for line in _lines(event)
        if line.startswith(b"data:") or line == b"data"
    ]
    return b"\n".join(lines) if lines else None


def missing_end(event: bytes) -> bytes:
    """What an event lacks at its end to be one: nothing, or line ends."""
    if event.endswith((b"\n\n", b"\r\r", b"\r\n\r\n", b"\r\n\r", b"\n\r")):
        return b""
    return b"\n" if event.endswith(b"\n") else b"\n\n"


def event_name(event: bytes) -> str | None:
    """The value of the event's `event` field, if it has one."""
    if event.startswith(b"event: ") and b"\r" not in event:
        return event[7:].partition(b"\n")[0].decode("utf-8", "replace")
    for line in _lines(event):
        if line.startswith(b"event:"):
            return line[6:].removeprefix(b" ").decode("utf-8", "replace")
    return None


def has_name(event: bytes, data: bytes, name: str) -> bool:
    """Whether an event, of which this is the data, has this name."""
    return len(event) > len(data) + ALONE and event_name(event) == name


def _lines(event: bytes) -> list[bytes]:
    text = event.removeprefix(BOM).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return text.split(b"\n")


def format_event(data: bytes, *, name: str | None = None) -> bytes:
    """An event of one data line, optionally named."""
    head = b"event: %b\n" % name.encode() if name is not None else b""
    return b"%bdata: %b\n\n" % (head, data)


def comment(text: str) -> bytes:
    """A comment: keeps a connection awake, means nothing."""
    return b": %b\n\n" % text.encode()

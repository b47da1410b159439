"""Server-sent events: every line end, every cut, and nothing else is a line end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import MalformedAnswer
from pointsman.sse import Splitter, comment, data_of, event_name, format_event, has_name, missing_end

BIG = 8 * 1024 * 1024


def split(stream: bytes, *, size: int | None = None, limit: int = BIG) -> tuple[list[bytes], bytes]:
    splitter = Splitter(limit)
    events: list[bytes] = []
    step = size or max(1, len(stream))
    for start in range(0, len(stream), step):
        events += splitter.feed(stream[start : start + step])
        splitter.check()
    return events, splitter.finish()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_each_line_end_separates_events(end: bytes) -> None:
    stream = b"data: 1" + end + end + b"data: 2" + end + end
    for size in (1, 2, 3, None):
        events, rest = split(stream, size=size)
        if rest:  # a CR at the very end may be half of a CRLF, so its event waits for the end
            events.append(rest)
        assert [data_of(event) for event in events] == [b"1", b"2"]
        assert b"".join(events) == stream


def test_mixed_line_ends_keep_their_bytes() -> None:
    stream = b"data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\n"
    events, rest = split(stream)
    assert [data_of(event) for event in events] == [b"a\nb\nc", b"d"]
    assert b"".join(events) + rest == stream


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c"])
def test_other_line_separators_are_text(character: str) -> None:
    event = f'data: {{"text": "a{character}b"}}\n\n'.encode()
    events, rest = split(event, size=1)
    assert events == [event]
    assert rest == b""
    assert data_of(event) == event[6:-2]


def test_a_final_event_without_empty_line_is_left_for_the_end() -> None:
    events, rest = split(b"data: 1\n\ndata: 2\n")
    assert events == [b"data: 1\n\n"]
    assert data_of(rest) == b"2"


def test_an_event_over_the_limit_is_refused_even_unfinished() -> None:
    with pytest.raises(MalformedAnswer, match="larger than 16 bytes"):
        split(b"data: " + b"x" * 20, limit=16)
    with pytest.raises(MalformedAnswer, match="larger than 16 bytes"):
        split(b"data: " + b"x" * 20 + b"\n\n", limit=16)
    splitter = Splitter(16)
    assert splitter.feed(b"data: 1\n\ndata: " + b"x" * 20) == [b"data: 1\n\n"], "what came before it counts"
    with pytest.raises(MalformedAnswer, match="larger than 16 bytes"):
        splitter.check()
    events, _ = split(b"data: " + b"x" * 8 + b"\n\n", limit=16)
    assert len(events) == 1


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data:x\n\n", b"x"),
        (b"data: x\n\n", b"x"),
        (b"data:  x\n\n", b" x"),
        (b"data\n\n", b""),
        (b"data:\n\n", b""),
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b": only a comment\n\n", None),
        (b"event: ping\n\n", None),
        (b"datax: 1\n\n", None),
        (b"\xef\xbb\xbfdata: bom\n\n", b"bom"),
        (b"id: 1\nretry: x\ndata: 2\n\n", b"2"),
        (b"data: a\rdata: b\r\r", b"a\nb"),
        (b"data: a\rdata: b\n\n", b"a\nb"),
        (b"event: x\ndata: a\n\n", b"a"),
        (b"event: x\ndata: a\ndata: b\n\n", b"a\nb"),
        (b"event: x\nid: 1\ndata: a\n\n", b"a"),
        (b"event: x\rdata: b\ndata: a\n\n", b"b\na"),
    ],
)
def test_data_of_an_event(event: bytes, data: bytes | None) -> None:
    assert data_of(event) == data


def test_event_names() -> None:
    assert event_name(b"event: error\ndata: {}\n\n") == "error"
    assert event_name(b"event:x\r\ndata: {}\r\n\r\n") == "x"
    assert event_name(b"event: x\rdata: {}\r\r") == "x"
    assert event_name(b"data: {}\n\n") is None
    assert event_name(b"event: x") == "x"


@pytest.mark.parametrize(
    ("event", "named"),
    [
        (b"event: error\ndata: {}\n\n", True),
        (b"data: {}\nevent:error\n\n", True),
        (b"event: errors\ndata: {}\n\n", False),
        (b"data: event: error\n\n", False),
    ],
)
def test_whether_an_event_has_a_name(event: bytes, named: bool) -> None:
    data = data_of(event)
    assert data is not None
    assert has_name(event, data, "error") is named


def test_what_is_formatted_can_be_read() -> None:
    assert data_of(format_event(b'{"a":1}')) == b'{"a":1}'
    assert event_name(format_event(b"{}", name="ping")) == "ping"
    assert data_of(comment("keep-alive")) is None


@given(
    st.lists(st.sampled_from([b"data: 1", b"data:", b": c", b"\n", b"\r", b"\r\n", b"x", "é".encode()])),
    st.integers(1, 7),
)
def test_no_cut_changes_what_is_read(pieces: list[bytes], size: int) -> None:
    stream = b"".join(pieces)
    whole, rest = split(stream)
    cut, cut_rest = split(stream, size=size)
    assert b"".join(whole) + rest == stream == b"".join(cut) + cut_rest
    assert whole == cut


@given(st.binary(max_size=200))
def test_splitting_agrees_with_a_plain_reading(stream: bytes) -> None:
    """The reference: normalise line ends, cut at empty lines."""
    events, rest = split(stream, size=3)
    text = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines, expected, current = text.split(b"\n"), [], []
    for line in lines[:-1]:
        current.append(line)
        if not line:
            expected.append(current)
            current = []
    seen = [event.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")[:-1] for event in events]
    if stream.endswith(b"\r") and len(expected) == len(seen) + 1:
        expected.pop()
        assert rest
    assert seen == expected


@pytest.mark.parametrize(
    ("event", "missing"),
    [
        (b"data: x", b"\n\n"),
        (b"data: x\n", b"\n"),
        (b"data: x\r", b"\n\n"),
        (b"data: x\r\n", b"\n"),
        (b"data: x\n\n", b""),
        (b"data: x\r\r", b""),
        (b"data: x\r\n\r\n", b""),
        (b"data: x\r\n\r", b""),
    ],
)
def test_what_an_event_lacks_at_its_end(event: bytes, missing: bytes) -> None:
    assert missing_end(event) == missing
    events, _ = split(event + missing + b":\n")
    assert len(events) == 1

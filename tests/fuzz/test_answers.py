"""Broken answers of providers raise nothing but our own errors, whatever dialect they are read in and for.

Answers and streams of every dialect are mutated: in their bytes, in their JSON, in the order of their
events. `POINTSMAN_FUZZ_CASES` says how many cases a run tries (100,000 take some ten minutes). What broke
something once is kept in `corpus/` and tried again in every run; what began as recorded traffic is told only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointsman.config import read_text
from pointsman.dialects import Dialects, Quirks, Translator
from pointsman.errors import RequestError
from pointsman.events import explode
from pointsman.losses import Losses
from pointsman.setup import assemble
from pointsman.sse import Splitter, missing_end
from pointsman.testing import recordings, shared_path
from pointsman.types import (
    Chat,
    Choice,
    Citation,
    Message,
    Part,
    Peek,
    Reasoning,
    Request,
    Response,
    Text,
    ToolCall,
    Usage,
    derive_finish,
)

CASES = int(os.environ.get("POINTSMAN_FUZZ_CASES", "1500"))
CORPUS = Path(__file__).with_name("corpus")
DIALECTS: dict[str, tuple[str, ...]] = {
    "openai-chat": ("/chat/completions",),
    "anthropic-messages": ("/messages",),
    "openai-responses": ("/responses",),
    "gemini": (":generateContent", ":streamGenerateContent"),
}
QUIRKS = Quirks()
LARGEST_SEED = 20_000
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    10**400,
    1.5,
    "",
    "text",
    "\u2028",
    [],
    [None],
    [[]],
    {},
    {"type": None},
    {"type": "text"},
    {"text": {"deep": []}},
    {"index": -1},
    {"index": "0"},
    {"parts": [{"text": None}]},
    {"thought": True},
)


@cache
def dialects() -> Dialects:
    used = "plugins: {openai: {}, anthropic: {}, gemini: {}}"
    return assemble(read_text(used, name="fuzz", env={}, base=Path.cwd()), env={}).dialects


def codec(dialect: str) -> Translator:
    found = dialects().get(dialect, "chat")
    assert isinstance(found, Translator)
    return found


def asked(dialect: str) -> Request:
    chat = Chat("m", [Message("user", [Text("Hello")])], params={"max_tokens": 100})
    written = Request.of(codec(dialect).encode_request(chat, quirks=QUIRKS, losses=Losses()))
    sent = codec(dialect).forward(written, model="m", peek=Peek("m"), quirks=QUIRKS, params={})[0]
    return Request.of({"model": "m", **json.loads(sent)})


def said() -> Response:
    """An answer with a part of every kind."""
    parts: list[Part] = [
        Reasoning("Hm.", "c2lnbmVk", origin="anthropic-messages"),
        Reasoning("", redacted="c2VjcmV0", origin="openai-responses", id="rs_1"),
        Reasoning("", redacted="c2lnbg==", origin="gemini", id="call_1"),
        Text("It is so.", citations=[Citation("https://example.org/", "Page", "so", 0, 5)]),
        ToolCall("call_1", "weather", '{"city":"Paris"}'),
        ToolCall("call_2", "weather", '{"city":"Rome"}'),
    ]
    usage = Usage(100, 20, cache_read=10, cache_write=5, reasoning=7)
    return Response(
        "id-1", "m", 1, [Choice(Message("assistant", parts), derive_finish("stop", parts))], usage
    )


@cache
def seeds() -> list[tuple[str, bool, bytes, bool]]:
    """Whole answers and streams by dialect: our own (the last says so), and recorded ones where they are."""
    found = []
    for dialect in DIALECTS:
        request = asked(dialect)
        whole = codec(dialect).encode_response(said(), request=request, losses=Losses())
        found.append((dialect, False, whole, True))
        peek = codec(dialect).peek(request)
        encoder = codec(dialect).encode_stream(peek=peek, request=request, losses=Losses())
        data = [encoder.feed(event) for event in explode(said())]
        found.append((dialect, True, b"".join([*data, *(tail for tail, _ in encoder.finish())]), True))
    shared = shared_path()
    if shared is None:
        return found
    for dialect, ending in DIALECTS.items():
        recorded = [each for each in recordings(shared) if each.path.endswith(ending)]
        fitting = [each for each in recorded if 0 < len(each.body) < LARGEST_SEED]
        found += [(dialect, each.is_sse, each.body, False) for each in fitting[::7]]
    return found


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a value: its container and its key."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from places(inner)


def change(text: bytes, at: float, odd: int) -> bytes:
    """JSON with one value replaced, or one member taken out."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    found = list(places(value))
    if not found:
        return text
    container, key = found[int(at * len(found)) % len(found)]
    if odd == len(ODD):
        del container[key]
    else:
        container[key] = ODD[odd]
    return json.dumps(value).encode()


def mutate(stream: bool, data: bytes, steps: list[tuple[str, float, float, int]]) -> bytes:
    """Data after the steps of a mutation; places are fractions of its length."""
    for name, one, other, odd in steps:
        events = data.split(b"\n\n") if stream else [data]
        here, there = int(one * len(events)) % len(events), int(other * len(events)) % len(events)
        start, end = sorted((int(one * len(data)), int(other * len(data))))
        match name:
            case "cut":
                data = data[:start]
            case "remove":
                data = data[:start] + data[end:]
            case "repeat":
                data = data[:end] + data[start:]
            case "flip":
                data = data[:start] + bytes([odd * 13 % 256]) + data[start + 1 :]
            case "swap":
                events[here], events[there] = events[there], events[here]
                data = b"\n\n".join(events)
            case "drop":
                del events[here]
                data = b"\n\n".join(events)
            case "json":
                head, _, text = events[here].partition(b"data: ") if stream else (b"", b"", data)
                events[here] = head + (b"data: " if stream else b"") + change(text, other, odd)
                data = b"\n\n".join(events)
    return data


def read_whole(dialect: str, data: bytes) -> None:
    own = codec(dialect)
    peek = own.peek(asked(dialect))
    own.tap(peek=peek, quirks=QUIRKS).whole(data)
    response = own.decode_response(data, quirks=QUIRKS)
    for client in DIALECTS:
        codec(client).encode_response(response, request=asked(client), losses=Losses())


def read_stream(dialect: str, data: bytes) -> None:
    own = codec(dialect)
    peek = own.peek(asked(dialect))
    tap = own.tap(peek=peek, quirks=QUIRKS)
    for event in cut(data):
        tap.feed(event)
    for client in DIALECTS:
        request = asked(client)
        decoder = own.decode_stream(peek=peek, quirks=QUIRKS)
        encoder = codec(client).encode_stream(
            peek=codec(client).peek(request), request=request, losses=Losses()
        )
        for event in cut(data):
            if decoder.ended:
                break
            for each in decoder.feed(event):
                encoder.feed(each)
        for each in decoder.finish():
            encoder.feed(each)
        encoder.finish()


def cut(data: bytes) -> Iterator[bytes]:
    splitter = Splitter(8_000_000)
    yield from splitter.feed(data)
    rest = splitter.finish()
    if rest.strip():
        yield rest + missing_end(rest)


def survive(dialect: str, stream: bool, data: bytes, *, ours: bool) -> None:
    """Read it; what breaks anything is kept for the runs to come, if it is ours to keep."""
    reading: Callable[[str, bytes], None] = read_stream if stream else read_whole
    try:
        reading(dialect, data)
    except RequestError:
        return
    except Exception:
        name = f"{dialect}.{'stream' if stream else 'whole'}.{hashlib.sha256(data).hexdigest()[:12]}"
        if ours:
            (CORPUS / name).write_bytes(data)
        raise


steps = st.lists(
    st.tuples(
        st.sampled_from(("json", "json", "json", "cut", "remove", "repeat", "flip", "swap", "drop")),
        st.floats(0, 1, exclude_max=True),
        st.floats(0, 1, exclude_max=True),
        st.integers(0, len(ODD)),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.data())
def test_a_mutated_answer_raises_nothing_but_our_errors(data: st.DataObject) -> None:
    dialect, stream, body, ours = data.draw(st.sampled_from(seeds()))
    survive(dialect, stream, mutate(stream, body, data.draw(steps)), ours=ours)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_seeds_themselves_are_read(dialect: str) -> None:
    ours = [(stream, body) for name, stream, body, mine in seeds() if mine and name == dialect]
    for stream, body in ours:
        (read_stream if stream else read_whole)(dialect, body)
    assert len(ours) == 2


KEPT = sorted(CORPUS.glob("*.*.*"))


@pytest.mark.parametrize("kept", KEPT, ids=[each.name for each in KEPT])
def test_what_broke_something_once_does_not_again(kept: Path) -> None:
    dialect, kind, _ = kept.name.split(".")
    assert dialect in DIALECTS
    survive(dialect, kind == "stream", kept.read_bytes(), ours=True)

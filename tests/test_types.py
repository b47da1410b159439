"""Canonical types: lazy requests, one finish rule, and events that add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import BadRequest
from pointsman.types import (
    Choice,
    Failed,
    Finish,
    Finished,
    Media,
    Message,
    PartDelta,
    PartStart,
    Reasoning,
    Request,
    Response,
    Started,
    Text,
    ToolCall,
    Unknown,
    Usage,
    accumulate,
    derive_finish,
    explode,
)

parts = st.one_of(
    st.builds(Text, st.text()),
    st.builds(Reasoning, st.text(), st.none() | st.text(min_size=1)),
    st.builds(ToolCall, st.text(min_size=1), st.text(min_size=1), st.text()),
    st.builds(Media, st.just("image"), st.text()),
    st.builds(Unknown, st.just("some-dialect"), st.dictionaries(st.text(), st.integers())),
)
finishes = st.sampled_from([Finish("stop", "end_turn"), Finish("length"), Finish("tool_calls", "tool_use")])
messages = st.builds(Message, st.just("assistant"), st.lists(parts, max_size=4))
responses = st.builds(
    Response,
    st.text(),
    st.text(),
    st.integers(0, 2**31),
    st.lists(st.builds(Choice, messages, finishes), min_size=1, max_size=3),
    st.none() | st.builds(Usage, st.integers(0), st.integers(0)),
    st.just({"some-dialect": {"system_fingerprint": "fp"}}),
)


@given(responses)
def test_explode_and_accumulate_are_inverses(response: Response) -> None:
    assert accumulate(explode(response)) == response


@given(responses)
def test_accumulating_leaves_the_events_as_they_were(response: Response) -> None:
    events = list(explode(response))
    assert accumulate(events) == accumulate(events)


@pytest.mark.parametrize(
    ("native", "parts", "reason"),
    [
        ("stop", [], "stop"),
        (None, [], "stop"),
        ("end_turn", [Text("x")], "stop"),
        ("stop", [ToolCall("1", "f", "{}")], "tool_calls"),
        ("length", [ToolCall("1", "f", "{}")], "length"),
        ("max_tokens", [], "length"),
        ("function_call", [], "tool_calls"),
        ("refusal", [], "content_filter"),
        ("something_new", [], "stop"),
    ],
)
def test_one_rule_derives_every_finish_reason(native: str | None, parts: list[Text], reason: str) -> None:
    assert derive_finish(native, parts) == Finish(reason, native)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([], "no Started"),
        ([Finished(0, Finish("stop"))], "before Started"),
        ([Started("i", "m", 0), PartDelta(0, 0, "x")], "has not begun"),
        ([Started("i", "m", 0), PartStart(0, 1, Text(""))], "part 1 begins where part 0"),
        ([Started("i", "m", 0), PartStart(0, 0, Media("image")), PartDelta(0, 0, "x")], "takes no text"),
        ([Started("i", "m", 0), Failed("gone")], "broke off"),
    ],
)
def test_events_out_of_order_are_refused(events: list[Started], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        accumulate(events)


def test_a_request_keeps_the_bytes_of_what_nobody_read() -> None:
    request = Request(b'{"model": "m", "messages": [ {"role":"user"} ], "n": 1.50}')
    assert bytes(request.fields["messages"]) == b'[ {"role":"user"} ]'
    assert bytes(request.fields["n"]) == b"1.50"
    assert request.body["messages"] == [{"role": "user"}]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "has no body"),
        (b"  \n", "has no body"),
        (b"[]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b'{"a": 1', "not valid JSON"),
        (b"{'a': 1}", "not valid JSON"),
        (b'{"a": NaN}', "not valid JSON"),
        (b'{"a": 1}{', "not valid JSON"),
        (b"{" + b'"a":{' * 100_000, "not valid JSON"),
    ],
)
def test_a_body_that_is_no_object_is_refused_in_words(raw: bytes, why: str) -> None:
    for read in (lambda: Request(raw).fields, lambda: Request(raw).body):
        with pytest.raises(BadRequest, match=why) as caught:
            read()
        assert caught.value.status == 400


def test_the_text_of_a_message_is_its_text_parts() -> None:
    assert Message("user", [Text("a"), Media("image", "u"), Text("b")]).text == "ab"

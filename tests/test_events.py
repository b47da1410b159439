"""The events of a stream add up to the whole answer, and a whole answer comes apart into them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.events import (
    Cited,
    Event,
    Failed,
    Finished,
    PartDelta,
    PartEnd,
    PartStart,
    Started,
    accumulate,
    explode,
)
from pointsman.types import (
    Choice,
    Citation,
    Finish,
    Media,
    Message,
    Reasoning,
    Response,
    Text,
    ToolCall,
    Unknown,
    Usage,
)

parts = st.one_of(
    st.builds(
        Text,
        st.text(),
        refusal=st.booleans(),
        citations=st.lists(st.builds(Citation, st.text()), max_size=2),
        logprobs=st.none() | st.lists(st.just({"token": "x"}), min_size=1, max_size=2),
    ),
    st.builds(
        Reasoning,
        st.text(),
        st.none() | st.text(min_size=1),
        redacted=st.none() | st.text(min_size=1),
        origin=st.none() | st.just("some-dialect"),
    ),
    st.builds(ToolCall, st.text(min_size=1), st.text(min_size=1), st.text()),
    st.builds(Media, st.just("image"), st.text()),
    st.builds(Unknown, st.just("some-dialect"), st.dictionaries(st.text(), st.integers())),
)
finishes = st.sampled_from([Finish("stop", "end_turn"), Finish("length"), Finish("tool_calls", "tool_use")])
extras = st.just({}) | st.just({"some-dialect": {"x": 1}})
messages = st.builds(Message, st.just("assistant"), st.lists(parts, max_size=4), extras)
responses = st.builds(
    Response,
    st.text(),
    st.text(),
    st.integers(0, 2**31),
    st.lists(st.builds(Choice, messages, finishes, extras), min_size=1, max_size=3),
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
    ("events", "why"),
    [
        ([], "no Started"),
        ([Finished(0, Finish("stop"))], "before Started"),
        ([Started("i", "m", 0), PartDelta(0, 0, "x")], "has not begun"),
        ([Started("i", "m", 0), PartStart(0, 1, Text(""))], "part 1 begins where part 0"),
        ([Started("i", "m", 0), PartStart(0, 0, Media("image")), PartDelta(0, 0, "x")], "takes no text"),
        ([Started("i", "m", 0), PartStart(0, 0, Media("image")), Cited(0, 0, Citation())], "cites nothing"),
        ([Started("i", "m", 0), Failed("gone")], "broke off"),
    ],
)
def test_events_out_of_order_are_refused(events: list[Event], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        accumulate(events)


def test_logprobs_and_citations_are_added_up() -> None:
    cited = Citation(url="https://example.org/", quote="so")
    text = Text("So it is.", citations=[cited], logprobs=[{"token": "So"}, {"token": " it is."}])
    response = Response("1", "m", 0, [Choice(Message("assistant", [text]), Finish("stop"))])
    assert accumulate(explode(response)) == response
    events = [
        Started("1", "m", 0),
        PartStart(0, 0, Text("")),
        PartDelta(0, 0, "So", [{"token": "So"}]),
        PartDelta(0, 0, " it is.", [{"token": " it is."}]),
        Cited(0, 0, cited),
        PartEnd(0, 0),
        Finished(0, Finish("stop")),
    ]
    assert accumulate(events) == response

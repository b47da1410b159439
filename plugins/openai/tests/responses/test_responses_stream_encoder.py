"""Canonical events as a stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pointsman.dialects import Mark
from pointsman.events import (
    Cited,
    Event,
    Finished,
    PartDelta,
    PartEnd,
    PartStart,
    Started,
    UsageUpdate,
    accumulate,
    explode,
)
from pointsman.losses import Losses
from pointsman.sealing import unseal
from pointsman.testing import Recording
from pointsman.types import (
    Choice,
    Citation,
    Finish,
    Media,
    Message,
    Reasoning,
    Request,
    Response,
    Text,
    ToolCall,
    Usage,
)
from pointsman_openai.responses.stream_encoder import ResponsesStream

Told = Callable[[bytes], list[dict[str, Any]]]
CLOSES = {
    "response.output_item.added": "response.output_item.done",
    "response.content_part.added": "response.content_part.done",
    "response.reasoning_summary_part.added": "response.reasoning_summary_part.done",
}
WITHIN = {
    "response.output_text.delta": "response.content_part.added",
    "response.output_text.annotation.added": "response.content_part.added",
    "response.refusal.delta": "response.content_part.added",
    "response.reasoning_text.delta": "response.content_part.added",
    "response.reasoning_summary_text.delta": "response.reasoning_summary_part.added",
    "response.function_call_arguments.delta": "response.output_item.added",
    "response.custom_tool_call_input.delta": "response.output_item.added",
}
ENDS = {
    "response.output_text.done": ("response.output_text.delta", "text"),
    "response.refusal.done": ("response.refusal.delta", "refusal"),
    "response.reasoning_text.done": ("response.reasoning_text.delta", "text"),
    "response.reasoning_summary_text.done": ("response.reasoning_summary_text.delta", "text"),
    "response.function_call_arguments.done": ("response.function_call_arguments.delta", "arguments"),
    "response.custom_tool_call_input.done": ("response.custom_tool_call_input.delta", "input"),
}


def check(events: list[dict[str, Any]]) -> None:
    """Prove that events come in the order of this dialect: items one after another, each part within its
    item, each delta within its part, and each end telling what its deltas came to."""
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert events[-1]["type"] in ("response.completed", "response.incomplete", "response.failed")
    open_: list[str] = []
    item: dict[str, Any] = {}
    items: list[dict[str, Any]] = []
    deltas: dict[str, str] = {}
    for event in events[2:-1]:
        kind = event["type"]
        if "item_id" in event:
            assert event["item_id"] == item["id"]
        assert event["output_index"] == len(items)
        if kind == "response.output_item.added":
            assert not open_
            item, deltas = event["item"], {}
        if kind in CLOSES:
            open_.append(kind)
        elif kind in WITHIN:
            assert open_[-1] == WITHIN[kind]
            deltas[kind] = deltas.get(kind, "") + event.get("delta", "")
        elif kind in ENDS:
            of, member = ENDS[kind]
            assert event[member] == deltas.pop(of, "")
        else:
            assert kind == CLOSES[open_.pop()]
        if kind == "response.output_item.done":
            assert (event["item"]["type"], event["item"]["id"]) == (item["type"], item["id"])
            items.append(event["item"])
    assert not open_
    assert events[-1]["response"]["output"] == items


def answer(*parts: Any, reason: Any = "stop") -> Response:
    usage = Usage(input=3, output=2, service_tier="flex")
    return Response("id-1", "m", 7, [Choice(Message("assistant", list(parts)), Finish(reason))], usage)


def test_every_kind_of_part_comes_in_order(encoded: Callable[..., bytes], told: Told) -> None:
    response = answer(
        Reasoning("hm", signature="s", origin="anthropic-messages"),
        Reasoning("sum", summary=True, origin="openai-responses", redacted="gAAA", id="rs_9"),
        Text("Hello", citations=[Citation(url="u")], logprobs=[{"token": "Hello"}]),
        Text("no", refusal=True),
        ToolCall("c1", "f", '{"a":1}'),
        ToolCall("c2", "patch", '{"input":"text"}'),
        Media("image", data="aGk=", mime="image/png"),
        Text("bye"),
    )
    events = told(encoded(explode(response), tools=[{"type": "custom", "name": "patch"}]))
    check(events)
    output = events[-1]["response"]["output"]
    assert [item["type"] for item in output] == [
        "reasoning",
        "reasoning",
        "message",
        "function_call",
        "custom_tool_call",
        "image_generation_call",
        "message",
    ]
    assert unseal(output[0]["encrypted_content"]) == response.choices[0].message.parts[0]
    assert (output[1]["id"], output[1]["encrypted_content"]) == ("rs_9", "gAAA")
    assert [part["type"] for part in output[2]["content"]] == ["output_text", "refusal"]
    assert output[2]["content"][0]["annotations"][0]["url"] == "u"
    assert output[2]["content"][0]["logprobs"] == [{"token": "Hello"}]
    assert output[4]["input"] == "text"
    last = events[-1]["response"]
    assert (last["id"], last["status"], last["service_tier"]) == ("resp_id-1", "completed", "flex")
    assert last["usage"]["total_tokens"] == 5


@pytest.mark.parametrize(
    ("reason", "status", "item"),
    [
        ("length", "incomplete", "incomplete"),
        ("error", "failed", "completed"),
        ("stop", "completed", "completed"),
    ],
)
def test_the_last_event_says_how_it_ended(
    encoded: Callable[..., bytes], told: Told, reason: str, status: str, item: str
) -> None:
    events = told(encoded(explode(answer(Text("x"), reason=reason))))
    check(events)
    assert events[-1]["type"] == f"response.{status}"
    assert events[-1]["response"]["status"] == status
    assert events[-1]["response"]["output"][0]["status"] == item


def test_the_terminal_event_waits_for_the_price() -> None:
    encoder = ResponsesStream(Request.of({"model": "m"}), Losses())
    for event in explode(answer(Text("x"))):
        encoder.feed(event)
    ((data, mark),) = encoder.finish()
    assert data.startswith(b"event: response.completed\n")
    assert mark & Mark.HOLD
    assert mark & Mark.DONE


def test_what_comes_of_a_later_part_waits_for_the_one_before(
    encoded: Callable[..., bytes], told: Told
) -> None:
    events: list[Event] = [
        Started("i", "m", 0),
        PartStart(0, 0, Text("")),
        PartStart(0, 1, ToolCall("c", "f", "")),
        PartStart(0, 2, ToolCall("d", "g", "")),
        PartDelta(0, 2, "{}"),
        PartEnd(0, 2),
        PartDelta(0, 0, "a"),
        PartDelta(0, 1, "["),
        PartEnd(0, 0),
        PartDelta(0, 1, "]"),
        PartEnd(0, 1),
        PartStart(0, 3, Text("")),
        PartDelta(0, 3, "never ended"),
        Finished(0, Finish("tool_calls")),
        UsageUpdate(Usage(input=1, output=1)),
    ]
    found = told(encoded(events))
    check(found)
    text, first, second, last = found[-1]["response"]["output"]
    assert text["content"][0]["text"] == "a"
    assert (first["arguments"], second["arguments"]) == ("[]", "{}")
    assert last["content"][0]["text"] == "never ended"


def test_parts_may_begin_with_their_text(encoded: Callable[..., bytes], told: Told) -> None:
    parts = [Text("a"), Reasoning("b"), ToolCall("c", "f", "{}")]
    events: list[Event] = [Started("i", "m", 0)]
    for index, part in enumerate(parts):
        events += [PartStart(0, index, part), PartEnd(0, index)]
    found = told(encoded([*events, Finished(0, Finish("stop"))]))
    check(found)
    text, thought, call = found[-1]["response"]["output"]
    assert (text["content"][0]["text"], thought["content"][0]["text"]) == ("a", "b")
    assert call["arguments"] == "{}"


def test_what_has_no_place_is_told(encoded: Callable[..., bytes], told: Told) -> None:
    losses = Losses()
    events: list[Event] = [
        Started("i", "m", 0, {"openai-chat": {"provider": "x"}}),
        PartStart(1, 0, Text("")),
        PartStart(0, 0, Media("audio", data="x")),
        PartEnd(0, 0),
        PartStart(0, 1, Text("")),
        Cited(0, 1, Citation(quote="q")),
        PartEnd(0, 1),
        Finished(0, Finish("stop"), {"openai-chat": {"odd": 1}}, {"openai-chat": {"annotations": [1]}}),
    ]
    check(told(encoded(events, losses)))
    assert losses.answer == ["provider", "choices", "audio", "citations", "odd", "message.annotations"]


def test_recorded_streams_keep_what_they_tell(
    exchanges: list[Recording],
    read: Callable[[bytes], list[Event]],
    encoded: Callable[..., bytes],
    told: Told,
) -> None:
    for each in exchanges:
        if not each.is_sse or each.status != 200:
            continue
        events = read(each.body)
        data = encoded(events, tools=each.request.get("tools"))
        check(told(data))
        before, after = accumulate(events), accumulate(read(data))
        assert [summary(part) for part in after.choices[0].message.parts] == [
            summary(part) for part in before.choices[0].message.parts
        ], each.id
        assert after.choices[0].finish == before.choices[0].finish
        assert after.usage is not None
        assert before.usage is not None
        assert (after.usage.input, after.usage.output) == (before.usage.input, before.usage.output)


def summary(part: Any) -> Any:
    """What a part says."""
    if isinstance(part, Text):
        return part.text, part.citations, part.logprobs
    if isinstance(part, Reasoning):
        return part.text, part.redacted, part.summary
    return (part.id, part.name, part.arguments) if isinstance(part, ToolCall) else part

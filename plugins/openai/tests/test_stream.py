"""Canonical events as streams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from pointsman.dialects import Mark, Quirks
from pointsman.events import Event, Failed, explode
from pointsman.losses import Losses
from pointsman.sealing import seal
from pointsman.sse import Splitter, data_of
from pointsman.types import (
    Choice,
    Citation,
    Finish,
    Media,
    Message,
    Part,
    Peek,
    Reasoning,
    Response,
    Text,
    ToolCall,
    Unknown,
    Usage,
)
from pointsman_openai.stream import ChatStream, CompletionStream
from pointsman_openai.tap import OpenAITap

ANSWER = Response(
    "gen-1",
    "m",
    1_700_000_000,
    [
        Choice(
            Message(
                "assistant",
                [
                    Reasoning("hm"),
                    Text("hello"),
                    ToolCall("call_1", "f", "{}"),
                    ToolCall("call_2", "g", '{"a":1}'),
                ],
            ),
            Finish("tool_calls"),
        ),
        Choice(Message("assistant", [Text("other"), Media("image", url="https://x/y")]), Finish("length")),
    ],
    Usage(input=9, output=5),
)
ASKED = Peek("asked", stream=True, choices=2, usage_in_stream=True)
BARE = Peek("asked", stream=True, choices=2)


def written(encoder: ChatStream | CompletionStream, events: Iterator[Event]) -> bytes:
    body = b"".join(encoder.feed(event) for event in events)
    return body + b"".join(data for data, _ in encoder.finish())


def chunks(stream: bytes) -> list[dict[str, Any]]:
    events = Splitter(2**20).feed(stream)
    texts = [data_of(event) for event in events]
    assert texts[-1] == b"[DONE]"
    return [json.loads(text) for text in texts[:-1] if text is not None]


def deltas(stream: bytes, choice: int) -> list[dict[str, Any]]:
    return [
        each["delta"]
        for chunk in chunks(stream)
        for each in chunk["choices"]
        if each["index"] == choice and each["delta"]
    ]


def test_each_choice_begins_with_its_role_and_keeps_its_index() -> None:
    stream = written(ChatStream(BARE, losses=Losses()), explode(ANSWER))
    assert deltas(stream, 0)[0] == {"role": "assistant", "content": ""}
    assert deltas(stream, 1) == [
        {"role": "assistant", "content": ""},
        {"content": "other"},
        {"images": [{"type": "image_url", "image_url": {"url": "https://x/y"}}]},
    ]


def test_parts_become_their_own_kinds_of_delta() -> None:
    function = {"name": "g", "arguments": ""}
    assert deltas(written(ChatStream(BARE, losses=Losses()), explode(ANSWER)), 0)[1:] == [
        {"reasoning_content": "hm"},
        {"content": "hello"},
        {
            "tool_calls": [
                {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
        {"tool_calls": [{"index": 1, "id": "call_2", "type": "function", "function": function}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": '{"a":1}'}}]},
    ]


def test_every_chunk_has_the_head_of_the_answer() -> None:
    for chunk in chunks(written(ChatStream(BARE, losses=Losses()), explode(ANSWER))):
        assert (chunk["id"], chunk["model"], chunk["created"]) == ("gen-1", "m", 1_700_000_000)
        assert chunk["object"] == "chat.completion.chunk"
        assert "usage" not in chunk


def test_usage_comes_last_and_only_where_it_was_asked_for() -> None:
    found = chunks(written(ChatStream(ASKED, losses=Losses()), explode(ANSWER)))
    assert found[-1]["choices"] == []
    assert found[-1]["usage"]["total_tokens"] == 14
    assert all(chunk["usage"] is None for chunk in found[:-1])


def test_the_end_is_marked() -> None:
    asked, bare = ChatStream(ASKED, losses=Losses()), ChatStream(BARE, losses=Losses())
    for event in explode(ANSWER):
        asked.feed(event)
        bare.feed(event)
    assert [mark for _, mark in asked.finish()] == [Mark.HOLD, Mark.DONE]
    assert bare.finish() == [(b"data: [DONE]\n\n", Mark.DONE)]
    assert [mark for _, mark in ChatStream(ASKED, losses=Losses()).finish()] == [Mark.DONE]


def test_an_answer_without_parts_still_has_role_and_finish() -> None:
    empty = Response("x", "m", 0, [Choice(Message("assistant", []), Finish("content_filter"))])
    found = [
        chunk["choices"][0] for chunk in chunks(written(ChatStream(BARE, losses=Losses()), explode(empty)))
    ]
    assert found[0]["delta"] == {"role": "assistant", "content": ""}
    assert found[1]["finish_reason"] == "content_filter"


def test_a_failure_is_not_written_as_content() -> None:
    assert ChatStream(BARE, losses=Losses()).feed(Failed("broke")) == b""


@pytest.mark.parametrize("kind", [ChatStream, CompletionStream])
def test_our_own_stream_reads_back(kind: type[ChatStream | CompletionStream]) -> None:
    reader = OpenAITap(peek=ASKED, quirks=Quirks(), holds="choices")
    for event in Splitter(2**20).feed(written(kind(ASKED, losses=Losses()), explode(ANSWER))):
        last = reader.feed(event)
    assert last == Mark.DONE
    assert reader.complete
    assert reader.finish == "length"
    assert reader.usage is not None
    assert (reader.usage.input, reader.usage.output) == (9, 5)


def test_a_completion_streams_its_text_alone() -> None:
    found = chunks(written(CompletionStream(ASKED, losses=Losses()), explode(ANSWER)))
    texts = [
        (each["index"], each["text"], each["finish_reason"]) for chunk in found for each in chunk["choices"]
    ]
    assert texts == [(0, "hello", None), (0, "", "tool_calls"), (1, "other", None), (1, "", "length")]
    assert {chunk["object"] for chunk in found} == {"text_completion"}


def test_the_sdk_reads_the_stream() -> None:
    stream = written(ChatStream(ASKED, losses=Losses()), explode(ANSWER))

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=stream, headers={"content-type": "text/event-stream"})

    transport = httpx2.MockTransport(answer)
    with openai.OpenAI(
        api_key="k", base_url="http://gateway/v1", http_client=httpx2.Client(transport=transport)
    ) as client:
        events = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "x"}], stream=True
        )
        found = list(events)
    spoken = [each.delta.content or "" for chunk in found for each in chunk.choices if each.index == 0]
    assert "".join(spoken) == "hello"
    assert found[-1].usage is not None
    assert found[-1].usage.total_tokens == 14


def streamed(*parts: Part, losses: Losses | None = None) -> list[dict[str, Any]]:
    answer = Response("x", "m", 0, [Choice(Message("assistant", list(parts)), Finish("stop"))])
    return deltas(written(ChatStream(BARE, losses=losses or Losses()), explode(answer)), 0)[1:]


def test_signed_thoughts_are_told_in_details_as_they_come_and_signed_at_the_end() -> None:
    beside = {"format": "anthropic-claude-v1", "index": 0}
    signed = Reasoning("hm", "sig", origin="anthropic-messages")
    signature = seal(signed)
    assert streamed(signed, Text("x")) == [
        {
            "reasoning_content": "hm",
            "reasoning_details": [{"type": "reasoning.text", "text": "hm", **beside}],
        },
        {"reasoning_details": [{"type": "reasoning.text", "text": "", "signature": signature, **beside}]},
        {"content": "x"},
    ]


def test_hidden_thoughts_come_at_their_end() -> None:
    thought = Reasoning("hm", origin="openai-responses", redacted="data", summary=True, id="rs_1")
    beside = {"format": "openai-responses-v1", "index": 0}
    assert streamed(thought)[1] == {
        "reasoning_details": [{"type": "reasoning.encrypted", "data": seal(thought), "id": "rs_1", **beside}]
    }


def test_refusals_citations_and_log_probabilities_have_their_places() -> None:
    page = Citation("https://x", start=0, end=1)
    told = {"type": "url_citation", "url_citation": {"url": "https://x", "start_index": 2, "end_index": 3}}
    losses = Losses()
    found = streamed(
        Text("ab"), Text("cd", citations=[page, Citation(quote="q")]), Text("no", refusal=True), losses=losses
    )
    assert found == [{"content": "ab"}, {"content": "cd"}, {"annotations": [told]}, {"refusal": "no"}]
    assert losses.answer == ["citations"]
    answer = Response(
        "x", "m", 0, [Choice(Message("assistant", [Text("a", logprobs=[{"token": "a"}])]), Finish("stop"))]
    )
    choice = chunks(written(ChatStream(BARE, losses=Losses()), explode(answer)))[1]["choices"][0]
    assert choice["logprobs"] == {"content": [{"token": "a"}], "refusal": None}


def test_a_call_without_arguments_gets_an_empty_object() -> None:
    assert streamed(ToolCall("c", "f", ""))[1] == {
        "tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]
    }


def test_the_older_kind_of_call_streams_as_such() -> None:
    own: dict[str, dict[str, Any]] = {"openai-chat": {"~older": True}}
    assert streamed(ToolCall("f", "f", "{}", own)) == [
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
    ]


def test_what_has_no_place_in_a_stream_is_reported() -> None:
    losses = Losses()
    unknown, odd = Unknown("messages", {"type": "server_tool_use"}), Unknown("openai-chat", 3)
    assert streamed(unknown, Media("video", url="https://x"), odd, losses=losses) == []
    assert losses.answer == ["server_tool_use", "video", "part of openai-chat"]


def test_what_only_this_dialect_knows_comes_back_in_its_stream() -> None:
    part = Unknown("openai-chat", {"type": "reference", "reference_ids": [1]})
    call = Unknown("openai-chat", {"id": "c", "type": "hosted", "hosted": {}})
    assert streamed(part, call) == [
        {"content": [part.data]},
        {"tool_calls": [{**call.data, "index": 0}]},
    ]

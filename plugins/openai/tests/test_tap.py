"""The tap."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from pointsman.dialects import Mark, Quirks
from pointsman.errors import MalformedAnswer, UpstreamStatus
from pointsman.sse import Splitter, format_event
from pointsman.types import Peek, Usage
from pointsman_openai.tap import MOST_OTHERS, OpenAITap

USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def tap(
    *, choices: int = 1, asked: bool = False, stream_usage: str = "ask", holds: str = "choices"
) -> OpenAITap:
    peek = Peek("m", stream=True, choices=choices, usage_in_stream=asked)
    return OpenAITap(peek=peek, quirks=Quirks(stream_usage=stream_usage), holds=holds)


def event(**members: Any) -> bytes:
    return format_event(json.dumps(members).encode())


def chunk(
    delta: dict[str, Any] | None = None, *, index: int = 0, finish: str | None = None, **members: Any
) -> bytes:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return event(choices=[choice], **members)


DONE = format_event(b"[DONE]")


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "hi"},
        {"content": [{"type": "text", "text": "hi"}]},
        {"reasoning": "hm"},
        {"reasoning_content": "hm"},
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]},
        {"refusal": "no"},
        {"tool_calls": [{"index": 0, "function": {"name": "f"}}]},
        {"function_call": {"name": "f"}},
        {"audio": {"data": "AAAA"}},
        {"images": [{"type": "image_url"}]},
    ],
)
def test_content_is_what_a_client_waits_for(delta: dict[str, Any]) -> None:
    assert tap().feed(chunk(delta)) == Mark.CONTENT


@pytest.mark.parametrize(
    "delta",
    [
        {},
        {"role": "assistant", "content": ""},
        {"content": None, "refusal": "", "tool_calls": None, "reasoning_details": []},
        {"annotations": [{"url": "x"}]},
        {"function_call": {"name": "", "arguments": ""}, "audio": {"id": "", "data": ""}},
    ],
)
def test_a_role_is_not_content(delta: dict[str, Any]) -> None:
    assert tap().feed(chunk(delta)) == Mark.NOTHING


def test_the_text_of_a_completion_is_content() -> None:
    reader = tap()
    assert reader.feed(event(choices=[{"index": 0, "text": "hi", "finish_reason": None}])) == Mark.CONTENT
    assert reader.feed(event(choices=[{"index": 0, "text": ""}])) == Mark.NOTHING
    assert reader.output_characters == 2


@pytest.mark.parametrize(
    "raw",
    [
        b": keep-alive\n\n",
        b"event: ping\n\n",
        b"data:\n\n",
        b"data: \n\n",
        b"data\n\n",
        b"retry: 5\n\n",
        b'data: {"choices":null}\n\n',
        b'data: {"value":"another format"}\n\n',
        b'data: {"choices":[],"prompt_filter_results":[{"prompt_index":0}]}\n\n',
        b'data: {"choices":[],"usage":null,"error":null}\n\n',
        b'data: {"choices":[],"usage":{}}\n\n',
    ],
)
def test_what_tells_nothing_is_nothing(raw: bytes) -> None:
    reader = tap()
    assert reader.feed(raw) == Mark.NOTHING
    assert not reader.complete


@pytest.mark.parametrize("raw", [b"data: [DONE]\n\n", b"data:[DONE]\r\n\r\n", b"data:   [DONE]  \n\n"])
def test_done_is_the_end(raw: bytes) -> None:
    assert tap().feed(raw) == Mark.DONE


def test_a_finish_reason_makes_the_answer_whole() -> None:
    reader = tap()
    reader.feed(chunk({"content": "hi"}))
    assert not reader.complete
    assert reader.feed(chunk(finish="length")) == Mark.FINISH
    assert reader.complete
    assert reader.finish == "length"


def test_done_after_content_makes_it_whole_and_done_alone_does_not() -> None:
    spoken, silent = tap(), tap()
    spoken.feed(chunk({"content": "hi"}))
    spoken.feed(DONE)
    silent.feed(DONE)
    assert spoken.complete
    assert spoken.finish is None
    assert not silent.complete


def test_an_answer_of_several_choices_is_whole_when_all_have_finished() -> None:
    reader = tap(choices=2)
    reader.feed(chunk({"content": "a"}, index=0))
    reader.feed(chunk(finish="stop", index=0))
    assert not reader.complete
    reader.feed(chunk({"content": "b"}, index=1))
    reader.feed(chunk(finish="stop", index=1))
    assert reader.complete


def test_usage_alone_is_held_and_private_where_the_client_did_not_ask() -> None:
    raw = event(choices=[], usage=USAGE)
    assert tap().feed(raw) == Mark.HOLD | Mark.PRIVATE
    assert tap(asked=True).feed(raw) == Mark.HOLD
    assert tap(stream_usage="always").feed(raw) == Mark.HOLD


def test_usage_with_the_finish_reason_is_held_and_never_private() -> None:
    reader = tap()
    assert reader.feed(chunk({"content": "x"}, finish="stop", usage=USAGE)) == (
        Mark.CONTENT | Mark.FINISH | Mark.HOLD
    )
    assert reader.usage == Usage(input=3, output=4, raw=USAGE)


def test_usage_in_every_event_is_held_only_at_the_end() -> None:
    reader = tap(choices=2)
    assert reader.feed(chunk({"content": "x"}, usage=USAGE)) == Mark.CONTENT
    assert reader.feed(chunk(finish="stop", index=0, usage=USAGE)) == Mark.FINISH
    assert reader.feed(chunk(finish="stop", index=1, usage=USAGE)) == Mark.FINISH | Mark.HOLD
    assert reader.feed(chunk({"content": ""}, usage=USAGE)) == Mark.HOLD


def test_the_last_usage_counts() -> None:
    reader = tap()
    reader.feed(event(choices=[], usage={"prompt_tokens": 1}))
    reader.feed(event(choices=[], usage=USAGE))
    reader.feed(event(choices=[], usage=None))
    assert reader.usage == Usage(input=3, output=4, raw=USAGE)


def test_usage_of_an_older_host_is_found_in_its_own_member() -> None:
    reader = tap()
    assert reader.feed(chunk(finish="stop", x_groq={"id": "r", "usage": USAGE})) == Mark.FINISH | Mark.HOLD
    assert reader.usage == Usage(input=3, output=4, raw=USAGE)


def test_what_the_model_wrote_is_counted() -> None:
    reader = tap()
    reader.feed(chunk({"content": "1234", "role": "assistant"}))
    reader.feed(chunk({"content": [{"type": "text", "text": "56"}]}))
    reader.feed(chunk({"reasoning": "78", "reasoning_details": [{"type": "reasoning.text", "text": "78"}]}))
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    reader.feed(chunk({"tool_calls": [call]}))
    assert reader.output_characters == 10


@pytest.mark.parametrize(
    ("raw", "upstream", "status"),
    [
        (event(error={"code": 429, "message": "slow"}), 429, 429),
        (event(error={"code": 400, "message": "x"}, choices=[{"delta": {"content": ""}}]), 400, 400),
        (event(error={"type": "overloaded_error", "message": "x"}), 529, 503),
        (event(error="broken"), 500, 502),
        (event(object="error", message="no such model", code=404), 404, 404),
        (b'event: error\ndata: {"error":{"status_code":400,"message":"x"}}\n\n', 400, 400),
        (b'event: error\ndata: {"message":"x","code":503}\n\n', 503, 503),
        (b'data: {"message":"x","code":503}\r\nevent: error\r\n\r\n', 503, 503),
        (b"event: error\ndata: upstream gave up\n\n", 500, 502),
    ],
)
def test_an_error_event_is_raised(raw: bytes, upstream: int, status: int) -> None:
    with pytest.raises(UpstreamStatus) as raised:
        tap().feed(raw)
    assert (raised.value.upstream_status, raised.value.status) == (upstream, status)
    assert raised.value.phase == "stream"
    assert "error" in json.loads(raised.value.body)


def test_usage_in_an_error_event_is_kept() -> None:
    reader = tap()
    with pytest.raises(UpstreamStatus):
        reader.feed(event(error={"code": 400}, usage=USAGE))
    assert reader.usage is not None


NONSENSE = [
    b"<html>",
    b'{"choices":',
    b'{"choices":[]} more',
    b"[1]",
    b"42",
    b"null",
    b'{"choices":"x"}',
    b'{"choices":[{"delta":[]}]}',
    b'{"choices":[{"delta":{"content":"\xff"}}]}',
    b'{"other":"\xff","choices":[]}',
    b'{"choices":[],"usage":{"prompt_tokens":NaN}}',
    b'{"choices":[],"usage":{"prompt_tokens":1e999}}',
    b'{"other":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"usage":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"object":"error","code":1e999}',
]


@pytest.mark.parametrize("data", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_in_a_stream_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedAnswer) as raised:
        tap().feed(b"data: " + data + b"\n\n")
    assert raised.value.phase == "stream"


def test_a_whole_chat_is_read() -> None:
    reader = tap()
    message = {"role": "assistant", "content": "hello", "tool_calls": [{"function": {"arguments": "{}"}}]}
    choices = [{"message": message, "finish_reason": "tool_calls"}]
    reader.whole(json.dumps({"choices": choices, "usage": USAGE}).encode())
    assert reader.finish == "tool_calls"
    assert reader.usage == Usage(input=3, output=4, raw=USAGE)
    assert reader.complete


def test_what_a_whole_chat_says_is_counted_where_its_provider_does_not() -> None:
    reader = tap()
    message = {"role": "assistant", "content": "hello", "tool_calls": [{"function": {"arguments": "{}"}}]}
    reader.whole(json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode())
    assert (reader.output_characters, reader.usage, reader.complete) == (7, None, True)


def test_the_last_choice_tells_the_finish_of_a_whole_answer() -> None:
    reader = tap()
    reader.whole(b'{"choices":[{"text":"abc","finish_reason":"stop"},{"text":"d","finish_reason":"length"}]}')
    assert reader.finish == "length"
    assert reader.output_characters == 4
    assert reader.usage is None


def test_whole_embeddings_are_read() -> None:
    reader = tap(holds="data")
    reader.whole(
        b'{"object":"list","data":[{"embedding":[0.1]}],"usage":{"prompt_tokens":5,"total_tokens":5}}'
    )
    assert reader.usage is not None
    assert reader.usage.input == 5
    assert reader.output_characters == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"id":"x"}',
        b'{"choices":null}',
        b'{"choices":[],"x":NaN}',
        b'{"choices":[],"x":1e999}',
        b'{"choices":[],"x":"\xff"}',
        b'{"choices":' + b"[" * 100_000,
        b'{"data":[]}',
    ],
)
def test_a_whole_answer_that_is_none_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedAnswer) as raised:
        tap().whole(body)
    assert raised.value.phase == "body"


def test_an_error_in_a_whole_answer_is_raised() -> None:
    with pytest.raises(UpstreamStatus, match="slow down") as raised:
        tap().whole(b'{"error":{"message":"slow down","code":429},"choices":[]}')
    assert raised.value.upstream_status == 429
    assert raised.value.phase == "body"


def read(record: dict[str, Any], sizes: Any) -> tuple[OpenAITap, list[Mark], bytes, bool]:
    """Feed a recorded stream in pieces; give the tap, the marks, the bytes that came out, and failure."""
    request = record["request"]
    asked = bool((request.get("stream_options") or {}).get("include_usage"))
    reader = tap(choices=request.get("n") or 1, asked=asked)
    splitter = Splitter(8 * 2**20)
    body = record["response_body"].encode()
    marks, out, at, failed = [], [], 0, False
    while at < len(body):
        size = sizes()
        for raw in splitter.feed(body[at : at + size]):
            out.append(raw)
            try:
                marks.append(reader.feed(raw))
            except UpstreamStatus:
                failed = True
        at += size
    rest = splitter.finish()
    if rest.strip():
        marks.append(reader.feed(rest))
    return reader, marks, b"".join([*out, rest]), failed


def told(body: str) -> tuple[dict[str, Any] | None, str | None, bool]:
    """Usage, finish and error of a recorded stream, read the slow and plain way."""
    usage = finish = None
    failed = False
    for line in body.splitlines():
        if line.startswith("data:") and "[DONE]" not in line:
            data = json.loads(line[5:])
            usage = data.get("usage") or usage
            failed = failed or bool(data.get("error"))
            for choice in data.get("choices") or ():
                finish = choice.get("finish_reason") or finish
    return usage, finish, failed


def test_a_stream_tells_its_model_and_the_tier_that_served() -> None:
    reader = tap()
    reader.feed(event(choices=[], prompt_filter_results=[], model=""))
    assert reader.model is None
    reader.feed(chunk({"content": "hi"}, model="m-2026-11-01", service_tier="auto"))
    reader.feed(chunk({"content": "hi"}, model="another"))
    reader.feed(event(choices=[], usage=USAGE, service_tier="flex"))
    assert reader.model == "m-2026-11-01"
    assert reader.usage is not None
    assert reader.usage.service_tier == "flex"


@pytest.mark.parametrize("holds", ["choices", "data"])
def test_a_whole_answer_tells_its_model_and_the_tier_that_served(holds: str) -> None:
    reader = tap(holds=holds)
    answer = {holds: [], "usage": USAGE, "model": "m-1", "service_tier": "priority"}
    reader.whole(json.dumps(answer).encode())
    assert reader.model == "m-1"
    assert reader.usage is not None
    assert reader.usage.service_tier == "priority"


def test_an_odd_name_of_a_model_is_none() -> None:
    reader = tap()
    reader.whole(json.dumps({"choices": [], "usage": USAGE, "model": 7, "service_tier": {}}).encode())
    assert reader.model is None
    assert reader.usage == Usage(3, 4, raw=USAGE)


AFTER_AN_OPENING = [
    chunk({"content": "hi"}, object="chat.completion.chunk", usage=None),
    chunk({"content": "hi", "role": "assistant", "unknown": [1]}, service_tier="default"),
    chunk({"content": "é"}),
    chunk({"content": ""}),
    chunk({"content": None}),
    chunk({"content": ["hi"]}),
    chunk({"content": "hi", "reasoning": ""}),
    chunk({"content": "hi", "reasoning": "hm"}),
    chunk({"content": "hi", "tool_calls": []}),
    chunk({"content": "hi"}, finish="stop"),
    chunk({"content": "hi"}, usage=USAGE),
    chunk({"content": "hi"}, x_groq={"usage": USAGE}),
    chunk({"content": "hi"}, error={"message": "no"}),
    chunk({"content": "hi"}, object="error"),
    event(choices=[]),
    event(choices=[{"delta": {"content": "a"}}, {"index": 1, "delta": {"content": "b"}}]),
    event(choices=[{"text": "hi"}]),
    chunk({"content": "hi"}).replace(b"\n", b"\r\n"),
    chunk({"content": "hi"}).replace(b"{", b"{\r", 1),
    b"event: error\n" + chunk({"content": "hi"}),
    b"data: {\ndata: }\n\n",
    b"data: {\n\n",
    DONE,
]


@pytest.mark.parametrize("raw", AFTER_AN_OPENING)
def test_whatever_comes_after_an_opening_is_read_as_if_nothing_were_plain(raw: bytes) -> None:
    told = []
    for others in (0, MOST_OTHERS):
        made = tap()
        made.feed(chunk({"role": "assistant"}, model="m"))
        made._others = others
        try:
            said: Any = made.feed(raw)
        except (UpstreamStatus, MalformedAnswer) as error:
            said = (type(error), error.message)
        told.append((said, made.usage, made.finish, made.output_characters, made.complete, made._content))
    assert told[0] == told[1]


def test_a_stream_of_another_kind_is_soon_no_longer_taken_to_be_plain() -> None:
    made = tap()
    made.feed(chunk({"role": "assistant"}, model="m"))
    for number in range(2 * MOST_OTHERS):
        assert made.feed(chunk({"reasoning": "hm"})) == Mark.CONTENT
        assert made._others == min(number + 1, MOST_OTHERS)


def test_recorded_streams_read_the_same_in_any_pieces(streams: list[dict[str, Any]]) -> None:
    draw = random.Random(7)
    for record in streams:
        usage, finish, failed = told(record["response_body"])
        pieces = [lambda: 10**9, lambda: 1, lambda: draw.randint(1, 700)]
        results = [read(record, sizes) for sizes in pieces]
        assert results[0][1] == results[1][1] == results[2][1], record["id"]
        for reader, marks, out, broke in results:
            assert out == record["response_body"].encode(), record["id"]
            assert broke == failed, record["id"]
            assert reader.finish == finish, record["id"]
            assert reader.model == first_model(record["response_body"]), record["id"]
            assert (reader.usage.raw if reader.usage else None) == usage, record["id"]
            if not failed and "[DONE]" in record["response_body"]:
                assert reader.complete, record["id"]
                assert marks[-1] == Mark.DONE, record["id"]
                assert any(mark & Mark.HOLD for mark in marks) == (usage is not None), record["id"]


def first_model(body: str) -> str | None:
    lines = (line[5:] for line in body.splitlines() if line.startswith("data:") and "[DONE]" not in line)
    return next((model for line in lines if (model := json.loads(line).get("model"))), None)


def test_recorded_whole_answers_are_read(recordings: list[dict[str, Any]]) -> None:
    read_ones = 0
    for record in recordings:
        if record["is_sse"] or record["status"] != 200 or record["provider"] == "writer":
            continue
        holds = "data" if record["path_url"].endswith("/embeddings") else "choices"
        reader = tap(holds=holds)
        reader.whole(record["response_body"].encode())
        answer = json.loads(record["response_body"])
        assert (reader.usage is None) == (answer.get("usage") is None), record["id"]
        assert reader.model == (answer.get("model") or None), record["id"]
        if holds == "choices":
            assert reader.finish == (answer["choices"][-1].get("finish_reason") or None), record["id"]
        read_ones += 1
    assert read_ones > 100

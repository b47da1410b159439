"""The attempt loop over real sockets: what fails over, what does not, and what the client is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pointsman.testing import Close, Hang, Reset, Script, Send, StreamClient, running

Boot = Callable[..., Any]
ERROR = {"error": {"message": "no", "type": "server_error"}}


SILENT = Script(steps=(Hang(),), framing="raw")
FAULTS = {
    "reset": Script(steps=(Reset(),), framing="raw"),
    "closed without a word": Script(steps=(Close(),), framing="raw"),
    "not HTTP": Script(steps=(Send(b"SSH-2.0-x\r\n\r\n"),), framing="raw"),
    "429": Script.json(ERROR, status=429, headers={"retry-after": "9"}),
    "500": Script.json(ERROR, status=500),
    "502 page": Script.whole(b"<html>bad gateway</html>", status=502, content_type="text/html"),
    "503 empty": Script.whole(b"", status=503),
    "529": Script.json(ERROR, status=529),
    "401": Script.json(ERROR, status=401),
    "404": Script.json(ERROR, status=404),
    "307": Script.whole(b"", status=307, headers={"location": "http://127.0.0.1:1/"}),
    "empty 200": Script.whole(b""),
    "200 with an error": Script.json(ERROR),
    "a page": Script.whole(b"<html>welcome</html>", content_type="text/html"),
    "another JSON": Script.json({"hello": "world"}),
    "a list": Script.json([1]),
    "cut JSON": Script.whole(b'{"choices": [{"index": 0, "mess'),
    "cut by length": Script(steps=(Send(b'{"choices'),), declared=500),
    "headers, then silence": Script(steps=(Hang(),), framing="chunked"),
    "silence": SILENT,
}
AT_WORK = ("headers, then silence", "cut by length")
"""Those whose provider said 200 and then took too long or broke off."""
ANSWERED = 9 * 3000 + 2 * 4000
"""What the answer of the second provider costs, in nano-USD."""


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_failed_endpoint_is_replaced_within_the_request(
    pair: Boot, whole_answer: Script, whole_stream: Script, fault: str, stream: bool
) -> None:
    healthy = whole_stream if stream else whole_answer
    async with pair(FAULTS[fault], healthy, more="attempts: 2") as both:
        answer = await both.running.client.post("/v1/chat/completions", json=both.body(stream=stream))
        assert answer.status_code == 200
        assert b"Hello" in answer.content
        assert answer.headers["x-pointsman-provider"] == "two"
        assert answer.headers["x-pointsman-attempts"] == "2"
        row = await both.row()
        assert (row["outcome"], row["provider"], row["attempts"]) == ("complete", "two", 2)
        first, second = json.loads(row["tried"])
        assert (second["input"], second["output"], second["cost_nano"]) == (9, 2, ANSWERED)
        at_work = fault in AT_WORK or (fault == "silence" and not stream)
        assert ("input" in first) == at_work, "who was at work is paid, who refused is not"
        assert row["cost_nano"] == ANSWERED + first.get("input", 0) * 1000
        assert both.two.requests[0].json["model"] == "m2"


USED = {"prompt_tokens": 100, "completion_tokens": 10}
COSTLY = {
    "malformed": ("/v1/chat/completions", False, Script.json({"choices": "none", "usage": USED})),
    "malformed, translated": ("/v1/responses", False, Script.json({"choices": "none", "usage": USED})),
    "ended with an error": (
        "/v1/responses",
        False,
        Script.json({"choices": [{"index": 0, "message": {}, "finish_reason": "error"}], "usage": USED}),
    ),
    "whole in place of a stream": ("/v1/chat/completions", True, Script.json({"choices": [], "usage": USED})),
    "usage, then an error": (
        "/v1/chat/completions",
        True,
        Script.sse([f"data: {json.dumps({'choices': [], 'usage': USED})}\n\n".encode(), Close()]),
    ),
    "usage, then an error, translated": (
        "/v1/responses",
        True,
        Script.sse([f"data: {json.dumps({'choices': [], 'usage': USED})}\n\n".encode(), Close()]),
    ),
}


@pytest.mark.parametrize("what", COSTLY)
async def test_a_failed_attempt_that_reported_usage_is_paid_as_well(
    pair: Boot, whole_answer: Script, whole_stream: Script, what: str
) -> None:
    path, stream, failing = COSTLY[what]
    async with pair(failing, whole_stream if stream else whole_answer) as both:
        body = {"model": "fast", "stream": stream, "input": "Hello", "messages": both.body()["messages"]}
        del body["messages" if path == "/v1/responses" else "input"]
        answer = await both.running.client.post(path, json=body)
        assert (answer.status_code, answer.headers["x-pointsman-provider"]) == (200, "two")
        row = await both.row()
        first, second = json.loads(row["tried"])
        told = [first[name] for name in ("input", "output", "estimated", "cost_nano")]
        assert told == [100, 10, False, 100 * 1000 + 10 * 2000]
        assert second["cost_nano"] == ANSWERED
        assert (row["input_tokens"], row["output_tokens"]) == (9, 2), "the answer's own"
        assert row["cost_nano"] == row["billed_nano"] == ANSWERED + 120_000
        assert row["price_source"] == "configuration; with failed attempts"
        if not stream:
            assert answer.headers["x-pointsman-cost"] == "0.000155"


async def test_what_attempts_cost_is_told_though_all_have_failed(pair: Boot) -> None:
    async with pair(COSTLY["malformed"][2], FAULTS["500"]) as both:
        answer = await both.running.client.post("/v1/chat/completions", json=both.body())
        assert answer.status_code == 502
        row = await both.row()
        assert (row["outcome"], row["input_tokens"], row["cost_nano"]) == ("failed", None, 120_000)


async def test_a_whole_answer_that_takes_too_long_has_used_its_input(pair: Boot) -> None:
    async with pair(SILENT, SILENT, more="attempts: 1") as both:
        both.running.gateway.setup.catalogue.models["demo/model"].endpoints[0].timeout = 0.05
        answer = await both.running.client.post("/v1/chat/completions", json=both.body())
        assert answer.status_code == 504
        row = await both.row()
        assert (row["outcome"], row["estimated"], row["output_tokens"]) == ("failed", 1, 0)
        assert row["cost_nano"] == row["input_tokens"] * 1000 > 0


async def test_a_dead_endpoint_is_replaced(pair: Boot, whole_answer: Script) -> None:
    async with pair((), whole_answer) as both:
        await both.one.__aexit__(None, None, None)
        answer = await both.running.client.post("/v1/chat/completions", json=both.body())
        assert (answer.status_code, answer.headers["x-pointsman-provider"]) == (200, "two")


async def test_a_request_at_fault_is_told_as_it_came_and_tried_once(pair: Boot, whole_answer: Script) -> None:
    raw = b'{ "error": {"message": "bad temperature", "param": "temperature", "x": 1.50} }'
    async with pair(Script.whole(raw, status=400), whole_answer) as both:
        answer = await both.running.client.post("/v1/chat/completions", json=both.body())
        assert (answer.status_code, answer.content) == (400, raw)
        assert answer.headers["content-type"] == "application/json"
        assert both.two.requests == []
        row = await both.row()
        assert (row["outcome"], row["status"], row["attempts"]) == ("failed", 400, 1)


@pytest.mark.parametrize(
    ("statuses", "ours", "wait"),
    [
        ((500, 500), 502, None),
        ((429, 429), 429, "4"),
        ((500, 429), 429, "4"),
        ((429, 500), 502, "4"),
        ((401, 401), 502, None),
        ((404, 500), 404, None),
    ],
)
async def test_when_all_fail_the_client_is_told_what_helps_and_not_to_insist(
    pair: Boot, statuses: tuple[int, int], ours: int, wait: str | None
) -> None:
    one, two = (
        Script.json(
            {"error": {"message": f"the key sk-{name}-secret is at fault"}},
            status=status,
            headers={"retry-after": "4"},
        )
        for status, name in zip(statuses, ("one", "two"), strict=True)
    )
    async with pair(one, two) as both:
        answer = await both.running.client.post("/v1/chat/completions", json=both.body())
        assert answer.status_code == ours
        assert answer.headers["x-should-retry"] == "false"
        assert answer.headers.get("retry-after") == (wait if 429 in statuses else None)
        metadata = answer.json()["error"]["metadata"]
        assert [attempt["status"] for attempt in metadata["attempts"]] == list(statuses)
        assert "sk-one-secret" not in answer.text
        assert "sk-two-secret" not in answer.text, "a provider's key is taken out of what it says"
        assert (await both.row())["outcome"] == "failed"


async def test_attempts_are_limited(pair: Boot, whole_answer: Script) -> None:
    async with pair(FAULTS["500"], whole_answer, more="attempts: 1") as both:
        answer = await both.running.client.post("/v1/chat/completions", json=both.body())
        assert answer.status_code == 502
        assert both.two.requests == []


BROKEN_OFF = {"cut": Close(), "reset": Reset(), "stall": Hang(), "nonsense": Send(b"data: {nonsense\n\n")}


@pytest.mark.parametrize("how", BROKEN_OFF)
async def test_a_stream_that_breaks_off_after_content_ends_with_an_error(
    pair: Boot, stream_events: dict[str, bytes], events_of: Callable[[bytes], list[Any]], how: str
) -> None:
    broken = Script.sse([stream_events["role"], stream_events["hello"], BROKEN_OFF[how]])
    async with pair(broken) as both:
        answer = await both.running.client.post("/v1/chat/completions", json=both.body(stream=True))
        assert answer.status_code == 200
        *events, last = events_of(answer.content)
        assert events[-1]["choices"][0]["delta"]["content"] == "Hello"
        assert last["error"]["metadata"]["error_type"]
        assert b"[DONE]" not in answer.content
        assert both.two.requests == [], "nothing is tried again after content"
        row = await both.row()
        assert (row["outcome"], row["estimated"], row["output_tokens"]) == ("incomplete", 1, 2)


async def test_an_end_without_finish_or_done_is_incomplete_and_with_finish_complete(
    pair: Boot, stream_events: dict[str, bytes]
) -> None:
    names = ["role", "hello", "finish"]
    ended = Script.sse([stream_events[name] for name in names])
    unfinished = Script.sse([stream_events[name] for name in names[:2]])
    async with pair([ended, unfinished]) as both:
        for _ in range(2):
            await both.running.client.post("/v1/chat/completions", json=both.body(stream=True))
        await both.idle()
        rows = await both.running.rows("generations")
        assert [row["outcome"] for row in rows] == ["complete", "incomplete"]
        assert rows[0]["estimated"] == 1, "no usage was reported"


async def test_a_client_that_leaves_a_stream_cancels_the_provider(
    pair: Boot, stream_events: dict[str, bytes]
) -> None:
    endless = Script.sse([stream_events["role"], stream_events["hello"], Hang()])
    async with pair(endless) as both:
        async with StreamClient(both.url, both.body(stream=True)) as client:
            async for chunk in client.chunks():
                assert b"Hello" in chunk
                break
        received = both.one.requests[0]
        async with asyncio.timeout(1):
            await received.disconnected.wait()
        row = await both.row()
        assert (row["outcome"], row["status"], row["estimated"]) == ("cancelled", 499, 1)
        assert row["output_tokens"] > 0
        assert row["cost_nano"] > 0


async def test_a_client_that_leaves_before_a_whole_answer_cancels_the_provider(pair: Boot) -> None:
    async with pair(SILENT) as both:
        client = StreamClient(both.url, both.body())
        async with client:
            received = await both.one.next_request()
        async with asyncio.timeout(1):
            await received.disconnected.wait()
        assert (await both.row())["outcome"] == "cancelled"


async def test_keepalives_while_a_provider_thinks_and_an_error_in_band_after_them(
    pair: Boot, stream_events: dict[str, bytes], whole_stream: Script
) -> None:
    more = "keepalive: {first: 20ms, every: 20ms}"
    async with pair(Script.sse([Hang()]), whole_stream, more=more) as both:
        answer = await both.running.client.post("/v1/chat/completions", json=both.body(stream=True))
        assert answer.content.startswith(b": keep-alive\n\n: keep-alive\n\n")
        assert answer.content.endswith(b"data: [DONE]\n\n"), "another endpoint still answered, unseen"
    async with pair(Script.sse([Hang()]), Script.sse([Hang()]), more=more) as both:
        answer = await both.running.client.post("/v1/chat/completions", json=both.body(stream=True))
        assert answer.status_code == 200
        assert b'"error_type":"timeout"' in answer.content
        assert (await both.row())["outcome"] == "failed"


async def test_what_is_sent_upstream(pair: Boot, whole_stream: Script) -> None:
    async with pair(whole_stream) as both:
        messages = b'[ {"role": "user","content":"\\u00e9"} ]'
        raw = b'{"messages": ' + messages + b', "stream": true, "x_new": 1.0, "model": "fast"}'
        await both.running.client.post(
            "/v1/chat/completions", content=raw, headers={"x-secret": "mine", "cookie": "a=b"}
        )
        (received,) = both.one.requests
        assert received.json == {
            "messages": [{"role": "user", "content": "é"}],
            "stream": True,
            "x_new": 1.0,
            "model": "m1",
            "stream_options": {"include_usage": True},
        }
        assert messages in received.body, "what nobody read is as it came"
        assert received.headers["authorization"] == "Bearer sk-one-secret"
        assert not {"x-secret", "cookie"} & received.headers.keys()


async def test_usage_that_was_not_asked_for_is_counted_and_not_shown(
    pair: Boot, whole_stream: Script, stream_events: dict[str, bytes]
) -> None:
    async with pair([whole_stream, whole_stream]) as both:
        hidden = await both.running.client.post("/v1/chat/completions", json=both.body(stream=True))
        assert hidden.content == b"".join(stream_events[name] for name in ("role", "hello", "finish", "done"))
        asked = both.body(stream=True, stream_options={"include_usage": True})
        shown = await both.running.client.post("/v1/chat/completions", json=asked)
        assert shown.content == b"".join(stream_events.values())
        await both.idle()
        assert [row["input_tokens"] for row in await both.running.rows("generations")] == [9, 9]


async def test_a_slow_client_slows_the_provider_down(stream_events: dict[str, bytes]) -> None:
    """Far more than all buffers hold is offered; the provider cannot get rid of it until it is read."""
    big = b'data: {"choices":[{"index":0,"delta":{"content":"' + b"x" * 100_000 + b'"}}]}\n\n'
    count = 400
    all_taken = asyncio.Event()

    async def provide(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        for event in [*[big] * count, stream_events["finish"], stream_events["done"]]:
            writer.write(event)
            await writer.drain()
        all_taken.set()
        writer.close()

    provider = await asyncio.start_server(provide, "127.0.0.1", 0)
    port = provider.sockets[0].getsockname()[1]
    config = f'providers: {{lab: {{base_url: "http://127.0.0.1:{port}/v1"}}}}'
    body = {"model": "lab/x", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    async with provider, running(config) as server:
        async with StreamClient(f"{server.url}/v1/chat/completions", body) as client:
            await client.start()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(all_taken.wait(), 1)
            assert len(await client.read()) >= count * len(big)
            await asyncio.wait_for(all_taken.wait(), 5)
        async with asyncio.timeout(5):
            while server.gateway.running:
                await asyncio.sleep(0)
        (row,) = await server.rows("generations")
        assert row["outcome"] == "complete"


async def test_the_timeout_of_an_endpoint_bounds_the_attempt(pair: Boot, whole_answer: Script) -> None:
    async with pair(SILENT, whole_answer) as both:
        both.running.gateway.setup.catalogue.models["demo/model"].endpoints[0].timeout = 0.05
        answer = await both.running.client.post(
            "/v1/chat/completions", json=both.body(), timeout=httpx.Timeout(5)
        )
        assert answer.headers["x-pointsman-provider"] == "two"


@pytest.mark.parametrize("ending", ["done", "finish"])
async def test_a_whole_stream_whose_provider_stays_connected_is_whole(
    pair: Boot, stream_events: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr("pointsman.relays.AFTER_DONE", 0.05)
    monkeypatch.setattr("pointsman.relays.AFTER_FINISH", 0.05)
    names = ["role", "hello", "finish", "usage", "done"] if ending == "done" else ["role", "hello", "finish"]
    events = [stream_events[name] for name in names]
    async with pair(Script.sse([*events, Hang()])) as both:
        answer = await both.running.client.post("/v1/chat/completions", json=both.body(stream=True))
        assert b"error" not in answer.content
        assert b"finish_reason" in answer.content
        assert (await both.row())["outcome"] == "complete"


async def test_an_error_event_about_our_key_is_not_passed_on(
    pair: Boot, stream_events: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    error = b'data: {"error": {"message": "bad key sk-one-secret of acme", "code": "invalid_api_key"}}\n\n'
    async with pair(Script.sse([stream_events["hello"], error])) as both:
        answer = await both.running.client.post("/v1/chat/completions", json=both.body(stream=True))
        assert b"Hello" in answer.content
        assert b"the provider refused the gateway's credentials" in answer.content
        assert b"acme" not in answer.content
        assert "of acme" in caplog.text
        assert "sk-one-secret" not in caplog.text


async def test_another_error_event_is_passed_on_as_it_came(
    pair: Boot, stream_events: dict[str, bytes]
) -> None:
    error = b'event: error\ndata: {"error": {"message": "tool failed", "code": "x", "more": 1.50}}\n\n'
    async with pair(Script.sse([stream_events["hello"], error])) as both:
        answer = await both.running.client.post("/v1/chat/completions", json=both.body(stream=True))
        assert answer.content == stream_events["hello"] + error


async def test_a_cut_event_does_not_swallow_the_error_behind_it(
    pair: Boot, stream_events: dict[str, bytes], events_of: Callable[[bytes], list[Any]]
) -> None:
    cut = Script(
        (Send(stream_events["hello"].rstrip(b"\n")), Close()),
        framing="close",
        headers={"content-type": "text/event-stream"},
    )
    async with pair(cut) as both:
        answer = await both.running.client.post("/v1/chat/completions", json=both.body(stream=True))
        assert [list(event) for event in events_of(answer.content)][-1] == ["error"]


async def test_cookies_of_one_answer_are_not_sent_with_the_next(pair: Boot) -> None:
    body = {"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}]}
    async with pair(lambda received: Script.json(body, headers={"set-cookie": "sess=a; Path=/"})) as both:
        for _ in range(2):
            answer = await both.running.client.post("/v1/chat/completions", json=both.body())
            assert "set-cookie" not in answer.headers
        assert [received.headers.get("cookie") for received in both.one.requests] == [None, None]


async def test_clients_that_leave_early_leave_no_connection_behind(pair: Boot, whole_answer: Script) -> None:
    async with pair(lambda received: whole_answer) as both:
        upstream = both.running.gateway.upstream
        for ticks in range(40):
            task = asyncio.ensure_future(both.running.client.post("/v1/chat/completions", json=both.body()))
            for _ in range(ticks):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await both.idle()
        connections, idle = upstream.connections
        assert connections == idle, "none that nobody uses and nobody can"


async def test_when_everything_fails_attempts_do_not_become_a_storm(pair: Boot) -> None:
    failing = Script.json(ERROR, status=500)
    async with pair(lambda received: failing, lambda received: failing) as gateway:
        for _ in range(20):
            answer = await gateway.running.client.post(gateway.url, json=gateway.body())
            assert answer.status_code == 502
        asked = len(gateway.one.requests) + len(gateway.two.requests)
        assert len(gateway.one.requests) == 20, "a first attempt is always made"
        assert asked <= 20 * 1.2 + 4, "one at a provider that had not failed yet, then a fifth and three"

"""Faults of providers, 13 to 59: each through a real server, in every dialect and lane.

A pairing names the client's dialect and the provider: one that speaks it or another on a real socket, or
`echo`, which serves the fault in the process. There is one connection to providers in all, so that one that
is not given back would show. Two servers answer all tests of this file: they are warm before the first.
"""

from __future__ import annotations

import asyncio
import json
import re
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio

from pointsman.errors import UpstreamTimeout
from pointsman.testing import Close, FakeProvider, Hang, Pause, Received, Running, Script, Send
from pointsman_echo.faults import FAULTS, SCRIPTS

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAIRINGS = (
    *("chat-echo", "chat-chat", "chat-messages", "messages-messages", "messages-chat", "messages-echo"),
    *("chat-gemini", "gemini-gemini", "gemini-chat"),
)
PLAYED = tuple(each for each in PAIRINGS if each != "messages-echo")
"""Those in which the fault is played on a wire. Echo's faults are written in one dialect: in others they are
errors before the answer."""
PASSED_ON = (24, 26)
NUMBERS = tuple(number for number in range(13, 49) if number not in PASSED_ON)
FAILS_OVER = [
    pytest.param(number, stream, id=f"fault-{number}-{'stream' if stream else 'whole'}")
    for number in NUMBERS
    for stream in ((False, True) if number < 43 else (True,))
]
"""Numbers from 43 on are those of streams; a request for a stream can also meet all the others."""
WORKED = (31, 32, 42, 44, 45, 46)
"""Providers that said they would answer, and then took too long or broke off: they have had the input."""
BREAKS_OFF = (49, 50, 51, 53, 56)
SURVIVED = (52, 54, 55, 57, 58, 59)
HANGING = frozenset(fault.number for fault in FAULTS.values() if fault.error is UpstreamTimeout)
STATUSES = {
    **dict.fromkeys((13, 14, 15, 16, 17), 429),
    **dict.fromkeys((18, 21), 503),
    **dict.fromkeys((22, 42, 43, 44, 45, 46), 504),
    25: 404,
}
"""What a client is told where there is no other endpoint; all else is 502."""
ERROR_TYPES = {
    404: "not_found",
    429: "rate_limit_exceeded",
    502: "provider_unavailable",
    503: "provider_overloaded",
    504: "timeout",
}
OWN_TYPES = {
    "chat": {404: "not_found_error", 429: "rate_limit_error"},
    "messages": {
        404: "not_found_error",
        429: "rate_limit_error",
        503: "overloaded_error",
        504: "timeout_error",
    },
    "gemini": {
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
        502: "INTERNAL",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    },
}
"""The word that each dialect has for it; all else is `api_error`."""
HELLO = "Hello there friend"


# The scripts of `anthropic-messages`, where they differ from those of `openai-chat`.


def event(kind: str, **fields: Any) -> bytes:
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False, separators=(",", ":"))
    return f"event: {kind}\ndata: {data}\n\n".encode()


def said(text: str) -> bytes:
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def started(usage: dict[str, int] | None) -> bytes:
    message = {"id": "msg_fault", "type": "message", "role": "assistant", "model": "fault", "content": []}
    told = {"usage": usage} if usage is not None else {}
    return event("message_start", message={**message, "stop_reason": None, "stop_sequence": None, **told})


def ended(reason: str | None, usage: dict[str, int] | None) -> bytes:
    told = {"usage": usage} if usage is not None else {}
    return event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, **told)


def answer(text: str) -> bytes:
    message = {"id": "msg_fault", "type": "message", "role": "assistant", "model": "fault", "created": 1}
    content = [{"type": "text", "text": text}]
    usage = {"input_tokens": 5, "output_tokens": 3}
    whole = {**message, "content": content, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}
    return json.dumps(whole, separators=(",", ":")).encode()


def failing(status: int, message: str, kind: str, **headers: str) -> Script:
    error = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_fault"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Script.json(error, status=status, headers=named)


def encoded(encoding: str, body: bytes) -> Script:
    return Script.whole(body, headers={"content-encoding": encoding})


LIMITED = (429, "slow down", "rate_limit_error")
BLOCK = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
PING = event("ping")
BLOCK_STOP = event("content_block_stop", index=0)
STOP = event("message_stop")
START = started({"input_tokens": 5, "output_tokens": 1})
BEGUN = (BLOCK, PING, said("Hello"), said(" there"), said(" friend"))
OPENED = (START, *BEGUN)
END = (BLOCK_STOP, ended("end_turn", {"output_tokens": 3}), STOP)
BROKEN = answer(HELLO)[:-20]
GZIPPED = zlib.compress(answer(HELLO), wbits=31)
JSON = {"content-type": "application/json"}
FILL = b"x" * 65_536
EVENT_HEAD = said("").partition(b'"}}')[0]
LARGE_EVENT = (EVENT_HEAD, *[FILL] * 127, FILL[: 65_537 - len(EVENT_HEAD) - 5], b'"}}\n\n')
MIXED_ENDS = b"".join(
    each.replace(b"\n", end) for each, end in zip((*OPENED, *END), (b"\r\n", b"\r", b"\n") * 3, strict=True)
)
MESSAGES: dict[int, Script] = {
    **SCRIPTS,
    13: failing(*LIMITED, retry_after="7"),
    14: failing(*LIMITED, retry_after="Wed, 21 Oct 2099 07:28:00 GMT"),
    15: failing(*LIMITED, retry_after_ms="1500"),
    16: failing(*LIMITED),
    17: failing(*LIMITED, anthropic_ratelimit_requests_reset="2099-10-21T07:28:00Z"),
    18: failing(529, "overloaded", "overloaded_error"),
    19: failing(500, "internal error", "api_error"),
    22: failing(504, "gateway timeout", "timeout_error"),
    23: failing(401, "key 4711 is revoked", "authentication_error"),
    24: failing(400, "no", "invalid_request_error"),
    25: failing(404, "no such model", "not_found_error"),
    26: failing(413, "too large", "request_too_large"),
    30: Script.whole(BROKEN),
    31: Script((Send(BROKEN), Close()), headers=JSON, declared=len(BROKEN) + 20),
    32: Script(
        (Send(b"1000\r\n" + BROKEN), Close()),
        headers={**JSON, "transfer-encoding": "chunked"},
        framing="close",
    ),
    34: Script.whole(b'{"content":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    35: Script.whole(answer("Hello").replace(b'"created":1', b'"created":NaN,"far":1e999')),
    36: Script.whole(answer("Hello ~").replace(b"~", b"\xff\xfe")),
    38: encoded("gzip, gzip", zlib.compress(GZIPPED, wbits=31)),
    39: encoded("gzip", GZIPPED[:20] + bytes(each ^ 0xFF for each in GZIPPED[20:])),
    40: Script.whole(answer("Hello"), headers={"x-filler": "y" * 200_000}),
    41: Script((Send(b'{"content":"'), *[Send(FILL)] * 1100), headers=JSON, framing="chunked"),
    45: Script.sse((PING, Pause(0.1)) * 36_000),
    46: Script.sse((START, BLOCK, PING, Hang())),
    47: Script.sse((event("error", error={"type": "api_error", "message": "no"}), STOP)),
    48: failing(200, "no", "api_error"),
    49: Script.sse((*OPENED, Close())),
    50: Script.sse((*OPENED, Hang())),
    51: Script.sse((*OPENED, b'event: content_block_delta\ndata: {"type":"content_bl\n\n', *END)),
    52: Script.sse((*OPENED, *END[:2])),
    53: Script.sse(OPENED),
    54: Script.sse((started(None), *BEGUN, BLOCK_STOP, ended("end_turn", None), STOP)),
    55: Script.sse((*OPENED, BLOCK_STOP, ended(None, {"output_tokens": 2}), *END[1:])),
    56: Script.sse((*OPENED, *LARGE_EVENT)),
    57: Script.sse(MIXED_ENDS[at : at + 1] for at in range(len(MIXED_ENDS))),
    58: Script.sse((*OPENED, said("\u2028 line\x0b ends\x85"), *END)),
    59: Script.sse((*OPENED, *END, said(" not this"))),
}

# Those of `gemini`. It has no event that ends a stream, and nothing but the last reason ends it.


def failed(status: int, message: str, word: str, *details: Any, **headers: str) -> Script:
    error = {"code": status, "message": message, "status": word, "details": list(details)}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Script.json({"error": error}, status=status, headers=named)


def piece(text: str | None, *, finish: str | None = None, usage: tuple[int, int] | None = None) -> bytes:
    parts = [{"text": text}] if text is not None else []
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    body: dict[str, Any] = {"candidates": [candidate]}
    if usage is not None:
        body["usageMetadata"] = {"promptTokenCount": usage[0], "candidatesTokenCount": usage[1]}
    return json.dumps({**body, "responseId": "fault"}, ensure_ascii=False, separators=(",", ":")).encode()


def pieces(*texts: str) -> tuple[bytes, ...]:
    return tuple(b"data: " + piece(text) + b"\n\n" for text in texts)


EXHAUSTED = (429, "slow down", "RESOURCE_EXHAUSTED")
NEVER = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "99999999s"}
COMMENT = b": ping\n\n"
HEAD = b"data: " + piece("", usage=(5, 1)) + b"\n\n"
WRITTEN = (HEAD, COMMENT, *pieces("Hello", " there", " friend"))
LAST = b"data: " + piece(None, finish="STOP", usage=(5, 3)) + b"\n\n"
WHOLE = piece(HELLO, finish="STOP", usage=(5, 3))
HALF, ZIPPED = WHOLE[:-20], zlib.compress(WHOLE, wbits=31)
BEFORE, _, BEHIND = pieces("~")[0].partition(b"~")
TOO_LARGE = (BEFORE, *[FILL] * 127, FILL[: 65_537 - len(BEFORE) - len(BEHIND)], BEHIND)
ENDS = b"".join(
    each.replace(b"\n", end) for each, end in zip((*WRITTEN, LAST), (b"\r\n", b"\r", b"\n") * 2, strict=True)
)
GEMINI: dict[int, Script] = {
    **SCRIPTS,
    13: failed(*EXHAUSTED, retry_after="7"),
    14: failed(*EXHAUSTED, retry_after="Wed, 21 Oct 2099 07:28:00 GMT"),
    15: failed(*EXHAUSTED, {**NEVER, "retryDelay": "1.5s"}),
    16: failed(*EXHAUSTED),
    17: failed(*EXHAUSTED, NEVER),
    18: failed(503, "overloaded", "UNAVAILABLE"),
    19: failed(500, "internal error", "INTERNAL"),
    22: failed(504, "gateway timeout", "DEADLINE_EXCEEDED"),
    23: failed(401, "key 4711 is revoked", "UNAUTHENTICATED"),
    24: failed(400, "no", "INVALID_ARGUMENT"),
    25: failed(404, "no such model", "NOT_FOUND"),
    26: failed(413, "too large", "INVALID_ARGUMENT"),
    30: Script.whole(HALF),
    31: Script((Send(HALF), Close()), headers=JSON, declared=len(HALF) + 20),
    32: Script(
        (Send(b"1000\r\n" + HALF), Close()), headers={**JSON, "transfer-encoding": "chunked"}, framing="close"
    ),
    34: Script.whole(b'{"candidates":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    35: Script.whole(WHOLE.replace(b'"index":0', b'"index":NaN,"far":1e999')),
    36: Script.whole(WHOLE.replace(b"friend", b"\xff\xfe")),
    38: encoded("gzip, gzip", zlib.compress(ZIPPED, wbits=31)),
    39: encoded("gzip", ZIPPED[:20] + bytes(each ^ 0xFF for each in ZIPPED[20:])),
    40: Script.whole(WHOLE, headers={"x-filler": "y" * 200_000}),
    41: Script((Send(b'{"candidates":"'), *[Send(FILL)] * 1100), headers=JSON, framing="chunked"),
    45: Script.sse((COMMENT, Pause(0.1)) * 36_000),
    46: Script.sse((HEAD, COMMENT, Hang())),
    47: Script.sse((b"data: " + failed(500, "no", "INTERNAL").body() + b"\n\n", LAST)),
    48: Script.json({"error": {"code": 500, "message": "no", "status": "INTERNAL"}}),
    49: Script.sse((*WRITTEN, Close())),
    50: Script.sse((*WRITTEN, Hang())),
    51: Script.sse((*WRITTEN, b'data: {"candidates":[{"cont\n\n', LAST)),
    52: Script.sse((*WRITTEN, LAST)),
    53: Script.sse(WRITTEN),
    54: Script.sse((*WRITTEN[2:], b"data: " + piece(None, finish="STOP") + b"\n\n")),
    55: Script.sse((*WRITTEN, b"data: " + piece("", usage=(5, 2)) + b"\n\n", LAST)),
    56: Script.sse((*WRITTEN, *TOO_LARGE)),
    57: Script.sse(ENDS[at : at + 1] for at in range(len(ENDS))),
    58: Script.sse((*WRITTEN, *pieces("\u2028 line\x0b ends\x85"), LAST)),
    59: Script.sse((*WRITTEN, LAST)),
}
PLAYS = {"chat": SCRIPTS, "messages": MESSAGES, "gemini": GEMINI}


def playing(scripts: Any) -> Callable[[Received], Script]:
    def play(received: Received) -> Script:
        """The fault that the model names, which may stand in the path."""
        _, _, number = f"{received.path}/{received.json.get('model', '')}".rpartition("fault-")
        return scripts[int(number.partition(":")[0])]  # type: ignore[no-any-return]

    return play


@dataclass
class Servers:
    """A server, and the providers behind it. Its model `alone/echo-13` has one endpoint with that fault, and
    `chat/echo-13` a healthy one of that dialect after it."""

    served: Running
    faulty: dict[str, FakeProvider]
    healthy: dict[str, FakeProvider]


@dataclass
class Lab:
    """One fault in one pairing, from one client's side."""

    servers: Servers
    asking: Any
    client: Any
    provider: str
    number: int
    before: dict[str, int] = field(default_factory=dict)

    @property
    def lane(self) -> str:
        if self.provider == "echo":
            return "canonical"
        return "bytes" if self.provider == self.client.name else "translated"

    @property
    def same(self) -> bool:
        """Whether bytes of the provider may be bytes for the client."""
        return self.lane == "bytes" or (self.client.name, self.provider) == ("chat", "echo")

    @property
    def script(self) -> Script:
        return PLAYS.get(self.provider, SCRIPTS)[self.number]

    @property
    def reported(self) -> bool:
        """Whether the provider tells of its usage as soon as a stream begins."""
        return self.provider in ("messages", "gemini")

    def worked(self, *, stream: bool) -> bool:
        """Whether the provider is taken to have worked on what it did not answer. Inside a plugin it answers
        at once where it answers in bytes; elsewhere nothing is known of a stream until it begins."""
        if self.provider == "echo" and stream and self.number in HANGING:
            return self.same
        return self.number in WORKED

    async def ask(self, which: str, *, stream: bool) -> httpx.Response:
        """Ask where the faulty endpoint is `alone`, or has a healthy one `behind` it."""
        kind = "alone" if which == "alone" else self.client.name
        model = f"{kind}/{self.provider}-{self.number}"
        found: httpx.Response = await self.asking.ask(self.servers.served, self.client, model, stream=stream)
        return found

    async def row(self, answer: httpx.Response) -> dict[str, Any]:
        found: dict[str, Any] = await self.asking.row_of(self.servers.served, answer)
        return found

    def asked(self) -> dict[str, int]:
        """How often each provider was asked."""
        providers = {
            **self.servers.faulty,
            **{f"well-{name}": each for name, each in self.servers.healthy.items()},
        }
        return {name: len(each.requests) - self.before.get(name, 0) for name, each in providers.items()}

    async def check_asked(self, *, faulty: int, healthy: int = 0) -> None:
        """Nobody else was asked, and nobody is listened to any longer."""
        expected = dict.fromkeys(self.asked(), 0) | {f"well-{self.client.name}": healthy}
        if self.provider != "echo":
            expected[self.provider] = faulty
            for request in self.servers.faulty[self.provider].requests[-faulty:]:
                if any(isinstance(step, Hang | Pause) for step in self.script.steps):
                    await asyncio.wait_for(request.disconnected.wait(), 1)
        assert self.asked() == expected


def models_of(faulty: Any, healthy: Any) -> dict[str, list[str]]:
    """Every fault of every provider alone, and with a healthy endpoint of each dialect after it."""
    models = {}
    for provider in ("echo", *faulty):
        for number in SCRIPTS:
            fault = f"{provider}/fault-{number}"
            models[f"alone/{provider}-{number}"] = [fault]
            models |= {f"{name}/{provider}-{number}": [fault, f"well-{name}/well"] for name in healthy}
    return models


@asynccontextmanager
async def booted(dialects: dict[str, Any], asking: Any, clocks: dict[str, str]) -> AsyncIterator[Servers]:
    """Servers that have kept connections to every provider."""
    async with AsyncExitStack() as stack:
        faulty, healthy = {}, {}
        for name, dialect in dialects.items():
            faulty[name] = await stack.enter_async_context(FakeProvider(playing(PLAYS[name])))
            healthy[name] = await stack.enter_async_context(FakeProvider(dialect.healthy))
        limits = {**clocks, "max_answer": "2MiB", "max_connections": 1}
        providers: dict[str, Any] = {"echo": {}}
        for name, dialect in dialects.items():
            providers[name] = dialect.provider(faulty[name].url)
            providers[f"well-{name}"] = dialect.provider(healthy[name].url)
        async with asking.serving(
            providers, models_of(faulty, healthy), upstream={**limits, "ahead": 0}
        ) as served:
            for name, dialect in dialects.items():
                for provider in faulty:
                    model = f"{name}/{provider}-19"
                    body, place = dialect.body(model, stream=False), dialect.place(model, stream=False)
                    assert (await served.client.post(place, json=body)).status_code == 200
            yield Servers(served, faulty, healthy)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers(
    dialects: dict[str, Any], asking: Any, leftovers: Any
) -> AsyncIterator[tuple[Servers, Servers, Any]]:
    """A server that is patient, and one whose clocks run out; and what is open once they are warm.

    Clocks are short only where one must run out: elsewhere a busy machine must not be taken for a fault.
    """
    patient = {"first_content": "20s", "stall": "20s", "total": "20s"}
    quick = {"first_content": "100ms", "stall": "100ms", "total": "300ms"}
    async with booted(dialects, asking, patient) as one, booted(dialects, asking, quick) as two:
        yield one, two, leftovers()


@pytest_asyncio.fixture(loop_scope="module")
async def lab(
    servers: tuple[Servers, Servers, Any], pairing: str, number: int, dialects: dict[str, Any], asking: Any
) -> AsyncIterator[Lab]:
    """One fault; when the test is over nothing of it may be left."""
    patient, quick, open_before = servers
    client, provider = pairing.split("-")
    lab = Lab(quick if number in HANGING else patient, asking, dialects[client], provider, number)
    lab.before = lab.asked()
    yield lab
    assert lab.servers.served.gateway.running == 0
    await open_before.none()


all_pairings = pytest.mark.parametrize("pairing", PAIRINGS)
played = pytest.mark.parametrize("pairing", PLAYED)
both_kinds = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def numbered(*numbers: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("number", numbers, ids=lambda number: f"fault-{number}")


def without_ids(text: str) -> str:
    """A text without the random ids in it, in which any digits may stand."""
    return re.sub(r"[0-9a-f]{24}", "", text)


def check_error(lab: Lab, error: dict[str, Any], status: int) -> None:
    """It is told in the client's words, with what was tried, and nothing else."""
    assert error["type"] == OWN_TYPES[lab.client.name].get(status, "api_error")
    assert error["metadata"]["error_type"] == ERROR_TYPES[status]
    (attempt,) = error["metadata"]["attempts"]
    assert attempt["endpoint"] == f"{lab.provider}/fault-{lab.number}"
    told = without_ids(json.dumps(error))
    for secret in ("key-of", "127.0.0.1", "4711", "Traceback"):
        assert secret not in told


@all_pairings
@pytest.mark.parametrize(("number", "stream"), FAILS_OVER)
async def test_alone_it_is_an_error_and_with_an_endpoint_behind_it_nobody_notices(
    lab: Lab, number: int, stream: bool
) -> None:
    refused = await lab.ask("alone", stream=stream)
    assert refused.status_code == STATUSES.get(number, 502)
    error = lab.client.error(refused.content)
    if refused.status_code == 404 and lab.same:
        assert refused.content == lab.script.body()
    else:
        check_error(lab, error, refused.status_code)
    assert refused.status_code == 404 or refused.headers["x-should-retry"] == "false"
    assert refused.headers["x-pointsman-attempts"] == "1"

    answer = await lab.ask("behind", stream=stream)
    assert answer.status_code == 200
    assert answer.content == (b"".join(lab.client.well_stream) if stream else lab.client.well)
    assert answer.headers["x-pointsman-attempts"] == "2"
    assert answer.headers["x-pointsman-provider"] == f"well-{lab.client.name}"

    failed, complete = await lab.row(refused), await lab.row(answer)
    assert (failed["outcome"], failed["status"], failed["attempts"]) == ("failed", refused.status_code, 1)
    assert (failed["lane"], failed["error_type"]) == (lab.lane, ERROR_TYPES[refused.status_code])
    told, worked = number == 46 and lab.reported, lab.worked(stream=stream)
    assert failed["estimated"] == (worked and not told)
    assert (failed["input_tokens"] is None) == (not worked)
    assert failed["output_tokens"] == ((1 if told else 0) if worked else None)
    assert not told or failed["input_tokens"] == 5
    assert (complete["outcome"], complete["status"], complete["attempts"]) == ("complete", 200, 2)
    assert (complete["input_tokens"], complete["output_tokens"], complete["estimated"]) == (7, 2, 0)
    assert (complete["lane"], complete["error_type"]) == ("bytes", None)
    await lab.check_asked(faulty=2, healthy=1)


@all_pairings
@numbered(13, 14, 15, 16, 17, 19)
async def test_the_wait_a_provider_asks_for_is_passed_on_where_it_is_sensible(lab: Lab, number: int) -> None:
    answer = await lab.ask("alone", stream=False)
    waits = {13: ("7", "8"), 15: ("2",)}.get(number, (None,))
    assert answer.headers.get("retry-after") in waits


@all_pairings
@both_kinds
@numbered(23)
async def test_what_a_provider_says_of_our_key_stays_here(lab: Lab, stream: bool) -> None:
    answer = await lab.ask("alone", stream=stream)
    assert answer.status_code == 502
    assert "4711" not in without_ids(answer.text)
    assert "key-of" not in answer.text


@all_pairings
@both_kinds
@numbered(*PASSED_ON)
async def test_the_client_is_told_of_its_own_mistake(lab: Lab, number: int, stream: bool) -> None:
    """As the provider told it, where both speak the same dialect; else in the client's own."""
    answer = await lab.ask("behind", stream=stream)
    assert answer.status_code == lab.script.status
    assert answer.headers["x-pointsman-attempts"] == "1"
    if lab.same:
        assert answer.content == lab.script.body()
    else:
        error = lab.client.error(answer.content)
        kinds = {
            "messages": {24: "invalid_request_error", 26: "request_too_large"},
            "gemini": dict.fromkeys((24, 26), "INVALID_ARGUMENT"),
        }
        own = kinds.get(lab.client.name, {})
        assert error["type"] == own.get(number, "invalid_request_error")
        assert lab.provider == "echo" or error["message"] in ("no", "too large")
    row = await lab.row(answer)
    assert (row["outcome"], row["status"], row["attempts"]) == ("failed", answer.status_code, 1)
    assert (row["input_tokens"], row["estimated"]) == (None, 0)
    await lab.check_asked(faulty=1)


@played
@numbered(*BREAKS_OFF)
async def test_after_content_the_stream_ends_with_an_error_in_it(lab: Lab, number: int) -> None:
    answer = await lab.ask("behind", stream=True)
    assert answer.status_code == 200
    assert lab.client.terminal not in answer.content
    assert lab.client.said(answer.content) == HELLO
    *before, last = answer.content.removesuffix(b"\n\n").split(b"\n\n")
    check_error(lab, lab.client.stream_error(last), 504 if number in HANGING else 502)
    assert not any(b'"error"' in each for each in before)
    row = await lab.row(answer)
    assert (row["outcome"], row["status"], row["attempts"]) == ("incomplete", 200, 1)
    assert (row["lane"], row["finish"]) == (lab.lane, None)
    assert row["error_type"] == ("timeout" if number in HANGING else "provider_unavailable")
    await lab.check_asked(faulty=1)


@played
@numbered(*BREAKS_OFF)
async def test_what_a_stream_used_that_broke_off_is_estimated_by_what_came(lab: Lab, number: int) -> None:
    """A count that was told when the stream began says nothing of what was written since."""
    row = await lab.row(await lab.ask("alone", stream=True))
    assert row["estimated"] == 1
    assert row["input_tokens"] > 0
    assert row["output_tokens"] >= -(-len(HELLO) // 4)


@played
@numbered(*SURVIVED)
async def test_an_odd_but_whole_stream_is_complete(lab: Lab, number: int) -> None:
    answer = await lab.ask("behind", stream=True)
    assert answer.status_code == 200
    assert lab.client.said(answer.content) == HELLO + ("\u2028 line\x0b ends\x85" if number == 58 else "")
    assert b'"error"' not in answer.content
    assert lab.client.terminal in answer.content or (number == 52 and lab.same)
    row = await lab.row(answer)
    assert (row["outcome"], row["status"], row["attempts"]) == ("complete", 200, 1)
    assert (row["lane"], row["finish"], row["error"]) == (lab.lane, "stop", None)
    silent = number == 54 or (number == 52 and not lab.reported)
    assert row["estimated"] == silent
    if silent:
        assert row["output_tokens"] == -(-len(HELLO) // 4)
    else:
        assert (row["input_tokens"], row["output_tokens"]) == (5, 3), "usage that comes twice counts once"
    await lab.check_asked(faulty=1)


@pytest.mark.parametrize("pairing", ["chat-echo", "chat-chat", "messages-messages", "gemini-gemini"])
@numbered(52, 53, 54, 55, 57, 58)
async def test_bytes_of_the_clients_own_dialect_arrive_as_they_were_sent(lab: Lab, number: int) -> None:
    answer = await lab.ask("alone", stream=True)
    assert answer.content.startswith(lab.script.body())
    assert number == 53 or answer.content == lab.script.body()


@played
@numbered(59)
async def test_nothing_follows_the_end(lab: Lab) -> None:
    answer = await lab.ask("alone", stream=True)
    assert answer.content.count(lab.client.terminal) == 1
    assert answer.content.endswith(b"\n\n")
    assert b"not this" not in answer.content
    assert answer.content.rpartition(lab.client.terminal)[2].count(b"\n\n") == 1

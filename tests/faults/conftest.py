"""What the tests of faults share: dialects as a client sees them, and what may not be left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
import uvloop

from pointsman.hosts import is_loopback
from pointsman.rests import Rests
from pointsman.retries import RetryBudget
from pointsman.testing import Received, Running, Script, running

Door = Literal["auto", "asgi"]
OPEN_FILES = Path("/proc/self/fd")
PATIENCE = 2.0
"""Seconds within which all that a request left open must be gone."""


class Loop(uvloop.Loop):
    """The loop that serves in production, with names of our own: each has `addresses`, or fails, or never
    comes. There are no others."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: dict[str, list[str] | OSError | None] = {}
        self.takes = 0.0
        """Seconds that each name takes."""
        self.asked: list[str] = []
        self.given_up = 0

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """See `asyncio.loop.getaddrinfo`."""
        name = host.decode() if isinstance(host, bytes) else str(host)
        if is_loopback(name):
            return await super().getaddrinfo(host, port, **options)
        self.asked.append(name)
        await asyncio.sleep(self.takes)
        found = self.addresses.get(name, socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
        if isinstance(found, OSError):
            raise found
        if found is None:
            try:
                await asyncio.Event().wait()
            finally:
                self.given_up += 1
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, (address, port)) for address in found or ()]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], Any]]:
    """Faults are met on the loop that serves in production."""
    return {"production": Loop}


def _frame(data: Any, *, name: str | None = None) -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


@dataclass(frozen=True)
class Dialect:
    """A dialect from the outside: how a client asks, and how it reads what it is told."""

    name: str
    path: str
    terminal: bytes
    """What stands in a stream that is whole, and in no other."""
    keepalive: bytes
    well: bytes
    """A whole answer, `Fine`, for 7 tokens of input and 2 of output."""
    well_stream: tuple[bytes, ...]
    section: dict[str, Any]
    """What a provider of this dialect, and of no other, has in the configuration."""

    def provider(self, url: str, **settings: Any) -> dict[str, Any]:
        """The section of a provider at a URL."""
        return {**self.section, "base_url": url, "api_key": "key-of-the-provider", **settings}

    @property
    def healthy(self) -> Callable[[Received], Script]:
        """A provider of this dialect that always answers, as a stream where one is asked for."""
        return lambda received: (
            Script.sse(self.well_stream)
            if received.json.get("stream") or "stream" in received.path
            else Script.whole(self.well)
        )

    def place(self, model: str, *, stream: bool) -> str:
        """The path at which a model is asked."""
        return self.path

    def body(self, model: str, *, stream: bool) -> dict[str, Any]:
        """A small request."""
        raise AssertionError("each dialect has its own")

    def text(self, body: bytes) -> str:
        """What a whole answer says."""
        raise AssertionError("each dialect has its own")

    def said(self, stream: bytes) -> str:
        """What a stream says."""
        raise AssertionError("each dialect has its own")

    def error(self, body: bytes) -> dict[str, Any]:
        """The error object of a whole answer, its shape checked."""
        raise AssertionError("each dialect has its own")

    def stream_error(self, event: bytes) -> dict[str, Any]:
        """The error object of one event of a stream, its shape checked."""
        raise AssertionError("each dialect has its own")

    def errors(self, stream: bytes) -> list[int]:
        """Which of a stream's events tell an error, by number."""
        return [number for number, each in enumerate(events_of(stream)) if "error" in each]


def blocks_of(stream: bytes) -> list[bytes]:
    """The events of a stream, whatever ends their lines."""
    return [
        block
        for block in stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n")
        if block.strip()
    ]


def events_of(stream: bytes) -> list[dict[str, Any]]:
    """The data of a stream's events."""
    lines = [
        line[6:] for block in blocks_of(stream) for line in block.split(b"\n") if line.startswith(b"data: ")
    ]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


class Chat(Dialect):
    """`openai-chat`."""

    def body(self, model: str, *, stream: bool) -> dict[str, Any]:
        """See `Dialect`."""
        asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "How are you?"}]}
        return asked | ({"stream": True, "stream_options": {"include_usage": True}} if stream else {})

    def text(self, body: bytes) -> str:
        """See `Dialect`."""
        return str(json.loads(body)["choices"][0]["message"]["content"])

    def said(self, stream: bytes) -> str:
        """See `Dialect`."""
        choices = [choice for event in events_of(stream) for choice in event.get("choices", ())]
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    def error(self, body: bytes) -> dict[str, Any]:
        """See `Dialect`."""
        error: dict[str, Any] = json.loads(body)["error"]
        assert error["message"]
        assert isinstance(error["type"], str)
        assert {"param", "code"} <= set(error)
        return error

    def stream_error(self, event: bytes) -> dict[str, Any]:
        """See `Dialect`."""
        return self.error(event.removeprefix(b"data: "))


class Messages(Dialect):
    """`anthropic-messages`."""

    def body(self, model: str, *, stream: bool) -> dict[str, Any]:
        """See `Dialect`."""
        asked: dict[str, Any] = {
            "model": model,
            "max_tokens": 100,
            "messages": [{"role": "user", "content": "How are you?"}],
        }
        return asked | ({"stream": True} if stream else {})

    def text(self, body: bytes) -> str:
        """See `Dialect`."""
        return "".join(block["text"] for block in json.loads(body)["content"])

    def said(self, stream: bytes) -> str:
        """See `Dialect`."""
        deltas = [event["delta"] for event in events_of(stream) if event.get("type") == "content_block_delta"]
        return "".join(delta["text"] for delta in deltas)

    def error(self, body: bytes) -> dict[str, Any]:
        """See `Dialect`."""
        answer = json.loads(body)
        assert answer["type"] == "error"
        error: dict[str, Any] = answer["error"]
        assert error["message"]
        assert isinstance(error["type"], str)
        assert error["type"].endswith(("_error", "_too_large"))
        return error

    def stream_error(self, event: bytes) -> dict[str, Any]:
        """See `Dialect`."""
        named, data = event.split(b"\n")
        assert named == b"event: error"
        return self.error(data.removeprefix(b"data: "))


class Gemini(Dialect):
    """`gemini`."""

    def place(self, model: str, *, stream: bool) -> str:
        """See `Dialect`."""
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"{self.path}/{model}:{method}"

    def body(self, model: str, *, stream: bool) -> dict[str, Any]:
        """See `Dialect`."""
        return {"contents": [{"role": "user", "parts": [{"text": "How are you?"}]}]}

    def text(self, body: bytes) -> str:
        """See `Dialect`."""
        return _told(json.loads(body))

    def said(self, stream: bytes) -> str:
        """See `Dialect`."""
        return "".join(_told(event) for event in events_of(stream))

    def error(self, body: bytes) -> dict[str, Any]:
        """See `Dialect`. The words of its own, by the names that others have for them."""
        error: dict[str, Any] = json.loads(body)["error"]
        assert error["message"]
        assert isinstance(error["code"], int)
        assert error["status"].isupper()
        found = {"type": error["status"], "message": error["message"]}
        for detail in error.get("details", ()):
            assert detail["@type"].endswith("google.rpc.ErrorInfo")
            found["metadata"] = detail["metadata"]
        return found

    def stream_error(self, event: bytes) -> dict[str, Any]:
        """See `Dialect`."""
        return self.error(event.removeprefix(b"data: "))


def _told(answer: dict[str, Any]) -> str:
    """The texts of an answer of `gemini`, whole or a piece of one."""
    contents = [each["content"] for each in answer.get("candidates", ())]
    return "".join(part.get("text", "") for content in contents for part in content.get("parts", ()))


CHAT = Chat(
    name="chat",
    section={"vendor": "openai", "dialects": ["openai-chat"]},
    path="/v1/chat/completions",
    terminal=b"data: [DONE]",
    keepalive=b": keep-alive\n\n",
    well=json.dumps(
        {
            "id": "well",
            "object": "chat.completion",
            "created": 1,
            "model": "well",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "Fine"}, "finish_reason": "stop"}
            ],
            "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
        }
    ).encode(),
    well_stream=(
        b'data: {"id":"well","choices":[{"index":0,"delta":{"content":"Fine"},"finish_reason":null}]}\n\n',
        b'data: {"id":"well","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
        b'data: {"id":"well","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}\n\n',
        b"data: [DONE]\n\n",
    ),
)
_WELL = {"id": "msg_well", "type": "message", "role": "assistant", "model": "well", "stop_sequence": None}


def message_event(kind: str, **fields: Any) -> bytes:
    """An event of a stream of `anthropic-messages`."""
    return _frame({"type": kind, **fields}, name=kind)


MESSAGES = Messages(
    name="messages",
    section={"vendor": "anthropic"},
    path="/v1/messages",
    terminal=b"event: message_stop",
    keepalive=b'event: ping\ndata: {"type": "ping"}\n\n',
    well=json.dumps(
        {
            **_WELL,
            "content": [{"type": "text", "text": "Fine"}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 7, "output_tokens": 2},
        }
    ).encode(),
    well_stream=(
        message_event(
            "message_start",
            message={
                **_WELL,
                "content": [],
                "stop_reason": None,
                "usage": {"input_tokens": 7, "output_tokens": 1},
            },
        ),
        message_event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        message_event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Fine"}),
        message_event("content_block_stop", index=0),
        message_event(
            "message_delta",
            delta={"stop_reason": "end_turn", "stop_sequence": None},
            usage={"output_tokens": 2},
        ),
        message_event("message_stop"),
    ),
)
_FINE = {"content": {"parts": [{"text": "Fine"}], "role": "model"}}
_USED = {"promptTokenCount": 7, "candidatesTokenCount": 2, "totalTokenCount": 9}
GEMINI = Gemini(
    name="gemini",
    section={"vendor": "gemini"},
    path="/v1beta/models",
    terminal=b'"finishReason"',
    keepalive=b": keep-alive\n\n",
    well=json.dumps({"candidates": [{**_FINE, "finishReason": "STOP"}], "usageMetadata": _USED}).encode(),
    well_stream=(
        _frame({"candidates": [_FINE]}),
        _frame({"candidates": [{"content": {}, "finishReason": "STOP"}], "usageMetadata": _USED}),
    ),
)
DIALECTS: dict[str, Dialect] = {"chat": CHAT, "messages": MESSAGES, "gemini": GEMINI}


@pytest.fixture(scope="session")
def dialects() -> dict[str, Dialect]:
    """The dialects, by name."""
    return DIALECTS


def serving(door: Door, providers: dict[str, Any], models: dict[str, list[str]], **sections: Any) -> Any:
    """Boot a server in front of providers; a model is the endpoints that it has."""
    return running(
        {
            "plugins": {
                **{name: {} for name in ("openai", "anthropic", "gemini", "vendors", "routes", "usage")},
                "echo": {},
                "balance": False,  # endpoints are tried as they are written
            },
            "providers": providers,
            "models": {name: {"endpoints": endpoints} for name, endpoints in models.items()},
            **sections,
        },
        door=door,
    )


async def ask(served: Running, dialect: Dialect, model: str, *, stream: bool) -> httpx.Response:
    """Ask as a client of a dialect, with the whole retry budget, and nobody who rests: servers here serve
    many tests."""
    served.gateway.retries, served.gateway.rests = RetryBudget(), Rests()
    place = dialect.place(model, stream=stream)
    return await served.client.post(place, json=dialect.body(model, stream=stream))


async def row_of(served: Running, answer: httpx.Response, *, running: int = 0) -> dict[str, Any]:
    """The one row that the ledger has of an answer, once no more than so many requests are under way."""
    found = await _rows(served, "where id = :id", {"id": answer.headers["x-generation-id"]}, running=running)
    assert len(found) == 1
    return found[0]


async def last_row(served: Running) -> dict[str, Any]:
    """The row that was written last, once nothing is under way any more."""
    return (await _rows(served, "order by rowid desc limit 1", {}, running=0))[0]


async def _rows(served: Running, which: str, values: dict[str, Any], *, running: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(PATIENCE):
        while served.gateway.running > running:
            await asyncio.sleep(0.001)
    await served.gateway.ledger.flush()
    found = await served.gateway.ledger.select(f"select * from generations {which}", values)
    return [dict(row) for row in found]


@dataclass
class Asking:
    """The functions above, as fixtures hand them out; servers have the door that is asked by."""

    serving: Callable[..., Any]
    ask: Callable[..., Any] = ask
    row_of: Callable[..., Any] = row_of
    last_row: Callable[..., Any] = last_row


@pytest.fixture(scope="session", params=["auto", "asgi"])
def asking(request: pytest.FixtureRequest) -> Asking:
    """How to ask, by one door and by the other, and how to see what the ledger has of it."""
    return Asking(partial(serving, request.param))


def _open() -> tuple[int, int]:
    """How many sockets are open (where the system tells), and how many tasks are alive."""
    sockets = 0
    for each in OPEN_FILES.iterdir() if OPEN_FILES.is_dir() else ():
        with contextlib.suppress(OSError):
            sockets += str(each.readlink()).startswith("socket:")
    return sockets, len(asyncio.all_tasks())


class Leftovers:
    """What is open when this is made; `none` returns once there is no more of it."""

    def __init__(self) -> None:
        self._sockets, self._tasks = _open()

    async def none(self) -> None:
        """Raises TimeoutError where something stays."""
        async with asyncio.timeout(PATIENCE):
            while True:
                sockets, tasks = _open()
                if sockets <= self._sockets and tasks <= self._tasks:
                    return
                await asyncio.sleep(0.01)


@pytest.fixture(scope="session")
def leftovers() -> type[Leftovers]:
    """Tells what a request leaves open. Connections that are kept for later have to be there before."""
    return Leftovers

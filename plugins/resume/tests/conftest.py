"""Streams in every dialect, as providers send them and clients read them; and a gateway between the two."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from pointsman.dialects import Quirks, Translator
from pointsman.events import Event, Finished, PartDelta, PartEnd, PartStart, Started, UsageUpdate, accumulate
from pointsman.losses import Losses
from pointsman.sse import Splitter
from pointsman.testing import FakeProvider, Running, StreamClient, running
from pointsman.types import Finish, Part, Peek, Reasoning, Request, Response, Text, Usage
from pointsman_anthropic import MessagesCodec
from pointsman_gemini.codecs import ContentCodec
from pointsman_openai import ResponsesCodec
from pointsman_openai.codecs import ChatCodec

CODECS: dict[str, Translator] = {
    each.dialect: each for each in (ChatCodec(), ResponsesCodec(), MessagesCodec(), ContentCodec())
}
BODIES: dict[str, dict[str, Any]] = {
    "openai-chat": {
        "messages": [{"role": "user", "content": "Tell me."}],
        "max_tokens": 400,
        "stream_options": {"include_usage": True},
    },
    "openai-responses": {"input": "Tell me.", "max_output_tokens": 400},
    "anthropic-messages": {"messages": [{"role": "user", "content": "Tell me."}], "max_tokens": 400},
    "gemini": {
        "contents": [{"role": "user", "parts": [{"text": "Tell me."}]}],
        "generationConfig": {"maxOutputTokens": 400},
    },
}
PATHS = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic-messages": "/v1/messages",
    "gemini": "/v1beta/models/fast:streamGenerateContent?alt=sse",
}
ENDS = {
    "openai-chat": b"data: [DONE]\n\n",
    "openai-responses": b"event: response.completed\n",
    "anthropic-messages": b"event: message_stop\n",
    "gemini": b'"finishReason":"STOP"',
}


USED = Usage(7, 5)


def wire(
    dialect: str,
    *pieces: str,
    end: bool = True,
    thought: str | None = None,
    parts: Sequence[Part] = (),
    usage: Usage | None = USED,
    finish: str = "stop",
    name: str = "up",
) -> list[bytes]:
    """The events of a provider's stream: a thought, a text in pieces, other parts, and its end, or none."""
    events: list[Event] = [Started(f"{name}-1", f"{name}-model", 1)]
    if usage is not None and dialect == "anthropic-messages":
        events.append(UsageUpdate(Usage(usage.input, 1)))
    index = 0
    if thought is not None:
        events += [PartStart(0, 0, Reasoning("", origin=dialect)), PartDelta(0, 0, thought)]
        if pieces or end:
            events.append(PartEnd(0, 0, "c2lnbmVk"))
        index = 1
    if pieces:
        events += [PartStart(0, index, Text("")), *(PartDelta(0, index, piece) for piece in pieces)]
        index += 1
    if parts or end:
        events += [PartEnd(0, index - 1)] if pieces else []
    for part in parts:
        events += [PartStart(0, index, part), PartDelta(0, index, '{"q":')]
        events += [PartDelta(0, index, " 1}"), PartEnd(0, index)] if end else []
        index += 1
    if end:
        events.append(Finished(0, Finish(finish)))  # type: ignore[arg-type]
        if usage is not None:
            events.append(UsageUpdate(usage))
    encoder = CODECS[dialect].encode_stream(
        peek=Peek("m", stream=True, usage_in_stream=True), request=Request(b'{"model":"m"}'), losses=Losses()
    )
    frames = [encoder.feed(event) for event in events]
    if end:
        frames += [data for data, _ in encoder.finish()]
    return [frame for frame in frames if frame]


@dataclass
class Heard:
    """What a client has got: the bytes, whether it was told the end, and the answer if it was."""

    dialect: str
    data: bytes

    @property
    def whole(self) -> bool:
        """Whether it ended as whole answers do."""
        return ENDS[self.dialect] in self.data

    @property
    def events(self) -> list[dict[str, Any]]:
        """The data of the events."""
        found = []
        for block in self.data.split(b"\n\n"):
            for line in block.split(b"\n"):
                if line.startswith(b"data: ") and line != b"data: [DONE]":
                    found.append(json.loads(line[6:]))
        return found

    @property
    def errors(self) -> list[dict[str, Any]]:
        """What it was told of errors."""
        return [each for each in self.events if each.get("error") or each.get("type") == "error"]

    @property
    def response(self) -> Response:
        """The answer as a client reads it."""
        decoder = CODECS[self.dialect].decode_stream(peek=Peek("m", stream=True), quirks=Quirks())
        splitter = Splitter(1 << 20)
        events: list[Event] = []
        for frame in splitter.feed(self.data):
            if not decoder.ended:
                events += decoder.feed(frame)
        assert decoder.complete
        return accumulate([*events, *decoder.finish()])

    @property
    def text(self) -> str:
        """What the answer says."""
        return self.response.choices[0].message.text

    def check(self) -> None:
        """It is one stream, as its dialect wants it: begun and ended once, numbered without a gap."""
        assert self.whole
        assert not self.errors
        events = self.events
        if self.dialect == "openai-chat":
            deltas = [each["choices"][0] for each in events if each["choices"]]
            assert [each["delta"].get("role") for each in deltas].count("assistant") == 1
            assert [each["finish_reason"] for each in deltas if each["finish_reason"]] == ["stop"]
            assert len({each["id"] for each in events}) == 1
            assert self.data.count(b"[DONE]") == 1
            assert len([each for each in events if each.get("usage")]) == 1
        elif self.dialect == "openai-responses":
            assert [each["sequence_number"] for each in events] == list(range(len(events)))
            kinds = [each["type"] for each in events]
            assert kinds.count("response.created") == kinds.count("response.completed") == 1
            items = events[-1]["response"]["output"]
            added = [each["output_index"] for each in events if each["type"] == "response.output_item.added"]
            assert added == list(range(len(items)))
        elif self.dialect == "anthropic-messages":
            kinds = [each["type"] for each in events]
            assert (
                kinds.count("message_start")
                == kinds.count("message_delta")
                == kinds.count("message_stop")
                == 1
            )
            begun = [each["index"] for each in events if each["type"] == "content_block_start"]
            ended = [each["index"] for each in events if each["type"] == "content_block_stop"]
            assert begun == ended == list(range(len(begun)))
        else:
            reasons = [each["candidates"][0].get("finishReason") for each in events]
            assert reasons[:-1] == [None] * (len(reasons) - 1)


class Stage:
    """A gateway in front of providers `p0`, `p1`, …, tried in this order for the model `fast`."""

    def __init__(self, served: Running, providers: list[FakeProvider]) -> None:
        self.served = served
        self.providers = providers

    def asking(self, dialect: str, *, headers: dict[str, str] | None = None, **fields: Any) -> StreamClient:
        """A client's request for a stream."""
        body = {**BODIES[dialect], **fields}
        if dialect != "gemini":
            body = {"model": "fast", "stream": True, **body}
        return StreamClient(self.served.url + PATHS[dialect], body, headers=headers)

    async def ask(self, dialect: str, **fields: Any) -> Heard:
        """What a client gets that asks for a stream."""
        async with self.asking(dialect, **fields) as client:
            data = await client.read()
            assert client.status == 200, data
            return Heard(dialect, data)

    async def row(self) -> dict[str, Any]:
        """The one generation there is in the ledger, when nothing is under way."""
        async with asyncio.timeout(5):
            while self.served.gateway.running:
                await asyncio.sleep(0)
        (row,) = await self.served.rows("generations")
        return row


Staging = Callable[..., Any]


@pytest.fixture(name="wire")
def _wire() -> Callable[..., list[bytes]]:
    """What a provider of a dialect sends: see `wire`."""
    return wire


@pytest.fixture
def stage() -> Staging:
    """Boot a gateway in front of providers: `stage(("openai-chat", script), …)`, `resume` on."""

    @asynccontextmanager
    async def booted(
        *played: tuple[str, Any],
        settings: dict[str, Any] | None = None,
        provider: dict[str, Any] | None = None,
        use: dict[str, Any] | None = None,
        **more: Any,
    ) -> AsyncIterator[Stage]:
        async with AsyncExitStack() as stack:
            providers = [await stack.enter_async_context(FakeProvider(script)) for _, script in played]
            sections = {
                f"p{number}": {
                    "base_url": each.url,
                    "dialects": [dialect],
                    "api_key": f"sk-secret-of-{number}",
                    "price": {"input": 1, "output": 2},
                    **(provider or {}),
                }
                for number, (each, (dialect, _)) in enumerate(zip(providers, played, strict=True))
            }
            config = {
                "plugins": {"resume": {"always": True} if settings is None else settings, "balance": False},
                "providers": sections,
                "models": {
                    "demo/fast": {"aliases": ["fast"], "endpoints": [f"{name}/m" for name in sections]}
                },
                "routes": [{"name": "all", "use": use or {}}],
                "upstream": {"connect_timeout": "2s", "first_content": "2s", "stall": "2s", "total": "10s"},
                "log": {"level": "error"},
                **more,
            }
            served = await stack.enter_async_context(running(config))
            yield Stage(served, providers)

    return booted

"""Anthropic's own SDK reads what is written for its clients."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest

from pointsman.dialects import ErrorView
from pointsman.events import explode
from pointsman.losses import Losses
from pointsman.testing import FakeProvider, Script
from pointsman.types import (
    Choice,
    Finish,
    Message,
    Peek,
    Reasoning,
    Request,
    Response,
    Text,
    ToolCall,
    Usage,
)
from pointsman_anthropic import MessagesCodec
from pointsman_anthropic.names import DIALECT

ASKED: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
PARTS = [
    Reasoning("Hm", signature="enc", origin="gemini"),
    Reasoning("", redacted="r", origin=DIALECT),
    Text("Hello"),
    ToolCall("call:1", "f", '{"a": [1, 2]}'),
    ToolCall("call_2", "g", ""),
]
USAGE = Usage(input=10, output=5, cache_read=3)


def client(fake: FakeProvider) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key="x", base_url=fake.url.removesuffix("/v1"), max_retries=0)


async def test_a_whole_answer_and_a_stream_say_the_same(codec: MessagesCodec) -> None:
    choice = Choice(Message("assistant", list(PARTS)), Finish("tool_calls", "tool_calls"))
    response = Response("gen-1", "m", 0, [choice], USAGE)
    whole = codec.encode_response(response, request=Request(b"{}"), losses=Losses())
    encoder = codec.encode_stream(peek=Peek("m", stream=True), request=Request(b"{}"), losses=Losses())
    events = [codec.ping, *(encoder.feed(each) for each in explode(response))]
    events += [data for data, _ in encoder.finish()]
    scripts = [Script.whole(whole), Script.sse([each for each in events if each])]
    async with FakeProvider(scripts) as fake, client(fake) as sdk:
        answer = await sdk.messages.create(**ASKED)
        async with sdk.messages.stream(**ASKED) as stream:
            streamed = await stream.get_final_message()
    blocks = [block.to_dict() for block in answer.content]
    assert [block["type"] for block in blocks] == [
        "thinking",
        "redacted_thinking",
        "text",
        "tool_use",
        "tool_use",
    ]
    assert [block["input"] for block in blocks[3:]] == [{"a": [1, 2]}, {}]
    for one, other in zip(blocks, (block.to_dict() for block in streamed.content), strict=True):
        assert {name: other[name] for name in one} == one
    for message in (answer, streamed):
        assert (message.id, message.stop_reason, message.usage.input_tokens) == ("msg_gen-1", "tool_use", 7)
        assert (message.usage.output_tokens, message.usage.cache_read_input_tokens) == (5, 3)


async def test_errors_are_the_sdks_own(codec: MessagesCodec) -> None:
    view = ErrorView(429, "rate_limit_exceeded", "Slow down", request_id="req-1")
    scripts = [
        Script.whole(codec.encode_error(view), status=429, headers={"content-type": "application/json"}),
        Script.sse([codec.ping, codec.encode_stream_error(view)]),
    ]
    async with FakeProvider(scripts) as fake, client(fake) as sdk:
        with pytest.raises(anthropic.RateLimitError, match="Slow down"):
            await sdk.messages.create(**ASKED)
        with pytest.raises(anthropic.APIStatusError, match="Slow down"):
            async for _ in await sdk.messages.create(**ASKED, stream=True):
                pass

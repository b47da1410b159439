"""The official SDK reads what is written here: straight from a server on loopback that answers with it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from pointsman.dialects import ErrorView
from pointsman.events import explode
from pointsman.losses import Losses
from pointsman.testing import FakeProvider, Received, Script, Send
from pointsman.types import (
    Choice,
    Citation,
    Finish,
    Message,
    Reasoning,
    Request,
    Response,
    Text,
    ToolCall,
    Usage,
)
from pointsman_openai.responses.answer import encode_response
from pointsman_openai.responses.errors import encode_stream_error

TOOLS: list[dict[str, Any]] = [
    {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False},
    {"type": "custom", "name": "patch"},
]
ANSWER = Response(
    "id-1",
    "m",
    7,
    [
        Choice(
            Message(
                "assistant",
                [
                    Reasoning("hm", signature="s", origin="anthropic-messages"),
                    Reasoning("sum", summary=True, origin="gemini", signature="g"),
                    Text("Hello", citations=[Citation(url="https://x", title="X", start=0, end=5)]),
                    Text("no", refusal=True),
                    ToolCall("c1", "f", '{"a":1}'),
                    ToolCall("c2", "patch", '{"input":"text"}'),
                ],
            ),
            Finish("tool_calls"),
        )
    ],
    Usage(input=3, output=2, cache_read=1, reasoning=1),
)


@pytest.fixture
async def sdk(encoded: Callable[..., bytes]) -> AsyncIterator[AsyncOpenAI]:
    """The SDK, at a server that answers as this dialect writes `ANSWER`."""

    def reply(received: Received) -> Script:
        asked = received.json
        if asked["input"] == "break":
            data = encode_stream_error(ErrorView(502, "provider_unavailable", "cut off"))
        elif asked.get("stream"):
            data = encoded(explode(ANSWER), tools=asked["tools"])
        else:
            whole = encode_response(ANSWER, request=Request.of(asked), losses=Losses())
            return Script.json(json.loads(whole))
        return Script((Send(data),), headers={"content-type": "text/event-stream"}, framing="chunked")

    async with (
        FakeProvider(reply) as fake,
        AsyncOpenAI(base_url=fake.url, api_key="x", max_retries=0) as client,
    ):
        yield client


async def test_a_whole_answer_is_a_response(sdk: AsyncOpenAI) -> None:
    answer = await sdk.responses.create(model="m", input="x", tools=TOOLS)  # type: ignore[arg-type]
    check(answer)


async def test_a_stream_accumulates_to_the_same(sdk: AsyncOpenAI) -> None:
    async with sdk.responses.stream(model="m", input="x", tools=TOOLS) as stream:  # type: ignore[arg-type]
        kinds = [event.type async for event in stream]
        check(await stream.get_final_response())
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"


async def test_every_event_is_one_the_sdk_knows(sdk: AsyncOpenAI) -> None:
    stream = await sdk.responses.create(model="m", input="x", tools=TOOLS, stream=True)  # type: ignore[call-overload]
    async for event in stream:
        assert type(event).__name__.endswith("Event")
        type(event).model_validate(event.to_dict(), strict=False)


async def test_an_error_in_a_stream_is_raised(sdk: AsyncOpenAI) -> None:
    stream = await sdk.responses.create(model="m", input="break", stream=True)
    with pytest.raises(openai.APIError, match="cut off"):
        await anext(stream)


def check(answer: Any) -> None:
    """The answer is `ANSWER`, in types that the SDK validates."""
    type(answer).model_validate(answer.to_dict())
    sealed, summed, message, call, custom = answer.output
    assert sealed.content[0].text == "hm"
    assert sealed.encrypted_content.startswith("pm1.")
    assert summed.summary[0].text == "sum"
    assert answer.output_text == "Hello"
    assert message.content[0].annotations[0].url == "https://x"
    assert message.content[1].refusal == "no"
    assert (call.call_id, call.name, call.arguments) == ("c1", "f", '{"a":1}')
    assert (custom.type, custom.input) == ("custom_tool_call", "text")
    assert answer.status == "completed"
    assert answer.usage.input_tokens_details.cached_tokens == 1
    assert answer.usage.total_tokens == 5

"""Thought signatures, through the streams of every client and back: byte for byte, where they stood."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from pointsman.testing import FakeProvider, Received, Running, Script, running
from pointsman_gemini.parts import UNSIGNED

CONFIG = """
auth: keys
admin_key: pm-test
plugins: {{openai: {{}}, anthropic: {{}}, gemini: {{}}, usage: {{}}, keys: {{}}, echo: false}}
providers: {{lab: {{vendor: gemini, base_url: "{url}", api_key: key-of-google}}}}
log: {{level: error}}
"""
MODEL = "lab/gemini-3-pro"
ON_TEXT, ON_CALL = "CiQBjz1rX+9s/a==", "EvQDCvED+b4/9vuQ9w=="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
CALL = {"functionCall": {"name": "weather", "args": {"city": "Bern"}}}
PIECES: list[list[dict[str, Any]]] = [
    [{"text": "Let me ", "thought": True}],
    [{"text": "think.", "thought": True}],
    [{"text": "I look "}],
    [{"text": "it up."}],
    [{"text": "", "thoughtSignature": ON_TEXT}],
    [{**CALL, "thoughtSignature": ON_CALL}, CALL],
]


def answer(received: Received) -> Script:
    events = []
    for number, parts in enumerate(PIECES):
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if number == len(PIECES) - 1:
            candidate["finishReason"] = "STOP"
        usage = {"promptTokenCount": 10, "candidatesTokenCount": number, "thoughtsTokenCount": 5}
        body = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "r1"}
        events.append(b"data: " + json.dumps(body).encode() + b"\r\n\r\n")
    return Script.sse(events)


@asynccontextmanager
async def lab() -> AsyncIterator[tuple[Running, FakeProvider]]:
    async with FakeProvider(answer) as fake, running(CONFIG.format(url=fake.url), key="pm-test") as served:
        yield served, fake


def check(sent: Any) -> None:
    """What the model said comes back to it as it was."""
    user, model, results = sent["contents"]
    assert user == {"role": "user", "parts": [{"text": "Hi"}]}
    thought, text, first, second = model["parts"]
    assert (model["role"], thought) == ("model", {"text": "Let me think.", "thought": True})
    assert text == {"text": "I look it up.", "thoughtSignature": ON_TEXT}
    assert first["thoughtSignature"] == ON_CALL
    assert "thoughtSignature" not in second
    ids = []
    for call in (first, second):
        assert (call["functionCall"]["name"], call["functionCall"]["args"]) == ("weather", {"city": "Bern"})
        ids.append(call["functionCall"]["id"])
    assert len(set(ids)) == 2
    assert results["parts"] == [
        {"functionResponse": {"id": each, "name": "weather", "response": {"output": "18"}}} for each in ids
    ]


async def test_through_chat_completions() -> None:
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
    history: list[Any] = [{"role": "user", "content": "Hi"}]
    async with lab() as (served, fake), AsyncOpenAI(base_url=f"{served.url}/v1", api_key="pm-test") as client:
        said: dict[str, Any] = {"role": "assistant", "content": "", "reasoning_details": [], "tool_calls": []}
        stream: Any = await client.chat.completions.create(
            model=MODEL, messages=history, tools=tools, stream=True
        )
        async for chunk in stream:
            for choice in chunk.choices:
                delta = choice.delta.model_dump(exclude_none=True)
                said["content"] += delta.get("content", "")
                said["reasoning_details"] += delta.get("reasoning_details", [])
                for call in delta.get("tool_calls", ()):
                    if "id" in call:
                        said["tool_calls"].append(call)
                    else:
                        function = said["tool_calls"][call["index"]]["function"]
                        function["arguments"] += call["function"]["arguments"]
        history.append(said)
        history += [
            {"role": "tool", "tool_call_id": call["id"], "content": "18"} for call in said["tool_calls"]
        ]
        stream = await client.chat.completions.create(model=MODEL, messages=history, tools=tools, stream=True)
        async for _ in stream:
            pass
        check(fake.requests[-1].json)


async def test_through_messages() -> None:
    tools: Any = [{"name": "weather", "input_schema": SCHEMA}]
    history: list[Any] = [{"role": "user", "content": "Hi"}]
    async with lab() as (served, fake), AsyncAnthropic(base_url=served.url, api_key="pm-test") as client:
        for _ in range(2):
            async with client.messages.stream(
                model=MODEL, messages=history, tools=tools, max_tokens=2000
            ) as stream:
                message = await stream.get_final_message()
            content = [block.model_dump(exclude_none=True) for block in message.content]
            results = [
                {"type": "tool_result", "tool_use_id": block["id"], "content": "18"}
                for block in content
                if block["type"] == "tool_use"
            ]
            history += [{"role": "assistant", "content": content}, {"role": "user", "content": results}]
        check(fake.requests[-1].json)


async def test_through_responses() -> None:
    tools: Any = [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}]
    history: list[Any] = [{"role": "user", "content": "Hi"}]
    async with lab() as (served, fake), AsyncOpenAI(base_url=f"{served.url}/v1", api_key="pm-test") as client:
        for _ in range(2):
            output: Any = None
            stream: Any = await client.responses.create(
                model=MODEL, input=history, tools=tools, store=False, stream=True
            )
            async for event in stream:
                if event.type == "response.completed":
                    output = event.response.output
            history += [item.model_dump(exclude_none=True) for item in output]
            history += [
                {"type": "function_call_output", "call_id": item.call_id, "output": "18"}
                for item in output
                if item.type == "function_call"
            ]
        check(fake.requests[-1].json)


async def test_a_signature_of_another_dialect_is_never_sent() -> None:
    details = [
        {"type": "reasoning.text", "text": "Hm.", "signature": "theirs", "format": "anthropic-claude-v1"},
        {"type": "reasoning.encrypted", "data": "theirs too", "format": "openai-responses-v1", "id": "c1"},
    ]
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "reasoning_details": details, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "18"},
    ]
    async with lab() as (served, fake):
        body = {"model": MODEL, "messages": messages, "stream": True}
        answered = await served.client.post("/v1/chat/completions", json=body)
        assert answered.status_code == 200
        assert answered.headers["x-pointsman-lost"] == "reasoning"
        assert b"theirs" not in fake.requests[0].body
        (part,) = fake.requests[0].json["contents"][1]["parts"]
        assert part["thoughtSignature"] == UNSIGNED

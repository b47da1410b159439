"""The imperceptible switch: one conversation, each turn served by an upstream of another dialect.

The upstreams are as strict as the real ones: a tool result without its call, a call without its result, a
signature they did not make, or a message too many of one kind is a 400, and the SDK would raise it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from pointsman.testing import FakeProvider, Received, Running, Script, running
from pointsman_gemini.parts import UNSIGNED

TURNS = 17
LONG_AFTER = 11
PICTURE = base64.b64encode(b"\x89PNG not really").decode()
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
RESULT = "18 degrees"
TOO_LONG = 90_000
"""Characters of a request from which on the small upstreams refuse it."""
CONFIG = """
auth: keys
admin_key: pm-test
plugins:
  {{openai: {{}}, anthropic: {{}}, gemini: {{}}, vendors: {{}},
    routes: {{}}, usage: {{}}, keys: {{}}, echo: false, balance: false}}
providers:
  chat: {{base_url: "{chat}", api_key: sk-chat, dialects: [openai-chat]}}
  messages: {{base_url: "{messages}", api_key: sk-messages, dialects: [anthropic-messages]}}
  responses: {{base_url: "{responses}", api_key: sk-responses, dialects: [openai-responses]}}
  gemini: {{base_url: "{gemini}", api_key: sk-gemini}}
models:
  turn/chat: {{endpoints: [chat/small, responses/large]}}
  turn/messages: {{endpoints: [messages/small, chat/large]}}
  turn/responses: {{endpoints: [responses/small, gemini/large]}}
  turn/gemini: {{endpoints: [gemini/small, messages/large]}}
log: {{level: error}}
"""
MODELS = ("turn/messages", "turn/gemini", "turn/responses", "turn/chat", "turn/gemini")
"""An odd number, so that each of them calls at one time and speaks at another."""


class Refused(Exception):
    """What a strict upstream answers 400 to."""


def demand(condition: object, why: str) -> None:
    if not condition:
        raise Refused(why)


@dataclass
class Strict:
    """What the upstreams share: they call a tool on odd turns and speak on even ones."""

    issued: set[str] = field(default_factory=set)
    served: list[str] = field(default_factory=list)
    pictures: int = 0
    number: int = 0

    def __call__(self, received: Received) -> Script:
        in_path = re.search(r"/models/([^:]+):", received.path)
        body = received.json | ({"model": in_path[1]} if in_path else {})
        if body["model"] == "small" and len(received.body) > TOO_LONG:
            return self.too_long()
        try:
            answered = self.check(body)
        except Refused as error:
            told = {"type": "invalid_request_error", "message": str(error)}
            return Script.json({"type": "error", "error": told}, status=400)
        self.number += 1
        self.served.append(body["model"])
        self.pictures += PICTURE in received.body.decode()
        return self.answer(body, call=not answered)

    def sign(self, name: str) -> str:
        signature = base64.b64encode(f"{name}-{self.number}-secret".encode()).decode()
        self.issued.add(signature)
        return signature

    def known(self, signature: str) -> None:
        demand(signature in self.issued, f"invalid signature {signature[:30]!r}")

    def too_long(self) -> Script:
        raise NotImplementedError

    def check(self, body: Any) -> bool:
        """Refuse what is not of the dialect; say whether the last message answers a tool call."""
        raise NotImplementedError

    def answer(self, body: Any, *, call: bool) -> Script:
        raise NotImplementedError


class Messages(Strict):
    def too_long(self) -> Script:
        words = "prompt is too long: 210000 tokens > 200000 maximum"
        error = {"type": "invalid_request_error", "message": words}
        return Script.json({"type": "error", "error": error}, status=400)

    def check(self, body: Any) -> bool:
        demand(isinstance(body.get("max_tokens"), int), "max_tokens: Field required")
        waiting: list[str] = []
        for message in body["messages"]:
            demand(message["role"] in ("user", "assistant"), f"role {message['role']}")
            content = message["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            demand(blocks, "a message is empty")
            results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
            demand(sorted(results) == sorted(waiting), f"tool_use {waiting} but tool_result {results}")
            first = [block["type"] for block in blocks[: len(results)]]
            demand(first == ["tool_result"] * len(results), "tool_result blocks come first")
            waiting = [block["id"] for block in blocks if block["type"] == "tool_use"]
            for block in blocks:
                demand(block["type"] != "text" or block["text"], "text content blocks must be non-empty")
                if block["type"] == "thinking":
                    self.known(block["signature"])
                if block["type"] == "redacted_thinking":
                    self.known(block["data"])
        demand(not waiting, "a tool_use without its tool_result")
        return bool(results)

    def answer(self, body: Any, *, call: bool) -> Script:
        content: list[Any] = [
            {"type": "thinking", "thinking": "Let me think as messages.", "signature": self.sign("messages")}
        ]
        if call:
            use = {"name": "weather", "input": {"city": "Paris"}}
            content.append({"type": "tool_use", "id": f"toolu_{self.number:02}", **use})
        else:
            content.append({"type": "text", "text": "It is sunny, says messages."})
        return Script.json(
            {
                "id": f"msg_{self.number}",
                "type": "message",
                "role": "assistant",
                "model": body["model"],
                "content": content,
                "stop_reason": "tool_use" if call else "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": 10, "output_tokens": 5},
            }
        )


class Chat(Strict):
    def too_long(self) -> Script:
        error = {
            "message": "This model's maximum context length is 128000 tokens.",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        }
        return Script.json({"error": error}, status=400)

    def check(self, body: Any) -> bool:
        waiting: list[str] = []
        role = ""
        for message in body["messages"]:
            role = message["role"]
            if role == "tool":
                answered = message["tool_call_id"]
                demand(answered in waiting, f"tool result {answered} without its call")
                waiting.remove(answered)
                continue
            demand(not waiting, f"{waiting} are not answered")
            demand(not message.keys() & {"reasoning_details", "signature"}, "a foreign member")
            demand(message.get("content") or message.get("tool_calls"), "a message is empty")
            waiting = [call["id"] for call in message.get("tool_calls") or ()]
        demand(not waiting, f"{waiting} are not answered")
        return role == "tool"

    def answer(self, body: Any, *, call: bool) -> Script:
        message: dict[str, Any] = {"role": "assistant", "content": None}
        message["reasoning_content"] = "As chat I think."
        if call:
            function = {"name": "weather", "arguments": '{"city": "Rome"}'}
            id = f"call_{self.number:02}"
            message["tool_calls"] = [{"id": id, "type": "function", "function": function}]
        else:
            message["content"] = "It is windy, says chat."
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if call else "stop"}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        return Script.json(
            {
                "id": "c",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [choice],
                "usage": usage,
            }
        )


class Responses(Strict):
    def too_long(self) -> Script:
        error = {
            "message": "Your input exceeds the context window of this model.",
            "type": "invalid_request_error",
            "param": "input",
            "code": "context_length_exceeded",
        }
        return Script.json({"error": error}, status=400)

    def check(self, body: Any) -> bool:
        calls: set[str] = set()
        results: set[str] = set()
        kind = ""
        for item in body["input"]:
            kind = item.get("type", "message")
            if kind == "function_call":
                calls.add(item["call_id"])
            elif kind == "function_call_output":
                demand(item["call_id"] in calls, f"No tool call found for {item['call_id']}")
                results.add(item["call_id"])
            elif kind == "reasoning":
                self.known(item.get("encrypted_content") or "none")
        demand(calls == results, f"No tool output found for {calls - results}")
        return kind == "function_call_output"

    def answer(self, body: Any, *, call: bool) -> Script:
        thought = {"type": "summary_text", "text": "As responses I think."}
        output: list[Any] = [
            {
                "type": "reasoning",
                "id": f"rs_{self.number}",
                "summary": [thought],
                "encrypted_content": self.sign("responses"),
            }
        ]
        if call:
            output.append(
                {
                    "type": "function_call",
                    "id": f"fc_{self.number}",
                    "call_id": f"call_r{self.number:02}",
                    "name": "weather",
                    "arguments": '{"city":"Oslo"}',
                    "status": "completed",
                }
            )
        else:
            text = {"type": "output_text", "text": "It is cold, says responses.", "annotations": []}
            output.append(
                {
                    "type": "message",
                    "id": f"msg_{self.number}",
                    "role": "assistant",
                    "status": "completed",
                    "content": [text],
                }
            )
        return Script.json(
            {
                "id": f"resp_{self.number}",
                "object": "response",
                "created_at": 1,
                "status": "completed",
                "model": body["model"],
                "output": output,
                "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
            }
        )


@dataclass
class Gemini(Strict):
    """Every text and call of its own comes back with the very signature that it had."""

    signed: dict[str, str] = field(default_factory=dict)

    def too_long(self) -> Script:
        words = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
        return Script.json(
            {"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}}, status=400
        )

    def check(self, body: Any) -> bool:
        waiting: list[Any] = []
        role = "model"
        results: list[Any] = []
        for content in body["contents"]:
            demand(content["role"] != role, f"two contents of role {role}")
            role = content["role"]
            results = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
            demand(
                [(each["id"], each["name"]) for each in results] == waiting, f"not the results of {waiting}"
            )
            calls = [part for part in content["parts"] if "functionCall" in part]
            waiting = [(each["functionCall"]["id"], each["functionCall"]["name"]) for each in calls]
            demand(not calls or calls[0].get("thoughtSignature"), "missing a thought_signature")
            for part in content["parts"]:
                what = part["functionCall"]["id"] if "functionCall" in part else part.get("text")
                own, signature = self.signed.get(what), part.get("thoughtSignature")
                demand(own == signature or (own is None and signature == UNSIGNED), f"signature of {what!r}")
        demand(role == "user" and not waiting, "the last content is not the user's")
        return bool(results)

    def answer(self, body: Any, *, call: bool) -> Script:
        signature = self.sign("gemini")
        parts: list[Any] = [{"text": "As gemini I think.", "thought": True}]
        if call:
            id = f"g{self.number:07}"
            self.signed[id] = signature
            made = {"id": id, "name": "weather", "args": {"city": "Bern"}}
            parts.append({"functionCall": made, "thoughtSignature": signature})
        else:
            text = f"It is mild, says gemini, {self.number}."
            self.signed[text] = signature
            parts.append({"text": text, "thoughtSignature": signature})
        counts = {"promptTokenCount": 10, "candidatesTokenCount": 2, "thoughtsTokenCount": 3}
        return Script.json(
            {
                "candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": "STOP"}],
                "usageMetadata": {**counts, "totalTokenCount": 15},
                "modelVersion": body["model"],
                "responseId": f"r{self.number}",
            }
        )


@dataclass
class Lab:
    served: Running
    chat: Chat
    messages: Messages
    responses: Responses
    gemini: Gemini

    def check(self) -> None:
        """Each upstream has served, and none of them lost the picture."""
        upstreams = (self.chat, self.messages, self.responses, self.gemini)
        for upstream in upstreams:
            assert upstream.number >= 3
            assert upstream.pictures == upstream.number
        assert len(self.gemini.signed) == self.gemini.number
        large = sum(each.served.count("large") for each in upstreams)
        assert large == TURNS - LONG_AFTER - 1, "what was too long for one went to the next"


@asynccontextmanager
async def lab() -> AsyncIterator[Lab]:
    chat, messages, responses, gemini = Chat(), Messages(), Responses(), Gemini()
    strict = {"chat": chat, "messages": messages, "responses": responses, "gemini": gemini}
    async with AsyncExitStack() as stack:
        urls = {
            name: (await stack.enter_async_context(FakeProvider(upstream))).url
            for name, upstream in strict.items()
        }
        served = await stack.enter_async_context(running(CONFIG.format(**urls), key="pm-test"))
        yield Lab(served, chat, messages, responses, gemini)


def words(turn: int) -> str:
    """What the user says after a turn; from one on it is too long for the small models."""
    return "And there? " + ("x" * TOO_LONG if turn == LONG_AFTER else "")


async def test_a_conversation_goes_from_dialect_to_dialect_through_the_openai_sdk() -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}
    function = {"name": "weather", "description": "Weather.", "parameters": SCHEMA}
    tools: Any = [{"type": "function", "function": function}]
    history: list[Any] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is the weather here?"}, picture]},
    ]
    async with lab() as setup:
        client = AsyncOpenAI(base_url=f"{setup.served.url}/v1", api_key="pm-test", max_retries=0)
        async with client:
            for turn in range(TURNS):
                answer: Any = await client.chat.completions.create(
                    model=MODELS[turn % len(MODELS)], messages=history, tools=tools, max_tokens=2000
                )
                message = answer.choices[0].message
                history.append(message.model_dump(exclude_none=True))
                assert answer.usage.total_tokens == 15
                if message.tool_calls:
                    assert answer.choices[0].finish_reason == "tool_calls"
                    history += [
                        {"role": "tool", "tool_call_id": call.id, "content": RESULT}
                        for call in message.tool_calls
                    ]
                    continue
                assert "says" in message.content
                history.append({"role": "user", "content": words(turn)})
        setup.check()


async def test_a_conversation_goes_from_dialect_to_dialect_through_the_responses_api() -> None:
    function = {"name": "weather", "description": "Weather.", "parameters": SCHEMA}
    tools: Any = [{"type": "function", **function, "strict": False}]
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"}
    first = [{"type": "input_text", "text": "What is the weather here?"}, picture]
    history: list[Any] = [{"role": "user", "content": first}]
    async with lab() as setup:
        client = AsyncOpenAI(base_url=f"{setup.served.url}/v1", api_key="pm-test", max_retries=0)
        async with client:
            for turn in range(TURNS):
                answer: Any = await client.responses.create(
                    model=MODELS[turn % len(MODELS)],
                    input=history,
                    tools=tools,
                    instructions="Be brief.",
                    store=False,
                    include=["reasoning.encrypted_content"],
                )
                history += [item.model_dump(exclude_none=True) for item in answer.output]
                calls = [item for item in answer.output if item.type == "function_call"]
                history += [
                    {"type": "function_call_output", "call_id": call.call_id, "output": RESULT}
                    for call in calls
                ]
                if not calls:
                    assert "says" in answer.output_text
                    history.append({"role": "user", "content": words(turn)})
        setup.check()


async def test_a_conversation_goes_from_dialect_to_dialect_through_the_anthropic_sdk() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}
    tools: Any = [{"name": "weather", "description": "Weather.", "input_schema": SCHEMA}]
    history: list[Any] = [
        {"role": "user", "content": [{"type": "text", "text": "What is the weather here?"}, picture]}
    ]
    async with lab() as setup:
        client = AsyncAnthropic(base_url=setup.served.url, api_key="pm-test", max_retries=0)
        async with client:
            for turn in range(TURNS):
                answer: Any = await client.messages.create(
                    model=MODELS[turn % len(MODELS)],
                    system="Be brief.",
                    messages=history,
                    tools=tools,
                    max_tokens=2000,
                )
                content = [block.model_dump(exclude_none=True) for block in answer.content]
                history.append({"role": "assistant", "content": content})
                assert answer.usage.input_tokens + answer.usage.output_tokens == 15
                calls = [block for block in answer.content if block.type == "tool_use"]
                if calls:
                    assert answer.stop_reason == "tool_use"
                    results = [
                        {"type": "tool_result", "tool_use_id": call.id, "content": RESULT} for call in calls
                    ]
                    history.append({"role": "user", "content": results})
                    continue
                assert "says" in answer.content[-1].text
                history.append({"role": "user", "content": words(turn)})
        setup.check()


async def test_a_conversation_goes_from_dialect_to_dialect_as_geminis_sdk_would_ask() -> None:
    declared = {"name": "weather", "description": "Weather.", "parameters": SCHEMA}
    picture = {"inlineData": {"mimeType": "image/png", "data": PICTURE}}
    contents: list[Any] = [{"role": "user", "parts": [{"text": "What is the weather here?"}, picture]}]
    async with lab() as setup:
        for turn in range(TURNS):
            answer = await setup.served.client.post(
                f"/v1beta/models/{MODELS[turn % len(MODELS)]}:generateContent",
                json={
                    "contents": contents,
                    "systemInstruction": {"parts": [{"text": "Be brief."}]},
                    "tools": [{"functionDeclarations": [declared]}],
                    "generationConfig": {"maxOutputTokens": 2000},
                },
            )
            assert answer.status_code == 200, answer.text
            body = answer.json()
            assert body["usageMetadata"]["totalTokenCount"] == 15
            (candidate,) = body["candidates"]
            assert candidate["finishReason"] == "STOP"
            contents.append(candidate["content"])
            parts = candidate["content"]["parts"]
            calls = [part["functionCall"] for part in parts if "functionCall" in part]
            results = [
                {
                    "functionResponse": {
                        "id": call["id"],
                        "name": call["name"],
                        "response": {"output": RESULT},
                    }
                }
                for call in calls
            ]
            if not results:
                assert "says" in parts[-1]["text"]
            contents.append({"role": "user", "parts": results or [{"text": words(turn)}]})
        setup.check()


async def test_a_strict_upstream_would_have_told() -> None:
    """The upstreams do refuse what these tests prove is never sent."""
    signed = {"type": "thinking", "thinking": "x", "signature": "foreign"}
    with pytest.raises(Refused, match="invalid signature"):
        Messages().check({"max_tokens": 1, "messages": [{"role": "assistant", "content": [signed]}]})
    result = {"type": "tool_result", "tool_use_id": "t", "content": "x"}
    with pytest.raises(Refused, match="tool_result"):
        Messages().check({"max_tokens": 1, "messages": [{"role": "user", "content": [result]}]})
    with pytest.raises(Refused, match="without its call"):
        Chat().check({"messages": [{"role": "tool", "tool_call_id": "t", "content": "x"}]})
    called: Any = {"functionCall": {"id": "x", "name": "f", "args": {}}}
    with pytest.raises(Refused, match="missing a thought_signature"):
        Gemini().check({"contents": [{"role": "user", "parts": []}, {"role": "model", "parts": [called]}]})
    with pytest.raises(Refused, match="signature of"):
        Gemini().check({"contents": [{"role": "user", "parts": [{"text": "x", "thoughtSignature": "y"}]}]})
    with pytest.raises(Refused, match="No tool call found"):
        Responses().check({"input": [json.loads('{"type": "function_call_output", "call_id": "t"}')]})

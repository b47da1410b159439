"""The official SDKs in front, recorded providers of every dialect behind: what was said is kept.

Each recorded exchange is asked for through the SDK of another dialect (of one of them, as its SDK would). The
request that reaches the provider means what the recorded one meant, and the SDK's answer has the recorded
text, tool calls, finish reason and usage, as this module reads them out of the recording by itself.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from pointsman.dialects import Dialects, Quirks, Translator
from pointsman.losses import Losses
from pointsman.testing import (
    FakeProvider,
    Recording,
    recordings,
    replaying,
    running,
    shared_path,
)
from pointsman.types import (
    Chat,
    Media,
    Part,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)

SHARED = shared_path()
pytestmark = pytest.mark.skipif(SHARED is None, reason="recorded traffic is not here (POINTSMAN_SHARED)")

CHAT, MESSAGES, RESPONSES, GEMINI = "openai-chat", "anthropic-messages", "openai-responses", "gemini"
ENDINGS: Mapping[str, tuple[str, ...]] = {
    CHAT: ("/chat/completions",),
    MESSAGES: ("/messages",),
    RESPONSES: ("/responses",),
    GEMINI: (":generateContent", ":streamGenerateContent"),
}
PAIRS = [(client, provider) for client in ENDINGS for provider in ENDINGS if client != provider]
CONFIG = """
auth: keys
admin_key: pm-test
plugins:
  {{openai: {{}}, anthropic: {{}}, gemini: {{}}, vendors: {{}},
    routes: {{}}, usage: {{}}, keys: {{}}, echo: false}}
providers: {{lab: {{base_url: "{url}", api_key: sk-lab, dialects: [{dialect}]}}}}
cost_in_body: never
log: {{level: error}}
"""
QUIRKS = Quirks()
FINISHES = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "completed": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "incomplete": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "STOP": "stop",
    "UNEXPECTED_TOOL_CALL": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "MODEL_ARMOR": "content_filter",
}


@dataclass
class Said:
    """What an answer says: text with refusals, calls with their arguments as data, finish, tokens."""

    text: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    finish: str = "stop"
    tokens: tuple[int, int] | None = None

    def call(self, name: str, arguments: Any) -> None:
        if isinstance(arguments, str):
            arguments = json.loads(arguments) if arguments.strip() else {}
        self.calls.append((name, arguments))
        self.finish = "tool_calls"

    def ended(self, native: str | None) -> None:
        reason = FINISHES.get(native or "stop", "stop")
        if not (reason == "stop" and self.calls):
            self.finish = reason


def read_chat(body: Mapping[str, Any]) -> Said:
    said = Said()
    choice = body["choices"][0]
    message = choice["message"]
    content = message.get("content") or ""
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content if part.get("type") == "text")
    said.text = content + (message.get("refusal") or "")
    for call in message.get("tool_calls") or ():
        if (call.get("custom") or {}).get("name"):
            said.call(call["custom"]["name"], {"input": call["custom"]["input"]})
        elif call["function"]["name"]:
            said.call(call["function"]["name"], call["function"].get("arguments") or "{}")
    if (message.get("function_call") or {}).get("name"):
        said.call(message["function_call"]["name"], message["function_call"]["arguments"])
    said.ended(choice.get("finish_reason"))
    said.tokens = tokens(body.get("usage"))
    return said


def read_messages(body: Mapping[str, Any]) -> Said:
    said = Said()
    for block in body["content"]:
        if block["type"] == "text":
            said.text += block["text"]
        elif block["type"] == "tool_use":
            said.call(block["name"], block["input"])
    said.ended(body.get("stop_reason"))
    said.tokens = tokens(body.get("usage"))
    return said


def read_responses(body: Mapping[str, Any]) -> Said:
    said = Said()
    for item in body.get("output") or ():
        if item["type"] == "message":
            said.text += "".join(part.get("text") or part.get("refusal") or "" for part in item["content"])
        elif item["type"] == "function_call":
            said.call(item["name"], item["arguments"])
        elif item["type"] == "custom_tool_call":
            said.call(item["name"], {"input": item["input"]})
    reason = (body.get("incomplete_details") or {}).get("reason")
    said.ended(reason or body.get("status"))
    said.tokens = tokens(body.get("usage"))
    return said


def read_gemini(body: Mapping[str, Any]) -> Said:
    said = Said()
    for candidate in body.get("candidates") or ():
        for part in (candidate.get("content") or {}).get("parts") or ():
            if "functionCall" in part:
                said.call(part["functionCall"]["name"], part["functionCall"].get("args") or {})
            elif not part.get("thought"):
                said.text += part.get("text") or ""
        said.ended(candidate.get("finishReason"))
    blocked = body.get("promptFeedback")
    if blocked is not None:
        said.text, said.finish = blocked["blockReasonMessage"], "content_filter"
    usage = body.get("usageMetadata") or {}
    counts = [
        sum(usage.get(f"{name}TokenCount", 0) for name in names)
        for names in (("prompt", "toolUsePrompt"), ("candidates", "thoughts"))
    ]
    said.tokens = (counts[0], counts[1]) if "totalTokenCount" in usage else None
    return said


def tokens(usage: Any) -> tuple[int, int] | None:
    """All input and all output, whatever they are called."""
    if not isinstance(usage, dict):
        return None
    if "prompt_tokens" in usage:
        given, out = usage["prompt_tokens"] or 0, usage.get("completion_tokens") or 0
        return given, max(out, (usage.get("total_tokens") or 0) - given)
    given = usage.get("input_tokens") or 0
    if "total_tokens" not in usage and "input_tokens_details" not in usage:
        given += (usage.get("cache_read_input_tokens") or 0) + (usage.get("cache_creation_input_tokens") or 0)
    return given, usage.get("output_tokens") or 0


def fold_chat(chunks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The chunks of a chat stream as a whole answer."""
    message: dict[str, Any] = {"content": "", "refusal": ""}
    calls: dict[Any, dict[str, Any]] = {}
    finish, usage = None, None
    for chunk in chunks:
        usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage") or usage
        for choice in chunk.get("choices") or ():
            if choice.get("index"):
                continue
            finish = choice.get("finish_reason") or finish
            delta = choice.get("delta") or {}
            content = delta.get("content") or ""
            if isinstance(content, list):
                content = "".join(part.get("text") or "" for part in content if part.get("type") == "text")
            message["content"] += content
            message["refusal"] += delta.get("refusal") or ""
            for call in delta.get("tool_calls") or ():
                index = call.get("index", len(calls))
                known = calls.setdefault(index, {"function": {"name": "", "arguments": ""}})
                function = call.get("function") or {}
                known["function"]["name"] = function.get("name") or known["function"]["name"]
                known["function"]["arguments"] += function.get("arguments") or ""
    message["tool_calls"] = list(calls.values())
    return {"choices": [{"message": message, "finish_reason": finish}], "usage": usage}


def fold_messages(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The events of a messages stream as a whole answer."""
    body: dict[str, Any] = {"content": [], "usage": {}}
    for event in events:
        match event["type"]:
            case "message_start":
                body["usage"] = dict(event["message"].get("usage") or {})
            case "content_block_start":
                body["content"].append({**event["content_block"], "json": ""})
            case "content_block_delta":
                block, delta = body["content"][event["index"]], event["delta"]
                if delta["type"] == "text_delta":
                    block["text"] += delta["text"]
                elif delta["type"] == "input_json_delta":
                    block["json"] += delta["partial_json"]
            case "message_delta":
                body["stop_reason"] = event["delta"].get("stop_reason")
                body["usage"] |= {
                    name: value for name, value in (event.get("usage") or {}).items() if value is not None
                }
    for block in body["content"]:
        if block["json"]:
            block["input"] = json.loads(block["json"])
    return body


def fold_responses(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The terminal event's response."""
    ends = ("response.completed", "response.incomplete", "response.failed")
    (ended,) = [event["response"] for event in events if event["type"] in ends]
    return dict(ended)


def fold_gemini(chunks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The answers of a stream as one."""
    parts: list[Any] = []
    whole: dict[str, Any] = {}
    for chunk in chunks:
        whole["usageMetadata"] = chunk.get("usageMetadata")
        for candidate in chunk.get("candidates") or ():
            parts += (candidate.get("content") or {}).get("parts") or ()
            reason = candidate.get("finishReason")
            whole["candidates"] = [{"content": {"parts": parts}, "finishReason": reason}]
    return whole


READ = {CHAT: read_chat, MESSAGES: read_messages, RESPONSES: read_responses, GEMINI: read_gemini}
FOLD = {CHAT: fold_chat, MESSAGES: fold_messages, RESPONSES: fold_responses, GEMINI: fold_gemini}


def events_in(body: bytes) -> list[dict[str, Any]]:
    found = []
    for line in body.decode().splitlines():
        if line.startswith("data:") and line[5:].strip() not in ("", "[DONE]"):
            found.append(json.loads(line[5:]))
    return found


def recorded_answer(dialect: str, recording: Recording) -> Said:
    whole = FOLD[dialect](events_in(recording.body)) if recording.is_sse else json.loads(recording.body)
    return READ[dialect](whole)


def flat(parts: Iterable[Part]) -> Iterator[Part]:
    """Parts, and those in the results of tools."""
    for part in parts:
        if isinstance(part, ToolResult):
            yield from flat(part.parts)
        yield part


def meaning(chat: Chat) -> dict[str, Any]:
    """What a request means, apart from where a dialect puts it and how it cuts texts."""
    parts = [part for message in chat.messages for part in flat(message.parts)]
    choice = chat.tool_choice
    if choice is not None and choice.mode == "auto" and not choice.names:
        choice = None  # it means nothing else than its absence
    names = choice.names if choice is not None else ()
    tools = [each for each in chat.tools if isinstance(each, Tool) and (not names or each.name in names)]
    offered = sorted(each.name for each in tools)
    texts = "".join(part.text for part in parts if isinstance(part, Text))
    return {
        "letters": Counter("".join(texts.split())),
        "media": [(part.kind, part.url, part.data) for part in parts if isinstance(part, Media)],
        "calls": [
            (part.name, json.loads(part.arguments or "{}")) for part in parts if isinstance(part, ToolCall)
        ],
        "results": len([part for part in parts if isinstance(part, ToolResult)]),
        "tools": [(each.name, each.description) for each in tools],
        "schemas": [dict(each.parameters) for each in tools],
        "choice": (choice.mode, sorted(names) or offered) if choice is not None else None,
    }


def files_in(body: Mapping[str, Any]) -> list[Any]:
    """The files that a request of one dialect names by their addresses."""
    parts = [part for content in body["contents"] for part in content["parts"]]
    return [part["fileData"] for part in parts if "fileData" in part]


def askable(client: Translator, provider: Translator, wanted: Chat) -> dict[str, Any] | None:
    """The request as a client of another dialect would make it; None where it has no words for all of it,
    or the provider's dialect none for how the client says it."""
    losses = Losses()
    body = client.encode_request(wanted, quirks=QUIRKS, losses=losses)
    if not wanted.messages or losses.content:
        return None
    if client.dialect == GEMINI and any("mimeType" not in each for each in files_in(body)):
        return None  # what a file is, is told by its type alone
    there = client.decode_request(Request.of(body))
    provider.encode_request(there, quirks=QUIRKS, losses=losses)
    stored = wanted.extra.get(wanted.dialect, {}).get("~content")
    return None if losses.content or stored else body


class Client:
    """The SDK of a dialect, and how a body is asked with it."""

    def __init__(self, dialect: str, url: str) -> None:
        self.dialect = dialect
        self.openai = AsyncOpenAI(base_url=f"{url}/v1", api_key="pm-test", max_retries=0)
        self.anthropic = AsyncAnthropic(base_url=url, api_key="pm-test", max_retries=0)
        self.plain = httpx.AsyncClient(base_url=url, headers={"x-goog-api-key": "pm-test"}, trust_env=False)

    async def ask(self, body: dict[str, Any], *, stream: bool) -> Said:
        """What the SDK makes of the answer."""
        rest = {
            key: value
            for key, value in body.items()
            if key not in ("model", "messages", "input", "max_tokens")
        }
        rest.pop("stream", None)
        options: dict[str, Any] = {"model": body["model"], "extra_body": rest, "stream": stream}
        answer: Any
        if self.dialect == GEMINI:
            return await self._plainly(body, stream=stream)
        if self.dialect == CHAT:
            if stream:
                rest["stream_options"] = {"include_usage": True}
            if "max_tokens" in body:
                rest["max_tokens"] = body["max_tokens"]
            answer = await self.openai.chat.completions.create(messages=body["messages"], **options)
        elif self.dialect == RESPONSES:
            answer = await self.openai.responses.create(input=body["input"], **options)
        else:
            answer = await self.anthropic.messages.create(
                messages=body["messages"], max_tokens=body.get("max_tokens", 8192), timeout=60, **options
            )
        if not stream:
            return READ[self.dialect](answer.model_dump(warnings=False))
        return READ[self.dialect](
            FOLD[self.dialect]([event.model_dump(warnings=False) async for event in answer])
        )

    async def _plainly(self, body: dict[str, Any], *, stream: bool) -> Said:
        """Model and method stand in the path."""
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        asked = {name: value for name, value in body.items() if name not in ("model", "stream")}
        answer = await self.plain.post(f"/v1beta/models/{body['model']}:{method}", json=asked, timeout=60)
        assert answer.status_code == 200, answer.text
        return READ[GEMINI](FOLD[GEMINI](events_in(answer.content)) if stream else answer.json())


@asynccontextmanager
async def lab(
    client: str, provider: str, recorded: list[Recording]
) -> AsyncIterator[tuple[Client, FakeProvider, Dialects]]:
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(FakeProvider(replaying(recorded)))
        server = await stack.enter_async_context(
            running(CONFIG.format(url=fake.url, dialect=provider), key="pm-test")
        )
        sdk = Client(client, server.url)
        await stack.enter_async_context(sdk.openai)
        await stack.enter_async_context(sdk.anthropic)
        await stack.enter_async_context(sdk.plain)
        yield sdk, fake, server.gateway.setup.dialects


def translator(dialects: Dialects, dialect: str) -> Translator:
    found = dialects.get(dialect, "chat")
    assert isinstance(found, Translator)
    return found


def read_request(dialect: Translator, body: Mapping[str, Any]) -> Chat:
    """What a request says. Some dialects name the model elsewhere."""
    return dialect.decode_request(Request.of({"model": "elsewhere", **body}))


def usable(provider: str, recording: Recording) -> bool:
    """Recordings of whole answers to requests that are there, with one choice."""
    request = recording.request
    if recording.status != 200 or not isinstance(request, dict) or (request.get("n") or 1) > 1:
        return False
    if recording.is_sse and any(event.get("error") for event in events_in(recording.body)):
        return False
    ended = {
        CHAT: (b"finish_reason",),
        MESSAGES: (b"stop_reason",),
        RESPONSES: (b"completed", b"incomplete"),
        GEMINI: (b"finishReason", b"blockReason"),
    }[provider]
    return any(word in recording.body for word in ended)


@pytest.mark.parametrize(("client", "provider"), PAIRS)
async def test_what_was_recorded_is_kept_through_the_sdk_of_another_dialect(
    client: str, provider: str
) -> None:
    assert SHARED is not None
    found = recordings(SHARED, path=lambda path: path.partition("?")[0].endswith(ENDINGS[provider]))
    recorded = [each for each in found if usable(provider, each)]
    differing: dict[str, Any] = {}
    compared = 0
    async with lab(client, provider, recorded) as (sdk, fake, dialects):
        one, other = translator(dialects, client), translator(dialects, provider)
        for recording in recorded:
            wanted = read_request(other, recording.request)
            body = askable(one, other, wanted)
            if body is None:
                continue
            said = await sdk.ask({**body, "model": f"lab/{recording.id}"}, stream=recording.is_sse)
            expected = recorded_answer(provider, recording)
            if expected.tokens is None:
                said.tokens = None
            sent = read_request(other, fake.requests[-1].json)
            if said != expected:
                differing[recording.id] = ("answer", said, expected)
            elif meaning(sent) != meaning(wanted):
                differing[recording.id] = ("request", meaning(sent), meaning(wanted))
            compared += 1
    assert differing == {}
    assert compared > 100

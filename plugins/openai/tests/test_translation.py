"""Recorded traffic, read into canonical form and written back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from pointsman.dialects import Quirks
from pointsman.errors import UpstreamStatus
from pointsman.events import Event, accumulate, explode
from pointsman.losses import Losses
from pointsman.sealing import unseal
from pointsman.sse import Splitter
from pointsman.types import Peek, Reasoning, Request, Response, Text, ToolCall
from pointsman_openai.codecs import ChatCodec

CODEC = ChatCodec()
QUIRKS = Quirks()
EXPLAINED = {
    "choices.logprobs added": "null where nothing is told",
    "choices.message.content added": "null where there is none",
    "choices.message.refusal added": "null where there is none",
    "choices.message.tool_calls.type added": "a call is whole",
    "choices.message.tool_calls.function.arguments added": "a call is whole",
    "choices.message.tool_calls.id changed": "a call has an id",
    "choices.finish_reason changed": "a word of the dialect",
    "usage.prompt_tokens_details added": "all counts are told",
    "usage.prompt_tokens_details changed": "all counts are told",
    "usage.completion_tokens_details added": "all counts are told",
    "usage.completion_tokens_details changed": "all counts are told",
}


@pytest.fixture
def chats(recordings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [each for each in recordings if each["path_url"].endswith("/chat/completions")]
    assert len(found) > 100
    return found


def asked(record: dict[str, Any]) -> Request:
    return Request(json.dumps(record["request"]).encode())


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before.keys() | after.keys():
            place = f"{path}.{name}".lstrip(".")
            if name not in before:
                yield f"{place} added"
            elif name not in after:
                yield f"{place} removed"
            else:
                yield from differences(before[name], after[name], place)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            yield from differences(one, other, path)
    elif before != after:
        yield f"{path} changed"


def test_every_recorded_request_comes_back_as_it_was(chats: list[dict[str, Any]]) -> None:
    for record in chats:
        losses = Losses()
        chat = CODEC.decode_request(asked(record))
        body = CODEC.encode_request(chat, quirks=QUIRKS, losses=losses)
        assert json.loads(json.dumps(body)) == record["request"], record["id"]
        assert losses == Losses(), record["id"]


def test_every_recorded_request_is_a_request_of_a_foreign_client_too(chats: list[dict[str, Any]]) -> None:
    """What the client's dialect was called changes how it is written, and never breaks it."""
    for record in chats:
        chat = CODEC.decode_request(asked(record))
        chat.dialect = "another"
        body = CODEC.encode_request(chat, quirks=QUIRKS, losses=Losses())
        CODEC.decode_request(Request.of(body))


def test_every_recorded_answer_comes_back_as_it_was(chats: list[dict[str, Any]]) -> None:
    found: Counter[str] = Counter()
    losses = Losses()
    for record in chats:
        if record["status"] == 200 and not record["is_sse"]:
            answer = CODEC.decode_response(record["response_body"].encode(), quirks=QUIRKS)
            written = CODEC.encode_response(answer, request=asked(record), losses=losses)
            found.update(differences(json.loads(record["response_body"]), json.loads(written)))
    assert found.keys() <= EXPLAINED.keys(), found
    assert losses == Losses()


def opened(thought: Reasoning) -> Reasoning:
    """A thought as its maker told it, sealed or not."""
    return unseal(thought.signature or thought.redacted or "", thought.text) or thought


def said(answer: Response) -> list[Any]:
    """What an answer tells, whatever way it came."""
    told: list[Any] = []
    for choice in answer.choices:
        parts = choice.message.parts
        thoughts = [opened(part) for part in parts if isinstance(part, Reasoning)]
        texts = [part for part in parts if isinstance(part, Text)]
        told.append(
            (
                "".join(part.text for part in thoughts),
                [(part.signature, part.redacted) for part in thoughts if part.signature or part.redacted],
                "".join(part.text for part in texts if not part.refusal),
                "".join(part.text for part in texts if part.refusal),
                [citation.url for part in texts for citation in part.citations],
                [each for part in texts for each in part.logprobs or ()],
                [
                    (part.id, part.name, part.arguments or "{}")
                    for part in parts
                    if isinstance(part, ToolCall)
                ],
                choice.finish.reason,
            )
        )
    return told


def streamed(events: list[Event], record: dict[str, Any], choices: int) -> Response:
    """The answer that our own stream of these events tells."""
    peek = Peek("m", stream=True, choices=choices, usage_in_stream=True)
    encoder = CODEC.encode_stream(peek=peek, request=asked(record), losses=Losses())
    data = b"".join(map(encoder.feed, events)) + b"".join(end for end, _ in encoder.finish())
    return accumulate(read(data, peek))


def read(data: bytes, peek: Peek) -> list[Event]:
    decoder = CODEC.decode_stream(peek=peek, quirks=QUIRKS)
    events = [event for each in Splitter(2**23).feed(data) for event in decoder.feed(each)]
    assert decoder.complete
    return events + decoder.finish()


def test_every_recorded_stream_keeps_what_it_says(chats: list[dict[str, Any]]) -> None:
    streams = 0
    for record in chats:
        if record["status"] != 200 or not record["is_sse"]:
            continue
        choices = record["request"].get("n") or 1
        try:
            events = read(record["response_body"].encode(), Peek("m", stream=True, choices=choices))
        except UpstreamStatus:
            continue
        answer = accumulate(events)
        again = streamed(events, record, choices)
        assert said(again) == said(answer), record["id"]
        assert (again.id, again.model, again.created) == (answer.id, answer.model, answer.created)
        assert (again.usage is None) == (answer.usage is None)
        if answer.usage is not None and again.usage is not None:
            assert again.usage.input == answer.usage.input, record["id"]
            assert again.usage.output == answer.usage.output, record["id"]
        for choice in answer.choices:
            for part in choice.message.parts:
                if isinstance(part, ToolCall):
                    json.loads(part.arguments or "{}")
        streams += 1
    assert streams > 20


def test_every_recorded_answer_says_the_same_as_a_stream(chats: list[dict[str, Any]]) -> None:
    for record in chats:
        if record["status"] == 200 and not record["is_sse"]:
            answer = CODEC.decode_response(record["response_body"].encode(), quirks=QUIRKS)
            again = streamed(list(explode(answer)), record, len(answer.choices))
            assert said(again) == said(answer), record["id"]

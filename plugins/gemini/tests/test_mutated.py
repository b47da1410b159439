"""Requests with anything in any place: they are read, forwarded and told to every dialect, or refused."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.dialects import Quirks, Translator
from pointsman.errors import BadRequest
from pointsman.losses import Losses
from pointsman.types import Reasoning, Request
from pointsman_anthropic.codecs import MessagesCodec
from pointsman_gemini import ContentCodec, EmbedCodec
from pointsman_gemini.parts import sealed
from pointsman_openai import ChatCodec, ResponsesCodec

SIGNATURE = sealed(Reasoning("Hm.", "c2ln", origin="anthropic-messages"))
CHAT: dict[str, Any] = {
    "model": "m",
    "contents": [
        {
            "role": "user",
            "parts": [
                {"text": "Hi"},
                {"inlineData": {"mimeType": "image/png", "data": "aGk="}, "fileData": None},
                {"fileData": {"fileUri": "https://a/b.png", "mimeType": "image/png"}},
            ],
        },
        {
            "role": "model",
            "parts": [
                {"text": "Hm.", "thought": True, "thoughtSignature": SIGNATURE},
                {"text": "So.", "thought_signature": "c2ln"},
                {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"},
            ],
        },
        {
            "parts": [
                {"functionResponse": {"name": "f", "response": {"output": "x"}, "parts": [{"text": "y"}]}}
            ]
        },
    ],
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "f",
                    "description": "d",
                    "parameters": {
                        "type": "OBJECT",
                        "properties": {"a": {"type": "STRING", "nullable": True}},
                    },
                }
            ]
        },
        {"googleSearch": {}},
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    "generationConfig": {
        "temperature": 1,
        "stopSequences": ["a"],
        "thinkingConfig": {"thinkingBudget": 5, "thinkingLevel": "low", "includeThoughts": True},
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT"},
        "responseLogprobs": True,
        "logprobs": 3,
        "candidateCount": 2,
        "maxOutputTokens": 9,
    },
    "serviceTier": "flex",
    "safetySettings": [{"category": "X", "threshold": "Y"}],
}
EMBED: dict[str, Any] = {
    "model": "m",
    "requests": [
        {"content": {"parts": [{"text": "x"}]}, "outputDimensionality": 5},
        {"content": {"parts": []}},
    ],
}
ODD: list[Any] = [
    *(None, True, 0, -1, 1.5, 10**400, "", "text", "\ud800", [], ["x"], [5], [None], [[]], [{}]),
    *({}, {"a": 1}, {"name": 5}, {"text": {}}, {"parts": 5}),
]
PARAMS = {"temperature": 0.5, "stop": "x", "max_tokens": 5, "safetySettings": []}
CLIENTS: list[Translator] = [ContentCodec(), ChatCodec(), ResponsesCodec(), MessagesCodec()]
QUIRKS = Quirks()


def replaced(body: dict[str, Any], changes: list[tuple[int, int]]) -> bytes:
    """A request in which some values are others: by number of the place, and of what stands there."""
    copy = deepcopy(body)
    for number, odd in changes:
        places: list[tuple[Any, Any]] = [(copy, name) for name in copy]
        for holder, name in places:  # grows as it goes
            inner = holder[name]
            keys = inner if isinstance(inner, dict) else range(len(inner) if isinstance(inner, list) else 0)
            places += [(inner, each) for each in keys]
        holder, name = places[number % len(places)]
        holder[name] = deepcopy(ODD[odd])
    return json.dumps(copy).encode()


changes = st.lists(st.tuples(st.integers(0, 999), st.integers(0, len(ODD) - 1)), min_size=1, max_size=2)


@pytest.mark.parametrize(
    ("codec", "body"), [(ContentCodec(), CHAT), (EmbedCodec(), EMBED)], ids=["chat", "embeddings"]
)
@settings(max_examples=400, deadline=None)
@given(changes=changes)
def test_whatever_is_in_a_request_it_is_read_or_refused(
    codec: Translator, body: dict[str, Any], changes: list[tuple[int, int]]
) -> None:
    request = Request(replaced(body, changes))
    try:
        peek = codec.peek(request)
        sent, _ = codec.forward(request, model="m", peek=peek, quirks=QUIRKS, params=PARAMS)
        assert isinstance(json.loads(sent), dict)
        chat = codec.decode_request(request)
    except BadRequest:
        return
    for other in CLIENTS if codec.surface == "chat" else [codec]:
        written = Request.of(other.encode_request(chat, quirks=QUIRKS, losses=Losses()))
        assert other.forward(written, model="m", peek=peek, quirks=QUIRKS, params={})[0]


def test_what_is_as_it_should_be_is_read() -> None:
    for codec, body in ((ContentCodec(), CHAT), (EmbedCodec(), EMBED)):
        request = Request.of(body)
        assert codec.peek(request).model == "m"
        assert codec.decode_request(request).messages

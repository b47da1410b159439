"""Canonical answers as whole answers of this dialect."""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from pointsman.types import Choice, Embeddings, Media, Message, Reasoning, Request, Response, Text, ToolCall

from .errors import DIALECT
from .usage import usage_object

__all__ = ["call_object", "encode_chat", "encode_completion", "encode_embeddings", "image_object"]


def encode_chat(response: Response) -> bytes:
    """A `chat.completion`."""
    choices = [_choice(index, choice) for index, choice in enumerate(response.choices)]
    return _answer("chat.completion", response, choices)


def encode_completion(response: Response) -> bytes:
    """A `text_completion`."""
    choices = [
        {
            "index": index,
            "text": choice.message.text,
            "logprobs": None,
            "finish_reason": choice.finish.reason,
            **choice.extra.get(DIALECT, {}),
        }
        for index, choice in enumerate(response.choices)
    ]
    return _answer("text_completion", response, choices)


def encode_embeddings(embeddings: Embeddings, *, request: Request) -> bytes:
    """A list of embeddings: numbers, or base64 of little-endian 32-bit floats where the client asks so."""
    packed = bytes(request.fields.get("encoding_format", msgspec.Raw(b"null"))) == b'"base64"'
    body: dict[str, Any] = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _packed(vector) if packed else vector}
            for index, vector in enumerate(embeddings.vectors)
        ],
        "model": embeddings.model,
    }
    if embeddings.usage is not None:
        tokens = embeddings.usage.input
        body["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    return msgspec.json.encode(body)


def _packed(vector: list[float]) -> bytes:
    """The vector's 32-bit floats; msgspec writes bytes as base64."""
    return struct.pack(f"<{len(vector)}f", *vector)


def _answer(kind: str, response: Response, choices: list[dict[str, Any]]) -> bytes:
    body = {
        "id": response.id,
        "object": kind,
        "created": response.created,
        "model": response.model,
        "choices": choices,
        **response.extra.get(DIALECT, {}),
    }
    if response.usage is not None:
        body["usage"] = usage_object(response.usage)
    return msgspec.json.encode(body)


def _choice(index: int, choice: Choice) -> dict[str, Any]:
    return {
        "index": index,
        "message": _message(choice.message),
        "logprobs": None,
        "finish_reason": choice.finish.reason,
        **choice.extra.get(DIALECT, {}),
    }


def _message(message: Message) -> dict[str, Any]:
    """An assistant's message. Its content is null where it only calls tools."""
    calls = [call_object(part) for part in message.parts if isinstance(part, ToolCall)]
    spoke = any(isinstance(part, Text) for part in message.parts)
    body: dict[str, Any] = {
        "role": "assistant",
        "content": message.text if spoke or not calls else None,
        "refusal": None,
    }
    thought = "".join(part.text for part in message.parts if isinstance(part, Reasoning))
    if thought:
        body["reasoning_content"] = thought
    if calls:
        body["tool_calls"] = calls
    media = (part for part in message.parts if isinstance(part, Media))
    images = [image_object(part) for part in media if part.kind == "image"]
    if images:
        body["images"] = images
    return {**body, **message.extra.get(DIALECT, {})}


def call_object(call: ToolCall) -> dict[str, Any]:
    """A tool call as this dialect writes it."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def image_object(image: Media) -> dict[str, Any]:
    """A picture as this dialect writes it."""
    url = image.url or f"data:{image.mime};base64,{image.data}"
    return {"type": "image_url", "image_url": {"url": url}}

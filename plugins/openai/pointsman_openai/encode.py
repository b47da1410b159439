"""Canonical answers as whole answers of this dialect."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from pointsman.losses import Losses
from pointsman.members import names
from pointsman.types import (
    Choice,
    Embeddings,
    Finish,
    Media,
    Message,
    Part,
    Reasoning,
    Request,
    Response,
    Text,
    ToolCall,
    Unknown,
)

from .errors import DIALECT
from .notes import members, note
from .parts import IN_CONTENT, content_value, part_object
from .reasoning import thought_members
from .tools import call_object, custom_names, is_call
from .turns import citation_object, citations_of, image_object, in_content, is_plain, turn_parts
from .usage import written_usage

__all__ = [
    "encode_chat",
    "encode_completion",
    "encode_embeddings",
    "finish_word",
    "report_part",
    "word_of",
]


def encode_chat(response: Response, *, request: Request, losses: Losses) -> bytes:
    """A `chat.completion`, in answer to a request: calls of its custom tools are unwrapped."""
    custom = custom_names(request)
    choices = [_choice(index, choice, custom, losses) for index, choice in enumerate(response.choices)]
    return _answer("chat.completion", response, choices, losses)


def encode_completion(response: Response, *, losses: Losses) -> bytes:
    """A `text_completion`: text, and nothing else."""
    for choice in response.choices:
        for part in choice.message.parts:
            if not isinstance(part, Text):
                losses.answered(word_of(part))
    choices = [
        {
            "index": index,
            "text": choice.message.text,
            "logprobs": None,
            "finish_reason": finish_word(choice.finish),
            **members(choice.extra),
        }
        for index, choice in enumerate(response.choices)
    ]
    return _answer("text_completion", response, choices, losses)


def encode_embeddings(embeddings: Embeddings, *, request: Request) -> bytes:
    """A list of embeddings: numbers, or base64 of little-endian 32-bit floats where the client asks so."""
    packed = bytes(request.fields.get("encoding_format", msgspec.Raw(b"null"))) == b'"base64"'
    body: dict[str, Any] = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _packed(vector) if packed else vector}
            for index, vector in enumerate(embeddings.vectors)
        ],
        "model": embeddings.model or names(request.fields)[0],
    }
    if embeddings.usage is not None:
        tokens = embeddings.usage.input
        body["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    return msgspec.json.encode(body)


def _packed(vector: list[float]) -> bytes:
    """The vector's 32-bit floats; msgspec writes bytes as base64."""
    return struct.pack(f"<{len(vector)}f", *vector)


def _answer(kind: str, response: Response, choices: list[dict[str, Any]], losses: Losses) -> bytes:
    losses.answered_extras(response.extra, own=DIALECT)
    body = {
        "id": response.id,
        "object": kind,
        "created": response.created,
        "model": response.model,
        "choices": choices,
        **members(response.extra),
    }
    if response.usage is not None:
        body["usage"] = written_usage(response.usage)
        if response.usage.service_tier is not None:
            body["service_tier"] = response.usage.service_tier
    return msgspec.json.encode(body)


def finish_word(finish: Finish) -> str:
    """Why an answer ended, in this dialect's words."""
    return "function_call" if finish.native == "function_call" else finish.reason


def _choice(index: int, choice: Choice, custom: frozenset[str], losses: Losses) -> dict[str, Any]:
    losses.answered_extras(choice.extra, own=DIALECT, path="choices")
    own = members(choice.extra)
    if choice.finish.sequence is not None and "stop_reason" not in own:
        losses.answered("stop_sequence")
    return {
        "index": index,
        "message": _message(choice.message, custom, losses),
        "logprobs": _logprobs(choice.message),
        "finish_reason": finish_word(choice.finish),
        **own,
    }


def _logprobs(message: Message) -> dict[str, Any] | None:
    """The log probabilities of the texts, those of refusals apart."""
    told = [part for part in message.parts if isinstance(part, Text) and part.logprobs]
    if not told:
        return None
    found: dict[str, list[Any] | None] = {"content": None, "refusal": None}
    for part in told:
        name = "refusal" if part.refusal else "content"
        found[name] = [*(found[name] or ()), *(part.logprobs or ())]
    if note(message.extra, "~logprobs") == "content" and found["refusal"] is None:
        del found["refusal"]
    return found


def _message(message: Message, custom: frozenset[str], losses: Losses) -> dict[str, Any]:
    """An assistant's message. Its content is null where it only calls tools, or declines."""
    losses.answered_extras(message.extra, own=DIALECT, path="message")
    objects: list[dict[str, Any]] = []
    calls: list[Any] = []
    images: list[dict[str, Any]] = []
    for part in message.parts:
        report_part(part, losses)
        if isinstance(part, ToolCall):
            if not part.extra or not note(part.extra, "~older"):
                calls.append(call_object(part, custom=custom))
        elif isinstance(part, Unknown) and part.dialect == DIALECT and is_call(part.data):
            calls.append(part.data)
        elif isinstance(part, Media) and not in_content(part):
            image = image_object(part)
            if image is not None:
                images.append(image)
        elif in_content(part):
            written = part_object(part, cache=False)
            if written is None:
                losses.answered(word_of(part))
            else:
                objects.append(written)
    body: dict[str, Any] = {"role": "assistant", "content": _content(message, objects), "refusal": None}
    if not is_plain(message):
        body.update(thought_members(message))
        body.update(turn_parts(message))
        body.update(_annotations(message.parts, losses))
    if calls:
        body["tool_calls"] = calls
    if images:
        body["images"] = images
    body.update(members(message.extra))
    return body


def _content(message: Message, objects: list[dict[str, Any]]) -> Any:
    if not objects:
        silent = any(
            isinstance(part, ToolCall) or (isinstance(part, Text) and part.refusal) for part in message.parts
        )
        return content_value(message.extra, objects, joined="", empty=None if silent else "")
    if note(message.extra, IN_CONTENT) != "list" and all(
        each.get("type") == "text" and isinstance(each.get("text"), str) for each in objects
    ):
        return "".join([each["text"] for each in objects])
    return objects


def _annotations(parts: Sequence[Part], losses: Losses) -> dict[str, Any]:
    """The member that tells the citations of the texts, where they are of pages."""
    found: list[dict[str, Any]] = []
    for citation, offset in citations_of(parts):
        losses.answered_extras(citation.extra, own=DIALECT, path="citations")
        written = citation_object(citation, offset=offset)
        if written is None:
            losses.answered("citations")
        else:
            found.append(written)
    return {"annotations": found} if found else {}


def report_part(part: Part, losses: Losses) -> None:
    """Report what of a part this dialect has no place for."""
    if isinstance(part, Unknown):
        if part.dialect != DIALECT:
            losses.answered(word_of(part))
        return
    if part.extra:
        losses.answered_extras(part.extra, own=DIALECT, path="content")
    if isinstance(part, Media) and not in_content(part) and image_object(part) is None:
        losses.answered(word_of(part))


def word_of(part: Part) -> str:
    """What a part is called where it is reported as lost."""
    if isinstance(part, Unknown):
        kind = part.data.get("type") if isinstance(part.data, dict) else None
        return kind if isinstance(kind, str) else f"part of {part.dialect}"
    if isinstance(part, Media):
        return part.kind
    return {Reasoning: "reasoning", ToolCall: "tool_calls"}.get(type(part), type(part).__name__.lower())

"""The wire format in which faults are written: chunks, answers and errors of dialect `openai-chat`."""

from __future__ import annotations

import json
from typing import Any

from pointsman.testing.script import Script, Step

__all__ = ["DONE", "HELLO", "answer", "chunk", "error", "event", "events", "failing", "said", "usage"]

HEAD = {"id": "chatcmpl-fault", "created": 1, "model": "fault"}
DONE = b"data: [DONE]\n\n"


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def event(data: Any) -> bytes:
    """One event of a stream."""
    return b"data: " + _json(data) + b"\n\n"


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    """The event of one `chat.completion.chunk`."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({**HEAD, "object": "chat.completion.chunk", "choices": [choice]})


def said(text: str) -> bytes:
    """A chunk of content."""
    return chunk({"content": text})


def usage(given: int, written: int) -> bytes:
    """The event that tells the usage."""
    return event({**HEAD, "object": "chat.completion.chunk", "choices": [], "usage": _usage(given, written)})


def _usage(given: int, written: int) -> dict[str, int]:
    return {"prompt_tokens": given, "completion_tokens": written, "total_tokens": given + written}


def answer(text: str) -> bytes:
    """A whole `chat.completion`."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return _json({**HEAD, "object": "chat.completion", "choices": [choice], "usage": _usage(5, 3)})


def error(message: str, kind: str) -> dict[str, Any]:
    """An error object."""
    return {"error": {"message": message, "type": kind, "param": None, "code": kind}}


def failing(status: int, message: str, kind: str, **headers: str) -> Script:
    """An answer with an error in it; underscores in the names of headers stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Script.json(error(message, kind), status=status, headers=named)


def events(*steps: bytes | Step) -> Script:
    """A stream."""
    return Script.sse(steps)


HELLO = (chunk({"role": "assistant", "content": ""}), said("Hello"), said(" there"), said(" friend"))
"""A role and three chunks of content."""

"""The tap: reads usage, finish and errors from an answer as it passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.dialects import Mark
from pointsman.errors import MalformedAnswer
from pointsman.members import BAD_JSON
from pointsman.sse import data_of, event_name
from pointsman.types import Usage

from .errors import fault_in, stream_fault
from .usage import usage_in

__all__ = ["TERMINAL", "ResponsesTap", "native_finish", "read_answer"]

TERMINAL = frozenset({"response.completed", "response.incomplete"})
_ITEMS = frozenset({"response.output_item.added", "response.output_item.done"})
_WRITTEN = ("content", "summary", "encrypted_content")
"""What holds something in an item that is a message or a thought."""
CALLS = ("function_call", "custom_tool_call")
_NOTHING, _CONTENT = Mark.NOTHING, Mark.CONTENT
_END = Mark.FINISH | Mark.HOLD
_LAST = _END | Mark.DONE


class _Event(msgspec.Struct, gc=False):
    type: Any = None
    delta: Any = None
    partial_image_b64: Any = None
    item: Any = None
    error: Any = None


_event = msgspec.json.Decoder(_Event)
_object = msgspec.json.Decoder(dict[str, Any])


class ResponsesTap:
    """See `pointsman.dialects.Tap`."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.finish: str | None = None
        self.model: str | None = None
        self.output_characters = 0
        self.complete = False

    def feed(self, event: bytes) -> Mark:
        """See `Tap.feed`. `[DONE]` ends a stream whose events have no names; elsewhere none comes."""
        data = data_of(event)
        if data is None:
            return _NOTHING
        if data.strip() == b"[DONE]":
            return Mark.DONE
        try:
            parsed = _event.decode(data)
        except BAD_JSON as error:
            raise _nonsense(error) from None
        kind = parsed.type if isinstance(parsed.type, str) else event_name(event) or ""
        if kind.endswith(".delta"):
            return self._delta(parsed.delta)
        if kind in _ITEMS:
            return _CONTENT if _holds_something(parsed.item) else _NOTHING
        if parsed.partial_image_b64:
            return _CONTENT
        if kind in TERMINAL:
            self._end(_read(data))
            return _LAST if event_name(event) else _END
        if parsed.error or kind in ("response.failed", "error", "response.error"):
            self._failed(kind, _read(data))
        return _NOTHING

    def whole(self, body: bytes) -> None:
        """See `Tap.whole`."""
        answer = _read_object(body)
        self.usage, self.model = usage_in(answer), _text(answer.get("model"))
        _check(answer)
        fault = fault_in(answer, phase="body")
        if fault is not None:
            raise fault
        self._finished(answer)

    def _delta(self, delta: Any) -> Mark:
        if not delta:
            return _NOTHING
        self.output_characters += len(delta) if isinstance(delta, str) else 1
        return _CONTENT

    def _end(self, event: dict[str, Any]) -> None:
        answer = event.get("response")
        if not isinstance(answer, dict):
            raise MalformedAnswer("the provider's last event has no response", phase="stream")
        self.usage, self.model = usage_in(answer), _text(answer.get("model"))
        self._finished(answer)

    def _finished(self, answer: dict[str, Any]) -> None:
        output, calls = answer.get("output"), False
        if isinstance(output, list):
            self.output_characters = max(self.output_characters, _characters(output))
            calls = any(isinstance(item, dict) and item.get("type") in CALLS for item in output)
        self.finish = native_finish(answer)
        if calls and self.finish == "completed":
            self.finish = "tool_calls"
        self.complete = True

    def _failed(self, kind: str, event: dict[str, Any]) -> None:
        answer = event.get("response")
        if isinstance(answer, dict):
            self.usage, self.model = usage_in(answer), _text(answer.get("model"))
        fault = stream_fault(kind, event)
        if fault is not None:
            raise fault


def _text(value: Any) -> str | None:
    """A name; None for what is none."""
    return value if isinstance(value, str) and value else None


def read_answer(body: bytes) -> dict[str, Any]:
    """A whole answer. Raises MalformedAnswer for what is none, but not for an error it tells."""
    answer = _read_object(body)
    _check(answer)
    return answer


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = _object.decode(body)
    except BAD_JSON as error:
        raise MalformedAnswer(
            "the provider's answer is not a JSON object", phase="body", detail=str(error)
        ) from None
    return answer


def _check(answer: dict[str, Any]) -> None:
    if not isinstance(answer.get("output"), list) and fault_in(answer, phase="body") is None:
        raise MalformedAnswer("the provider's answer has no list of output", phase="body")


def native_finish(answer: Mapping[str, Any]) -> str:
    """Why an answer ended, in the provider's word: its status, or why it is incomplete.

    One that stopped for its calls to be made says no more than `completed`.
    """
    details = answer.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    if isinstance(reason, str):
        return reason
    status = answer.get("status")
    return status if isinstance(status, str) else "completed"


def _read(data: bytes) -> dict[str, Any]:
    try:
        event: dict[str, Any] = _object.decode(data)
    except BAD_JSON as error:
        raise _nonsense(error) from None
    return event


def _nonsense(error: Exception) -> MalformedAnswer:
    return MalformedAnswer(
        "the provider sent an event that is not of its dialect", phase="stream", detail=str(error)
    )


def _holds_something(item: Any) -> bool:
    """Whether an item is more than the beginning of a message or thought: a call is content at once."""
    if not isinstance(item, dict):
        return False
    if item.get("type") in ("message", "reasoning"):
        return any(item.get(name) for name in _WRITTEN)
    return True


def _characters(value: Any) -> int:
    """How much a model wrote in items: texts, arguments, inputs."""
    if isinstance(value, list):
        return sum(map(_characters, value))
    if not isinstance(value, dict):
        return 0
    texts = (value.get(name) for name in ("text", "refusal", "arguments", "input"))
    inner = (value.get(name) for name in ("content", "summary"))
    return sum(len(text) for text in texts if isinstance(text, str)) + sum(map(_characters, inner))

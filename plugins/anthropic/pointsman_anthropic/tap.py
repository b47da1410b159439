"""The tap: reads usage, finish and errors from an answer as it passes."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.dialects import Mark
from pointsman.members import BAD_JSON
from pointsman.sse import data_of, has_name
from pointsman.types import Usage

from .errors import error_in, nonsense, reported
from .usage import merged, read_usage

__all__ = ["CountTap", "MessagesTap", "StreamEvent", "parse_event", "parse_whole"]


class StreamEvent(msgspec.Struct, gc=False):
    """An event of a stream. Members may be of any type: hosts differ."""

    type: Any = None
    index: Any = None
    message: Any = None
    content_block: Any = None
    delta: Any = None
    usage: Any = None
    error: Any = None
    context_management: Any = None


_event = msgspec.json.Decoder(StreamEvent)
_object = msgspec.json.Decoder(dict[str, Any])
_NOTHING, _CONTENT, _DONE = Mark.NOTHING, Mark.CONTENT, Mark.DONE
_FINISH = Mark.FINISH | Mark.HOLD
WRITTEN = ("text", "thinking", "partial_json")
"""The members of a delta that hold what a model wrote."""


def parse_event(event: bytes) -> StreamEvent | None:
    """What an event says, or None where it says nothing. Raises UpstreamStatus for one that tells of an
    error, and MalformedAnswer for nonsense."""
    data = data_of(event)
    if data is None:
        return None
    named = has_name(event, data, "error")
    try:
        if not data.isascii():
            data.decode()
        parsed = _event.decode(data)
    except BAD_JSON as error:
        text = data.strip()
        if text in (b"", b"[DONE]"):  # some hosts end every stream as another dialect does
            return None
        if named:
            raise reported(text.decode("utf-8", "replace"), phase="stream") from None
        raise nonsense("the provider sent an event that is not of its dialect", error) from None
    if named or parsed.type == "error" or (parsed.type is None and parsed.error):
        raise reported(parsed.error or _object.decode(data), phase="stream")
    return parsed


def parse_whole(body: bytes, holds: str) -> dict[str, Any]:
    """A whole answer, which must have the member it `holds`. Raises as `parse_event` does."""
    answer = _parse_object(body)
    _check(answer, holds)
    return answer


def _parse_object(body: bytes) -> dict[str, Any]:
    try:
        return _object.decode(body)
    except BAD_JSON as error:
        raise nonsense("the provider's answer is not a JSON object", error, phase="body") from None


def _check(answer: dict[str, Any], holds: str) -> None:
    fault = error_in(answer)
    if fault is None and holds not in answer:
        fault = answer.get("error")
    if fault:
        raise reported(fault, phase="body")
    if holds not in answer:
        raise nonsense(f"the provider's answer has no {holds}", phase="body")


class MessagesTap:
    """See `pointsman.dialects.Tap`."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.finish: str | None = None
        self.model: str | None = None
        self.output_characters = 0
        self.complete = False
        """A stop reason has come, or the terminal event after some of the answer."""
        self._raw: dict[str, Any] | None = None
        self._begun = False

    def feed(self, event: bytes) -> Mark:
        """See `Tap.feed`."""
        parsed = parse_event(event)
        if parsed is None:
            return _NOTHING
        kind = parsed.type
        if kind == "content_block_delta":
            return self._delta(parsed.delta)
        if kind == "content_block_start":
            self._begun = True
            return self._block(parsed.content_block)
        if kind == "message_start":
            self._begun = True
            if isinstance(parsed.message, dict):
                self.model = _text(parsed.message.get("model"))
                self._use(parsed.message.get("usage"))
        elif kind == "message_delta":
            self._use(parsed.usage)
            reason = parsed.delta.get("stop_reason") if isinstance(parsed.delta, dict) else None
            if isinstance(reason, str):
                self.finish = reason
                self.complete = True
                return _FINISH
        elif kind == "message_stop":
            self.complete = self.complete or self._begun
            return _DONE
        return _NOTHING

    def _delta(self, delta: Any) -> Mark:
        if not isinstance(delta, dict):
            return _NOTHING
        for name in WRITTEN:
            text = delta.get(name)
            if isinstance(text, str) and text:
                self.output_characters += len(text)
                return _CONTENT
        return _CONTENT if delta.get("type") == "citations_delta" else _NOTHING

    def _block(self, block: Any) -> Mark:
        """A block that begins: content, but for a text or thought that is still empty."""
        if not isinstance(block, dict):
            return _NOTHING
        kind = block.get("type")
        if kind not in ("text", "thinking"):
            return _CONTENT
        text = block.get(kind)
        if not isinstance(text, str) or not text:
            return _NOTHING
        self.output_characters += len(text)
        return _CONTENT

    def _use(self, data: Any) -> None:
        self._raw = merged(self._raw, data)
        self.usage = read_usage(self._raw) or self.usage

    def whole(self, body: bytes) -> None:
        """See `Tap.whole`."""
        answer = _parse_object(body)
        self.usage, self.model = read_usage(answer.get("usage")), _text(answer.get("model"))
        _check(answer, "content")
        reason = answer.get("stop_reason")
        self.finish = reason if isinstance(reason, str) else None
        blocks = answer["content"]
        if not isinstance(blocks, list):
            raise nonsense("the provider's answer has no list of content", phase="body")
        for block in blocks:
            if isinstance(block, dict):
                self.output_characters += _characters(block)
        self.complete = True


def _text(value: Any) -> str | None:
    """A name; None for what is none."""
    return value if isinstance(value, str) and value else None


def _characters(block: dict[str, Any]) -> int:
    """How much a model wrote in a block."""
    written = block.get("text") or block.get("thinking") or block.get("input")
    if isinstance(written, str):
        return len(written)
    return len(msgspec.json.encode(written)) if written else 0


class CountTap:
    """The tap of a count of tokens, which uses none itself."""

    finish: str | None = None
    model: str | None = None
    output_characters = 0

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.complete = False

    def feed(self, event: bytes) -> Mark:
        """Raises MalformedAnswer: a count is no stream."""
        raise nonsense("the provider answered with a stream where a count was asked for")

    def whole(self, body: bytes) -> None:
        """See `Tap.whole`."""
        self.usage = Usage(raw=parse_whole(body, "input_tokens"))
        self.complete = True

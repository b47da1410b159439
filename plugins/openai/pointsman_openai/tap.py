"""The tap: reads usage, finish and errors from an answer as it passes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from pointsman.dialects import Mark, Quirks
from pointsman.errors import MalformedAnswer, UpstreamError
from pointsman.members import BAD_JSON
from pointsman.sse import data_of, has_name
from pointsman.types import Peek, Usage

from .errors import error_in, reported
from .usage import read_usage, served

__all__ = ["OpenAITap", "read_event", "read_whole"]


class _Delta(msgspec.Struct, gc=False):
    """What a choice gained. A value may be a text, or a list of parts, or whatever a host thinks fit."""

    content: Any = None
    reasoning: Any = None
    reasoning_content: Any = None
    reasoning_details: Any = None
    refusal: Any = None
    tool_calls: Any = None
    function_call: Any = None
    audio: Any = None
    images: Any = None

    def is_text(self) -> bool:
        """Whether it is text and nothing else: what nearly every delta is."""
        return bool(
            self.content.__class__ is str
            and self.content
            and not (
                self.reasoning
                or self.reasoning_content
                or self.reasoning_details
                or self.refusal
                or self.tool_calls
                or self.function_call
                or self.audio
                or self.images
            )
        )

    def parts(self) -> tuple[Any, ...]:
        """Everything in it that is content. Reasoning details repeat what `reasoning` says."""
        thought = self.reasoning or self.reasoning_content or self.reasoning_details
        return (
            self.content,
            thought,
            self.refusal,
            self.tool_calls,
            _filled(self.function_call),
            _filled(self.audio),
            self.images,
        )


class _Choice(msgspec.Struct, gc=False):
    index: int | None = 0
    delta: _Delta | None = None
    text: str | None = None
    finish_reason: str | None = None


class _GroqPart(msgspec.Struct, gc=False):
    usage: Any = None


class _Event(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    object: Any = None
    x_groq: _GroqPart | None = None


class _Opening(_Event, gc=False):
    """An event as long as the model is not known: later ones are not searched for it."""

    model: Any = None


class _PlainDelta(msgspec.Struct, gc=False):
    content: Annotated[str, msgspec.Meta(min_length=1)]
    reasoning: None = None
    reasoning_content: None = None
    reasoning_details: None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None
    audio: None = None
    images: None = None


class _PlainChoice(msgspec.Struct, gc=False):
    delta: _PlainDelta
    finish_reason: None = None


class _Plain(msgspec.Struct, gc=False):
    """What nearly every event is: a piece of text of one choice, and nothing else."""

    choices: tuple[_PlainChoice]
    object: Literal["chat.completion.chunk"] | None = None
    usage: None = None
    error: None = None
    x_groq: None = None


class _Tier(msgspec.Struct, gc=False):
    service_tier: Any = None


class _Ended(msgspec.Struct, gc=False):
    finish_reason: str | None = None


class _Answer(msgspec.Struct, gc=False):
    """A whole answer as it should be, its content unread."""

    choices: list[_Ended]
    usage: dict[str, Any]
    error: None = None
    model: Any = None
    service_tier: Any = None


_event = msgspec.json.Decoder(_Event)
_opening = msgspec.json.Decoder(_Opening)
_plain = msgspec.json.Decoder(_Plain)
_tier = msgspec.json.Decoder(_Tier)
_answer = msgspec.json.Decoder(_Answer)
_object = msgspec.json.Decoder(dict[str, Any])
CONTENT, FINISH, HOLD, PRIVATE = (mark.value for mark in (Mark.CONTENT, Mark.FINISH, Mark.HOLD, Mark.PRIVATE))
_MARKS = tuple(Mark(value) for value in range(2 * Mark.PRIVATE.value))
"""Every combination of marks by its number: joining flags of an enum costs more than reading an event."""
PLAIN = b"data: {"
"""How such an event begins."""
MOST_OTHERS = 8
"""Events of another kind after which a stream's are no longer taken to be plain."""
WRITTEN = frozenset(
    {
        "content",
        "text",
        "thinking",
        "reasoning",
        "reasoning_content",
        "refusal",
        "tool_calls",
        "function_call",
        "function",
        "arguments",
        "transcript",
    }
)
"""The members that hold what a model wrote."""


class OpenAITap:
    """See `pointsman.dialects.Tap`. `holds` is the member without which a whole answer is none."""

    usage: Usage | None = None
    finish: str | None = None
    model: str | None = None
    output_characters = 0
    complete = False
    """Every choice asked for has finished, or the stream said its end after some of its answer."""
    _content = False
    _finished: frozenset[int] = frozenset()
    _others = 0

    def __init__(self, *, peek: Peek, quirks: Quirks, holds: str) -> None:
        self._peek = peek
        self._quirks = quirks
        self._holds = holds

    def feed(self, event: bytes) -> Mark:
        """See `Tap.feed`."""
        if (
            self._others < MOST_OTHERS
            and self.model is not None
            and event.startswith(PLAIN)
            and event.find(b"\n") == len(event) - 2
            and event.isascii()
            and b"\r" not in event
        ):
            try:
                seen = _plain.decode(event[6:-2])
            except BAD_JSON:
                self._others += 1
            else:
                self._content = True
                self.output_characters += len(seen.choices[0].delta.content)
                return Mark.CONTENT
        return self._read(event)

    def _read(self, event: bytes) -> Mark:
        """Read an event that may be any."""
        data = data_of(event)
        if data is None:
            return Mark.NOTHING
        if not data.startswith(b"{"):
            data = data.strip()
            if not data:
                return Mark.NOTHING
            if data == b"[DONE]":
                self.complete = self._content or bool(self._finished)
                return Mark.DONE
        named = has_name(event, data, "error")
        try:
            if not data.isascii():
                data.decode()
            if self.model is None:
                parsed: _Event = (opening := _opening.decode(data))
                self.model = _text(opening.model)
            else:
                parsed = _event.decode(data)
        except BAD_JSON as error:
            if named:
                raise reported(data.decode("utf-8", "replace"), phase="stream") from None
            raise _nonsense(error) from None
        mark = 0
        for choice in parsed.choices or ():
            mark |= self._take(choice)
        if parsed.usage is not None or parsed.x_groq is not None:
            mark |= self._use(parsed, data)
        if named or parsed.error or parsed.object == "error":
            raise _told(data, parsed, named=named)
        return _MARKS[mark]

    def whole(self, body: bytes) -> None:
        """See `Tap.whole`. What was written is counted only where nobody else has."""
        try:
            if not body.isascii():
                body.decode()
            told = _answer.decode(body) if self._holds == "choices" else None
        except BAD_JSON:
            told = None
        if told is not None and (usage := read_usage(told.usage)) is not None:
            self.usage, self.model = usage, _text(told.model)
            usage.service_tier = _text(told.service_tier)
            for choice in told.choices:
                self.finish = choice.finish_reason or self.finish
            self.complete = True
            return
        answer = _read_object(body)
        self.usage, self.model = served(read_usage(answer.get("usage")), answer), _text(answer.get("model"))
        _check(answer, holds=self._holds)
        for item in answer[self._holds]:
            if isinstance(item, dict):
                self._count(item)
        self.complete = True

    def _count(self, choice: dict[str, Any]) -> None:
        """Take finish reason and size from one choice of a whole answer."""
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self.finish = reason
        message = choice.get("message")
        self.output_characters += _characters(message if isinstance(message, dict) else choice.get("text"))

    def _take(self, choice: _Choice) -> int:
        """Take finish reason and size from one choice of an event."""
        mark = 0
        delta = choice.delta
        if delta is not None and delta.is_text():
            mark = CONTENT
            self._content = True
            self.output_characters += len(delta.content)
        else:
            parts = list(filter(None, delta.parts() if delta is not None else (choice.text,)))
            if parts:
                mark = CONTENT
                self._content = True
                self.output_characters += _characters(parts)
        if choice.finish_reason:
            mark |= FINISH
            self.finish = choice.finish_reason
            self._finished |= {choice.index or 0}
            self.complete = len(self._finished) >= self._peek.choices
        return mark

    def _use(self, parsed: _Event, data: bytes) -> int:
        """Take usage from an event."""
        usage = read_usage(parsed.usage) or (read_usage(parsed.x_groq.usage) if parsed.x_groq else None)
        if usage is None:
            return 0
        if b'"service_tier"' in data:
            usage.service_tier = _text(_tier.decode(data).service_tier)
        self.usage = usage
        return self._hold(bool(parsed.choices))

    def _hold(self, with_choices: bool) -> int:
        """What usage says of its event: held when it comes alone, or when every choice has finished."""
        if not with_choices:
            unasked = not self._peek.usage_in_stream and self._quirks.stream_usage == "ask"
            return HOLD | PRIVATE if unasked else HOLD
        return HOLD if self.complete else 0


def _text(value: Any) -> str | None:
    """A name; None for what is none."""
    return value if isinstance(value, str) and value else None


def read_whole(body: bytes, *, holds: str) -> dict[str, Any]:
    """A whole answer, with the list that `holds` it. Raises UpstreamStatus for an error that an answer
    reports, MalformedAnswer for what is none."""
    answer = _read_object(body)
    _check(answer, holds=holds)
    return answer


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        return _object.decode(body)
    except BAD_JSON as error:
        raise MalformedAnswer(
            "the provider's answer is not a JSON object", phase="body", detail=str(error)
        ) from None


def _check(answer: dict[str, Any], *, holds: str) -> None:
    fault = error_in(answer)
    if fault is not None:
        raise reported(fault, phase="body")
    if not isinstance(answer.get(holds), list):
        raise MalformedAnswer(f"the provider's answer has no list of {holds}", phase="body")


def read_event(data: bytes, *, named: bool) -> dict[str, Any]:
    """An event's JSON, `named` where its name is `error`. Raises UpstreamStatus for an error it reports,
    MalformedAnswer for nonsense."""
    try:
        event = _object.decode(data)
    except BAD_JSON as error:
        if named:
            raise reported(data.decode("utf-8", "replace"), phase="stream") from None
        raise _nonsense(error) from None
    if named or "error" in event or event.get("object") == "error":
        fault = error_in(event, named=named)
        if fault is not None:
            raise reported(fault, phase="stream")
    return event


def _nonsense(error: Exception) -> MalformedAnswer:
    return MalformedAnswer(
        "the provider sent an event that is not of its dialect", phase="stream", detail=str(error)
    )


def _told(data: bytes, parsed: _Event, *, named: bool) -> UpstreamError:
    """The error an event reports."""
    if parsed.error:
        return reported(parsed.error, phase="stream")
    try:
        return reported(error_in(_object.decode(data), named=named), phase="stream")
    except BAD_JSON as error:
        return _nonsense(error)


def _filled(value: Any) -> Any:
    """A value, or None for an object with nothing in it: some hosts send every member always."""
    return None if isinstance(value, dict) and not any(value.values()) else value


def _characters(value: Any) -> int:
    """How much a model wrote in a value: its texts, but not what types and names them."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(map(_characters, value))
    if isinstance(value, dict):
        return sum([_characters(inner) for name, inner in value.items() if name in WRITTEN])
    return 0

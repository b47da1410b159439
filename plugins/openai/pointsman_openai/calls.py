"""The tool calls of one choice of a stream: which of them a piece belongs to, and when one is whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pointsman.events import Event, PartDelta, PartEnd, PartStart
from pointsman.types import Extra, ToolCall

from .answer import made_id
from .errors import DIALECT
from .notes import inner, keep, rest

__all__ = ["Calls"]

_json = msgspec.json.Decoder()


class _Call:
    """A call. It begins once its id and name are known; what came of its arguments before is held."""

    __slots__ = ("arguments", "custom", "ended", "extra", "held", "id", "name", "older", "place")

    def __init__(self, *, older: bool = False) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []
        self.held: list[str] = []
        self.place: int | None = None
        self.ended = False
        self.custom = False
        self.older = older
        self.extra: Extra = {}

    @property
    def whole(self) -> bool:
        """Whether the arguments are complete JSON."""
        if self.custom:
            return False
        try:
            return isinstance(_json.decode("".join([*self.arguments, *self.held])), dict)
        except msgspec.DecodeError:
            return False


class Calls:
    """The calls of choice `number`. `begin` gives the place of a new part."""

    def __init__(self, number: int, seed: str, begin: Callable[[list[Event]], int]) -> None:
        self._number = number
        self._seed = seed
        self._begin = begin
        self._calls: list[_Call] = []
        self._places: dict[int, _Call] = {}

    @property
    def any(self) -> bool:
        """Whether there is a call."""
        return bool(self._calls)

    def take(self, given: Any, events: list[Event]) -> None:
        """Take the `tool_calls` of a delta: pieces of calls, or whole ones."""
        for data in given if isinstance(given, list) else [given]:
            if isinstance(data, dict):
                self._piece(data, events)

    def take_older(self, given: Any, events: list[Event]) -> None:
        """Take a `function_call`; there is one at most, with its name for an id."""
        if not isinstance(given, dict):
            return
        call = next((each for each in self._calls if each.older), None)
        if call is None:
            call = self._new(events, older=True)
            keep(call.extra, "~older", True)
        name = given.get("name")
        if isinstance(name, str) and not call.name:
            call.name = call.id = name
        self._write(call, _text(given.get("arguments")), events)

    def finish(self, events: list[Event]) -> None:
        """End every call, those that never told their id or name among them."""
        for place, call in enumerate(self._calls):
            if call.place is None:
                call.id = call.id or made_id(self._seed, place)
                self._start(call, events)
            if not call.ended:
                self._end(call, events)

    def _piece(self, data: Mapping[str, Any], events: list[Event]) -> None:
        custom = data.get("custom")
        function = data.get("function")
        wraps = data.get("type") == "custom" or (isinstance(custom, dict) and not isinstance(function, dict))
        body = custom if wraps else function
        body = body if isinstance(body, dict) else {}
        given_id, name = data.get("id"), body.get("name")
        call_id = given_id if isinstance(given_id, str) else ""
        name = name if isinstance(name, str) else ""
        text = _text(body.get("input" if wraps else "arguments"))
        call = self._which(data.get("index"), call_id, name, text, events)
        if call.place is None:
            call.id = call.id or call_id
            call.name = call.name or name
            call.custom = call.custom or wraps
            self._carry(call, data, body)
        self._write(call, text, events)

    def _carry(self, call: _Call, data: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        """Keep what a piece tells beside id, name and arguments."""
        member = "custom" if call.custom else "function"
        if not data.keys() <= {"index", "id", "type", member}:
            found = rest(data, ("index", "id", "type", member)).get(DIALECT, {})
            for name, value in found.items():
                if value is not None:
                    keep(call.extra, name, value)
        if not body.keys() <= {"name", "arguments", "input"}:
            inner(call.extra, member, body, ("name", "arguments", "input"))

    def _which(self, index: Any, call_id: str, name: str, text: str, events: list[Event]) -> _Call:
        """The call a piece belongs to. The same index with another id is another call, as is a named one
        where the call before it is whole."""
        last = self._calls[-1] if self._calls else None
        if isinstance(index, int):
            call = self._places.get(index)
            if call is None or _another(call, call_id, name, text):
                call = self._places[index] = self._new(events)
            return call
        if call_id:
            known = next((each for each in self._calls if each.id == call_id), None)
            if known is None and last is not None and not last.id and last.place is None and not name:
                return last
            return known or self._new(events)
        if last is None or (name and last.name):
            return self._new(events)
        return last

    def _new(self, events: list[Event], *, older: bool = False) -> _Call:
        """A further call; those before it that are whole have ended."""
        for call in self._calls:
            if call.place is not None and not call.ended and call.whole:
                self._end(call, events)
        call = _Call(older=older)
        self._calls.append(call)
        return call

    def _write(self, call: _Call, text: str, events: list[Event]) -> None:
        if call.ended:
            return
        if call.place is None:
            call.held.append(text)
            if call.id and call.name:
                self._start(call, events)
        elif text:
            self._more(call, text, events)

    def _start(self, call: _Call, events: list[Event]) -> None:
        if call.custom:
            keep(call.extra, "~custom", True)
        call.place = self._begin(events)
        events.append(PartStart(self._number, call.place, ToolCall(call.id, call.name, "", call.extra)))
        text = "".join(call.held)
        call.held = []
        if call.custom:
            events.append(PartDelta(self._number, call.place, '{"input":"'))
        if text:
            self._more(call, text, events)

    def _more(self, call: _Call, text: str, events: list[Event]) -> None:
        if call.custom:
            text = msgspec.json.encode(text).decode()[1:-1]
        call.arguments.append(text)
        events.append(PartDelta(self._number, call.place or 0, text))

    def _end(self, call: _Call, events: list[Event]) -> None:
        place = call.place or 0
        if call.custom:
            events.append(PartDelta(self._number, place, '"}'))
        call.ended = True
        events.append(PartEnd(self._number, place))


def _another(call: _Call, call_id: str, name: str, text: str) -> bool:
    """Whether a piece at a call's index begins another call."""
    if call_id and call.id:
        return call_id != call.id
    return bool(not call_id and name and call.name and text and call.whole)


def _text(given: Any) -> str:
    """Arguments as text; some hosts give an object."""
    if isinstance(given, str):
        return given
    return msgspec.json.encode(given).decode() if isinstance(given, dict | list) else ""

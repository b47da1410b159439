"""Tool calls of a stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.events import Event, PartEnd, PartStart, Started, accumulate
from pointsman.types import ToolCall
from pointsman_openai.calls import Calls


class Reader:
    """Calls, fed delta by delta."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._places = 0
        self.calls = Calls(0, "seed", self._begin)

    def _begin(self, events: list[Event]) -> int:
        self._places += 1
        return self._places - 1

    def take(self, *pieces: Any) -> Reader:
        self.calls.take(list(pieces), self.events)
        return self

    @property
    def ended(self) -> int:
        return sum(isinstance(event, PartEnd) for event in self.events)

    def found(self) -> list[tuple[str, str, str]]:
        """Id, name and arguments of every call, at the end."""
        self.calls.finish(self.events)
        assert self.ended == sum(isinstance(event, PartStart) for event in self.events)
        (choice,) = accumulate([Started("x", "m", 0), *self.events]).choices
        calls = [part for part in choice.message.parts if isinstance(part, ToolCall)]
        return [(call.id, call.name, call.arguments) for call in calls]


def piece(
    index: Any = None, call_id: str | None = None, name: str | None = None, arguments: Any = None
) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    data = {"index": index, "id": call_id, "function": {n: v for n, v in function.items() if v is not None}}
    return {name: value for name, value in data.items() if value is not None}


def test_pieces_are_joined_by_their_index() -> None:
    reader = (
        Reader().take(piece(0, "a", "f", "")).take(piece(0, arguments='{"x"')).take(piece(1, "b", "g", "{"))
    )
    assert reader.ended == 0
    reader.take(piece(0, arguments=":1}"), piece(1, arguments="}"))
    assert reader.found() == [("a", "f", '{"x":1}'), ("b", "g", "{}")]


def test_a_call_ends_when_it_is_whole_and_another_begins() -> None:
    reader = Reader().take(piece(0, "a", "f", "{}"))
    assert reader.ended == 0
    reader.take(piece(1, "b", "g", "{"))
    assert reader.ended == 1


def test_the_id_or_name_may_come_later() -> None:
    reader = (
        Reader().take(piece(0, name="f", arguments="{")).take(piece(0, "a")).take(piece(0, arguments="}"))
    )
    assert reader.found() == [("a", "f", "{}")]
    reader = Reader().take(piece(0, "a")).take(piece(0, name="f")).take(piece(0, arguments="{}"))
    assert reader.found() == [("a", "f", "{}")]


def test_the_same_index_with_a_new_id_is_another_call() -> None:
    reader = Reader().take(piece(0, "a", "f", "{}")).take(piece(0, "b", "g", "{}"))
    assert reader.found() == [("a", "f", "{}"), ("b", "g", "{}")]


def test_an_id_and_name_told_again_are_the_same_call() -> None:
    reader = Reader().take(piece(0, "a", "f", "{")).take(piece(0, "a", "f", "}"))
    assert reader.found() == [("a", "f", "{}")]


def test_whole_calls_without_index_are_calls_each() -> None:
    reader = Reader().take(piece(None, "a", "f", "{}"), piece(None, "b", "f", "{}"))
    assert reader.found() == [("a", "f", "{}"), ("b", "f", "{}")]


def test_pieces_without_index_go_on_with_the_last_call() -> None:
    reader = (
        Reader()
        .take(piece(None, "a", "f", "{"))
        .take(piece(arguments='"x":'))
        .take(piece(None, "a", arguments="1}"))
    )
    assert reader.found() == [("a", "f", '{"x":1}')]


def test_whole_calls_without_ids_all_at_one_index() -> None:
    found = Reader().take(piece(0, "", "f", "{}"), piece(0, "", "g", "{}")).found()
    assert [call[1:] for call in found] == [("f", "{}"), ("g", "{}")]
    assert found[0][0] != found[1][0]


def test_arguments_may_be_an_object() -> None:
    assert Reader().take(piece(0, "a", "f", {"x": 1})).found() == [("a", "f", '{"x":1}')]


def test_the_input_of_a_custom_tool_is_wrapped_piece_by_piece() -> None:
    reader = Reader()
    reader.take({"index": 0, "id": "a", "type": "custom", "custom": {"name": "sh", "input": 'say "'}})
    reader.take({"index": 0, "custom": {"input": 'hi"\n'}})
    ((_, name, arguments),) = reader.found()
    assert name == "sh"
    assert json.loads(arguments) == {"input": 'say "hi"\n'}


def test_the_older_kind_of_call() -> None:
    reader = Reader()
    for given in ({"name": "f", "arguments": ""}, {"arguments": "{"}, {"arguments": "}"}, "odd"):
        reader.calls.take_older(given, reader.events)
    assert reader.found() == [("f", "f", "{}")]


def test_what_else_a_call_tells_is_kept() -> None:
    reader = Reader().take({**piece(0, "a", "f", "{}"), "type": "function", "extra_content": {"google": 1}})
    start = next(event for event in reader.events if isinstance(event, PartStart))
    assert isinstance(start.part, ToolCall)
    assert start.part.extra == {"openai-chat": {"extra_content": {"google": 1}}}


@pytest.mark.parametrize("odd", [1, None, {"function": 3}, {"id": 3, "index": "0", "function": {"name": 3}}])
def test_no_piece_is_too_odd(odd: Any) -> None:
    reader = Reader().take(piece(0, "a", "f", "{}"), odd)
    assert ("a", "f", "{}") in reader.found()

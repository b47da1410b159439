"""Names of the dialect."""

from __future__ import annotations

import pytest

from pointsman_anthropic.names import DIALECT, extra_of, members, suits_as_tool, tool_id


@pytest.mark.parametrize("given", ["toolu_01A", "call_abc-123", "a" * 64])
def test_an_id_that_suits_stays(given: str) -> None:
    assert tool_id(given) == given


@pytest.mark.parametrize("given", ["", "functions.get:0", "a" * 65, "é", "a b", "call_1\n"])
def test_an_id_that_does_not_suit_is_mapped_the_same_each_time(given: str) -> None:
    mapped = tool_id(given)
    assert mapped == tool_id(given) != tool_id(given + "x")
    assert tool_id(mapped) == mapped


def test_names_of_tools_are_limited() -> None:
    assert suits_as_tool("get_weather-2")
    assert not any(suits_as_tool(name) for name in ("", "a.b", "a b", "x" * 129))


def test_notes_of_members_are_members_and_notes_of_form_are_not() -> None:
    extra = extra_of({"a": 1, "~b": None, "~~text": True})
    assert members(extra) == {"a": 1, "b": None}
    assert members({"other": {"a": 1}}) == {}
    assert extra_of({}) == {}
    assert list(extra) == [DIALECT]

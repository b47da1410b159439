"""Names, in either spelling."""

from __future__ import annotations

import pytest

from pointsman_gemini.names import extra_of, made_id, members, note, pick, rest_of, snake, suits_as_tool


def test_members_are_found_in_either_spelling() -> None:
    assert snake("functionCallingConfig") == "function_calling_config"
    assert pick({"finishReason": "STOP"}, "finishReason") == "STOP"
    assert pick({"finish_reason": "STOP"}, "finishReason") == "STOP"
    assert pick({}, "finishReason") is None


def test_what_is_not_known_is_left() -> None:
    data = {"mime_type": "a/b", "fileUri": "u", "fps": 2}
    assert rest_of(data, "mimeType", "fileUri") == {"fps": 2}


def test_notes_of_members_are_written_back_and_others_are_not() -> None:
    extra = extra_of({"a": 1, "~b": 2, "~~c": 3})
    assert members(extra) == {"a": 1, "b": 2}
    assert members({"other": {"a": 1}}) == {}
    assert (note(extra, "~~c"), note(extra, "d"), note({}, "~~c")) == (3, None, None)
    assert extra_of({}) == {}


def test_made_ids_differ_and_fit_every_dialect() -> None:
    assert made_id("a", 1) == made_id("a", 1)
    assert len({made_id("a", 1), made_id("a", 2), made_id("b", 1)}) == 3
    assert made_id("", 0).startswith("call_")
    assert len(made_id("", 0)) <= 64


@pytest.mark.parametrize(
    ("name", "suits"),
    [("get_it", True), ("a.b:c-d", True), ("9a", False), ("", False), ("a b", False), ("x" * 129, False)],
)
def test_names_of_tools(name: str, suits: bool) -> None:
    assert suits_as_tool(name) is suits

"""What only this dialect knows."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.losses import Losses
from pointsman.types import Extra
from pointsman_openai.notes import inner, inner_members, is_blank, keep, members, note, rest

DATA = {"a": 1, "null": None, "list": [], "false": False, "filler": {"x": "", "y": None}, "taken": 1}


def test_what_is_left_comes_back_member_by_member() -> None:
    assert members(rest(DATA, ("taken",))) == {name: DATA[name] for name in DATA if name != "taken"}
    assert rest({"taken": 1}, ("taken",)) == {}
    assert members({}) == {}


def test_only_what_says_something_is_a_loss_in_another_dialect() -> None:
    losses = Losses()
    losses.extras(rest(DATA, ("taken",)), own="messages")
    assert losses.parameters == ["a", "false"]


@pytest.mark.parametrize(
    ("value", "blank"), [(None, True), ("", True), ([], True), ({}, True), ({"a": 0}, True), (0, False)]
)
def test_what_says_nothing(value: Any, blank: bool) -> None:
    assert is_blank(value) is blank


def test_notes_are_no_members() -> None:
    extra: Extra = {}
    keep(extra, "~form", "list")
    keep(extra, "name", "bob")
    assert note(extra, "~form") == "list"
    assert note({}, "~form", "none") == "none"
    assert members(extra) == {"name": "bob"}


@pytest.mark.parametrize(("left", "lost"), [({"x": 1}, ["image"]), ({"x": None}, [])])
def test_what_is_left_of_an_inner_object_comes_back(left: dict[str, Any], lost: list[str]) -> None:
    extra: Extra = {}
    inner(extra, "image", {"url": "u", **left}, ("url",))
    assert inner_members(extra, "image") == left
    losses = Losses()
    losses.extras(extra, own="messages")
    assert losses.parameters == lost
    assert inner_members({}, "image") == {}

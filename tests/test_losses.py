"""Losses are told once each, and a codec's notes are none."""

from __future__ import annotations

from pointsman.losses import Losses, Missing


def test_each_thing_is_told_once() -> None:
    losses = Losses()
    for name in ("n", "logprobs", "n"):
        losses.parameter(name)
        losses.answered(name)
    losses.part("messages[1].content[0]", "a film")
    assert losses.parameters == losses.answer == ["n", "logprobs"]
    assert losses.content == [Missing("messages[1].content[0]", "a film")]
    assert str(losses.content[0]) == "`messages[1].content[0]` (a film)"


def test_what_another_dialect_put_there_is_lost_but_for_notes_and_nulls() -> None:
    extra = {"mine": {"a": 1}, "yours": {"b": 2, "c": None, "~form": "list"}}
    losses = Losses()
    losses.extras(extra, own="mine", path="messages")
    losses.extras(extra, own="mine")
    losses.answered_extras(extra, own="yours", path="choices")
    losses.answered_extras(extra, own="yours")
    assert losses.parameters == ["messages.b", "b"]
    assert losses.answer == ["choices.a", "a"]

"""What is kept in `extra`."""

from __future__ import annotations

from pointsman.losses import Losses
from pointsman_openai.responses.notes import beside, form_of, own, written


def test_what_means_nothing_elsewhere_is_a_note_and_all_comes_back() -> None:
    data = {"type": "x", "id": "1", "a": None, "b": 2, "known": None}
    extra = beside(data, ("type", "known"))
    assert own(extra)["b"] == 2
    assert form_of(extra) == {"id": "1", "a": None, "known": None}
    assert written(extra) == {"id": "1", "a": None, "known": None, "b": 2}
    losses = Losses()
    losses.extras(extra, own="openai-chat", path="messages")
    assert losses.parameters == ["messages.b"]


def test_nothing_is_kept_where_nothing_is_left() -> None:
    assert beside({"type": "x"}, ("type",)) == {}
    assert written({}) == {}
    assert form_of({}) is None

"""Ids: of their kind, and never twice."""

from __future__ import annotations

import re

from pointsman.ids import BUFFERED, Ids


def test_ids_are_of_their_kind_and_unlike_across_every_buffer() -> None:
    ids = Ids()
    requests = [ids.request() for _ in range(BUFFERED)]
    generations = [ids.generation() for _ in range(BUFFERED)]
    assert all(re.fullmatch(r"req-[0-9a-f]{24}", each) for each in requests)
    assert all(re.fullmatch(r"gen-\d{10,}-[0-9a-f]{24}", each) for each in generations)
    drawn = {each.rpartition("-")[2] for each in (*requests, *generations)}
    assert len(drawn) == 2 * BUFFERED


def test_two_processes_draw_differently() -> None:
    assert Ids().request() != Ids().request()

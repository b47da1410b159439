"""The decision record."""

from __future__ import annotations

import json

from pointsman.decision import Decision, Weighed


def test_the_record_is_json_and_names_the_choice() -> None:
    decision = Decision(requested="fast", rule="r", models=["a/b"])
    candidates = [Weighed("p/x", "a/b", "p", ["first"]), Weighed("q/x", "a/b", "q")]
    decision.exclude("r/x", by="keys", why="not allowed")
    record = json.loads(json.dumps(decision.record(candidates)))
    assert record["choice"] == "p/x"
    assert [row["endpoint"] for row in record["candidates"]] == ["p/x", "q/x"]
    assert record["excluded"] == [{"endpoint": "r/x", "by": "keys", "why": "not allowed"}]
    assert "seed" not in record, "no draw was made"


def test_without_candidates_there_is_no_choice() -> None:
    assert Decision(requested="x").record([])["choice"] is None


def test_a_draw_puts_its_seed_on_record_and_the_seed_repeats_it() -> None:
    first = Decision()
    drawn = [first.random.random() for _ in range(3)]
    seed = first.record([])["seed"]
    again = Decision(seed=seed)
    assert [again.random.random() for _ in range(3)] == drawn
    assert Decision().random.random() != Decision().random.random()

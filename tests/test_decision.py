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


class Scored:
    """A reason with numbers, or what was known."""

    def __init__(self, **numbers: float) -> None:
        self.numbers = numbers

    def __str__(self) -> str:
        return "in numbers"

    def data(self) -> dict[str, float]:
        return self.numbers


def test_reasons_with_numbers_are_told_in_words_and_as_data() -> None:
    decision = Decision(health=(Scored(room=0.5),))
    decision.exclude("r/x", by="routes", why="too dear", reasons=["listed", Scored(price=9)])
    record = decision.record(
        [Weighed("p/x", "a/b", "p", ["first", Scored(price=2)]), Weighed("q/x", "a/b", "q")]
    )
    assert record["candidates"][0]["reasons"] == ["first", "in numbers"]
    assert [row["scores"] for row in record["candidates"]] == [[{"price": 2}], []]
    assert record["excluded"][0]["scores"] == [{"price": 9}]
    assert record["fallbacks"] == ["q/x"]
    assert record["health"] == [{"room": 0.5}]


def test_without_candidates_there_is_no_choice() -> None:
    record = Decision(requested="x").record([])
    assert (record["choice"], record["fallbacks"]) == (None, [])


def test_a_draw_puts_its_seed_on_record_and_the_seed_repeats_it() -> None:
    first = Decision()
    drawn = [first.random.random() for _ in range(3)]
    seed = first.record([])["seed"]
    again = Decision(seed=seed)
    assert [again.random.random() for _ in range(3)] == drawn
    assert Decision().random.random() != Decision().random.random()

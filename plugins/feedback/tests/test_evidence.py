"""What feedback comes to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.ledger import Ledger, Reading, open_ledger
from pointsman_feedback.evidence import Said, Tally, capped, evidence, faded, judged, paired
from pointsman_feedback.records import FEEDBACK, FEEDBACK_DAYS, WEIGHTS

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = 86_400.0
PRECISE = 1e-9


class Book:
    """A ledger, and how to write in it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._number = 0

    def say(self, source: str, score: float, **more: Any) -> None:
        self._number += 1
        row = {
            "id": f"{self._number:05d}",
            "at": "2026-11-27T10:00:00.000+00:00",
            "generation_id": f"gen-{self._number}",
            "key_id": "alice",
            "task": "maths",
            "model": "acme/large",
            "source": source,
            "kind": "said",
            "score": score,
            "weight": WEIGHTS[source],  # type: ignore[index]
            **more,
        }
        self.ledger.insert("feedback", row)

    def compare(self, a: str, b: str, score: float, **more: Any) -> None:
        pair = f"pair-{self._number}"
        own, rival = more.pop("own", None), more.pop("rival", None)
        self.say("shadow", score, model=a, rival=b, pair=pair, own_score=own, rival_score=rival, **more)
        self.say("shadow", 1 - score, model=b, rival=a, pair=pair, own_score=rival, rival_score=own, **more)


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Book]:
    ledger = open_ledger("sqlite:///book.db", base=tmp_path, durability="relaxed")
    await ledger.open([FEEDBACK, FEEDBACK_DAYS])
    yield Book(ledger)
    await ledger.close()


@given(st.lists(st.floats(0.0, 1e6), max_size=30), st.floats(0.01, 1.0), st.floats(0.1, 100.0))
def test_no_key_carries_more_than_its_share(weights: list[float], share: float, prior: float) -> None:
    limit = capped(weights, share=share, prior=prior)
    bounded = [min(each, limit) for each in weights]
    most = share * (prior + sum(bounded))
    assert all(each <= most * (1 + PRECISE) for each in bounded)
    if limit < inf:  # and none carries less than it may
        assert limit == pytest.approx(most, rel=1e-6)
        assert max(weights) > limit


def test_one_key_alone_has_a_quarter_of_the_prior() -> None:
    assert capped([1000.0], share=0.2, prior=10) == pytest.approx(2.5)
    assert capped([30.0] * 5, share=0.2, prior=10) == inf
    assert capped([1000.0], share=1.0) == inf
    assert capped([]) == inf


async def test_evidence_is_told_by_task_model_and_source(book: Book) -> None:
    for key in ("a", "b", "c", "d", "e"):
        book.say("vote", 1.0, key_id=key)
        book.say("check", 0.0, key_id=key)
        book.say("vote", 1.0, key_id=key, task=None, model="acme/small")
    await book.ledger.flush()
    unknown, known = await book.ledger.read(lambda reading: evidence(reading, now=NOW))
    assert (unknown.task, unknown.model, unknown.total) == (None, "acme/small", Tally(5, 5.0, 5.0))
    assert (known.task, known.model, known.keys) == ("maths", "acme/large", 5)
    assert known.sources["vote"] == Tally(5, 5.0, 5.0)
    assert known.sources["check"].weight == pytest.approx(3.5)
    assert known.sources["check"].good == 0
    assert known.total.labels == 10
    assert known.total.mean == pytest.approx(5 / 8.5)
    assert [
        each.model for each in await book.ledger.read(lambda reading: evidence(reading, task="maths"))
    ] == ["acme/large"]


async def test_a_key_that_votes_a_thousand_times_carries_a_fifth(book: Book) -> None:
    for _ in range(1000):
        book.say("vote", 0.0, key_id="loud")
    for key in ("a", "b", "c", "d", "e", "f"):
        for _ in range(5):
            book.say("vote", 1.0, key_id=key)
    await book.ledger.flush()
    (found,) = await book.ledger.read(lambda reading: evidence(reading, now=NOW))
    bad = found.total.weight - found.total.good
    assert bad == pytest.approx(0.2 * (10 + found.total.weight))
    assert found.total.good == pytest.approx(30)
    assert found.total.labels == 1030
    (all_of_it,) = await book.ledger.read(lambda reading: evidence(reading, now=NOW, share=1.0))
    assert all_of_it.total.weight == pytest.approx(1030)


async def test_what_is_old_weighs_less(book: Book) -> None:
    for key, day in (("a", "2026-11-27"), ("b", "2026-11-13")):
        book.say("vote", 1.0, key_id=key, at=f"{day}T00:00:00.000+00:00")
        book.say("check", 1.0, key_id=key, at=f"{day}T00:00:00.000+00:00", weight=1.0)
    await book.ledger.flush()
    (found,) = await book.ledger.read(
        lambda reading: evidence(reading, now=NOW, half_life=14 * DAY, share=1.0)
    )
    assert found.total.weight == pytest.approx(3.0)
    since = await book.ledger.read(
        lambda reading: evidence(reading, since=datetime(2026, 11, 20, tzinfo=UTC), share=1.0)
    )
    assert [each.total.labels for each in since] == [2]
    until = await book.ledger.read(
        lambda reading: evidence(reading, until=datetime(2026, 11, 13, tzinfo=UTC))
    )
    assert until == []


async def test_days_may_be_read_as_one_each_as_far_as_it_has_faded(book: Book) -> None:
    for day, score in (("2026-11-27", 1.0), ("2026-11-13", 0.0), ("2026-06-01", 1.0)):
        for source in ("vote", "check"):
            book.say(source, score, at=f"{day}T08:00:00.000+00:00", weight=1.0)
    book.say("vote", 1.0, task="legal", key_id="bob")
    await book.ledger.flush()

    def read(reading: Reading) -> list[Said]:
        return [*faded(reading, now=NOW, half_life=14 * DAY)]

    found = sorted(await book.ledger.read(read), key=lambda said: (said.task or "", said.source))
    assert [(each.task, each.source, each.key_id) for each in found] == [
        ("legal", "vote", "bob"),
        ("maths", "check", "alice"),
        ("maths", "vote", "alice"),
    ]
    for each in found[1:]:
        assert (each.tally.labels, each.tally.weight, each.tally.good) == pytest.approx((2, 1.5, 1.0))


async def test_tasks_are_taken_together_key_by_key(book: Book) -> None:
    for task in ("maths", "legal", None):
        book.say("vote", 1.0, task=task, weight=2.0)
    await book.ledger.flush()
    (found,) = await book.ledger.read(lambda reading: evidence(reading, together=True))
    assert (found.task, found.total.labels) == (None, 3)
    assert found.total.weight == pytest.approx(2.5)
    assert sum(each.total.weight for each in await book.ledger.read(evidence)) == pytest.approx(6.0)


async def test_what_weighs_nothing_is_no_evidence(book: Book) -> None:
    book.say("vote", 0.0, weight=0.0, category="billing")
    await book.ledger.flush()
    assert await book.ledger.read(evidence) == []


async def test_pairs_are_counted_once(book: Book) -> None:
    for key, score in (("a", 1.0), ("b", 1.0), ("c", 0.5), ("d", 0.0), ("e", 0.0)):
        book.compare("acme/small", "acme/large", score, key_id=key)
    book.compare("acme/large", "zoo/other", 1.0, own=1.0, rival=0.25, task=None)
    book.say("vote", 1.0)
    await book.ledger.flush()
    first, second = await book.ledger.read(lambda reading: paired(reading, now=NOW))
    assert (first.task, first.a, first.b) == (None, "acme/large", "zoo/other")
    assert (first.a_good, first.b_good) == (1.0, 0.25)
    assert (second.a, second.b, second.labels) == ("acme/large", "acme/small", 5)
    assert (second.wins, second.ties, second.losses) == pytest.approx((2.0, 1.0, 2.0))
    assert second.score == pytest.approx(0.5)
    assert second.a_good is None


async def test_which_of_two_is_better_says_nothing_of_how_good_they_are(book: Book) -> None:
    """A model that ties with another is not half good by that, whoever says so."""
    for number in range(10):
        book.say("vote", 1.0, model="a", key_id=f"k{number}")
        book.compare("a", "b", 0.5, key_id=f"k{number}")
        book.say("vote", 0.5, model="a", rival="b", pair=f"v{number}", key_id=f"k{number}")
    await book.ledger.flush()
    (found,) = await book.ledger.read(evidence)
    assert (found.model, found.total.labels, found.total.mean) == ("a", 10, 1.0)
    (late,) = {each.model for each in await book.ledger.read(lambda r: [*faded(r, now=NOW, half_life=1e6)])}
    assert late == "a"


async def test_a_key_carries_a_fifth_of_a_pair_too(book: Book) -> None:
    for _ in range(100):
        book.compare("a", "b", 1.0)
    await book.ledger.flush()
    (found,) = await book.ledger.read(lambda reading: paired(reading, now=NOW))
    assert found.labels == 100
    assert found.weight == found.wins == pytest.approx(2.5)


async def test_an_answers_own_score_says_more_than_its_rank(book: Book) -> None:
    book.compare("a", "b", 0.5, own=1.0, rival=1.0, key_id="x")
    await book.ledger.flush()
    assert [
        each.total.mean for each in await book.ledger.read(lambda reading: evidence(reading, now=NOW))
    ] == [1.0, 1.0]


async def test_both_sides_of_every_comparison_are_told(book: Book) -> None:
    book.compare("a", "b", 1.0)
    await book.ledger.flush()
    one, other = await book.ledger.read(judged)
    assert (one.pair, one.model, one.rival, one.score) == (other.pair, other.rival, other.model, 1.0)
    assert one.cost_nano is None


async def test_a_ledger_without_feedback_has_no_evidence(tmp_path: Path) -> None:
    ledger = open_ledger("sqlite:///none.db", base=tmp_path, durability="relaxed")
    await ledger.open([])
    assert await ledger.read(evidence) == []
    assert await ledger.read(paired) == []
    assert await ledger.read(judged) == []
    await ledger.close()

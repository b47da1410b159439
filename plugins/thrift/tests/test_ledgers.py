"""Ledgers: one's own comparisons are data like others."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from pointsman.ledger import Ledger, open_ledger, reader
from pointsman_feedback.records import FEEDBACK, FEEDBACK_DAYS
from pointsman_thrift.command import route
from pointsman_thrift.evaluation.data import DataError
from pointsman_thrift.evaluation.ledgers import read_ledger

CONFIG = """
plugins: {echo: {}, routes: {}, feedback: {}, thrift: {}}
ledger: sqlite:///book.db
"""


def compared(
    ledger: Ledger, number: int, models: tuple[str, str], scores: tuple[float, float], **more: object
) -> None:
    """Both sides of a comparison."""
    own = more.pop("own", True)
    for place in (0, 1):
        better = scores[place] - scores[1 - place]
        ledger.insert(
            "feedback",
            {
                "id": f"{number:05d}-{place}",
                "at": "2026-11-27T10:00:00.000+00:00",
                "generation_id": f"gen-{number}-{place}",
                "key_id": "alice",
                "task": "maths" if number % 2 else "trivia",
                "model": models[place],
                "rival": models[1 - place],
                "source": "shadow",
                "kind": "said",
                "pair": f"pair-{number}",
                "score": 0.5 + 0.5 * better,
                "own_score": scores[place] if own else None,
                "rival_score": scores[1 - place] if own else None,
                "weight": 1.0,
                **more,
            },
        )


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    found = open_ledger("sqlite:///book.db", base=tmp_path, durability="strict")
    await found.open([FEEDBACK, FEEDBACK_DAYS])
    yield found
    await found.close()


async def test_the_pair_that_was_compared_most_is_judged(ledger: Ledger, tmp_path: Path) -> None:
    chance = Random(1)
    for number in range(60):
        strong = 1.0
        weak = float(number % 2 == 0 or chance.random() < 0.3)
        compared(ledger, number, ("acme/small", "acme/large"), (weak, strong))
    compared(ledger, 99, ("acme/small", "acme/new"), (1.0, 0.0))
    await ledger.flush()
    with reader("sqlite:///book.db", tmp_path) as reading:
        rows = read_ledger(reading, tmp_path)
        assert len(rows.rows) == 60
        assert rows.rows[1].task == "maths"
        assert rows.rows[0].answers["acme/small"].score == 1.0
        assert "1 comparisons of other models were left out" in rows.notes[1]
        named = read_ledger(reading, tmp_path, ("acme/new", "acme/small"))
        assert len(named.rows) == 1
        with pytest.raises(DataError, match=r"were never compared, but acme/large and acme/small \(60\)"):
            read_ledger(reading, tmp_path, ("acme/new", "acme/large"))
        with pytest.raises(DataError, match="two models at a time"):
            read_ledger(reading, tmp_path, ("a", "b", "c"))
    (tmp_path / "proxy.yaml").write_text(CONFIG)
    options = ["eval", "--config", str(tmp_path / "proxy.yaml"), "--resamples", "20", "--json"]
    done = CliRunner().invoke(route, options)
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    (pair,) = found["pairs"]
    assert (found["questions"], pair["weak"], pair["strong"]) == (60, "acme/small", "acme/large")
    task = next(each for each in pair["routers"] if each["router"] == "task only")
    assert task["apgr"]["value"] > 0.65


async def test_where_no_judge_gave_scores_the_better_one_has_one(ledger: Ledger, tmp_path: Path) -> None:
    compared(ledger, 1, ("a", "b"), (1.0, 0.0), own=False)
    compared(ledger, 2, ("a", "b"), (0.5, 0.5), own=False)
    await ledger.flush()
    with reader("sqlite:///book.db", tmp_path) as reading:
        first, second = read_ledger(reading, tmp_path).rows
    assert [first.answers[model].score for model in "ab"] == [1.0, 0.0]
    assert [second.answers[model].score for model in "ab"] == [0.5, 0.5]
    assert first.answers["a"].cost is None


async def test_a_ledger_without_comparisons_is_told(ledger: Ledger, tmp_path: Path) -> None:
    with reader("sqlite:///book.db", tmp_path) as reading, pytest.raises(DataError, match="no comparison"):
        read_ledger(reading, tmp_path)

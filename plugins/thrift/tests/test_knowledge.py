"""Knowledge: what thrift makes of the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pointsman.ledger import Ledger, open_ledger
from pointsman_feedback.records import FEEDBACK, FEEDBACK_DAYS
from pointsman_thrift.live.knowledge import Knowledge
from pointsman_thrift.quality import Paired, Priors

LARGE, SMALL = "acme/large", "acme/small"
HALF_LIFE = 14 * 86_400.0


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    made = open_ledger("sqlite:///book.db", base=tmp_path, durability="relaxed")
    await made.open([FEEDBACK, FEEDBACK_DAYS])
    yield made
    await made.close()


def compare(
    ledger: Ledger, number: int, score: float, *, source: str = "vote", key: str = "spiteful"
) -> None:
    """Say how the large model's answer was, against the small one's."""
    for model, rival, share in ((LARGE, SMALL, score), (SMALL, LARGE, 1 - score)):
        row = {
            "id": f"{source}|{key}|{number}|{model}",
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "generation_id": f"gen-{number}",
            "key_id": key,
            "task": "maths",
            "model": model,
            "rival": rival,
            "pair": f"{source}|{key}|{number}",
            "source": source,
            "kind": "score",
            "score": share,
            "weight": 1.0,
        }
        ledger.insert("feedback", row)


async def known(ledger: Ledger, share: float = 0.2) -> Paired:
    await ledger.flush()
    knowledge = Knowledge(Priors(), half_life=HALF_LIFE, share=share)
    await knowledge.read(ledger)
    return knowledge.quality.paired("maths", LARGE, SMALL, datetime.now(UTC).timestamp())


async def test_a_thousand_comparisons_of_one_key_move_little(ledger: Ledger) -> None:
    for number in range(1000):
        compare(ledger, number, 0.0)
    found = await known(ledger)
    assert found.labels == pytest.approx(2.5, rel=0.01)
    assert found.mean > -0.2
    assert (await known(ledger, share=1.0)).labels == pytest.approx(1000, rel=0.01)


async def test_what_judges_say_is_not_bounded_by_key(ledger: Ledger) -> None:
    for number in range(100):
        compare(ledger, number, 1.0, source="shadow")
        compare(ledger, number, 0.0)
    found = await known(ledger)
    assert found.labels == pytest.approx(100 + 0.2 * 110 / 0.8, rel=0.01)
    assert found.mean > 0.3


async def test_votes_of_many_keys_count_in_full(ledger: Ledger) -> None:
    for number in range(40):
        compare(ledger, number, 1.0, key=f"key-{number}")
    assert (await known(ledger)).labels == pytest.approx(40, rel=0.01)

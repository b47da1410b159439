"""What is kept, and what it comes to by day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pointsman.ledger import open_ledger
from pointsman_feedback.records import FEEDBACK, FEEDBACK_DAYS, SOURCES, WEIGHTS

GIVEN: dict[str, Any] = {
    "at": "2026-11-27T10:00:00.000+00:00",
    "key_id": "alice",
    "task": "maths",
    "model": "acme/large",
    "source": "check",
    "kind": "json_schema",
    "weight": 0.7,
}


def test_every_source_has_a_weight() -> None:
    assert WEIGHTS.keys() == set(SOURCES)


async def test_what_machines_say_is_added_up_by_day(tmp_path: Path) -> None:
    ledger = open_ledger("sqlite:///kept.db", base=tmp_path, durability="relaxed")
    await ledger.open([FEEDBACK, FEEDBACK_DAYS])
    try:
        for number, score in enumerate((1.0, 1.0, 0.0)):
            ledger.insert(
                "feedback", {**GIVEN, "id": str(number), "generation_id": f"gen-{number}", "score": score}
            )
        ledger.insert(
            "feedback", {**GIVEN, "id": "later", "generation_id": "gen", "score": 1.0, "task": None}
        )
        await ledger.flush()
        rows = await ledger.select("select task, labels, weight, good from feedback_days order by labels")
    finally:
        await ledger.close()
    assert [(row["task"], row["labels"]) for row in rows] == [(None, 1), ("maths", 3)]
    assert rows[1]["weight"] == pytest.approx(2.1)
    assert rows[1]["good"] == pytest.approx(1.4)

"""Ledgers: one's own traffic as data, by the requests that two models were asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pointsman.ledger import Reading
from pointsman_feedback.evidence import Judged, judged

from .data import DataError
from .rows import Answer, Row, Rows

__all__ = ["read_ledger"]

NANO = 1e9


def read_ledger(ledger: Reading, path: Path, models: Sequence[str] = ()) -> Rows:
    """Comparisons of the two models that were compared most, or of those named. Raises DataError.

    A score is what a judge or checker gave an answer by itself; where none did it is 1 for the better one,
    and 0.5 for both where they tie. The ledger has no prompts: tasks are all that tells.
    """
    found = judged(ledger)
    pairs = Counter((each.model, each.rival) for each in found if each.model < each.rival)
    if not pairs:
        raise DataError(path, "the ledger has no comparison of two models on the same request")
    if models and len(models) != 2:
        raise DataError(path, f"the ledger compares two models at a time: {len(models)} are named")
    pair = (min(models), max(models)) if models else max(pairs, key=lambda each: (pairs[each], each))
    if pair not in pairs:
        known = "; ".join(f"{a} and {b} ({count})" for (a, b), count in pairs.most_common(5))
        raise DataError(path, f"{pair[0]} and {pair[1]} were never compared, but {known}")
    rows = Rows(path)
    known_rows: dict[str, Row] = {}
    for each in found:
        if each.model in pair and each.rival in pair:
            row = known_rows.get(each.pair)
            if row is None:
                row = known_rows[each.pair] = rows.add(
                    each.pair, "", each.task or "", place=len(known_rows) + 1
                )
            row.answers[each.model] = _answer(each)
    rows.notes.append("the ledger has no prompts: only tasks tell questions apart")
    others = sum(pairs.values()) - pairs[pair]
    if others:
        rows.notes.append(f"{others} comparisons of other models were left out; --models names two")
    return rows


def _answer(each: Judged) -> Answer:
    by_itself = each.own_score is not None and each.rival_score is not None
    score = each.own_score if by_itself and each.own_score is not None else each.score
    cost = each.cost_nano / NANO if each.cost_nano is not None else None
    return Answer(score, cost, each.input_tokens, each.output_tokens)

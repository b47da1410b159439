"""Reports: the evaluation of ways of routing, for programs and for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.columns import aligned

from .data import Data, DataError
from .folds import ROUTERS, expected, folds_of
from .pairs import Judged, PairResult, judge
from .pools import PoolResult, Router, judge_pool
from .resampling import Figure, resamples

__all__ = ["Report", "as_text", "evaluate", "pairs_of"]

ORDER = ("oracle", "thrift", "task only", "prompt length", "single models", "random")
VERSION = 1


@dataclass(frozen=True)
class Report:
    """All that was found."""

    data: Data
    pairs: list[PairResult]
    pool: PoolResult
    folds: int
    resamples: int
    seed: int

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "version": VERSION,
            "questions": len(self.data.questions),
            "models": [*self.data.models],
            "tasks": self.data.tasks,
            "costs": self.data.costs,
            "notes": self.data.notes,
            "folds": self.folds,
            "resamples": self.resamples,
            "seed": self.seed,
            "pairs": [each.as_json() for each in self.pairs],
            "pool": self.pool.as_json(),
        }


def pairs_of(data: Data, named: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
    """The places of weak and strong models: those named, else the best with each cheaper one. Where none is
    cheaper, with each other. Raises DataError for a model that there is not."""
    for model in (each for pair in named for each in pair):
        if model not in data.models:
            raise DataError("--pair", f"there is no model {model!r}, but {', '.join(data.models)}")
    if named:
        return [(data.models.index(weak), data.models.index(strong)) for weak, strong in named]
    *others, best = data.ranked()
    cheaper = [place for place in others if data.mean_cost(place) < data.mean_cost(best)]
    return [(place, best) for place in reversed(cheaper or others)]


def evaluate(
    data: Data,
    *,
    named: Sequence[tuple[str, str]] = (),
    count: int,
    seed: int,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Judge thrift and all baselines by questions that they were not shown. Raises DataError."""
    pairs = pairs_of(data, named)
    folds = folds_of(data, seed)
    routers = {name: expected(data, folds, name, progress) for name in ROUTERS}
    drawn = resamples(data, count, seed)
    found = []
    for number, pair in enumerate(pairs, 1):
        progress(f"pair {number} of {len(pairs)}")
        found.append(judge(data, pair, routers, folds, drawn))
    progress("all models")
    return Report(data, found, judge_pool(data, routers, drawn), len(folds), count, seed)


def as_text(report: Report) -> str:
    """For people."""
    data = report.data
    head = [
        f"{len(data.questions):,} questions, {len(data.models)} models, {len(data.tasks)} tasks; "
        f"{report.folds} parts, each judged by what the others taught; "
        f"in brackets where figures lie with 95 % ({report.resamples} resamples, seed {report.seed})",
        f"costs: {data.costs}",
        *data.notes,
    ]
    return "\n\n".join(["\n".join(head), *map(_pair, report.pairs), _pool(report.pool)])


def _sorted(names: Sequence[str]) -> list[str]:
    return sorted(names, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


def _pair(pair: PairResult) -> str:
    weak, strong = (f"{model} ({pair.quality[model].as_text()})" for model in (pair.weak, pair.strong))
    title = f"{weak} or {strong}; gap {pair.gap.as_text()}"
    if not pair.routers:
        return f"{title}\nno gap: there is nothing to route for"
    if not pair.separated:
        title += "\nthe gap may be none: read what follows as that"
    found = [pair.routers[name] for name in _sorted([*pair.routers])]
    columns = {
        "routing": [each.router for each in found],
        "APGR": [each.apgr.as_text() for each in found],
        "CPT(50)": [each.cpt50.as_text(percent=True) for each in found],
        "CPT(80)": [each.cpt80.as_text(percent=True) for each in found],
        "calls for 95 %": [each.calls_95.as_text(percent=True) for each in found],
        "PGR at 50 %": [each.pgr[0.5].as_text() for each in found],
    }
    return f"{title}\n{aligned(columns, left=1)}\n{_verdict(pair.routers['thrift'])}"


def _verdict(thrift: Judged) -> str:
    parts = [f"{_standing(each)} {other} ({_signed(each)})" for other, each in thrift.above.items()]
    return f"thrift by APGR: {', '.join(parts)}"


def _standing(above: Figure) -> str:
    """Where something stands to something else, as far as the interval tells."""
    if above.low is not None and above.low > 0:
        return "above"
    if above.high is not None and above.high < 0:
        return "below"
    return "not told apart from"


def _signed(above: Figure) -> str:
    if above.value is None:
        return "-"
    span = "" if above.low is None or above.high is None else f" [{above.low:+.3f}, {above.high:+.3f}]"
    return f"{above.value:+.3f}{span}"


def _pool(pool: PoolResult) -> str:
    singles = sorted(pool.singles.items(), key=lambda each: each[1])
    alone = aligned(
        {
            "model": [model for model, _ in singles],
            "score": [f"{quality:.3f}" for _, (_, quality) in singles],
            "USD a 1,000": [f"{cost / 1e6:.4g}" for _, (cost, _) in singles],
            "": [
                ", ".join(
                    word
                    for word, name in (("best single", pool.best), ("cheapest", pool.cheapest))
                    if name == model
                )
                for model, _ in singles
            ],
        },
        left=1,
    )
    found: list[Router] = [pool.routers[name] for name in _sorted([*pool.routers])]
    table = aligned(
        {
            "routing": [each.name for each in found],
            "AIQ": [each.aiq.as_text() for each in found],
            "best score": [each.quality.as_text() for each in found],
            "regret a 1,000": [_points(each.regret) for each in found],
            "saved at 95 %": [each.saved[0.95].as_text(percent=True) for each in found],
            "saved at 100 %": [each.saved[1.0].as_text(percent=True) for each in found],
            "ECE": [pool.ece[each.name].as_text() if each.name in pool.ece else "-" for each in found],
        },
        left=1,
    )
    thrift = pool.routers["thrift"]
    parts = [f"{_standing(each)} {other} ({_signed(each)})" for other, each in thrift.above.items()]
    return f"all models\n{alone}\n\n{table}\nthrift by AIQ: {', '.join(parts)}"


def _points(figure: Figure) -> str:
    if figure.value is None:
        return "-"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.0f}"
    return f"{figure.value:.0f} [{figure.low:.0f}, {figure.high:.0f}]"

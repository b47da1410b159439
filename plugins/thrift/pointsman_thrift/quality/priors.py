"""Priors: what an operator or a publication says of models before there is evidence of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

__all__ = ["MASS", "Priors"]

MASS = 10.0
"""Answers that a prior counts as."""
OVERALL = "overall"


@dataclass(frozen=True)
class Priors:
    """Shares of good answers by model, overall and by task, with the date and the source of the figures."""

    overall: Mapping[str, float] = field(default_factory=dict)
    tasks: Mapping[tuple[str, str], float] = field(default_factory=dict)
    dated: str = ""
    source: str = ""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Priors:
        """From a mapping as YAML has it: `date`, `source`, and `models`, which has for each model a share
        from 0 to 1, or a mapping of tasks to shares in which `overall` is that of all tasks. Raises
        ValueError."""
        unknown = [*(data.keys() - {"date", "source", "models"})]
        if unknown:
            raise ValueError(f"priors have a date, a source and models, and no {unknown[0]!r}")
        dated = data.get("date")
        if not isinstance(dated, date):
            try:
                dated = date.fromisoformat(str(dated))
            except ValueError:
                raise ValueError("priors need the `date` of their figures, as 2026-11-01") from None
        models = data.get("models")
        if not isinstance(models, Mapping):
            raise ValueError("`models` of priors is a mapping of models to shares of good answers")
        overall: dict[str, float] = {}
        tasks: dict[tuple[str, str], float] = {}
        for model, said in models.items():
            for task, share in (said if isinstance(said, Mapping) else {OVERALL: said}).items():
                if task == OVERALL:
                    overall[str(model)] = _share(share, model, task)
                else:
                    tasks[str(task), str(model)] = _share(share, model, task)
        return cls(overall, tasks, dated.isoformat(), str(data.get("source") or ""))


def _share(value: object, model: object, task: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"the prior of {model} for {task} is a share from 0 to 1, not {value!r}")
    return float(value)

"""Settings: how much quality may be given up for price, where no rule says it, and where none may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.config import Duration, Percent, SettingError, setting
from pointsman_thrift.policy import Objective
from pointsman_thrift.quality import Priors
from pointsman_thrift.tasks.names import Task

__all__ = ["WHOLE", "ChoiceSettings", "check_priors"]

WHOLE = 1_000_000


def check_priors(given: Mapping[str, Any] | None) -> None:
    """Refuse what is no prior. Raises SettingError."""
    if given is not None:
        try:
            Priors.of(given)
        except ValueError as error:
            raise SettingError("", str(error)) from None


@dataclass(frozen=True)
class ChoiceSettings:
    """How `pick: thrift` chooses among the models of a rule."""

    within: Percent = setting(
        default=Percent.parse("5%"),
        minimum=0,
        maximum=WHOLE,
        help="How much of the best model's measured quality may be lost, on the whole of a rule's requests; "
        "or in each of them, where `strict`.",
        example="3%",
    )
    most_per_task: Percent = setting(
        default=Percent.parse("15%"),
        minimum=0,
        maximum=WHOLE,
        help="How much may be expected to be lost in any one request.",
    )
    objective: Objective = setting(
        default="cost", help="What is saved: `cost` of a good answer, or time (`speed`)."
    )
    strict: bool = setting(
        default=False,
        help="Whether each request by itself must be answered as well, with a probability of nine in ten.",
    )
    least_labels: int = setting(
        default=30,
        minimum=1,
        help="Paired labels that a model needs in a task before it answers in place of the best: below, it "
        "is only suggested.",
    )
    explore: Percent = setting(
        default=Percent.parse("1%"),
        minimum=0,
        maximum=20_000,
        help="How many requests go to models of which more should be known, if they are expected to lose "
        "little; 2% at most.",
    )
    protected: tuple[Task, ...] = setting(
        default=(Task("health"), Task("legal")),
        help="Tasks whose requests always go to the best model.",
        example=["legal", "finance"],
    )
    half_life: Duration = setting(
        default=Duration(14 * 86_400), minimum=Duration(3600), help="After this time evidence counts half."
    )
    refresh: Duration = setting(
        default=Duration(30), minimum=Duration(0.05), help="How often what was said of answers is read again."
    )
    priors: dict[str, Any] | None = setting(
        default=None,
        check=check_priors,
        help="What is believed of models before there is evidence: `date` and `source` of the figures, and "
        "`models` with the share of good answers, each overall or by task. It counts as ten answers.",
        example={"date": "2026-11-01", "source": "own tests", "models": {"acme/large": 0.85}},
    )

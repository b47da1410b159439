"""The settings of this plugin."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.config import setting

from .live.settings import ChoiceSettings
from .shadow.settings import ShadowSettings
from .tasks.settings import TasksSettings

__all__ = ["ThriftSettings"]


@dataclass(frozen=True)
class ThriftSettings:
    """What requests are about, and which model is good enough for that and costs least."""

    tasks: TasksSettings = setting(
        factory=TasksSettings, help="How requests are told apart by what they are about."
    )
    choice: ChoiceSettings = setting(
        factory=ChoiceSettings, help="How `pick: thrift` chooses among the models of a rule."
    )
    auto: tuple[str, ...] = setting(
        default=(),
        help="The models that `auto` stands for, the best first; without any, all of `models:`.",
        example=["acme/large", "acme/small"],
    )
    shadow: ShadowSettings = setting(
        factory=ShadowSettings, help="Comparisons of answers, by which models are told apart."
    )

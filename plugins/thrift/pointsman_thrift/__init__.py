"""What requests are about, and which model is good enough for that and costs least."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING

from pointsman import hookimpl
from pointsman.config import Percent
from pointsman.errors import ConfigError

from .live.chooser import FIELD as THRIFT
from .live.chooser import OBJECTIVE, STRICT, WITHIN
from .live.engine import AUTO, PICK, Engine
from .live.settings import WHOLE
from .policy import Objective
from .settings import ThriftSettings
from .shadow.shadow import FIELD as SHADOW
from .tasks.classifier import NOTE, TASK, TOOL_ANSWERED, Classifier, Verdict
from .tasks.names import Task
from .tasks.prompt import prompt_of
from .tasks.sample import Sample
from .tasks.weights import BadWeights, load

if TYPE_CHECKING:
    from pointsman.exchange import Candidate, Exchange
    from pointsman.gateway import Gateway
    from pointsman.registers import RegisterCommand, RegisterRouting, RegisterSettings
    from pointsman.setup import Setup
    from pointsman.stored import Stored

__all__ = ["POINTSMAN_API", "Thrift"]

POINTSMAN_API = 1


class Thrift:
    """The plugin."""

    def __init__(self) -> None:
        self._settings = ThriftSettings()
        self.engine: Engine | None = None
        """Chooses; None before the start."""
        self._classifier = Classifier()
        self._sample = Sample(0, Random().random)  # noqa: S311 - a sample, not a secret

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """Its settings, and `task` of what a rule uses."""
        register(ThriftSettings)
        register.field(
            "use",
            TASK,
            Task | None,
            default=None,
            help="What the rule's requests are about, whatever they and their texts say.",
            example="legal",
        )
        register.field(
            "use",
            WITHIN,
            Percent | None,
            default=None,
            minimum=0,
            maximum=WHOLE,
            help="With `pick: thrift`: how much of the best model's measured quality may be lost.",
            example="5%",
        )
        register.field(
            "use",
            OBJECTIVE,
            Objective | None,
            default=None,
            help="With `pick: thrift`: what is saved, `cost` or time (`speed`).",
            example="speed",
        )
        register.field(
            "use",
            STRICT,
            bool | None,
            default=None,
            help="With `pick: thrift`: whether each request by itself must be answered as well.",
        )
        for record, whose in (
            ("use", "the rule's requests"),
            ("key", "this key's requests"),
            ("team", "its keys' requests"),
            ("organisation", "its keys' requests"),
        ):
            register.field(
                record,
                THRIFT,
                bool | None,
                default=None,
                help=f"`false`: {whose} always go to the best of the models that `thrift` may choose among.",
            )
            register.field(
                record,
                SHADOW,
                bool | None,
                default=None,
                help=f"`false`: {whose} are asked of no other model for comparison.",
            )

    @hookimpl
    def register_routing(self, register: RegisterRouting) -> None:
        """The variables `task` and `task.confidence`."""
        register.variable(
            TASK,
            Task,
            lambda exchange: verdict.task if (verdict := self.task_of(exchange)) else None,
            help="What the request is about: one of the tasks.",
        )
        register.variable(
            f"{TASK}.confidence",
            float,
            lambda exchange: verdict.confidence if (verdict := self.task_of(exchange)) else None,
            help="How sure that is, from 0 to 1.",
        )
        register(PICK, self._pick, help="the cheapest model that is good enough first", across=True)
        register.name(AUTO, self._auto, pick=PICK, help="The cheapest of these models that is good enough.")

    @hookimpl
    def register_commands(self, register: RegisterCommand) -> None:
        """Add `pointsman route`."""
        from .command import route

        register(route)

    @hookimpl
    async def startup(self, gateway: Gateway) -> None:
        """Take the settings. Raises ConfigError for weights that are none."""
        self.reload(gateway.setup)()
        self.engine = Engine(
            gateway,
            gateway.setup,
            self._settings.choice,
            self._settings.shadow,
            task_of=lambda exchange: verdict.task if (verdict := self.task_of(exchange)) else "",
            answered=self._sends_result,
        )
        await self.engine.start()

    @hookimpl
    def reload(self, setup: Setup) -> Callable[[], None]:
        """Go on with other settings and weights. Raises ConfigError."""
        settings: ThriftSettings = setup.settings("thrift")
        classifier, path = Classifier(), settings.tasks.weights
        if path is not None:
            try:
                classifier = Classifier.with_model(load(path))
            except BadWeights as error:
                place = "plugins.thrift.tasks.weights"
                raise ConfigError.of([setup.config.problem(place, str(error))]) from None
        engine = self.engine
        further = engine.reload(setup, settings.choice, settings.shadow) if engine is not None else None

        sample = Sample(settings.tasks.sample, Random().random)  # noqa: S311 - a sample, not a secret

        def change() -> None:
            self._settings, self._classifier, self._sample = settings, classifier, sample
            if further is not None:
                further()

        return change

    @hookimpl
    def reserve_usage(self, exchange: Exchange) -> None:
        """Draw requests that are to be asked of another model, too."""
        if self.engine is not None:
            self.engine.begin(exchange)

    @hookimpl
    def store_response(self, exchange: Exchange, stored: Stored) -> None:
        """Take the answer of one that was drawn."""
        if self.engine is not None:
            self.engine.answered(exchange, stored)

    @hookimpl
    def settle_usage(self, exchange: Exchange) -> None:
        """Find the task of some, where their record is written before the answer ends."""
        if exchange.strict:
            self._note(exchange)

    @hookimpl
    def request_finished(self, exchange: Exchange) -> None:
        """Find the task of some after their answer, before their record is written."""
        if not exchange.strict:
            self._note(exchange)
        if self.engine is not None:
            self.engine.finished(exchange)

    def task_of(self, exchange: Exchange) -> Verdict | None:
        """What a request is about, found out once; None where it has no prompt."""
        return self._classifier.of(exchange)

    def _pick(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        return self.engine.pick(exchange, candidates) if self.engine is not None else candidates

    def _auto(self, exchange: Exchange) -> Sequence[str]:
        return self.engine.auto(exchange, self._settings.auto) if self.engine is not None else ()

    def _sends_result(self, exchange: Exchange) -> bool:
        """Whether a request sends what a tool answered."""
        verdict = self.task_of(exchange)
        if verdict is None or verdict.cause == "text":
            return False
        return verdict.cause == TOOL_ANSWERED or prompt_of(exchange.request).answered

    def _note(self, exchange: Exchange) -> None:
        ruled = exchange.plan is not None and TASK in exchange.plan.extra
        if ruled or (exchange.admitted and NOTE not in exchange.notes and self._sample.takes()):
            self.task_of(exchange)

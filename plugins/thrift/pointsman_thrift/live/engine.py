"""The engine: what lives as long as the gateway, from evidence to choices and on to more evidence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from random import Random

from pointsman.errors import StartupError
from pointsman.exchange import Candidate, Exchange
from pointsman.gateway import Gateway
from pointsman.ledger import reader
from pointsman.setup import Setup
from pointsman.stored import Stored
from pointsman_feedback import share_of
from pointsman_thrift.policy import Choice
from pointsman_thrift.policy.asking import rival
from pointsman_thrift.quality import Priors
from pointsman_thrift.shadow.judge import Verdict
from pointsman_thrift.shadow.settings import ShadowSettings
from pointsman_thrift.shadow.shadow import INTERVAL, Shadow
from pointsman_thrift.tasks.classifier import TASK
from pointsman_thrift.tasks.names import GENERAL

from .chooser import NOTE, Answered, Chooser, TaskOf
from .knowledge import Knowledge
from .lessons import Lessons, features_of
from .settings import ChoiceSettings

__all__ = ["AUTO", "PICK", "Engine"]

log = logging.getLogger(__name__)

PICK = "thrift"
"""The name of the way of picking."""
AUTO = "auto"
OUTPUTS = "output_modalities"


class Engine:
    """Chooses by `chooser`, whose knowledge is read from the ledger every now and then while anybody asks for
    it, and has `shadow` compare some answers."""

    def __init__(
        self,
        gateway: Gateway,
        setup: Setup,
        choice: ChoiceSettings,
        shadow: ShadowSettings,
        *,
        task_of: TaskOf,
        answered: Answered,
    ) -> None:
        self._gateway = gateway
        self._wanted = _wants(setup)
        self.chooser = Chooser(_knowledge(setup, choice), choice, task_of=task_of, answered=answered)
        self._lessons = Lessons()
        self.chooser.gains = self._lessons.gains
        self._chance = Random()  # noqa: S311 - which comparison is made is no secret
        self.shadow = Shadow(gateway, shadow, teacher=self)

    async def start(self) -> None:
        """Read what is known, and go on doing so."""
        if self._gateway.rehearsing:
            await self._read_beside()
            return
        if self._wanted:
            await self.chooser.knowledge.read(self._gateway.ledger)
        self._gateway.every(self.chooser.settings.refresh, self.refresh)
        self._gateway.every(INTERVAL, self.shadow.work)

    def reload(self, setup: Setup, choice: ChoiceSettings, shadow: ShadowSettings) -> Callable[[], None]:
        """Go on with other settings: loss budgets and conversations stay, and so does what waits."""

        def change() -> None:
            self._wanted = self._wanted or _wants(setup)
            before, self.chooser.settings = self.chooser.settings, choice
            if (choice.priors, choice.half_life) != (before.priors, before.half_life):
                self.chooser.knowledge = _knowledge(setup, choice)
            self.shadow.use(shadow)

        return change

    def pick(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
        """See `Chooser.pick`: those of one model are put in order as where no rule says how."""
        self._wanted = True
        return self.chooser.pick(exchange, candidates, _usual)

    def auto(self, exchange: Exchange, named: Sequence[str]) -> Sequence[str]:
        """The models that `auto` stands for: those `named`, or all of the configuration, as far as the client
        may use them and they answer with text."""
        setup, actor = exchange.setup, exchange.actor
        found = []
        for name in named or setup.section("models"):
            resolution = setup.catalogue.resolve(name)
            if resolution is None or actor is None or not actor.may_use(*resolution.names):
                continue
            if any(_says_text(endpoint.facts.get(OUTPUTS)) for endpoint in resolution.endpoints):
                found.append(name)
        return found

    def begin(self, exchange: Exchange) -> None:
        """Draw requests to be compared."""
        self.shadow.begin(exchange)

    def answered(self, exchange: Exchange, stored: Stored) -> None:
        """Take the answer of one that was drawn."""
        self.shadow.answered(exchange, stored)

    def finished(self, exchange: Exchange) -> None:
        """Remember the conversation, and have the answer compared."""
        if exchange.notes:
            self.chooser.answered(exchange)
            self.shadow.finished(exchange)

    async def refresh(self) -> None:
        """Read what is known anew, if anybody asks."""
        if self._wanted:
            await self.chooser.knowledge.read(self._gateway.ledger)
            await self._lessons.learn()

    async def _read_beside(self) -> None:
        """What a dry run knows is what the ledger has, if there is one."""
        setup = self._gateway.setup
        if not self._wanted:
            return
        try:
            with reader(setup.core.ledger.url, setup.base) as opened:
                await self.chooser.knowledge.read(opened)
        except StartupError as error:
            log.debug("nothing is known of models: %s", error)

    def rival(self, exchange: Exchange, model: str, rivals: Sequence[str]) -> str:
        """See `Teacher`: where it was chosen among models, the one that this says most about; else the one of
        which least is known."""
        choice: Choice | None = exchange.notes.get(NOTE)
        wanted = rival(choice, self._chance) if choice is not None and choice.model == model else None
        if wanted is not None and wanted in rivals:
            return wanted
        task, quality = exchange.notes.get(TASK) or GENERAL, self.chooser.knowledge.quality
        at = self.chooser.knowledge.read_at or 0.0
        return min(rivals, key=lambda other: quality.paired(task, model, other, at).n)

    def told(self, exchange: Exchange, model: str, rival: str) -> Callable[[Verdict], None]:
        """See `Teacher`: how the two compare is a lesson about the prompt."""
        prompt = features_of(exchange, exchange.notes.get(TASK))
        return lambda found: self._lessons.observe(prompt, (model, rival), (found.own, found.rival))


def _wants(setup: Setup) -> bool:
    """Whether any rule picks by thrift."""
    picks = [route.use.pick for route in setup.section("routes")]
    return PICK in (*picks, setup.settings("routes").pick)


def _knowledge(setup: Setup, choice: ChoiceSettings) -> Knowledge:
    priors = Priors.of(choice.priors) if choice.priors is not None else Priors()
    return Knowledge(priors, half_life=choice.half_life, share=share_of(setup))


def _usual(exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
    default = next((each for each in exchange.setup.pickers.values() if each.default), None)
    return default.pick(exchange, candidates) if default is not None else candidates


def _says_text(fact: object) -> bool:
    value = getattr(fact, "value", None)
    return value is None or "text" in value

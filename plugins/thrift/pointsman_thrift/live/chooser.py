"""The chooser: `pick: thrift`, request by request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pointsman.exchange import Candidate, Exchange
from pointsman.registers import Pick
from pointsman_balance.sessions import session_of
from pointsman_thrift.policy import Ask, Choice, Controller, Limits, Policy, choose
from pointsman_thrift.tasks.names import GENERAL

from .conversations import Conversation, Conversations
from .knowledge import Knowledge
from .offers import by_model, offers_of
from .settings import WHOLE, ChoiceSettings
from .told import Chosen, Worth, order_again

__all__ = ["FIELD", "NOTE", "Chooser"]

NOTE = "thrift"
"""Where an exchange has its choice, and the session that it is in."""
FIELD = "thrift"
"""What keys, teams and the organisation say of it: `false` sends their requests to the best model."""
STRICT, WITHIN, OBJECTIVE = "strict", "within", "objective"
"""What a rule's `use` says of it."""

TaskOf = Callable[[Exchange], str]
Answered = Callable[[Exchange], bool]
Gains = Callable[[Exchange, str, str], Mapping[str, float]]
"""Of a request, its task and the first of its models: how much better than usual each model is expected to
answer this very prompt."""


def _no_gains(exchange: Exchange, task: str, anchor: str) -> Mapping[str, float]:
    return {}


class Chooser:
    """Chooses by what is known. `task_of` says what a request is about, `answered` whether it sends a tool's
    result."""

    def __init__(
        self,
        knowledge: Knowledge,
        settings: ChoiceSettings,
        *,
        task_of: TaskOf,
        answered: Answered,
    ) -> None:
        self.knowledge = knowledge
        self.settings = settings
        self._task_of = task_of
        self._answered = answered
        self.gains: Gains = _no_gains
        self._conversations = Conversations()
        self._controllers: dict[tuple[str | None, Limits], Controller] = {}

    @property
    def budgets(self) -> Mapping[tuple[str | None, Limits], Controller]:
        """The loss budgets, by rule and limits."""
        return self._controllers

    def pick(self, exchange: Exchange, candidates: list[Candidate], within: Pick) -> list[Candidate]:
        """The candidates, those of the chosen model first, then of the one that comes next if it fails;
        `within` puts in order those of one model."""
        models = by_model(candidates)
        names = [*models]
        order = self._again(exchange, names)
        if order is None:
            order = [*self._choose(exchange, models).order] if len(names) > 1 else names
        ordered: list[Candidate] = []
        for name in order:
            ordered += within(exchange, models[name]) if len(models[name]) > 1 else models[name]
        return ordered

    def answered(self, exchange: Exchange) -> None:
        """Remember where a conversation was answered."""
        choice: Choice | None = exchange.notes.get(NOTE)
        if choice is None or exchange.outcome != "complete" or not exchange.attempts:
            return
        session, usage = session_of(exchange), exchange.usage
        if session is not None:
            tokens = usage.input + usage.output if usage is not None else 0
            model = exchange.attempts[-1].candidate.model
            self._conversations.answered(session.id, Conversation(model, choice.task, tokens))

    def _again(self, exchange: Exchange, models: Sequence[str]) -> list[str] | None:
        record = exchange.decision.again
        return order_again(record, models) if record is not None else None

    def _choose(self, exchange: Exchange, models: Mapping[str, Sequence[Candidate]]) -> Choice:
        task = self._task_of(exchange) or GENERAL
        session = session_of(exchange)
        conversation = self._conversations.of(session.id) if session is not None else None
        if conversation is not None and conversation.model not in models:
            conversation = None
        policy = self._policy(exchange)
        costs = self.knowledge.costs
        choice = choose(
            Ask(
                task,
                exchange.at.timestamp(),
                protected=self._protected(exchange, task),
                session=conversation.model if conversation is not None else None,
                session_task=conversation.task if conversation is not None else None,
                tool_result=self._answered(exchange),
                gains=self.gains(exchange, task, next(iter(models))),
            ),
            offers_of(exchange, models, task, costs=costs, conversation=conversation),
            quality=self.knowledge.quality,
            controller=self._controller(exchange, policy),
            policy=policy,
            chance=exchange.decision.random,
        )
        exchange.notes[NOTE] = choice
        exchange.decision.health += (Chosen(choice),)
        for weighed in choice.weighed:
            chosen = f"{choice.cause}: {choice.why}" if weighed.model == choice.model else None
            for candidate in models[weighed.model]:
                candidate.reasons.append(Worth(weighed, chosen))
        return choice

    def _policy(self, exchange: Exchange) -> Policy:
        """What the rule says, and the settings where it does not."""
        said: Mapping[str, Any] = exchange.plan.extra if exchange.plan is not None else {}
        settings = self.settings
        within = said.get(WITHIN)
        strict = said.get(STRICT)
        limits = Limits(
            (settings.within if within is None else within) / WHOLE, settings.most_per_task / WHOLE
        )
        return Policy(
            objective=said.get(OBJECTIVE) or settings.objective,
            mode="strict" if (settings.strict if strict is None else strict) else "budget",
            limits=limits,
            least_pairs=settings.least_labels,
            explore=settings.explore / WHOLE,
        )

    def _controller(self, exchange: Exchange, policy: Policy) -> Controller:
        rule = exchange.plan.rule if exchange.plan is not None else None
        return self._controllers.setdefault((rule, policy.limits), Controller(policy.limits))

    def _protected(self, exchange: Exchange, task: str) -> str:
        """Why a request must go to the best model; empty where it need not."""
        if False in exchange.said(FIELD):
            return "its key or those above it say `thrift: false`"
        return f"the task {task} is protected" if task in self.settings.protected else ""

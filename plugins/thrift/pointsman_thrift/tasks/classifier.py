"""Finds what a request is about, once, and only where somebody asks."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import msgspec

from pointsman.exchange import Exchange
from pointsman.members import BAD_JSON

from .features import features_of
from .names import AGENTIC, GENERAL, TASKS, known
from .prompt import Prompt, prompt_of
from .weights import SHIPPED, Model, load

__all__ = ["HEADER", "NOTE", "TASK", "TOOL_ANSWERED", "Classifier", "Verdict"]

HEADER = "x-pointsman-task"
TASK = "task"
"""The note with the task's name, the member of `metadata` that may say it, and the key of `use` of a rule."""
NOTE = "thrift.task"
"""The note with the verdict."""
SURFACES = frozenset({"chat", "completions"})
SURE = 0.5
"""How likely the likeliest task must be; below that a prompt is `general`."""
TOOL_ANSWERED = "tool result"
"""What says that a turn with a tool's result is work of an agent."""
TOOL_RESULT = 0.99
"""How sure it is that a turn with a tool's result is work of an agent."""

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_any = msgspec.json.Decoder()


class Verdict(NamedTuple):
    """What a request is about, how sure that is (0 to 1), and what says so: rule, header, metadata,
    tool result or text."""

    task: str
    confidence: float
    cause: str


class Classifier:
    """Asks those who know, the rule that decided, the client's header and `metadata`, and then the text."""

    def __init__(self) -> None:
        self._model: Model | None = None

    @classmethod
    def with_model(cls, model: Model) -> Self:
        """One that goes by other weights."""
        made = cls()
        made._model = model
        return made

    @property
    def model(self) -> Model:
        """The weights; those that are shipped are read when they are first needed."""
        if self._model is None:
            self._model = load(SHIPPED)
        return self._model

    def of(self, exchange: Exchange) -> Verdict | None:
        """The verdict on a request; None where it is none with a prompt. It stays in the notes."""
        found: Verdict | None = exchange.notes.get(NOTE)
        said = exchange.plan.extra.get(TASK) if exchange.plan is not None else None
        if said is not None and (found is None or found.cause != "rule"):
            found = Verdict(str(said), 1.0, "rule")
        elif found is not None:
            return found
        elif exchange.surface not in SURFACES:
            return None
        else:
            found = _told(exchange) or self.judge(prompt_of(exchange.request))
        exchange.notes[NOTE], exchange.notes[TASK] = found, found.task
        return found

    def judge(self, prompt: Prompt) -> Verdict:
        """What a prompt is about by itself."""
        if prompt.answered:
            return Verdict(AGENTIC, TOOL_RESULT, TOOL_ANSWERED)
        chances = self.model.probabilities(features_of(prompt))
        best = max(chances)
        return Verdict(TASKS[chances.index(best)] if best >= SURE else GENERAL, best, "text")


def _told(exchange: Exchange) -> Verdict | None:
    """What the client says. A name that is no task says nothing."""
    if (named := exchange.headers.get(HEADER)) is not None and (task := known(named)) is not None:
        return Verdict(task, 1.0, "header")
    task = known(named) if (named := _mentioned(exchange)) is not None else None
    return Verdict(task, 1.0, "metadata") if task is not None else None


def _mentioned(exchange: Exchange) -> str | None:
    raw = exchange.request.fields.get("metadata")
    if raw is None:
        return None
    try:
        found: Any = _any.decode(_object.decode(raw).get(TASK, b"null"))
    except BAD_JSON:
        return None
    return found if isinstance(found, str) else None

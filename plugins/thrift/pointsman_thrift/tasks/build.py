"""Builds a task model and judges it by what it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .classifier import Classifier
from .generate import Example, examples
from .scoring import Judged, Scores, scores
from .training import Training, temperature_of, trained
from .weights import Model

__all__ = ["Built", "build", "judge"]

MOST_REPEATED = 20
"""How often an own prompt is taken, at most, so that a few of them are heard among the many that are made."""
LEAST_HELD = 100
"""Prompts kept out without which no temperature is looked for."""


@dataclass(frozen=True, slots=True)
class Built:
    """A model trained on everything, and how one did that was trained on a part: by what is made, and by an
    operator's own prompts, if there were any."""

    model: Model
    made: Scores
    own: Scores | None = None


def build(
    own: Sequence[Example],
    *,
    seed: int,
    per_task: int,
    training: Training | None = None,
    progress: Callable[[str], None] = lambda said: None,
) -> Built:
    """Train twice: on a part, to judge and to calibrate, and then on everything."""
    training = replace(training or Training(), seed=seed)
    made = examples(seed, per_task=per_task)
    times = max(1, min(MOST_REPEATED, len(made) // (2 * len(own)))) if own else 1
    both = [*made, *(example for example in own for _ in range(times))]
    part = [example for example in both if not example.held]
    model = trained(part, training, lambda epoch: progress(f"judged model: {epoch}/{training.epochs}"))
    held = [example for example in made if example.held]
    kept = [example for example in own if example.held]
    if len(held) + len(kept) >= LEAST_HELD:
        model.temperature = temperature_of(model, [*held, *kept])
    whole = trained(both, training, lambda epoch: progress(f"whole model: {epoch}/{training.epochs}"))
    whole.temperature = model.temperature
    return Built(whole, judge(model, held), judge(model, kept) if kept else None)


def judge(model: Model, judged: Sequence[Example]) -> Scores:
    """What a model finds of these prompts, scored."""
    classifier = Classifier.with_model(model)
    found = [(example.task, classifier.judge(example.prompt)) for example in judged]
    return scores([Judged(true, verdict.task, verdict.confidence) for true, verdict in found])

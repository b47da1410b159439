"""How well tasks are found: F1 of each, their mean, the confusion, and how far confidence can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pointsman.columns import aligned

from .names import GENERAL, TASKS
from .prompt import Prompt

__all__ = ["Judged", "Scores", "as_text", "by_keywords", "scores"]

BINS = 10
KEYWORDS = {
    "translation": ("translate", "translation"),
    "summarisation": ("summarize", "summarise", "summary", "tl;dr"),
    "classification": ("classify", "sentiment", "label", "category"),
    "extraction": ("extract", "passage", "according to the"),
    "programming": ("python", "code", "function", "javascript", "sql", "program"),
    "maths": ("solve", "equation", "calculate", "how many", "how much", "$"),
    "roleplay": ("act as", "pretend", "imagine you are", "you are a"),
    "writing": ("write", "poem", "story", "email", "essay", "joke"),
    "legal": ("law", "legal", "sue", "contract"),
    "finance": ("invest", "stock", "tax", "budget", "interest rate"),
    "health": ("symptom", "disease", "doctor", "exercise", "diet"),
    "marketing": ("slogan", "marketing", "customers", "brand"),
    "technology": ("software", "computer", "internet", "ai "),
    "science": ("physics", "chemical", "energy", "planet", "species"),
    "academia": ("history", "philosophy", "society", "culture"),
    "reasoning": ("logic", "puzzle", "step by step", "what if"),
    "trivia": ("who ", "when ", "capital of"),
}
"""What somebody would look for who had an hour: the baseline that the model must beat."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A prompt's true task, the one that was found, and how sure that was."""

    true: str
    found: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Scores:
    """F1 of each task that was true of any prompt, and all in one.

    `macro` is their mean, `accuracy` the share that was found, `calibration` how far confidence is from being
    right, on average over ten bins of it (ECE).
    """

    number: int
    macro: float
    accuracy: float
    calibration: float
    tasks: dict[str, float]
    counts: dict[str, int]
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)


def scores(judged: Sequence[Judged]) -> Scores:
    """The scores of what was judged."""
    confusion = Counter((each.true, each.found) for each in judged)
    true, found = Counter(each.true for each in judged), Counter(each.found for each in judged)
    tasks = {task: 2 * confusion[task, task] / (true[task] + found[task]) for task in TASKS if true[task]}
    right = sum(confusion[task, task] for task in TASKS)
    number = len(judged) or 1
    return Scores(
        len(judged),
        sum(tasks.values()) / (len(tasks) or 1),
        right / number,
        _calibration(judged),
        tasks,
        {task: true[task] for task in tasks},
        confusion,
    )


def _calibration(judged: Iterable[Judged]) -> float:
    bins: list[list[Judged]] = [[] for _ in range(BINS)]
    for each in judged:
        bins[min(int(each.confidence * BINS), BINS - 1)].append(each)
    total = sum(map(len, bins)) or 1
    return (
        sum(abs(sum(each.confidence - (each.true == each.found) for each in found)) for found in bins) / total
    )


def by_keywords(prompt: Prompt) -> str:
    """The task by the first keyword that is found."""
    text = prompt.last.lower()
    for task, words in KEYWORDS.items():
        if any(word in text for word in words):
            return task
    return "agentic" if prompt.tools else GENERAL


def as_text(found: Scores) -> str:
    """As a table for people: each task with its F1 and what it is mostly taken for."""
    rows = sorted(found.tasks)
    table = aligned(
        {
            "task": rows,
            "prompts": [str(found.counts[task]) for task in rows],
            "F1": [f"{found.tasks[task]:.2f}" for task in rows],
            "taken for": [_mistakes(found, task) for task in rows],
        },
        left=1,
    )
    said = f"macro-F1 {found.macro:.3f}, right {found.accuracy:.1%}, {found.number} prompts"
    return f"{table}\n{said}, confidence off by {found.calibration:.3f}"


def _mistakes(found: Scores, task: str) -> str:
    wrong = Counter({to: count for (of, to), count in found.confusion.items() if of == task and to != task})
    return ", ".join(f"{to} {count}" for to, count in wrong.most_common(3)) or "-"

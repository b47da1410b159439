"""The tasks there are: what a prompt may be about, here and in OpenRouter's words."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, NamedTuple, Self

__all__ = ["AGENTIC", "GENERAL", "OPENROUTER", "TASKS", "Tag", "Task", "known"]

AGENTIC = "agentic"
GENERAL = "general"


class Tag(NamedTuple):
    """A task in OpenRouter's words: its group (code, data, agent, general), its tag, a label for people."""

    macro: str
    tag: str
    label: str


OPENROUTER: Mapping[str, Tag] = {
    "academia": Tag("general", "general:academia", "Academia"),
    AGENTIC: Tag("agent", "agent:tool_use", "Tool Use"),
    "classification": Tag("data", "data:classification", "Classification"),
    "extraction": Tag("data", "data:extraction", "Data Extraction"),
    "finance": Tag("general", "general:finance", "Finance"),
    GENERAL: Tag("general", "general:other", "General"),
    "health": Tag("general", "general:health", "Health"),
    "legal": Tag("general", "general:legal", "Legal"),
    "marketing": Tag("general", "general:marketing", "Marketing"),
    "maths": Tag("general", "general:math", "Mathematics"),
    "programming": Tag("code", "code:general_impl", "Code Generation"),
    "reasoning": Tag("general", "general:reasoning", "Reasoning"),
    "roleplay": Tag("general", "general:roleplay", "Roleplay"),
    "science": Tag("general", "general:science", "Science"),
    "summarisation": Tag("data", "data:summarization", "Summarization"),
    "technology": Tag("general", "general:technology", "Technology"),
    "translation": Tag("general", "general:translation", "Translation"),
    "trivia": Tag("general", "general:trivia", "Trivia"),
    "writing": Tag("general", "general:writing", "Writing"),
}
"""What each task is called in OpenRouter's shape of task shares. Few of its tags are public; where none fits,
the tag is the task's name in its group."""
TASKS = tuple(OPENROUTER)
"""Each prompt has one of them. Weights are stored in this order."""
_SPELLED = {"math": "maths", "mathematics": "maths", "code": "programming", "coding": "programming"} | {
    "summarization": "summarisation",
    "agent": AGENTIC,
}
"""What else some of them are called."""


def known(name: str) -> str | None:
    """The task of this name, as it is called here; None where there is none."""
    lowered = name.strip().lower()
    task = _SPELLED.get(lowered, lowered)
    return task if task in OPENROUTER else None


class Task(str):
    """A task, as a rule or a label names it."""

    expected: ClassVar[str] = f"one of {', '.join(TASKS)}"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "enum": [*TASKS]}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it. Raises ValueError."""
        task = known(text)
        if task is None:
            near = get_close_matches(text.lower(), TASKS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f": they are {', '.join(TASKS)}"
            raise ValueError(f"there is no task {text!r}{hint}")
        return cls(task)

    def holds(self, task: str) -> bool:
        """Whether it is this one."""
        return self == task

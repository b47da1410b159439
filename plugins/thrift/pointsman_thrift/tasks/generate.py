"""Prompts made from the corpus: what the model is trained on. Seeded: one seed, one set of prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from itertools import chain
from random import Random
from typing import Any
from zlib import crc32

from .names import TASKS
from .prompt import Prompt

__all__ = ["Corpus", "Example", "Template", "corpus", "examples"]

FILES = ("subjects", "words", "texts", "lexicon")
PROMPTS = ("prompts", "questions", "plain")
ABOUT = "about:"
SLOT = re.compile(r"\{([a-z_:0-9]+)\}")
CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")
DEEPEST = 12
"""How often a text is gone over for what is still to be filled in."""
COMES_WITH: Mapping[str, Mapping[str, Any]] = {
    "@tools": {"tools": 1},
    "@schema": {"schema": True},
    "@image": {"media": frozenset({"image"})},
    "@document": {"media": frozenset({"document"})},
    "@search": {"tools": 1},
}
FOREIGN, GENERIC, LOOSE = 0.14, 0.2, 0.25
"""Shares of prompts in other languages than English, of those that any subject may be asked, and of those
made of a task's words."""
BEFORE = (
    *(
        "Please ",
        "please ",
        "Can you ",
        "Could you ",
        "Hi! ",
        "hey, ",
        "Hello, ",
        "I need help: ",
        "Question: ",
    ),
    *("I want you to ", "Now ", "So, ", "Quick one: ", "As an AI, ", "ok. ", "Instruction: ", "User: "),
)
AFTER = (
    *(
        " Thanks!",
        " Please.",
        " Be concise.",
        " Keep it short.",
        " Explain step by step.",
        " thx",
        " Be brief.",
    ),
    *(" Answer in one sentence.", " Use simple words.", " It's urgent.", " No preamble.", " Think about it."),
    *("\nAnswer:", " Give details.", " Format the answer in Markdown.", " Answer in English.", "?"),
)
SYSTEM = (
    *(
        "You are a helpful assistant.",
        "You are a helpful assistant",
        "Be concise.",
        "Be helpful.",
        "Be brief.",
    ),
    *("Answer in the user's language.", "You are an AI model made to help people.", "Use Markdown."),
    "You are a friendly and knowledgeable assistant. If you do not know something, say so.",
    "You are designed to help with many kinds of requests, from answering questions to long discussions.",
)


@dataclass(frozen=True, slots=True)
class Template:
    """One line of the corpus: the text, what comes with it, and whose entries `{it}` takes."""

    task: str
    text: str
    it: str = ""
    foreign: bool = False

    @property
    def held(self) -> bool:
        """Whether it is kept out of training, to see how the model does on what it has not seen."""
        return crc32(self.text.encode()) % 8 == 0


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt, and what it is about."""

    task: str
    prompt: Prompt
    held: bool = False


@dataclass(frozen=True, slots=True)
class Corpus:
    """Lists of words, and templates by task: those of one task, generic ones, and foreign ones."""

    lists: dict[str, list[str]] = field(default_factory=dict)
    own: dict[str, list[Template]] = field(default_factory=dict)
    generic: dict[str, list[Template]] = field(default_factory=dict)
    foreign: dict[str, list[Template]] = field(default_factory=dict)

    def draw(self, task: str, draw: Random) -> Template:
        """One of a task's templates."""
        chance = draw.random()
        if chance < FOREIGN and task in self.foreign:
            return draw.choice(self.foreign[task])
        if chance < FOREIGN + GENERIC and task in self.generic:
            return draw.choice(self.generic[task])
        if chance < FOREIGN + GENERIC + LOOSE:
            return Template(task, draw.choice(self.lists["loose"]), it=f"words:{task}")
        return draw.choice(self.own[task])

    def filled(self, text: str, draw: Random, it: str = "") -> str:
        """A text with a choice made at each place that has one."""
        for _ in range(DEEPEST):
            text, chosen = CHOICE.subn(lambda match: draw.choice(match[1].split("|")), text)
            if chosen:
                continue
            before, text = text, SLOT.sub(lambda match: self._entry(match, draw, it), text)
            if text == before:
                break
        return text

    def _entry(self, match: re.Match[str], draw: Random, it: str) -> str:
        entries = self.lists.get(it if match[1] == "it" else match[1])
        return draw.choice(entries) if entries else match[0]

    def prompt(self, template: Template, draw: Random) -> Prompt:
        """A prompt as somebody might write it."""
        text = template.text
        extra: dict[str, Any] = {}
        while (word := text.partition(" ")[0]) in COMES_WITH:
            extra.update(COMES_WITH[word])
            text = text[len(word) + 1 :]
        *before, last = self.filled(text, draw, template.it).replace("\\n", "\n").split(" >> ")
        system = " ".join(each.removeprefix("SYS: ") for each in before if each.startswith("SYS: "))
        earlier = "\n".join(each for each in before if not each.startswith("SYS: "))
        prompt = Prompt(last, earlier, system, **extra)
        return _styled(prompt, draw, foreign=template.foreign)


def _styled(prompt: Prompt, draw: Random, *, foreign: bool) -> Prompt:
    """With the habits of a writer and a client."""
    last = prompt.last
    if not foreign and draw.random() < 0.15:
        start = draw.choice(BEFORE)
        last = start + (last[:1].lower() + last[1:] if not start.endswith(": ") else last)
    if draw.random() < 0.12:
        last += draw.choice(AFTER)
    if draw.random() < 0.15:
        last = last.lower()
    if draw.random() < 0.15:
        last = last.rstrip(".?!")
    if draw.random() < 0.1:
        last = _mistyped(last, draw)
    system = prompt.system or (draw.choice(SYSTEM) if draw.random() < 0.25 else "")
    tools = prompt.tools or (draw.random() < 0.04)
    schema = prompt.schema or draw.random() < 0.03
    return replace(prompt, last=last, system=system, tools=int(tools) * draw.randint(1, 8), schema=schema)


def _mistyped(text: str, draw: Random) -> str:
    """With a letter too many, too few, or in the wrong place."""
    place = draw.randrange(len(text)) if text else 0
    kind = draw.randrange(3)
    if kind == 0:
        return text[:place] + text[place + 1 :]
    if kind == 1:
        return text[:place] + text[place : place + 1] * 2 + text[place + 1 :]
    return text[:place] + text[place + 1 : place + 2] + text[place : place + 1] + text[place + 2 :]


def _sections(name: str) -> Iterator[tuple[str, list[str]]]:
    """The sections of a file of the corpus, each with its lines."""
    heading: str = ""
    lines: list[str] = []
    for line in files(__package__).joinpath("corpus", f"{name}.txt").read_text("utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and "," not in line:
            if heading:
                yield heading, lines
            heading, lines = line[1:-1], []
        elif line and not line.startswith("# "):
            lines.append(line)
    yield heading, lines


@cache
def corpus() -> Corpus:
    """The corpus that is shipped."""
    found = Corpus()
    for name in FILES:
        for heading, lines in _sections(name):
            entries = lines if name == "texts" else [each for line in lines for each in line.split("; ")]
            found.lists.setdefault(heading, []).extend(entries)
    for heading, lines in chain.from_iterable(map(_sections, PROMPTS)):
        if heading.startswith(ABOUT):
            for task in heading.removeprefix(ABOUT).split():
                found.generic.setdefault(task, []).extend(Template(task, line, it=task) for line in lines)
        else:
            found.own.setdefault(heading, []).extend(Template(heading, line) for line in lines)
    for heading, lines in _sections("languages"):
        found.foreign[heading] = [Template(heading, line, foreign=True) for line in lines]
    return found


def examples(seed: int, *, per_task: int) -> list[Example]:
    """So many prompts of each task, in no order. A task's text may follow on another's in a conversation."""
    draw, made = Random(seed), []  # noqa: S311 - a corpus, not a secret
    all_of = corpus()
    for task in TASKS:
        for _ in range(per_task):
            template = all_of.draw(task, draw)
            prompt = all_of.prompt(template, draw)
            if not prompt.earlier and draw.random() < 0.06:
                other = all_of.draw(draw.choice(TASKS), draw)
                prompt = replace(prompt, earlier=all_of.prompt(other, draw).last)
            made.append(Example(task, prompt, template.held))
    draw.shuffle(made)
    return made

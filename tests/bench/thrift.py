"""What thrift would save, and what it would lose, on recorded answers of several models.

    python tests/bench/thrift.py                                50,000 requests, as a table
    python tests/bench/thrift.py --requests 8000 --json

Requests are drawn from questions whose answers by each model were scored (`llmrouter_scores.json`), not from
anything that thrift believes. What is asked for shifts over the weeks; the model that saved most becomes
worse and is repaired; the price of the one that saved most then doubles at peak hours. Thrift sees what a
gateway would see: votes on some of the answers that it gave, of which some are wrong, and a second answer to
a sample of requests, which it never serves. Ends with 1 where more of the best model's quality is lost than
the budget allows.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from pointsman.testing import shared_path
from pointsman_thrift.difficulty import Anchored, Features, features
from pointsman_thrift.policy import Ask, Choice, Controller, Limits, Offer, Policy, choose, rival
from pointsman_thrift.quality import Quality

START = datetime(2026, 11, 2, tzinfo=UTC).timestamp()
DAYS = 14.0
PRICES = {
    "llama-3.1-nemotron-51b-instruct": 0.60,
    "llama-3.3-nemotron-super-49b-v1": 0.55,
    "gemma-2-9b-it": 0.11,
    "llama-3.1-8b-instruct": 0.10,
    "qwen2.5-7b-instruct": 0.08,
    "mistral-7b-instruct-v0.3": 0.07,
}
"""USD per million tokens; the first is the one that an operator would name first."""
OUTPUT = 250
VOTES, WRONG, KEYS = 0.1, 0.1, 200
"""Share of answers that are voted on, of votes that say the opposite, and how many keys there are."""
SHADOWS = 0.06
LEARNED = 2500
"""Requests after which what prompts say is learned anew, with --text."""
SPOILED = 0.6
"""The share of good answers that are spoiled while a model is worse: the one that saved most before."""
PEAK = (range(1, 4), range(6, 10))
"""Hours (UTC) in which, in the last phase, the model that saved most before costs twice as much."""
WORSE_PHASE, PEAK_PHASE = "a model is worse", "peak prices"
PHASES = (("learning", 0.2), ("settled", 0.45), (WORSE_PHASE, 0.65), ("repaired", 0.8), (PEAK_PHASE, 1.0))
HARD = frozenset({"maths", "programming", "reasoning"})
"""Tasks that are asked for more and more."""


@dataclass(frozen=True)
class Question:
    """A prompt's task and size, and the score of each model's answer."""

    number: int
    task: str
    tokens: int
    scores: dict[str, float]
    features: Features


@dataclass
class Tally:
    """What a phase came to: sums over its requests."""

    requests: int = 0
    served: float = 0.0
    best: float = 0.0
    cheapest: float = 0.0
    cost: float = 0.0
    shadow: float = 0.0
    best_cost: float = 0.0
    cheapest_cost: float = 0.0
    models: Counter[str] = field(default_factory=Counter)
    peak: Counter[str] = field(default_factory=Counter)
    favourite: str = ""
    causes: Counter[str] = field(default_factory=Counter)


def questions(path: Path, tasks: Callable[[str], str]) -> list[Question]:
    """The recorded ones."""
    return [
        Question(number, task, len(row["question"]) // 4 + 1, row["scores"], features(row["question"], task))
        for number, row in enumerate(json.loads(path.read_text()))
        for task in (tasks(row["question"]),)
    ]


class World:
    """What is asked, what answers are worth and what they cost at a time. `done` is from 0 to 1."""

    def __init__(self, asked: Sequence[Question], seed: int) -> None:
        self._chance = Random(seed)
        self.favourite = ""
        """The model that becomes worse or dearer."""
        self._hard = [each for each in asked if each.task in HARD]
        self._others = [each for each in asked if each.task not in HARD]

    def draw(self, done: float) -> Question:
        """A question: hard ones are a fifth at the beginning and three fifths at the end."""
        hard = self._chance.random() < 0.2 + 0.4 * done
        return self._chance.choice(self._hard if hard and self._hard else self._others)

    def outcome(self, question: Question, model: str, done: float) -> float:
        """The recorded score, unless the model's answers are spoiled at the time."""
        spoiled = model == self.favourite and phase_of(done) == WORSE_PHASE
        if spoiled and question.number * 7919 % 1000 < 1000 * SPOILED:
            return 0.0
        return question.scores[model]

    def cost(self, question: Question, model: str, done: float, now: float) -> float:
        """Nano-USD."""
        dearer = model == self.favourite and phase_of(done) == PEAK_PHASE and is_peak(now)
        price = PRICES[model] * (2.0 if dearer else 1.0)
        return price * 1000.0 * (question.tokens + OUTPUT)


def is_peak(now: float) -> bool:
    """Whether it is an hour of the peak."""
    hour = datetime.fromtimestamp(now, UTC).hour
    return any(hour in hours for hours in PEAK)


def phase_of(done: float) -> str:
    """The phase at a time."""
    return next((name for name, end in PHASES if done < end), PHASES[-1][0])


class Gateway:
    """Thrift, and what teaches it."""

    def __init__(self, world: World, loss: float, seed: int, *, text: bool) -> None:
        self.world = world
        self.difficulty = Anchored(next(iter(PRICES))) if text else None
        self.quality = Quality()
        self.policy = Policy(limits=Limits(loss))
        self.controller = Controller(self.policy.limits)
        self.chance = Random(seed)

    def choose(self, question: Question, done: float, now: float) -> Choice:
        """Which model answers."""
        offers = [Offer(model, self.world.cost(question, model, done, now)) for model in PRICES]
        return choose(
            Ask(
                question.task, now, gains=self.difficulty.gains(question.features) if self.difficulty else {}
            ),
            offers,
            quality=self.quality,
            controller=self.controller,
            policy=self.policy,
            chance=self.chance,
        )

    def learn(self, question: Question, choice: Choice, done: float, now: float) -> float:
        """What comes back of a request: votes and shadows. What the second answers cost, in nano-USD."""
        served = self.world.outcome(question, choice.model, done)
        if self.chance.random() < VOTES:
            said = served if self.chance.random() >= WRONG else 1.0 - served
            key = f"key-{self.chance.randrange(KEYS)}"
            self.quality.observe(
                question.task, choice.model, said, weight=1.0, at=now, source="vote", key=key
            )
        if self.chance.random() >= SHADOWS:
            return 0.0
        other = rival(choice, self.chance) or choice.reference
        both = served, self.world.outcome(question, other, done)
        for model, outcome in zip((choice.model, other), both, strict=True):
            self.quality.observe(question.task, model, outcome, weight=1.0, at=now, source="shadow")
        self.quality.observe_pair(question.task, choice.model, other, both, weight=1.0, at=now)
        if self.difficulty is not None:
            self.difficulty.observe(question.features, (choice.model, other), both)
        return self.world.cost(question, other, done, now)


def run(
    asked: Sequence[Question], requests: int, loss: float, seed: int, *, text: bool = False
) -> dict[str, Tally]:
    """All requests, added up by phase."""
    world = World(asked, seed)
    gateway = Gateway(world, loss, seed + 1, text=text)
    best, cheapest = next(iter(PRICES)), min(PRICES, key=PRICES.__getitem__)
    tallies = {name: Tally() for name, _ in PHASES}
    previous = Tally()
    for number in range(requests):
        done = number / requests
        now = START + DAYS * 86_400 * done
        tally = tallies[phase_of(done)]
        if not tally.requests:
            world.favourite = tally.favourite = favourite(previous)
        previous = tally
        if gateway.difficulty is not None and number % LEARNED == LEARNED - 1:
            gateway.difficulty.learn()
        question = world.draw(done)
        choice = gateway.choose(question, done, now)
        tally.requests += 1
        tally.served += world.outcome(question, choice.model, done)
        tally.best += world.outcome(question, best, done)
        tally.cheapest += world.outcome(question, cheapest, done)
        tally.cost += world.cost(question, choice.model, done, now)
        tally.best_cost += world.cost(question, best, done, now)
        tally.cheapest_cost += world.cost(question, cheapest, done, now)
        tally.shadow += gateway.learn(question, choice, done, now)
        tally.models[choice.model] += 1
        tally.causes[choice.cause] += 1
        if is_peak(now):
            tally.peak[choice.model] += 1
    return tallies


def favourite(tally: Tally) -> str:
    """The model that saved most: of those that cost less than the first, the one that answered most."""
    first = next(iter(PRICES))
    cheaper = {model: count for model, count in tally.models.items() if PRICES[model] < PRICES[first] / 2}
    return max(cheaper, key=cheaper.__getitem__, default="")


def rows_of(tallies: dict[str, Tally]) -> Iterator[dict[str, Any]]:
    """A row for each phase and one for all."""
    whole = Tally()
    for tally in tallies.values():
        for name, value in vars(tally).items():
            if name == "favourite":
                continue
            setattr(whole, name, getattr(whole, name) + value)
    for name, each in [*tallies.items(), ("all", whole)]:
        spent = each.cost + each.shadow
        mixed = min(1.0, max(0.0, (spent - each.cheapest_cost) / (each.best_cost - each.cheapest_cost)))
        random = each.cheapest + (each.best - each.cheapest) * mixed
        yield {
            "phase": name,
            "requests": each.requests,
            "quality": each.served / each.requests,
            "best": each.best / each.requests,
            "lost": 1.0 - each.served / each.best,
            "random": random / each.requests,
            "saved": 1.0 - spent / each.best_cost,
            "saved_without_shadows": 1.0 - each.cost / each.best_cost,
            "favourite": each.favourite,
            "to_favourite": (each.models[each.favourite] - each.peak[each.favourite])
            / max(1, each.requests - each.peak.total()),
            "to_favourite_at_peak": each.peak[each.favourite] / max(1, each.peak.total()),
            "models": dict(each.models.most_common()),
            "causes": dict(each.causes.most_common()),
        }


def as_text(rows: Sequence[dict[str, Any]]) -> str:
    """For people. `favourite` is the model that saved most before, and `at peak` its share in peak hours."""
    found = [
        f"{'phase':18}{'requests':>9}{'quality':>9}{'best':>8}{'lost':>8}{'random':>8}{'saved':>8}"
        f"{'to favourite':>14}{'at peak':>9}  favourite"
    ]
    found += [
        f"{row['phase']:18}{row['requests']:9,}{row['quality']:9.3f}{row['best']:8.3f}{row['lost']:8.1%}"
        f"{row['random']:8.3f}{row['saved']:8.1%}{row['to_favourite']:14.1%}"
        f"{row['to_favourite_at_peak']:9.1%}  {row['favourite']}"
        for row in rows
    ]
    return "\n".join(found)


def main() -> int:
    """Print the table; 1 where the budget is not kept."""
    from pointsman_thrift.tasks.classifier import Classifier
    from pointsman_thrift.tasks.prompt import Prompt

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--loss", type=float, default=0.05, help="share of the best model's quality")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--text", action="store_true", help="go by each prompt's text, too")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    shared = shared_path()
    if shared is None:
        parser.error("recorded answers are not here; say where in POINTSMAN_SHARED")
    classifier = Classifier()
    asked = questions(
        shared / "data" / "llmrouter_scores.json", lambda prompt: classifier.judge(Prompt(prompt)).task
    )
    rows = [*rows_of(run(asked, options.requests, options.loss, options.seed, text=options.text))]
    if options.json:
        print(json.dumps(rows))
    else:
        print(as_text(rows))
    return int(rows[-1]["lost"] > options.loss)


if __name__ == "__main__":
    sys.exit(main())

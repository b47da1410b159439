"""Verdicts on prompts by the weights that are shipped."""

from __future__ import annotations

import pytest

from pointsman_thrift.tasks.classifier import Classifier
from pointsman_thrift.tasks.names import TASKS
from pointsman_thrift.tasks.prompt import Prompt

JUDGE = Classifier().judge


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("Can you refactor this TypeScript class so it has no global state?", "programming"),
        ("Solve 3x + 7 = 22 for x and show each step.", "maths"),
        ("Translate into Portuguese: the meeting was moved to Friday.", "translation"),
        ("Is my landlord allowed to enter the flat without notice under tenancy law?", "legal"),
        ("Which ETF should I buy for my retirement portfolio?", "finance"),
        ("I've had a stiff neck and fever since Monday, which illness could that be?", "health"),
        ("Write a limerick about a lazy accountant.", "writing"),
        ("You are a grumpy wizard. Stay in character. Who dares to wake me?", "roleplay"),
        ("Why do electrons not fall into the nucleus of an atom?", "science"),
        ("What is the capital of Bolivia?", "trivia"),
        (
            "Classify the sentiment of this review as positive or negative: the soup was cold.",
            "classification",
        ),
        ("Give me five slogans for our new brand of oat milk.", "marketing"),
        ("Schreib eine Python-Funktion, die Primzahlen prüft.", "programming"),
        ("¿Cuáles son los síntomas de la gripe?", "health"),
        ("请把这句话翻译成英文: 今天天气很好。", "translation"),
        ("hello there!", "general"),
    ],
)
def test_plain_questions_are_told_apart(text: str, task: str) -> None:
    verdict = JUDGE(Prompt(text))
    assert verdict.task == task
    assert 0.5 <= verdict.confidence <= 1
    assert verdict.cause == "text"


def test_what_is_unsure_is_general() -> None:
    verdict = JUDGE(Prompt("zxqv"))
    assert (verdict.task, verdict.confidence < 0.5) == ("general", True)
    assert JUDGE(Prompt("")).task == "general"


def test_tools_and_instructions_count_too() -> None:
    weather = "What is the weather in Oslo right now?"
    assert JUDGE(Prompt(weather, tools=2)).task == "agentic"
    told = Prompt(
        "Good morning, how are you?",
        system="You are a translator. Translate what the user writes into French.",
    )
    assert JUDGE(told).task == "translation"


def test_a_tools_result_decides() -> None:
    assert JUDGE(Prompt("Write a poem.", answered=True)) == ("agentic", 0.99, "tool result")


@pytest.mark.parametrize(
    "text", ["\ud800 lone", "\x00" * 50, "a" * 1_000_000, "🙂" * 5000, "漢字" * 5000, "(" * 9000, "$" * 9000]
)
def test_any_text_has_a_task(text: str) -> None:
    assert JUDGE(Prompt(text, earlier=text, system=text)).task in TASKS

"""What it costs to find out what a request is about, in J and in milliseconds.

    python tests/bench/tasks.py
    python tests/bench/tasks.py --requests 2000 --json

Requests are made from the corpus of the task model, in the dialects in turn, as they are and with 40,000
characters, and are read and classified as in the server. Times are milliseconds of CPU. J is the CPU time of
the standard library's `json` for a request of 2.4 KB, measured beside it (see lanes.py).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lanes import DIALECTS, Pair, codecs, ratio, yardstick

from pointsman.dialects import Translator
from pointsman.types import Request
from pointsman_thrift.tasks.classifier import Classifier
from pointsman_thrift.tasks.generate import examples
from pointsman_thrift.tasks.names import TASKS
from pointsman_thrift.tasks.prompt import Prompt, prompt_of

REQUESTS = 2000
LONG = 40_000
"""Characters of a long request."""


def body_of(prompt: Prompt, dialect: str) -> bytes:
    """A request with this prompt, in one of the dialects."""
    said = [each for each in (prompt.earlier, prompt.last) if each]
    turns = [{"role": "user", "content": [{"type": "text", "text": each}]} for each in said]
    if dialect == "openai-responses":
        for turn in turns:
            turn["content"][0]["type"] = "input_text"
        return json.dumps({"model": "m", "instructions": prompt.system, "input": turns}).encode()
    if dialect == "anthropic-messages":
        return json.dumps({"model": "m", "system": prompt.system, "messages": turns}).encode()
    system = [{"role": "system", "content": prompt.system}] if prompt.system else []
    return json.dumps({"model": "m", "messages": [*system, *turns]}).encode()


def requests(number: int, *, long: bool) -> list[bytes]:
    """So many requests, with prompts as they are usual or with long ones."""
    found = []
    for place, each in enumerate(examples(7, per_task=-(-number // len(TASKS)))[:number]):
        prompt = each.prompt
        if long:
            prompt = replace(prompt, last=f"{prompt.last}\n" * (LONG // max(1, len(prompt.last)) + 1))
        found.append(body_of(prompt, DIALECTS[place % len(DIALECTS)]))
    return found


def measure(number: int, *, long: bool) -> dict[str, float]:
    """Milliseconds at percentiles, and J on average."""
    judge = Classifier().judge
    bodies = requests(number, long=long)
    for body in bodies:  # as in a server that has run for a while
        judge(prompt_of(Request(body)))
    taken = sorted(_timed(lambda body=body: judge(prompt_of(Request(body)))) for body in bodies)
    first, second = (codecs().get(dialect, "chat") for dialect in DIALECTS[:2])
    assert isinstance(first, Translator)
    assert isinstance(second, Translator)
    once, left = yardstick(Pair(first, second).request), iter(bodies)
    found = {f"p{share}": round(1000 * taken[int(len(taken) * share / 100)], 3) for share in (50, 95, 99)}
    return {**found, "J": round(ratio(lambda: judge(prompt_of(Request(next(left)))), once, number), 1)}


def _timed(work: Callable[[], Any]) -> float:
    """Seconds of CPU, the least of three runs: others use the machine as well."""
    taken = []
    for _ in range(3):
        start = time.thread_time()
        work()
        taken.append(time.thread_time() - start)
    return min(taken)


def main(arguments: list[str] | None = None) -> int:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = {
        "usual": measure(options.requests, long=False),
        "long": measure(max(1, options.requests // 20), long=True),
    }
    if options.json:
        print(json.dumps([{"prompts": name, **each} for name, each in found.items()]))
    else:
        for name, each in found.items():
            print(name, *(f"{key} {value}" for key, value in each.items()), sep="  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())

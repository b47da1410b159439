"""Rounds: the contenders of a scenario measured in turn, again and again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from contenders import Contender, DidNotStart, Running
from field import Field, Row
from processes import Cpu, Memory
from scenarios import Scenario

__all__ = ["measure", "profiler"]

SETTLE = 1.0
"""Seconds between load and a look at memory."""


def profiler() -> str | None:
    """py-spy, beside this Python or in PATH."""
    beside = Path(sys.executable).parent
    return shutil.which("py-spy", path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")


def measure(
    field: Field, scenario: Scenario, contenders: Sequence[Contender], tell: Callable[[str], None]
) -> Iterator[Row]:
    """Rows of a scenario, round by round. Contenders that cannot take part are left out."""
    taking = [each for each in contenders if _takes_part(each, scenario)]
    anew = scenario.kind in ("memory", "startup")
    if not anew:
        taking = [each for each in taking if field.get(each) is not None]
        for contender in taking:
            _with(field, contender, lambda running: _warm(field, running, scenario))
    rounds = min(field.options.rounds, scenario.rounds)
    for number in range(rounds):
        for contender in taking:
            if contender.name in field.failed:
                continue
            tell(f"{scenario.name}, round {number + 1} of {rounds}: {contender.name}")
            figures = (
                _anew(field, contender, scenario)
                if anew
                else _with(field, contender, lambda running: _loaded(field, running, scenario))
            )
            if figures is not None:
                yield {"scenario": scenario.name, "contender": contender.name, "round": number, **figures}
    if field.options.profile is not None and not anew:
        for contender in taking:
            if contender.program == "$python":
                _with(field, contender, lambda running: _profile(field, running, scenario))


def _takes_part(contender: Contender, scenario: Scenario) -> bool:
    if scenario.only:
        return contender.name in scenario.only
    if contender.aside or (scenario.long and contender.slow):
        return False
    has_process = bool(contender.program) or scenario.kind == "latency"
    return has_process and scenario.variant in contender.variants


def _with(field: Field, contender: Contender, do: Callable[[Running], Any]) -> Any:
    """Do something with a contender that is paused otherwise."""
    running = field.get(contender)
    assert running is not None
    running.resume()
    try:
        return do(running)
    finally:
        running.pause()


def _extent(field: Field, scenario: Scenario, seconds: float) -> dict[str, Any]:
    """How much to ask: by time, or in a short run by number."""
    return {"requests": scenario.requests} if field.options.short else {"seconds": seconds}


def _warm(field: Field, running: Running, scenario: Scenario) -> None:
    field.load(running, scenario, **_extent(field, scenario, field.options.warm))


def _used(running: Running) -> Cpu:
    return running.process.cpu() if running.process is not None else Cpu()


def _loaded(field: Field, running: Running, scenario: Scenario) -> Row:
    """CPU and times under load."""
    before = _used(running)
    told = field.load(running, scenario, **_extent(field, scenario, field.options.seconds))
    used = _used(running) - before
    units = told["marks"] if scenario.stream else told["good"]
    return {
        "cpu_us": 1e6 * used.total / max(units, 1),
        "user_us": 1e6 * used.user / max(units, 1),
        "system_us": 1e6 * used.system / max(units, 1),
        "per_second": units / told["seconds"],
        "busy": used.total / told["seconds"],
        "p50_us": told["latency_us"]["p50"],
        "p99_us": told["latency_us"]["p99"],
        "first_p50_us": told["first_us"]["p50"],
        "first_p99_us": told["first_us"]["p99"],
        **_outcome(told),
    }


def _anew(field: Field, contender: Contender, scenario: Scenario) -> Row | None:
    """Start-up time, and memory before and after load; None if it did not start."""
    try:
        running = field.start(contender)
    except DidNotStart as error:
        field.failed[contender.name] = str(error)
        return None
    try:
        row: Row = {"startup_s": running.startup, "good": 1, "bad": 0, "error": ""}
        time.sleep(0 if field.options.short else SETTLE)
        row |= _memory("idle", running)
        if scenario.kind == "memory":
            row |= _outcome(field.load(running, scenario, requests=scenario.requests))
            time.sleep(0 if field.options.short else SETTLE)
            row |= _memory("after", running)
        return row
    finally:
        running.stop()


def _memory(when: str, running: Running) -> Row:
    has = running.process.memory() if running.process is not None else Memory(0, 0)
    return {f"{when}_rss": has.rss, f"{when}_pss": has.pss}


def _outcome(told: Row) -> Row:
    return {"good": told["good"], "bad": told["bad"], "error": told["first_error"]}


def _profile(field: Field, running: Running, scenario: Scenario) -> None:
    """One run more, not counted, under py-spy."""
    assert field.options.profile is not None
    assert running.process is not None
    written = field.options.profile / f"{scenario.name}-{running.contender.name}.svg"
    seconds = max(1, round(field.options.seconds))
    command = [
        *(profiler() or "py-spy", "record", "--rate", "250", "--pid", str(running.process.pid)),
        *("--duration", str(seconds), "--output", str(written.absolute())),
    ]
    with (
        (field.folder / "profiler.log").open("w+") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as spy,
    ):
        field.load(running, scenario, seconds=seconds + 1)
        if spy.wait(60):
            log.seek(0)
            raise RuntimeError(f"py-spy: {log.read()}")

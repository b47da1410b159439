"""What a legitimate client feels while many others hold connections and hardly send anything.

    python tests/bench/slowloris.py                      500 slow connections, three rounds of 10 s
    python tests/bench/slowloris.py --connections 2000 --json

A third of them send their headers byte by byte, a third their body, a third nothing at all after a first
request. Whoever is cut comes back at once. The legitimate client sends a chat every 10 ms on one connection;
its latency is measured with nobody else there and under attack, in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pointsman.testing import RawClient

CONFIG = """
auth: none
server:
  {{port: 0, header_timeout: {clock}ms, idle_timeout: {idle}ms, read_timeout: {read}ms}}
plugins: {{openai: {{}}, routes: {{}}, echo: {{}}, usage: {{}}}}
"""
BODY = json.dumps({"model": "echo/echo", "messages": [{"role": "user", "content": "Hello there"}]}).encode()
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
CHAT = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY
EVERY = 0.01
"""Seconds between two requests of the legitimate client."""


@dataclass
class Round:
    """Latencies in seconds, and what became of slow connections, by kind."""

    quiet: list[float] = field(default_factory=list)
    attacked: list[float] = field(default_factory=list)
    errors: int = 0
    cut: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Figures:
    """Milliseconds; `ratio` is the median over rounds of attacked p99 to quiet p99."""

    connections: int
    quiet_p50: float
    quiet_p99: float
    attacked_p50: float
    attacked_p99: float
    ratio: float
    requests: int
    errors: int
    cut: dict[str, int]


def share(values: list[float], of: float) -> float:
    """The value below which a share of them lies, in milliseconds."""
    return round(sorted(values)[min(len(values) - 1, int(len(values) * of))] * 1000, 3)


OPENINGS = {
    "headers": HEAD + b"x-slow: ",
    "body": HEAD + b"content-length: 1000000\r\n\r\n",
    "idle": b"",
}
"""What slow connections begin with, by kind."""


async def drip(client: RawClient, kind: str, pause: float) -> None:
    """Begin, and go on by a byte now and then; or not at all."""
    await client.send(OPENINGS[kind])
    while kind != "idle":
        await client.send(b"a")
        await asyncio.sleep(pause)


async def attack(url: str, kind: str, pause: float, cut: Counter[str]) -> None:
    """Hold a connection; come back when it is cut."""
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            async with RawClient(url) as client:
                if kind == "idle":
                    await client.send(CHAT)
                    await client.answer()
                dripping = asyncio.ensure_future(drip(client, kind, pause))
                try:
                    await client.rest()
                finally:
                    dripping.cancel()
                    await asyncio.gather(dripping, return_exceptions=True)
                cut[kind] += 1


@contextlib.asynccontextmanager
async def attacked(url: str, options: argparse.Namespace, cut: Counter[str]) -> AsyncIterator[None]:
    """With all of the slow connections there."""
    kinds = list(OPENINGS)
    tasks = [
        asyncio.ensure_future(attack(url, kinds[number % len(kinds)], options.pause, cut))
        for number in range(options.connections)
    ]
    await asyncio.sleep(min(1.0, options.seconds))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def ask(url: str, seconds: float, found: Round) -> list[float]:
    """What the legitimate client measures, in seconds a request."""
    latencies = []
    async with RawClient(url) as client:
        due = time.perf_counter()
        end = due + seconds
        while due < end:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            begun = time.perf_counter()
            await client.send(CHAT)
            status, _, _ = await client.answer()
            latencies.append(time.perf_counter() - begun)
            found.errors += status != 200
            due = max(due + EVERY, time.perf_counter())
    return latencies


@contextlib.asynccontextmanager
async def served(options: argparse.Namespace) -> AsyncIterator[str]:
    """pointsman in a process of its own, on a core of its own where there are two."""
    with tempfile.TemporaryDirectory() as folder:
        clocks = {name: round(getattr(options, name) * 1000) for name in ("clock", "idle", "read")}
        (Path(folder) / "proxy.yaml").write_text(CONFIG.format(**clocks))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pointsman", "serve"), cwd=folder, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            line = b""
            while not line.startswith(b"ready: "):
                line = await process.stdout.readline()
                assert line, "pointsman did not start"
            cores = sorted(os.sched_getaffinity(0))
            if len(cores) > 1:
                os.sched_setaffinity(process.pid, cores[:1])
            yield line.decode().removeprefix("ready: ").strip()
        finally:
            process.kill()
            await process.wait()


async def measure(options: argparse.Namespace) -> Figures:
    """Quiet and attacked, in turn."""
    rounds = []
    async with served(options) as url:
        await ask(url, min(1.0, options.seconds), Round())
        for _ in range(options.rounds):
            found = Round()
            found.quiet = await ask(url, options.seconds, found)
            async with attacked(url, options, found.cut):
                found.attacked = await ask(url, options.seconds, found)
            rounds.append(found)
    quiet = [value for found in rounds for value in found.quiet]
    under = [value for found in rounds for value in found.attacked]
    ratios = [share(found.attacked, 0.99) / share(found.quiet, 0.99) for found in rounds]
    return Figures(
        options.connections,
        share(quiet, 0.5),
        share(quiet, 0.99),
        share(under, 0.5),
        share(under, 0.99),
        round(statistics.median(ratios), 2),
        len(quiet) + len(under),
        sum(found.errors for found in rounds),
        dict(sum((found.cut for found in rounds), Counter())),
    )


def main() -> None:
    """Print the figures: as a table, or as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10.0, help="of a measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two slow bytes")
    parser.add_argument("--clock", type=float, default=10.0, help="server.header_timeout, in seconds")
    parser.add_argument("--idle", type=float, default=75.0, help="server.idle_timeout, in seconds")
    parser.add_argument("--read", type=float, default=60.0, help="server.read_timeout, in seconds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = asyncio.run(measure(options))
    if options.json:
        print(json.dumps(asdict(figures)))
        return
    print(f"{figures.connections} slow connections; {figures.requests} requests, {figures.errors} errors")
    print(f"{'':10} {'p50 ms':>8} {'p99 ms':>8}")
    print(f"{'quiet':10} {figures.quiet_p50:8} {figures.quiet_p99:8}")
    print(f"{'attacked':10} {figures.attacked_p50:8} {figures.attacked_p99:8}")
    print(f"p99 is {figures.ratio} times what it is when quiet")
    print("cut: " + ", ".join(f"{count} with slow {kind}" for kind, count in figures.cut.items()))


if __name__ == "__main__":
    main()

"""Killed at random points under load: which rows are there afterwards.

    python tests/bench/kill.py                            200 kills, of strict and relaxed ledgers in turn
    python tests/bench/kill.py --kills 10 --seed 7

A child process writes generations, sums of them and reservations, and says on a pipe what it was told is on
disk (strict), or what it has handed over (relaxed). It is killed with SIGKILL, and the ledger opened again.
Strict: each row and transaction that was acknowledged is there, and nothing twice. Relaxed: what is missing
was handed over in the last 50 ms before the kill. Both: sums are those of the rows that are there, the file
is sound, and it opens within 5 s. Ends with 1 where that is not so.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pointsman.ledger import Column, Table, check_ledger, open_ledger

URL = "sqlite:///ledger.db"
WINDOW = 0.05
RECOVERY = 5.0
LONGEST = 0.6
"""Seconds under load before a kill, at most."""
SAID = struct.Struct("<qd")
"""A number, and the monotonic time when it was said."""
KEYS = 5
CLIENTS = 16


def _sums(rows: Sequence[tuple[Any, ...]]) -> Mapping[str, Sequence[tuple[Any, ...]]]:
    return {"totals": [(f"key-{number % KEYS}", 1, number) for _, number in rows]}


NUMBER = Column("integer", "", required=True)
TABLES = [
    Table("generations", {"id": Column("text", ""), "number": NUMBER}, "id", derive=_sums),
    Table(
        "totals",
        {"id": Column("text", ""), "rows": NUMBER, "numbers": NUMBER},
        "id",
        sums=("rows", "numbers"),
    ),
    Table("reservations", {"id": Column("text", ""), "state": Column("text", "")}, "id", mutable=True),
]
RESERVE = "insert into reservations (id, state) values (:id, 'open')"
SETTLE = "update reservations set state = 'settled' where id = :id"


async def write(folder: Path, durability: Any) -> None:
    """The child: write until killed, and say so on standard output."""
    ledger = open_ledger(URL, base=folder, durability=durability)
    await ledger.open(TABLES)
    count = 0

    def say(number: int) -> None:
        os.write(1, SAID.pack(number, time.monotonic()))

    async def ask() -> None:
        nonlocal count
        while True:
            number, count = count, count + 1
            row = (f"gen-{number}", number)
            if durability == "relaxed":
                ledger.insert("generations", row)
                say(number)
                await asyncio.sleep(0.001)
                continue
            await ledger.execute([(RESERVE, {"id": row[0]})])
            ledger.insert("generations", row)
            await asyncio.gather(ledger.execute([(SETTLE, {"id": row[0]})]), ledger.flush())
            say(number)

    await asyncio.gather(*(ask() for _ in range(CLIENTS)))


def kill(folder: Path, durability: str, seconds: float) -> tuple[list[tuple[int, float]], float]:
    """What a child said until it was killed after so many seconds under load, and when it was."""
    command = [sys.executable, __file__, "--child", str(folder), "--durability", durability]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        said = child.stdout.read(SAID.size)  # it has begun
        timer = time.monotonic() + seconds
        os.set_blocking(child.stdout.fileno(), False)
        while time.monotonic() < timer:
            with contextlib.suppress(BlockingIOError):
                said += os.read(child.stdout.fileno(), 1 << 20)
            time.sleep(0.001)
        killed = time.monotonic()
        child.send_signal(signal.SIGKILL)
        child.wait()
        os.set_blocking(child.stdout.fileno(), True)
        said += child.stdout.read()
    whole = len(said) // SAID.size * SAID.size
    return [*SAID.iter_unpack(said[:whole])], killed


async def look(
    folder: Path, durability: str, said: list[tuple[int, float]], killed: float, window: float
) -> dict[str, Any]:
    """What is wrong with the ledger that was left, and how much was said and lost."""
    began = time.monotonic()
    ledger = open_ledger(URL, base=folder, durability="strict")
    await ledger.open(TABLES)
    took = time.monotonic() - began
    rows = await ledger.select("select id, number from generations")
    totals = await ledger.select("select * from totals")
    states = {row["id"]: row["state"] for row in await ledger.select("select id, state from reservations")}
    await ledger.close()
    there = {row["number"] for row in rows}
    missing = [(number, at) for number, at in said if number not in there]
    wrong = [str(finding) for finding in check_ledger(URL, folder, TABLES)]
    if len(there) != len(rows) or any(row["id"] != f"gen-{row['number']}" for row in rows):
        wrong.append("a row is there twice, or changed")
    expected = Counter(f"key-{number % KEYS}" for number in there)
    if {row["id"]: row["rows"] for row in totals} != expected:
        wrong.append("sums are not those of the rows")
    if sum(row["numbers"] for row in totals) != sum(there):
        wrong.append("sums are not those of the rows")
    if took > RECOVERY:
        wrong.append(f"opening took {took:.1f} s")
    if durability == "strict":
        wrong += [f"{number} was acknowledged and is lost" for number, _ in missing]
        wrong += [
            f"{number} is not settled" for number, _ in said if states.get(f"gen-{number}") != "settled"
        ]
        wrong += [f"{number} was never reserved" for number in there if f"gen-{number}" not in states]
    oldest = max((killed - at for _, at in missing), default=0.0)
    if oldest > window:
        wrong.append(f"a row is lost that was {1000 * oldest:.0f} ms old")
    return {"said": len(said), "lost": len(missing), "oldest_ms": max(0.0, 1000 * oldest), "wrong": wrong}


def main() -> int:
    """Kill, look, and print what was found as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--window", type=float, default=WINDOW, help="seconds of rows that a relaxed ledger may lose"
    )
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--durability", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        asyncio.run(write(options.child, options.durability))
    chance = random.Random(options.seed)
    figures: dict[str, dict[str, Any]] = {
        each: {"kills": 0, "said": 0, "lost": 0, "oldest_ms": 0.0, "wrong": []}
        for each in ("strict", "relaxed")
    }
    for number in range(options.kills):
        durability = ("strict", "relaxed")[number % 2]
        with tempfile.TemporaryDirectory(prefix="pointsman-kill-") as name:
            said, killed = kill(Path(name), durability, chance.uniform(0, LONGEST))
            found = asyncio.run(look(Path(name), durability, said, killed, options.window))
        total = figures[durability]
        total["kills"] += 1
        for each in ("said", "lost", "wrong"):
            total[each] += found[each]
        total["oldest_ms"] = round(max(total["oldest_ms"], found["oldest_ms"]), 1)
    print(json.dumps(figures, indent=2))
    return int(any(total["wrong"] for total in figures.values()))


if __name__ == "__main__":
    sys.exit(main())

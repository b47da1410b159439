"""What a large ledger costs: how fast generations go in, the writer's CPU a row, and how long queries take.

    python tests/bench/ledger.py                                  10,000,000 rows, made first: some 10 GB
    python tests/bench/ledger.py --rows 100000 --inserts 20000 --durability strict
    python tests/bench/ledger.py --folder /var/tmp/large          the ledger is made once, and kept

J is the CPU time that the standard library's `json` needs beside it to load a chat of 2.4 KB, set its model,
and dump it again. The ledger has the tables, indexes and roll-ups of the plugin `usage`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import statistics
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lanes import Pair, codecs, yardstick

from pointsman.config import read_text
from pointsman.dialects import Translator
from pointsman.ledger import Ledger, Table, open_ledger, reader
from pointsman.ledger.groups import Insert
from pointsman.setup import assemble

NAME = "ledger.db"
URL = f"sqlite:///{NAME}"
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
PER_SECOND = 100
"""Requests a second in the days before."""
RATE = 8_000
"""Requests a second of those that are inserted, by the times they carry."""
TEMPLATES = 997
YARDS = 1_000
CHUNK = 100_000
MOST_QUEUED = 20_000
DEFAULTS: Mapping[str, Any] = {"text": "", "integer": 0, "real": 0.0, "boolean": False, "json": {}}
QUERIES = {
    "newest": "select * from generations order by at desc, id desc limit 50",
    "page in the middle": "select * from generations where (at, id) < (:middle, '') "
    "order by at desc, id desc limit 50",
    "newest of a key": "select * from generations where key_id = 'key-7' order by at desc, id desc limit 50",
    "days by model": "select model, sum(requests), sum(cost_nano) from usage_days group by model",
    "days of a key": "select at, sum(billed_nano) from usage_days where key_id = 'key-7' group by at",
    "last day by hour": "select at, sum(requests) from usage_hours where at >= :yesterday group by at",
}
ROUNDS = 5


def tables() -> list[Table]:
    """Those of the plugin `usage`."""
    config = read_text("plugins: {usage: {}}", name="bench", env={}, base=Path.cwd())
    return [*assemble(config, env={}).tables]


def template(table: Table, number: int) -> tuple[Any, ...]:
    """A generation: of a few keys very often, of many seldom, as it is with people."""
    chance = random.Random(number)
    key = int(200 * chance.random() ** 3)
    model, provider = f"acme/model-{int(30 * chance.random() ** 2)}", f"lab-{number % 5}"
    used, written = chance.randrange(200, 20_000), chance.randrange(10, 2_000)
    said = {
        "key_id": f"key-{key}",
        "key_name": f"somebody {key}",
        "team": f"team-{key % 12}",
        "team_name": f"Team {key % 12}",
        "app": f"app-{key % 7}",
        "dialect": "openai-chat",
        "surface": "chat",
        "model_asked": model,
        "model": model,
        "provider": provider,
        "endpoint": f"{provider}/{model}",
        "stream": number % 2 == 0,
        "cached": False,
        "byok": False,
        "outcome": "failed" if number % 50 == 0 else "complete",
        "status": 200,
        "finish": "stop",
        "attempts": 1,
        "tried": f'[{{"endpoint":"{provider}/{model}","status":200,"ms":{used / 10}}}]',
        "lane": "bytes",
        "input_tokens": used,
        "output_tokens": written,
        "cache_read_tokens": used // 2,
        "cache_write_tokens": 0,
        "reasoning_tokens": written // 3,
        "estimated": False,
        "cost_nano": 3_000 * used + 15_000 * written,
        "cost_bits": (3_000 * used + 15_000 * written).bit_length(),
        "billed_nano": 3_150 * used + 15_750 * written,
        "queue_ms": chance.uniform(0.2, 2),
        "first_content_ms": chance.uniform(100, 2_000),
        "total_ms": chance.uniform(2_000, 20_000),
    }
    return tuple(
        said.get(name, DEFAULTS[column.type] if column.required else None)
        for name, column in table.columns.items()
    )


def request() -> bytes:
    """The chat of the yardstick."""
    found = codecs()
    first, second = (found.get(dialect, "chat") for dialect in ("openai-chat", "anthropic-messages"))
    assert isinstance(first, Translator)
    assert isinstance(second, Translator)
    return Pair(first, second).request


class Generations:
    """New rows of the table, one after the other."""

    def __init__(self, table: Table, first: int) -> None:
        names = [*table.columns]
        self._places = [names.index(name) for name in ("id", "request_id", "at")]
        self._templates = [template(table, number) for number in range(TEMPLATES)]
        self._start = BEGINNING + timedelta(seconds=first / PER_SECOND)
        self._number = 0

    def next(self) -> tuple[Any, ...]:
        """A row like one of the templates, some of which are far more frequent."""
        number = self._number = self._number + 1
        at = self._start + timedelta(seconds=number / RATE)
        row = [*self._templates[int(TEMPLATES * random.random() ** 3)]]
        digits = random.getrandbits(96)
        ids = (f"gen-{int(at.timestamp())}-{digits:024x}", f"req-{digits:024x}")
        for place, value in zip(self._places, (*ids, at.isoformat(timespec="milliseconds")), strict=True):
            row[place] = value
        return tuple(row)


async def make(folder: Path, every: list[Table], rows: int) -> None:
    """A ledger of so many generations and what follows from them, the indexes made last."""
    bare = [replace(table, indexes=()) for table in every]
    ledger = open_ledger(URL, base=folder, durability="relaxed")
    await ledger.open(bare)
    await ledger.close()
    with closing(sqlite3.connect(folder / NAME)) as connection:
        connection.executescript(
            "pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -200000"
        )
        _fill(connection, {table.name: table for table in every}, rows)
    ledger = open_ledger(URL, base=folder, durability="relaxed")
    await ledger.open(every)
    await ledger.close()


def _fill(connection: sqlite3.Connection, every: Mapping[str, Table], rows: int) -> None:
    table = every["generations"]
    columns = ", ".join(table.columns)
    connection.execute(f"create temp table templates as select {columns} from generations")
    marks = ", ".join("?" for _ in table.columns)
    templates = [template(table, number) for number in range(TEMPLATES)]
    connection.executemany(f"insert into templates values ({marks})", templates)
    own = {
        "id": "'gen-' || (:beginning + n / :rate) || '-' || lower(hex(randomblob(12)))",
        "request_id": "'req-' || lower(hex(randomblob(12)))",
        "at": "strftime('%Y-%m-%dT%H:%M:%S', :beginning + n / :rate, 'unixepoch') || "
        "printf('.%03d+00:00', n % :rate * 1000 / :rate)",
    }
    values = ", ".join(own.get(name, name) for name in table.columns)
    series = "with recursive series(n) as (select :from union all select n + 1 from series where n + 1 < :to)"
    pick = f"select {values} from series cross join templates on templates.rowid = n * 7919 % :templates + 1"
    said = {"beginning": int(BEGINNING.timestamp()), "rate": PER_SECOND, "templates": TEMPLATES}
    inserts = {name: Insert(each) for name, each in every.items()}
    for start in range(0, rows, CHUNK):
        chunk = {"from": start, "to": min(rows, start + CHUNK)}
        connection.execute(f"insert into generations ({columns}) {series} {pick}", {**said, **chunk})
        if table.derive is not None:
            found = connection.execute(
                f"select {columns} from generations where rowid > ? order by rowid", (start,)
            )
            for name, more in table.derive(found.fetchall()).items():
                inserts[name].write(connection, [*more])
        connection.commit()
        if sys.stderr.isatty():
            print(f"\r{start + CHUNK:,} of {rows:,} rows", end="", file=sys.stderr)


async def insert(ledger: Ledger, made: Generations, count: int) -> dict[str, float]:
    """Insert so many generations as fast as they are taken, the yardstick beside them."""
    once = yardstick(request())
    (writer,) = (each for each in threading.enumerate() if each.name == "ledger-writer")
    clock = time.pthread_getcpuclockid(writer.ident or 0)
    yards = [_timed(once) for _ in range(YARDS)]
    start, cpu, loop = time.perf_counter(), time.clock_gettime(clock), 0.0
    for number in range(count):
        row = made.next()
        loop += _timed(partial(ledger.insert, "generations", row))
        while number % 100 == 0 and ledger.health()["queued"] > MOST_QUEUED:
            await asyncio.sleep(0.01)
    await ledger.flush()
    took, cpu = time.perf_counter() - start, time.clock_gettime(clock) - cpu
    yards += [_timed(once) for _ in range(YARDS)]
    yard = statistics.median(yards)
    return {
        "per_second": round(count / took),
        "writer_us": round(cpu / count * 1e6, 1),
        "writer_j": round(cpu / count / yard, 2),
        "insert_j": round(loop / count / yard, 2),
        "j_us": round(yard * 1e6, 1),
    }


def _timed(call: Callable[[], object]) -> float:
    start = time.thread_time()
    call()
    return time.thread_time() - start


def query(folder: Path, last: datetime) -> dict[str, dict[str, float]]:
    """Milliseconds of each query: the first time, and the median."""
    middle = BEGINNING + (last - BEGINNING) / 2
    times = {"middle": middle.isoformat(), "yesterday": (last - timedelta(days=1)).isoformat()}
    answers = {}
    with reader(URL, folder) as ledger:
        for name, sql in QUERIES.items():
            took = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                ledger.select_sync(sql, times)
                took.append(1000 * (time.perf_counter() - start))
            answers[name] = {"first_ms": round(took[0], 1), "ms": round(statistics.median(took), 1)}
    return answers


async def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one ledger, made where it is not there."""
    every = tables()
    generations = next(table for table in every if table.name == "generations")
    started = time.perf_counter()
    if not (folder / NAME).exists():
        await make(folder, every, options.rows)
    took = time.perf_counter() - started
    with closing(sqlite3.connect(folder / NAME)) as connection:
        (there,) = connection.execute("select max(rowid) from generations").fetchone()
    ledger = open_ledger(URL, base=folder, durability=options.durability)
    await ledger.open(every)
    try:
        figures = await insert(ledger, Generations(generations, there), options.inserts)
        health = ledger.health()
    finally:
        await ledger.close()
    last = BEGINNING + timedelta(seconds=there / PER_SECOND)
    return {
        "rows": there,
        "made_s": round(took, 1),
        "bytes": (folder / NAME).stat().st_size,
        "durability": options.durability,
        **figures,
        "lost": health["lost"],
        "duplicates": health["duplicates"],
        "queries": query(folder, last),
    }


def main() -> int:
    """Print the figures as JSON; 1 where rows were lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--inserts", type=int, default=200_000)
    parser.add_argument("--durability", choices=["relaxed", "strict"], default="relaxed")
    parser.add_argument(
        "--folder", type=Path, help="where the ledger is made once and kept; else one for this run alone"
    )
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(TemporaryDirectory(prefix="pointsman-ledger-")))
        folder.mkdir(parents=True, exist_ok=True)
        figures = asyncio.run(measure(folder, options))
    print(json.dumps(figures, indent=2))
    return int(figures["lost"] or figures["duplicates"])


if __name__ == "__main__":
    sys.exit(main())

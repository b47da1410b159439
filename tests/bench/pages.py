"""What the pages of the dashboard cost on a large ledger: wall and CPU time and bytes of each.

    python tests/bench/pages.py                       10,000,000 generations of 90 days: some 12 GB
    python tests/bench/pages.py --rows 100000 --folder /var/tmp/p     the ledger is made once, and kept

Every page is asked for by an administrator, who sees everything, with nothing kept of what was read before.
The server is one process with the client, whose part of the time is a millisecond or two.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import sqlite3
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from ledger import CHUNK, NAME, TEMPLATES, URL, template
from pointsman.config import read_text
from pointsman.ledger import Table, open_ledger
from pointsman.ledger.groups import Insert
from pointsman.setup import assemble
from pointsman.testing import Running, running
from pointsman_leaderboard import Leaderboard
from pointsman_usage.endpoints import close_days
from pointsman_usage.totals import close_totals

KEY = "the-key-of-root"
CONFIG = """
auth: keys
ledger: sqlite:///{folder}/{name}
keys: [{{name: root, key_hash: {hash}, role: admin}}]
plugins: {{usage: {{retention: {{minutes: 3650d, hours: 3650d}}}}}}
models:
{models}
"""
MODEL = """
  acme/model-{number}: {{endpoints: [{{endpoint: echo/echo, price: {{input: {number}.5, output: 15}}}}]}}
"""
TASKS = ("programming", "maths", "writing", "translation", "summarisation", "extraction", "general", None)
DAYS = 90
RETAINED = {"usage_minutes": timedelta(days=7)}
"""How far back a server keeps of what is derived, where that is less than all."""
EVERY = 20
"""One of so many answers is checked, or voted on."""
PAGES = (
    *("overview?span=1h", "overview?span=24h", "overview?span=7d", "overview?span=30d", "overview?span=90d"),
    *("leaderboard?window=24h", "leaderboard?window=7d", "leaderboard?window=30d", "leaderboard?window=90d"),
    *("providers?window=24h", "providers?window=30d", "prices", "logs", "logs?model=acme/model-29"),
    *("logs?key=somebody 199&model=acme/model-3", "logs?outcome=failed", "logs?cost_over=0.1", "keys"),
    *("playground", "/v1/leaderboard", "/v1/leaderboard?window=90d"),
)
ROUNDS = 3
MOST_MS, MOST_BYTES = 200.0, 150_000
"""What a page may take."""

FEEDBACK = """
insert into feedback (id, at, generation_id, key_id, key_name, team, app, task, model, provider, endpoint,
    source, kind, score, weight)
select source || '|' || id, substr(at, 1, 23), id, key_id, key_name, team, app, task, model, provider,
    endpoint, source, case source when 'vote' then 'thumb' else 'json_schema' end,
    (abs(random()) % 100) < 60 + length(model) * 3 % 30, case source when 'vote' then 1.0 else 0.7 end
from (
    select *, case rowid % (:every * 5) when 0 then 'vote' else 'check' end as source from generations
    where rowid > :after and rowid % :every = 0 and outcome = 'complete'
)
"""


def tables() -> list[Table]:
    """Those that the pages read."""
    config = read_text("plugins: {usage: {}, feedback: {}}", name="bench", env={}, base=Path.cwd())
    return [*assemble(config, env={}).tables]


def templates(table: Table) -> list[tuple[Any, ...]]:
    """Generations of many keys, models and tasks, some of which failed."""
    task, error, outcome = ([*table.columns].index(name) for name in ("task", "error_type", "outcome"))
    found = []
    for number in range(TEMPLATES):
        row = [*template(table, number)]
        row[task] = random.Random(number).choice(TASKS)
        row[error] = "server" if row[outcome] == "failed" else None
        found.append(tuple(row))
    return found


async def make(folder: Path, rows: int, until: datetime) -> None:
    """A ledger of so many generations up to a time, and what follows from them; the indexes are made last."""
    every = tables()
    ledger = open_ledger(URL, base=folder, durability="relaxed")
    await ledger.open([replace(table, indexes=()) for table in every])
    await ledger.close()
    with closing(sqlite3.connect(folder / NAME)) as connection:
        connection.executescript(
            "pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -200000"
        )
        fill(connection, {table.name: table for table in every}, rows, until)
    ledger = open_ledger(URL, base=folder, durability="relaxed")
    await ledger.open(every)
    await close_days(ledger, until)
    await close_totals(ledger, until)
    await ledger.close()


def fill(connection: sqlite3.Connection, every: Mapping[str, Table], rows: int, until: datetime) -> None:
    """Generations, evenly over the days before, feedback on some of them, and what is derived of both."""
    table = every["generations"]
    columns = ", ".join(table.columns)
    connection.execute(f"create temp table templates as select {columns} from generations")
    marks = ", ".join("?" for _ in table.columns)
    connection.executemany(f"insert into templates values ({marks})", templates(table))
    own = {
        "id": "'gen-' || ((:end - (:rows - n) * :span / :rows) / 1000) || '-' || lower(hex(randomblob(12)))",
        "request_id": "'req-' || lower(hex(randomblob(12)))",
        "at": "strftime('%Y-%m-%dT%H:%M:%f', (:end - (:rows - n) * :span / :rows) / 1000.0, 'unixepoch') "
        "|| '+00:00'",
    }
    values = ", ".join(own.get(name, name) for name in table.columns)
    series = "with recursive series(n) as (select :from union all select n + 1 from series where n + 1 < :to)"
    pick = f"select {values} from series cross join templates on templates.rowid = n * 7919 % :templates + 1"
    said = {
        "end": int(until.timestamp() * 1000),
        "span": DAYS * 86_400_000,
        "rows": rows,
        "templates": TEMPLATES,
    }
    for start in range(0, rows, CHUNK):
        chunk = {"from": start, "to": min(rows, start + CHUNK)}
        connection.execute(f"insert into generations ({columns}) {series} {pick}", {**said, **chunk})
        (judged,) = connection.execute("select coalesce(max(rowid), 0) from feedback").fetchone()
        connection.execute(FEEDBACK, {"after": start, "every": EVERY})
        _derive(connection, every, "generations", start, until)
        _derive(connection, every, "feedback", judged, until)
        connection.commit()
        if sys.stderr.isatty():
            print(f"\r{start + CHUNK:,} of {rows:,} rows", end="", file=sys.stderr)


def _derive(
    connection: sqlite3.Connection, every: Mapping[str, Table], name: str, after: int, until: datetime
) -> None:
    """What follows from the rows of a table behind a place, as far as a server keeps it."""
    table = every[name]
    if table.derive is None:
        return
    columns = ", ".join(table.columns)
    rows = connection.execute(f"select {columns} from {name} where rowid > ? order by rowid", (after,))
    for derived, more in table.derive(rows.fetchall()).items():
        kept = RETAINED.get(derived)
        first = (until - kept).isoformat() if kept is not None else ""
        place = [*every[derived].columns].index("at")
        Insert(every[derived]).write(connection, [row for row in more if row[place] >= first])


async def measure(folder: Path, rows: int) -> dict[str, Any]:
    """The figures of each page, of a ledger that is made where it is not there."""
    started = time.perf_counter()
    if not (folder / NAME).exists():
        await make(folder, rows, datetime.now(UTC) - timedelta(minutes=1))
    made = time.perf_counter() - started
    hash = hashlib.sha256(KEY.encode()).hexdigest()
    models = "\n".join(MODEL.format(number=number) for number in range(30))
    async with running(CONFIG.format(folder=folder, name=NAME, hash=hash, models=models)) as served:
        (there,) = await served.gateway.ledger.select("select max(rowid) as rows from generations")
        found = await _pages(served)
    return {
        "rows": there["rows"],
        "made_s": round(made, 1),
        "bytes": (folder / NAME).stat().st_size,
        "pages": found,
        "over": [name for name, row in found.items() if row["ms"] > MOST_MS or row["bytes"] > MOST_BYTES],
    }


async def _pages(served: Running) -> dict[str, dict[str, float]]:
    async with httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=600) as client:
        answer = await client.post("/dashboard/login", data={"key": KEY})
        if answer.status_code != 303:
            raise SystemExit(f"cannot sign in: {answer.status_code}")
        return {path: await _page(served, client, path) for path in PAGES}


async def _page(served: Running, client: httpx.AsyncClient, path: str) -> dict[str, float]:
    """Milliseconds of the first time, and of the median; bytes."""
    address = path if path.startswith("/") else f"/dashboard/{path}"
    headers = {"authorization": f"Bearer {KEY}"} if path.startswith("/") else {}
    walls, cpus, size = [], [], 0
    for _ in range(ROUNDS):
        _forget(served)
        wall, cpu = time.perf_counter(), time.process_time()
        answer = await client.get(address, headers=headers)
        walls.append(1000 * (time.perf_counter() - wall))
        cpus.append(1000 * (time.process_time() - cpu))
        answer.raise_for_status()
        size = len(answer.content)
    return {
        "first_ms": round(walls[0], 1),
        "ms": round(statistics.median(walls), 1),
        "cpu_ms": round(statistics.median(cpus), 1),
        "bytes": size,
    }


def _forget(served: Running) -> None:
    """Forget the leaderboard's pages of late."""
    plugin = served.gateway.setup.plugins.get("leaderboard")
    if plugin is not None and isinstance(plugin.target, Leaderboard):
        plugin.target._pages = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures as JSON; 1 where a page is over what it may take, if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument(
        "--strict", action="store_true", help="end with 1 where a page takes more than it may"
    )
    parser.add_argument(
        "--folder", type=Path, help="where the ledger is made once and kept; else one for this run alone"
    )
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(TemporaryDirectory(prefix="pointsman-pages-")))
        folder.mkdir(parents=True, exist_ok=True)
        figures = asyncio.run(measure(folder.resolve(), options.rows))
    print(json.dumps(figures, indent=2))
    return int(options.strict and bool(figures["over"]))


if __name__ == "__main__":
    sys.exit(main())

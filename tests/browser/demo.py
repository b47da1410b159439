"""A ledger that looks like a month of a small company's traffic: for the pages' tests and their screenshots.

Everything is drawn from a seed, so that the same month is made each time; nothing of it is real.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pointsman.config import read_text
from pointsman.ledger import Table, open_ledger
from pointsman.setup import assemble

__all__ = ["MODELS", "fill"]

MODELS: Mapping[str, tuple[tuple[str, ...], int, int, float]] = {
    "acme/large": (("north", "coast"), 3_000, 15_000, 9),
    "acme/small": (("north",), 100, 400, 2),
    "birch/coder-32b": (("coast", "lab"), 600, 900, 4),
    "cedar/reason": (("coast",), 1_200, 4_800, 14),
    "delta/mini": (("lab",), 50, 80, 1.5),
}
"""Providers, nano-USD for a token in and out, and seconds that an answer takes."""
GOOD = {
    "acme/large": 0.94,
    "acme/small": 0.82,
    "birch/coder-32b": 0.9,
    "cedar/reason": 0.93,
    "delta/mini": 0.7,
}
"""How often each is right."""
WEIGHTS = (24, 40, 20, 6, 30)
KEYS = (("ann", "red"), ("bob", "red"), ("nightly", "blue"), ("support-bot", "blue"), ("eve", None))
APPS = ("editor", "support", "nightly-report", None)
TASKS = ("programming", "maths", "writing", "translation", "summarisation", "extraction", "general", None)
DEFAULTS: Mapping[str, Any] = {"text": "", "integer": 0, "real": 0.0, "boolean": False, "json": {}}


def _moments(chance: random.Random, rows: int, days: int, now: datetime) -> Iterator[datetime]:
    """More by day than by night, fewer at weekends, and a little more every week."""
    while rows:
        back = chance.random() ** 1.15 * days * 86400
        at = now - timedelta(seconds=back)
        busy = 0.25 + 0.75 * max(0.0, math.sin((at.hour - 6) / 24 * 2 * math.pi * 0.9))
        if at.weekday() > 4:
            busy *= 0.4
        if chance.random() < busy:
            rows -= 1
            yield at


def _row(table: Table, number: int, at: datetime, chance: random.Random) -> tuple[Any, ...]:
    model = chance.choices([*MODELS], WEIGHTS)[0]
    providers, given, taken, seconds = MODELS[model]
    provider = chance.choice(providers)
    key, team = chance.choices(KEYS, (30, 24, 20, 36, 8))[0]
    used, written = int(chance.lognormvariate(7, 1)) + 20, int(chance.lognormvariate(5.5, 0.9)) + 5
    night = at.hour < 6
    failed = chance.random() < (0.06 if provider == "coast" and night else 0.008)
    first = chance.lognormvariate(math.log(120 * seconds), 0.5)
    endpoint, error = f"{provider}/{model.partition('/')[2]}", "server" if failed else None
    said = {
        "id": f"gen-{int(at.timestamp())}-{number:020x}",
        "request_id": f"req-{number:012x}",
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", ""),
        "key_id": f"key-{key}",
        "key_name": key,
        "team": team,
        "team_name": team,
        "app": chance.choice(APPS),
        "task": chance.choice(TASKS),
        "dialect": "openai-chat",
        "surface": "chat",
        "model_asked": model,
        "model": model,
        "provider": provider,
        "endpoint": endpoint,
        "stream": number % 3 > 0,
        "outcome": "failed" if failed else "complete",
        "error_type": error,
        "status": 502 if failed else 200,
        "finish": None if failed else "stop",
        "attempts": 1,
        "tried": json.dumps(
            [{"endpoint": endpoint, "status": 502 if failed else 200, "error_type": error, "ms": 900.0}]
        ),
        "lane": "bytes",
        "input_tokens": None if failed else used,
        "output_tokens": None if failed else written,
        "cache_read_tokens": used // 3 if number % 4 == 0 and not failed else 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": written // 2 if model == "cedar/reason" and not failed else 0,
        "cost_nano": None if failed else given * used + taken * written,
        "cost_bits": 0 if failed else (given * used + taken * written).bit_length(),
        "billed_nano": None if failed else given * used + taken * written,
        "first_content_ms": None if failed else first,
        "queue_ms": 0.3,
        "total_ms": first + 1000 * written / (400 / seconds),
    }
    return tuple(
        said.get(name, DEFAULTS[column.type] if column.required else None)
        for name, column in table.columns.items()
    )


def _judged(row: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    """What a check says of an answer."""
    good = GOOD[row["model"]] - (0.15 if row["task"] == "maths" and row["model"] != "cedar/reason" else 0.0)
    copied = ("at", "key_id", "key_name", "app", "task", "model", "provider", "endpoint")
    return {
        **{name: row[name] for name in copied},
        "id": f"check|{row['id']}|json_schema",
        "generation_id": row["id"],
        "source": "check",
        "kind": "json_schema",
        "score": float(chance.random() < good),
        "weight": 0.7,
    }


async def fill(
    url: str, base: Path, *, rows: int = 20_000, days: int = 30, seed: int = 7, now: datetime | None = None
) -> None:
    """Write that month into the ledger at `url`."""
    config = read_text("plugins: {usage: {}, feedback: {}}", name="demo", env={}, base=base)
    tables = [*assemble(config, env={}).tables]
    generations = next(table for table in tables if table.name == "generations")
    ledger = open_ledger(url, base=base, durability="relaxed", queue=2 * rows + 1)
    await ledger.open(tables)
    chance = random.Random(seed)
    try:
        for number, at in enumerate(_moments(chance, rows, days, now or datetime.now(UTC))):
            row = dict(zip(generations.columns, _row(generations, number, at, chance), strict=True))
            ledger.insert("generations", tuple(row.values()))
            if row["task"] and row["outcome"] == "complete" and number % 4 == 0:
                ledger.insert("feedback", _judged(row, chance))
        await ledger.flush()
    finally:
        await ledger.close()


if __name__ == "__main__":
    asyncio.run(fill("sqlite:///pointsman.db", Path.cwd()))

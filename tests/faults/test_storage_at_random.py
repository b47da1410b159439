"""Faults 83 to 90 and 95 at random moments, under load: nothing crashes, nothing is lost or counted twice,
hard budgets and limits hold to the last cent, and it all recovers.

`POINTSMAN_SEEDS` says how many seeds are tried.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import httpx
import pytest

from pointsman.errors import Unavailable
from pointsman.ledger import open_ledger
from pointsman.testing import Running, running

SEEDS = int(os.environ.get("POINTSMAN_SEEDS", "20"))
ASKED, AT_ONCE = 48, 8
CENT = 10_000_000
CENTS, PASSES = 8, 6
"""What carol may spend, an answer costing a cent, and how often dave may ask in an hour."""
DAYS = 2 * 86_400.0
PATIENCE = 20.0
PRICED, GIFT = "acme/large", "acme/gift"


class Storage:
    """An SQLite under the ledger. From the statement on that is the `strikes`th after it was armed, `fault`
    is called with the connection before each statement, until it is over. With `lies` it is called when a
    commit has happened, instead."""

    def __init__(self) -> None:
        self.fault: Callable[[Any], None] | None = None
        self.lies = False
        self.statements = 0
        self.strikes = 0
        self.struck = False

    def arm(self, fault: Callable[[Any], None], strikes: int, *, lies: bool = False) -> None:
        """Let the disk fail soon, or with `lies` only say that it did."""
        self.fault, self.lies, self.strikes, self.statements = fault, lies, strikes, 0

    def end(self) -> None:
        """Give the disk back."""
        self.fault = None

    def meet(self, connection: Any) -> None:
        """A statement is about to run."""
        self.statements += 1
        fault = self.fault
        if fault is not None and self.statements >= self.strikes:
            self.struck = True
            fault(connection)

    def connect(self, *args: Any, **options: Any) -> sqlite3.Connection:
        """See `sqlite3.connect`."""
        storage = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                if not storage.lies:
                    if sql.startswith("begin"):
                        super().execute(f"pragma max_page_count = {2**30}")
                    storage.meet(super())
                return super().execute(sql, *values)

            def executemany(self, sql: str, rows: Any, /) -> sqlite3.Cursor:
                if not storage.lies:
                    storage.meet(super())
                return super().executemany(sql, rows)

            def __exit__(self, *error: Any) -> Any:
                done = super().__exit__(*error)
                if storage.lies:
                    storage.meet(super())
                return done

        return sqlite3.connect(*args, factory=Connection, **options)


def full(connection: Any) -> None:
    connection.execute("pragma max_page_count = 1")  # that is, as many as there are


def broken(connection: Any) -> None:
    raise sqlite3.OperationalError("disk I/O error")


def corrupt(connection: Any) -> None:
    raise sqlite3.DatabaseError("database disk image is malformed")


def read_only(connection: Any) -> None:
    connection.execute("pragma query_only = on")


class FullLog(logging.Handler):
    """A log whose disk is full."""

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError:
            self.handleError(record)


class Answer(NamedTuple):
    """What somebody was told: of which model, with which status, the generation, whether it is whole."""

    who: str
    model: str
    status: int
    generation: str
    whole: bool


class Trial:
    """A server, those who ask it, and one fault."""

    def __init__(self, seed: int, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.draw = Random(seed)
        self.seed, self.folder, self.patch = seed, folder, patch
        self.storage = Storage()
        self.strict, self.lifetime = self.draw.random() < 0.3, self.draw.random() < 0.5
        self.answers: list[Answer] = []
        self.ends_at = ASKED
        self._ahead = 0.0
        self._jumps: tuple[float, ...] = (0.0,)
        self._other: sqlite3.Connection | None = None

    def config(self) -> dict[str, Any]:
        hashes = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("alice", "carol", "dave")}
        budget = {"usd": CENTS / 100, "per": "lifetime" if self.lifetime else "day", "hard": True}
        return {
            "auth": "keys",
            "ledger": {"durability": "strict" if self.strict else "relaxed"},
            "plugins": {"limits": {}, "budgets": {}, "usage": {}},
            "keys": [
                {"name": "alice", "key_hash": hashes["alice"]},
                {"name": "carol", "key_hash": hashes["carol"], "budget": budget},
                {"name": "dave", "key_hash": hashes["dave"], "limits": {"requests": f"{PASSES}/h"}},
            ],
            "providers": {"echo": {}},
            "models": {
                PRICED: {"endpoints": [{"endpoint": "echo/echo", "price": {"input": 0, "output": 200}}]},
                GIFT: {"endpoints": ["echo/echo"]},
            },
            "log": {"level": "debug"},
        }

    async def load(self, served: Running) -> None:
        """Many at once, and the fault among them."""
        asked = iter([self._request() for _ in range(ASKED)])
        begins = [*FAULTS.values()][self.seed % len(FAULTS)](self)

        async def client() -> None:
            for who, body in asked:
                if len(self.answers) >= begins:
                    self._set_clock()
                if self.storage.struck and self.ends_at == ASKED:
                    self.ends_at = len(self.answers) + self.draw.randrange(5, 20)
                if len(self.answers) >= self.ends_at:
                    self._heal()
                await self.ask(served, who, body)

        await asyncio.gather(*(client() for _ in range(AT_ONCE)))
        self._heal()

    async def ask(self, served: Running, who: str, body: dict[str, Any]) -> Answer:
        """Ask, and look whether what must be on disk by now is there: what a hard budget paid, and all where
        the ledger is strict."""
        answer = await ask(served, who, body)
        self.answers.append(answer)
        if answer.whole and (self.strict or who == "carol"):
            with closing(sqlite3.connect(f"file:{self.folder / 'pointsman.db'}?mode=ro", uri=True)) as disk:
                found = disk.execute("select 1 from generations where id = ?", (answer.generation,))
                assert found.fetchone(), answer
        return answer

    def _heal(self) -> None:
        """The disk is given back."""
        self.storage.end()
        other, self._other = self._other, None
        if other is not None:
            other.close()

    def _request(self) -> tuple[str, dict[str, Any]]:
        draw = self.draw
        who = draw.choice(["alice", "carol", "carol", "dave"])
        model = GIFT if who == "alice" and draw.random() < 0.4 else PRICED
        if who == "carol" and draw.random() < 0.1:
            model = GIFT
        return who, body_of(model, stream=draw.random() < 0.4, latency=draw.randrange(4))

    # The faults: each says after how many answers it begins, where that is not for the writer to say.

    def disk(self, fault: Callable[[Any], None], *, lies: bool = False) -> int:
        self.storage.arm(fault, self.draw.randrange(1, 40), lies=lies)
        return ASKED

    def lock(self) -> int:
        """Another process takes the ledger for itself as soon as the writer leaves it alone."""

        def take(connection: Any) -> None:
            if self._other is None:
                other = sqlite3.connect(self.folder / "pointsman.db", check_same_thread=False, timeout=0)
                try:
                    other.execute("begin immediate")
                except sqlite3.OperationalError:  # the writer is in the middle of its own transaction
                    other.close()
                else:
                    self._other = other

        return self.disk(take)

    def log(self) -> int:
        root = logging.getLogger()
        self.patch.setattr(root, "handlers", [FullLog()])
        self.patch.setattr(logging, "raiseExceptions", False)
        return ASKED

    def clock(self, *jumps: float) -> int:
        """The wall clock of the process jumps, and jumps again."""
        trial, real = self, time.time

        class Moment(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Any:
                return datetime.now(tz) + timedelta(seconds=trial._ahead)

        self.patch.setattr(time, "time", lambda: real() + trial._ahead)
        self.patch.setattr("pointsman.exchange.datetime", Moment)
        self._jumps = jumps
        return self.draw.randrange(ASKED)

    def _set_clock(self) -> None:
        self._ahead = self.draw.choice(self._jumps)


FAULTS: dict[str, Callable[[Trial], int]] = {
    "83-full": lambda trial: trial.disk(full),
    "84-broken": lambda trial: trial.disk(broken),
    "84-lying": lambda trial: trial.disk(broken, lies=True),
    "85-locked": Trial.lock,
    "86-corrupt": lambda trial: trial.disk(corrupt),
    "87-read-only": lambda trial: trial.disk(read_only),
    "88-log-full": Trial.log,
    "89-forward": lambda trial: trial.clock(DAYS),
    "89-back": lambda trial: trial.clock(-DAYS),
    "90-to-and-fro": lambda trial: trial.clock(DAYS, -DAYS, 0.0, 3600.0, -0.5),
}
"""By number. What 95 asks, that nothing without a price is taken for free, is among all of them."""


def body_of(model: str, *, stream: bool = False, latency: int = 0) -> dict[str, Any]:
    """A request for an answer of fifty tokens: a cent, where it has a price."""
    script = {"text": "Yes", "usage": {"input": 9, "output": 50}, "latency": f"{latency}ms"}
    messages = [{"role": "user", "content": "?"}]
    return {"model": model, "messages": messages, "max_tokens": 50, "stream": stream, "echo": script}


async def ask(served: Running, who: str, body: dict[str, Any]) -> Answer:
    answer: httpx.Response = await served.client.post(
        "/v1/chat/completions", json=body, headers={"authorization": f"Bearer {who}"}
    )
    whole = answer.status_code == 200 and (not body["stream"] or "data: [DONE]" in answer.text)
    return Answer(who, body["model"], answer.status_code, answer.headers["x-generation-id"], whole)


async def settled(served: Running) -> None:
    """Return when all that waits is on disk."""
    assert await served.gateway.idle(PATIENCE)
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(Unavailable):
                await served.gateway.ledger.flush()
                return


@pytest.mark.parametrize(
    "seed", range(SEEDS), ids=lambda seed: f"{seed}-fault-{[*FAULTS][seed % len(FAULTS)]}"
)
async def test_whatever_fails_at_whatever_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    trial = Trial(seed, tmp_path, monkeypatch)
    monkeypatch.setattr("pointsman.ledger.sqlite.LOCK_TIMEOUT", 0.02)
    monkeypatch.setattr("pointsman.ledger.writer.LONGEST_RETRY", 0.1)
    monkeypatch.setattr("pointsman.gateway.open_ledger", partial(open_ledger, connect=trial.storage.connect))
    config = trial.config()
    async with running(config, folder=tmp_path) as served:
        await trial.load(served)
        await settled(served)
        check_statuses(trial)
        for who, refused in (("carol", 402), ("dave", 429)):  # what is left can be had, and no more
            while trial.answers[-1][:3:2] != (who, refused):
                assert len(trial.answers) < 2 * ASKED
                await trial.ask(served, who, body_of(PRICED))
        await settled(served)
        await check_records(trial, served)
    if trial.lifetime:  # days are those of the wall clock, for a process that begins
        async with running(config, folder=tmp_path) as served:
            again = await ask(served, "carol", body_of(PRICED))
            assert again.status == 402, "a new process knows what was spent"


def check_statuses(trial: Trial) -> None:
    """Nothing crashed, and who needs no record is answered."""
    refusals = {"alice": set(), "carol": {402, 503}, "dave": {429}}
    if trial.strict:
        refusals["alice"], refusals["dave"] = {503}, {429, 503}
    for answer in trial.answers:
        assert answer.status in {200} | refusals[answer.who], answer
        if not trial.strict and answer.who != "carol":
            assert answer.whole or answer.status != 200, answer
        if answer.who == "carol" and answer.model == GIFT:
            assert answer.status != 200, "a hard budget buys nothing whose price is not known"


async def check_records(trial: Trial, served: Running) -> None:
    """What clients were told is on disk, once, with what it cost; budgets and limits held."""
    ledger = served.gateway.ledger
    said = ledger.health()
    assert (said["ok"], said["queued"], said["lost"], said["duplicates"]) == (True, 0, 0, 0)
    rows = {row["id"]: row for row in await ledger.select("select * from generations")}
    for answer in trial.answers:
        if answer.whole:
            assert rows[answer.generation]["outcome"] == "complete"
    used = [row for row in rows.values() if row["output_tokens"] is not None]
    gifts = [row for row in used if row["model"] == GIFT]
    assert all(row["cost_nano"] is None for row in gifts), "what has no price is not free"
    assert all(row["cost_nano"] == CENT for row in used if row["model"] != GIFT)
    for row in rows.values():
        assert 0 <= row["total_ms"] < 1000 * PATIENCE
        assert row["first_content_ms"] is None or 0 <= row["first_content_ms"] <= row["total_ms"]
    assert sum(row["key_name"] == "carol" for row in used) == CENTS
    daves = [answer for answer in trial.answers if answer.who == "dave" and answer.status != 429]
    assert len(daves) == PASSES
    for table in ("usage_minutes", "usage_hours", "usage_days"):
        sums = await ledger.select(f"select sum(requests), sum(unpriced), sum(cost_nano) from {table}")
        nano = sum(row["cost_nano"] or 0 for row in rows.values())
        assert [*sums[0].values()] == [len(rows), len(gifts), nano]

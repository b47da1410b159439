"""Faults of storage and clocks, 83 to 90: nothing crashes, nothing is lost, hard budgets fail closed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from datetime import datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.errors import StartupError, Unavailable
from pointsman.ledger import open_ledger
from pointsman.testing import Running, running

ALICE, CAROL, ADMIN = "alice-has-no-budget", "carol-has-a-hard-one", "the-administrator"
CHAT = {"model": "acme/large", "messages": [{"role": "user", "content": "Say something."}], "max_tokens": 50}
DAYS = 2 * 86_400.0
PLUGINS = ("openai", "echo", "routes", "keys", "limits", "budgets", "prices", "usage")
MOST_ASKED = 200

SMALL_FILES = """
import asyncio, json, resource, sys
from pathlib import Path
from pointsman.errors import Unavailable
from pointsman.ledger import Column, Table, open_ledger

TABLE = Table("generations", {"id": Column("text", ""), "text": Column("text", "")}, "id", mutable=True)

async def main():
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ledger = open_ledger("sqlite:///ledger.db", base=Path(sys.argv[1]), durability="strict")
    await ledger.open([TABLE])
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    number, refused = 0, []
    while len(refused) < 3:
        ledger.insert("generations", {"id": f"{number:06}", "text": "x" * 1000})
        number += 1
        try:
            await ledger.flush()
        except Unavailable as error:
            refused.append(error.detail)
    try:
        await ledger.execute([("delete from generations", {})])
    except Unavailable as error:
        refused.append(error.detail)
    health = ledger.health()
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await ledger.flush()
    rows = await ledger.select("select id from generations order by rowid")
    whole = [row["id"] for row in rows] == [f"{each:06}" for each in range(number)]
    print(json.dumps({"refused": refused, "during": health, "whole": whole, "after": ledger.health()}))
    await ledger.close()

asyncio.run(main())
"""

NO_SYNC = """
import asyncio, json, sys
from pathlib import Path
from pointsman.errors import Unavailable
from pointsman.ledger import Column, Table, open_ledger

TABLE = Table(
    "totals", {"id": Column("text", ""), "n": Column("integer", "")}, "id", sums=("n",)
)

async def main():
    ledger = open_ledger("sqlite:///ledger.db", base=Path(sys.argv[1]), durability="strict")
    await ledger.open([TABLE])
    refused = set()
    for number in range(40):
        ledger.insert("totals", {"id": f"{number % 4}", "n": 1})
        for _ in range(20):
            try:
                await ledger.flush()
                break
            except Unavailable as error:
                refused.add(error.detail)
    rows = await ledger.select("select n from totals order by id")
    print(json.dumps({"refused": sorted(refused), "rows": [row["n"] for row in rows]}))
    await ledger.close()

asyncio.run(main())
"""


class Storage:
    """An SQLite under the ledger whose disk can be taken away: `fault` is called with the writer's connection
    before it writes."""

    def __init__(self) -> None:
        self.fault: Any = None
        self.connections = 0

    def connect(self, *args: Any, **options: Any) -> sqlite3.Connection:
        storage = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                if sql.startswith("begin"):
                    super().execute(f"pragma max_page_count = {2**30}")
                    if storage.fault is not None:
                        storage.fault(super())
                return super().execute(sql, *values)

        self.connections += 1
        return sqlite3.connect(*args, factory=Connection, **options)


def full(connection: Any) -> None:
    connection.execute("pragma max_page_count = 1")  # that is, as many as there are


def broken(connection: Any) -> None:
    raise sqlite3.OperationalError("disk I/O error")


def corrupt(connection: Any) -> None:
    raise sqlite3.DatabaseError("database disk image is malformed")


def read_only(connection: Any) -> None:
    connection.execute("pragma query_only = on")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    with closing(sqlite3.connect(folder / "pointsman.db")) as other:
        other.execute("begin immediate")
        yield


@contextmanager
def faulty(storage: Storage, fault: Any) -> Iterator[None]:
    storage.fault = fault
    yield
    storage.fault = None


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Storage:
    """What the ledgers of this test's servers stand on."""
    storage = Storage()
    monkeypatch.setattr("pointsman.ledger.sqlite.LOCK_TIMEOUT", 0.02)
    monkeypatch.setattr("pointsman.gateway.open_ledger", partial(open_ledger, connect=storage.connect))
    return storage


def config(**sections: Any) -> dict[str, Any]:
    keys = {"alice": ALICE, "carol": CAROL}
    hashes = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in keys.items()}
    return {
        "plugins": {name: {} for name in PLUGINS},
        "auth": "keys",
        "admin_key": ADMIN,
        "keys": [
            {"name": "alice", "key_hash": hashes["alice"]},
            {
                "name": "carol",
                "key_hash": hashes["carol"],
                "budget": {"usd": 20, "per": "month", "hard": True},
            },
        ],
        "models": {
            "acme/large": {"endpoints": [{"endpoint": "echo/echo", "price": {"input": 1, "output": 1}}]}
        },
        **sections,
    }


async def ask(served: Running, key: str = ALICE) -> httpx.Response:
    return await served.client.post(
        "/v1/chat/completions", json=CHAT, headers={"authorization": f"Bearer {key}"}
    )


async def health(served: Running) -> tuple[int, dict[str, Any]]:
    answer = await served.client.get("/health/ledger", headers={"authorization": f"Bearer {ADMIN}"})
    return answer.status_code, answer.json()


async def recorded(served: Running, name: str) -> list[str]:
    found = await served.gateway.ledger.select(
        "select id from generations where key_name = :name order by rowid", {"name": name}
    )
    return [row["id"] for row in found]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(full, "database or disk is full", id="fault-83-full"),
        pytest.param(broken, "disk I/O error", id="fault-84-broken"),
        pytest.param(None, "database is locked", id="fault-85-locked"),
        pytest.param(corrupt, "malformed", id="fault-86-corrupt-while-it-runs"),
        pytest.param(read_only, "readonly", id="fault-87-read-only"),
    ],
)
async def test_while_the_disk_refuses_rows_are_kept_and_hard_budgets_refuse(
    storage: Storage, fault: Any, words: str
) -> None:
    async with running(config()) as served:
        ledger = served.gateway.ledger
        answers = [await ask(served)]
        assert (await ask(served, CAROL)).status_code == 200
        await ledger.flush()
        trouble: AbstractContextManager[None] = faulty(storage, fault) if fault else locked(served.folder)
        with trouble:
            while ledger.health()["ok"]:
                assert len(answers) < MOST_ASKED
                answers.append(await ask(served))
                with suppress(Unavailable):
                    await ledger.flush()
            with pytest.raises(Unavailable, match="try again later"):
                await ledger.execute([])
            refused = await ask(served, CAROL)
            assert refused.status_code == 503
            assert (
                "is hard, and the ledger cannot record what is reserved" in refused.json()["error"]["message"]
            )
            answers += [await ask(served) for _ in range(5)]
            tries = storage.connections
            while storage.connections < tries + 2:  # it goes on trying
                with suppress(Unavailable):
                    await ledger.flush()
            status, said = await health(served)
            assert (status, said["ok"], said["lost"]) == (503, False, 0)
            assert words in said["error"]
            assert said["queued"] >= 5
        await ledger.flush()
        status, said = await health(served)
        assert (status, said["ok"], said["queued"], said["lost"]) == (200, True, 0, 0)
        assert {answer.status_code for answer in answers} == {200}
        assert await recorded(served, "alice") == [answer.headers["x-generation-id"] for answer in answers]
        assert (await ask(served, CAROL)).status_code == 200


def child(script: str, *arguments: str | Path, before: tuple[str, ...] = ()) -> dict[str, Any]:
    command = [*before, sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_fault_83_files_that_may_not_grow_lose_nothing(tmp_path: Path) -> None:
    found = child(SMALL_FILES, tmp_path)
    assert len(found["refused"]) == 4
    assert all(re.search("I/O error|is full", each) for each in found["refused"])
    assert (found["during"]["ok"], found["during"]["lost"]) == (False, 0)
    assert found["whole"]
    assert (found["after"]["ok"], found["after"]["lost"], found["after"]["duplicates"]) == (True, 0, 0)


def test_fault_84_a_disk_that_does_not_synchronise_loses_nothing_and_counts_nothing_twice(
    tmp_path: Path,
) -> None:
    tracer = shutil.which("strace")
    quiet = ("-f", "-qq", "-o", os.devnull, "-e", "trace=fdatasync,fsync")
    if (
        tracer is None
        or subprocess.run([tracer, *quiet, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs strace, and leave to use it")
    inject = (tracer, *quiet, "-e", "inject=fdatasync,fsync:error=EIO:when=8+7")
    found = child(NO_SYNC, tmp_path, before=inject)
    assert found["rows"] == [10, 10, 10, 10]
    assert found["refused"] == ["ledger: disk I/O error"]


async def test_fault_86_a_corrupt_ledger_is_refused_at_the_start_with_advice(tmp_path: Path) -> None:
    async with running(config(), folder=tmp_path) as served:
        assert (await ask(served)).status_code == 200
    path = tmp_path / "pointsman.db"
    damaged = b"\xff" * 100 + path.read_bytes()[100:]
    path.write_bytes(damaged)
    with pytest.raises(StartupError, match=r"pointsman\.db is damaged .*Move it aside.*backup"):
        async with running(config(), folder=tmp_path):
            pass
    assert path.read_bytes() == damaged


async def test_fault_87_a_ledger_that_cannot_be_written_is_refused_at_the_start_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(address: str, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(address.replace("mode=rw", "mode=ro"), **options)
        return connection

    monkeypatch.setattr("pointsman.gateway.open_ledger", partial(open_ledger, connect=connect))
    with pytest.raises(StartupError, match=r"readonly database\. .*must be writable"):
        async with running(config(), folder=tmp_path):
            pass


async def test_fault_88_a_full_disk_under_the_log_stops_nothing(tmp_path: Path) -> None:
    log = {"access": True, "level": "debug", "format": "json"}
    (tmp_path / "proxy.yaml").write_text(json.dumps(config(server={"port": 0}, log=log)))
    command = [sys.executable, "-m", "pointsman", "serve", "--config", str(tmp_path / "proxy.yaml")]
    with Path("/dev/full").open("wb") as full_disk:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=full_disk
        )
    assert process.stdout is not None
    said = b""
    while (found := re.search(rb"http://[0-9.]+:[0-9]+", said)) is None:
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        assert line, said
        said += line
    async with httpx.AsyncClient(base_url=found[0].decode(), trust_env=False, timeout=30) as client:
        key = {"authorization": f"Bearer {ALICE}"}
        for body, status in [(CHAT, 200), ({"model": "nothing"}, 400), (CHAT, 200)]:
            answer = await client.post("/v1/chat/completions", json=body, headers=key)
            assert answer.status_code == status
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 30) == 0
    with closing(sqlite3.connect(tmp_path / "pointsman.db")) as connection:
        assert connection.execute("select count(*) from generations where status = 200").fetchone() == (2,)


class Wall:
    """The wall clock of the process, which can be set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        wall, real = self, time.time

        class Moment(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Any:
                return datetime.now(tz) + timedelta(seconds=wall.ahead)

        monkeypatch.setattr(time, "time", lambda: real() + wall.ahead)
        monkeypatch.setattr("pointsman.exchange.datetime", Moment)


@pytest.mark.parametrize("jump", [DAYS, -DAYS], ids=["fault-89-forward", "fault-89-back"])
async def test_a_jump_of_the_wall_clock_opens_no_window_and_makes_no_time_negative(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    wall = Wall(monkeypatch)
    limits = {**{name: {} for name in PLUGINS}, "limits": {"default": {"requests": "3/h"}}}
    async with running(config(plugins=limits)) as served:
        first = [await ask(served) for _ in range(2)]
        wall.ahead = jump
        later = [await ask(served) for _ in range(3)]
        assert [answer.status_code for answer in (*first, *later)] == [200, 200, 200, 429, 429]
        await served.gateway.ledger.flush()
        rows = await served.gateway.ledger.select(
            "select * from generations where status = 200 order by rowid"
        )
    assert [row["id"] for row in rows] == [answer.headers["x-generation-id"] for answer in (*first, later[0])]
    assert all(0 <= row["total_ms"] < 60_000 for row in rows)
    days = [datetime.fromisoformat(row["at"]) for row in rows]
    assert abs((days[2] - days[1]).total_seconds() - jump) < 60
    assert all(float(answer.headers["retry-after"]) <= 3600 for answer in later[1:])


async def test_fault_90_durations_are_those_of_the_monotonic_clock(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wall clock jumps while a request is under way, and none of its deadlines run out."""
    wall = Wall(monkeypatch)
    async with running(config()) as served:
        under_way = asyncio.ensure_future(
            served.client.post(
                "/v1/chat/completions",
                json={**CHAT, "stream": True},
                headers={"authorization": f"Bearer {ALICE}"},
            )
        )
        while not served.gateway.running and not under_way.done():
            await asyncio.sleep(0)
        wall.ahead = DAYS
        answer = await under_way
        assert answer.status_code == 200
        assert answer.text.endswith("data: [DONE]\n\n")
        await served.gateway.ledger.flush()
        (row,) = await served.gateway.ledger.select("select * from generations")
    assert row["outcome"] == "complete"
    assert 0 <= row["first_content_ms"] <= row["total_ms"] < 20_000

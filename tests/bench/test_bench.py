"""The benchmark runs: each scenario, with a few requests, all of them answered whole.

What it says of time and CPU is not asserted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parent
COMMAND = [sys.executable, str(BENCH / "bench.py")]
OURS = ("direct", "pointsman", "pointsman-asgi")
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n~ab~"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\n~ab\r\n1;x=y\r\n~\r\n0\r\nx-trailer: 1\r\n\r\n"
)
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n~ab~"


@pytest.fixture(scope="module")
def bench() -> Iterator[None]:
    """The benchmark's modules can be imported, and its programs compiled."""
    if shutil.which("cc") is None:
        missing = "no C compiler: the benchmark's programs cannot be made"
        if os.environ.get("POINTSMAN_REQUIRE") == "all":
            pytest.fail(missing)
        pytest.skip(missing)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        yield


@pytest.fixture(scope="module")
def kept(bench: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a short run of everything."""
    kept = tmp_path_factory.mktemp("bench") / "rows.json"
    command = [*COMMAND, "--short", "--rounds", "1", "--with", ",".join(OURS), "--json", str(kept)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return kept


def test_every_scenario_is_answered_whole_and_counted(kept: Path) -> None:
    from scenarios import SCENARIOS, TINY

    rows = json.loads(kept.read_text())
    assert [row for row in rows if row["bad"] or row["error"]] == []
    assert {row["scenario"] for row in rows} == {scenario.name for scenario in SCENARIOS}
    assert all(row["good"] == (1 if row["scenario"] == "startup" else TINY) for row in rows)
    took_part = {name: {row["scenario"] for row in rows if row["contender"] == name} for name in OURS}
    assert took_part["pointsman"] == {scenario.name for scenario in SCENARIOS}
    assert took_part["pointsman-asgi"] == {"doors", "doors-stream"}
    assert took_part["direct"] == {"latency-50", "latency-100"}


def test_pointsman_routes_prices_and_records_what_it_is_asked(bench: None, tmp_path: Path) -> None:
    from contenders import read_contenders
    from field import Field, Options
    from scenarios import SCENARIOS

    with Field(tmp_path, Options(short=True)) as field:
        running = field.start(read_contenders()["pointsman"])
        try:
            for name in ("nonstream", "burst", "tls", "laneb", "lanec"):
                (scenario,) = (each.short() for each in SCENARIOS if each.name == name)
                assert field.load(running, scenario, requests=5)["good"] == 5
        finally:
            running.stop()
        with contextlib.closing(sqlite3.connect(f"{running.words['folder']}/pointsman.db")) as ledger:
            rows = ledger.execute(
                "select model, key_name, route, lane, lost, cost_nano, count(*) from generations"
                " group by model, key_name, route, lane, lost, cost_nano order by model"
            ).fetchall()
    assert rows == [
        ("bench", "bench", "bench", "bytes", None, 112_000, 11),
        ("bench-rewritten", "bench", None, "bytes", "presence_penalty", 112_000, 5),
        ("bench-secure", "bench", None, "bytes", None, 112_000, 5),
        ("bench-translated", "bench", None, "translated", None, 112_000, 5),
    ]


def test_figures_that_were_kept_are_shown_again(kept: Path) -> None:
    from scenarios import SCENARIOS

    command = [*COMMAND, "--from", str(kept)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert all(f"\n{scenario.name}: {scenario.about}\n" in done.stdout for scenario in SCENARIOS)
    done = subprocess.run([*command, "startup", "--markdown"], capture_output=True, text=True, check=True)
    assert "\n### startup: from start to first answer\n" in done.stdout
    assert "\n| start to first answer | " in done.stdout
    assert "nonstream" not in done.stdout


def test_figures_are_put_below_their_heading_of_a_page(kept: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n## Figures\n\nolder ones\n")
    subprocess.run([*COMMAND, "--from", str(kept), "--page", str(page)], check=True)
    first = page.read_text()
    assert first.startswith("# Page\n\n## Figures\n\nMeasured on ")
    assert "older ones" not in first
    subprocess.run([*COMMAND, "--from", str(kept), "--page", str(page)], check=True)
    assert page.read_text() == first


def test_what_is_not_installed_or_not_there_is_said(bench: None, tmp_path: Path) -> None:
    command = [*COMMAND, "nonstream", "--short", "--rounds", "1", "--peers", str(tmp_path)]
    done = subprocess.run([*command, "--with", "litellm"], capture_output=True, text=True, check=True)
    assert "litellm: not installed (python3 -m venv" in done.stdout
    done = subprocess.run([*command, "--with", "nobody"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("bench: no contender nobody: there are direct, nginx")
    done = subprocess.run([*COMMAND, "sideways"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "nonstream" in done.stderr


@pytest.mark.parametrize(
    ("answer", "pieces", "good"),
    [
        (WHOLE, 1, True),
        (CHUNKED, 1, True),
        (CHUNKED, len(CHUNKED), True),
        (UNTIL_CLOSE, 2, True),
        (WHOLE.replace(b"200 OK", b"503 Busy"), 1, False),
        (WHOLE.replace(b"~ab~", b"~abc"), 1, False),
        (WHOLE.replace(b": 4", b": 5"), 1, False),
        (UNTIL_CLOSE.replace(b"b~", b"b~" + b" and more" * 10), 1, False),
    ],
)
async def test_load_counts_an_answer_as_good_only_when_it_is_whole(
    bench: None, tmp_path: Path, answer: bytes, pieces: int, good: bool
) -> None:
    from programs import program

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\nhello")
        step = -(-len(answer) // pieces)
        for start in range(0, len(answer), step):
            writer.write(answer[start : start + step])
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    body = tmp_path / "body"
    body.write_text("hello")
    server = await asyncio.start_server(play, "127.0.0.1", 0)
    async with server:
        port = str(server.sockets[0].getsockname()[1])
        asked = {"--port": port, "--body": str(body), "--requests": "3", "--marks": "2", "--done": "~"}
        command = [program("load"), *(part for pair in asked.items() for part in pair), "--connections", "1"]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        printed, _ = await process.communicate()
    told = json.loads(printed)
    assert (told["good"], told["bad"]) == ((3, 0) if good else (0, 3))
    assert bool(told["first_error"]) != good


def test_cpu_and_memory_are_those_of_all_descendants(bench: None, tmp_path: Path) -> None:
    from processes import Process, cores

    burn = "import time\nwhile time.process_time() < 0.2: pass\nprint(1, flush=True)\ntime.sleep(600)"
    parent = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])"
    command = [sys.executable, "-c", parent]
    process = Process(command, core=cores()[0], folder=tmp_path, log=tmp_path / "log", output=True)
    try:
        assert process.line() == "1"
        assert process.cpu().total >= 0.2
        assert process.memory().rss > process.memory().pss > 1
        process.pause()
    finally:
        begun = time.monotonic()
        process.stop()
    assert process.ended
    assert time.monotonic() - begun < 9, "a paused process goes on to its end when it is stopped"


def test_targets_are_judged_by_the_median_of_rounds(bench: None) -> None:
    from targets import TARGETS, figure, reached

    target = TARGETS[0]

    def row(contender: str, number: int, cpu: float, run: str = "now") -> dict[str, Any]:
        of = {"scenario": target.scenario, "contender": contender, "run": run}
        return {**of, "round": number, "cpu_us": cpu}

    rows = [row("nginx", number, 10.0) for number in range(3)]
    rows += [row("pointsman", number, 5.0, "before") for number in range(9)]
    assert figure(target, rows) is None
    rows += [row("pointsman", number, cpu) for number, cpu in enumerate((20.0, 25.0, 90.0))]
    assert figure(target, rows) == 2.5
    assert [reached(target, value) for value in (1.9, 2.5, 6.0, 6.1)] == ["dream", "aim", "must", "missed"]

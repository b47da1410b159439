"""The benchmark of tasks runs, for usual prompts and for long ones; what it says is not asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).with_name("tasks.py")


def test_the_benchmark_measures_usual_and_long_prompts() -> None:
    command = [sys.executable, str(BENCH), "--requests", "40", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    rows = json.loads(done.stdout)
    assert [row["prompts"] for row in rows] == ["usual", "long"]
    assert all(0 < row["p50"] <= row["p95"] <= row["p99"] and row["J"] > 0 for row in rows)

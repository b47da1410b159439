"""The benchmark of translations runs, and measures every pair of dialects; what it says is not asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).with_name("lanes.py")


def test_the_benchmark_measures_every_pair_of_dialects() -> None:
    command = [sys.executable, str(BENCH), "--rounds", "1", "--number", "2", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    rows = json.loads(done.stdout)
    assert len(rows) == len({(row["client"], row["provider"]) for row in rows}) == 6
    assert all(row["client"] != row["provider"] for row in rows)
    assert all(row["chat_j"] > 0 and row["event_j"] > 0 for row in rows)

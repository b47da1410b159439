"""The benchmark of decisions runs; what it says is not asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).with_name("ranking.py")


def test_the_benchmark_ranks_endpoints_and_finds_rules() -> None:
    command = [sys.executable, str(BENCH), "--rounds", "1", "--number", "2", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(done.stdout)
    assert set(found) == {"ranked", "one rests", "weighed anew", "priced anew", "rules", "rules by user"}
    assert min(found.values()) > 0

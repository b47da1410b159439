"""The benchmark of a large ledger runs, on a small one; what it says of time is not asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).with_name("ledger.py")


@pytest.mark.parametrize("durability", ["relaxed", "strict"])
def test_a_ledger_is_made_filled_and_asked(tmp_path: Path, durability: str) -> None:
    command = [sys.executable, str(BENCH), "--rows", "5000", "--inserts", "2000", "--durability", durability]
    done = subprocess.run(
        [*command, "--folder", str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["rows"], found["lost"], found["duplicates"]) == (5000, 0, 0)
    assert all(found[name] > 0 for name in ("per_second", "writer_us", "writer_j", "insert_j", "j_us"))
    assert all(took["ms"] >= 0 for took in found["queries"].values())
    assert len(found["queries"]) == 6

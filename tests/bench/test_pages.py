"""The benchmark of the pages runs, on a small ledger; sizes are asserted, and what it says of time is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).with_name("pages.py")


def test_every_page_is_made_of_a_ledger_and_stays_small(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCH), "--rows", "3000", "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["rows"] == 3000
    assert len(found["pages"]) > 20
    for path, row in found["pages"].items():
        assert row["ms"] > 0
        assert row["bytes"] < 150_000 or path.startswith("/v1/"), path

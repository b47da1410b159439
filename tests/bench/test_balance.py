"""In every incident, balancing costs at most half as much above perfect knowledge as others do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).with_name("balance.py")


def test_the_regret_is_at_most_half_that_of_the_best_of_the_others() -> None:
    command = [sys.executable, str(BENCH), "--seeds", "2", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert set(found["to_best"]) == {"outage", "brown-out", "price spike", "429 storm", "slow replica"}
    assert max(found["to_best"].values()) <= 0.5

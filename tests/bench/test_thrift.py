"""On recorded answers thrift keeps to its budget, and is better than chance at the same spend."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pointsman.testing import shared_path

BENCH = Path(__file__).with_name("thrift.py")


@pytest.mark.skipif(shared_path() is None, reason="recorded answers are not here (POINTSMAN_SHARED)")
def test_the_budget_is_kept_at_a_saving() -> None:
    command = [sys.executable, str(BENCH), "--requests", "15000", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    *phases, whole = json.loads(done.stdout)
    assert [each["phase"] for each in phases] == [
        "learning",
        "settled",
        "a model is worse",
        "repaired",
        "peak prices",
    ]
    assert whole["requests"] == sum(each["requests"] for each in phases) == 15_000
    assert whole["lost"] <= 0.05
    assert whole["saved"] > 0.02
    assert whole["quality"] > whole["random"]

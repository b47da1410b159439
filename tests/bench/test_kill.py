"""A process killed under load loses nothing that was acknowledged, and writes nothing twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).with_name("kill.py")


def test_ten_kills_lose_nothing_that_was_acknowledged() -> None:
    # how long rows wait on a busy machine is not asserted
    command = [sys.executable, str(BENCH), "--kills", "10", "--window", "60"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    for total in found.values():
        assert total["kills"] == 5
        assert total["said"] > 0
        assert total["wrong"] == []
    assert found["strict"]["lost"] == 0

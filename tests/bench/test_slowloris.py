"""Slow connections are cut, and a legitimate client is answered meanwhile; how fast is not asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).with_name("slowloris.py")
SHORT = ("--connections", "30", "--seconds", "1.5", "--rounds", "1", "--json")
CLOCKS = ("--clock", "0.2", "--idle", "0.2", "--read", "0.2", "--pause", "0.5")


def test_slow_connections_are_cut_and_the_legitimate_client_is_always_answered() -> None:
    command = [sys.executable, str(BENCH), *SHORT, *CLOCKS]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    figures = json.loads(done.stdout)
    assert figures["errors"] == 0
    assert figures["requests"] > 10
    assert {kind: count >= 10 for kind, count in figures["cut"].items()} == {
        "headers": True,
        "body": True,
        "idle": True,
    }

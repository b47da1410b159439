"""Clients that come and go leave nothing behind, by either door."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).with_name("churn.py")


@pytest.mark.parametrize("door", ["auto", "asgi"])
def test_whatever_clients_do_all_of_it_is_back_afterwards(door: str) -> None:
    command = [sys.executable, str(BENCH), "--requests", "1500", "--clients", "16", "--door", door]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["requests"] == 1500
    assert set(found["phases"]) == {"nothing", "head", "body", "sent", "answer", "stays"}
    assert found["phases"]["stays"] <= found["reached_the_provider"] <= found["rows"] <= 1500 + 2 * 16

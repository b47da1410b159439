"""Recorded traffic for the tests of this plugin."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SURFACES = ("/chat/completions", "/completions", "/embeddings")


def recorded() -> Iterator[dict[str, Any]]:
    """Every recorded exchange of the three surfaces."""
    shared = os.environ.get("POINTSMAN_SHARED") or Path(__file__).parents[4] / "shared"
    for path in sorted((Path(shared) / "cassettes").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if record["path_url"].endswith(SURFACES):
                yield record


@pytest.fixture(scope="session")
def recordings() -> list[dict[str, Any]]:
    """Every recorded exchange of the three surfaces; skips where there are none."""
    found = list(recorded())
    if not found:
        pytest.skip("no recorded traffic: set POINTSMAN_SHARED")
    return found


@pytest.fixture
def streams(recordings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The recorded streams, as they were on the wire."""
    return [each for each in recordings if each["is_sse"] and each["wire"] == "raw"]

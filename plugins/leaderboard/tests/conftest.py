"""A real server whose ledger is filled by hand: generations and feedback."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from pointsman.testing import Running, running
from pointsman_feedback.records import FEEDBACK

Serve = Callable[..., AbstractAsyncContextManager["Desk"]]
NOW = datetime.now(UTC)


def hours_ago(hours: float) -> str:
    return (NOW - timedelta(hours=hours)).isoformat(timespec="milliseconds")


GENERATION: dict[str, Any] = {
    "request_id": "req-1",
    "key_id": "key-1",
    "key_name": "alice",
    "team": "red",
    "team_name": "red",
    "dialect": "openai-chat",
    "surface": "chat",
    "model_asked": "acme/large",
    "stream": True,
    "outcome": "complete",
    "status": 200,
    "attempts": 1,
    "input_tokens": 1000,
    "output_tokens": 100,
    "cache_read_tokens": 0,
    "cache_write_tokens": 0,
    "reasoning_tokens": 0,
    "estimated": False,
    "queue_ms": 1.0,
    "first_content_ms": 201.0,
    "total_ms": 1001.0,
}
PRICES = {"acme/large": (10, 20), "acme/small": (1, 2)}


class Desk:
    """A server, and how to fill its ledger."""

    def __init__(self, served: Running) -> None:
        self.served = served
        self.ledger = served.gateway.ledger
        self._number = 0

    def used(self, model: str = "acme/large", *, count: int = 1, hours: float = 1.0, **more: Any) -> None:
        """Write generations, by default with their cost at list prices."""
        for _ in range(count):
            self._number += 1
            row = {**GENERATION, "id": f"gen-{self._number}", "at": hours_ago(hours), "model": model, **more}
            row.setdefault("provider", "lab")
            row.setdefault("endpoint", f"{row['provider']}/{model.partition('/')[2]}")
            if "cost_nano" not in more and model in PRICES:
                prices = PRICES[model]
                row["cost_nano"] = (row["input_tokens"] * prices[0] + row["output_tokens"] * prices[1]) * 1000
                row["billed_nano"] = row["cost_nano"]
            self.ledger.insert("generations", row)

    def said(self, model: str, score: float, *, count: int = 1, keys: int = 10, **more: Any) -> None:
        """Write checks of so many keys that weigh a vote each."""
        for number in range(count):
            self._number += 1
            row = {
                "id": f"said-{self._number}",
                "at": hours_ago(1),
                "generation_id": f"gen-{self._number}",
                "key_id": f"key-{number % keys}",
                "task": "maths",
                "model": model,
                "source": "check",
                "kind": "json_schema",
                "score": score,
                "weight": 1.0,
                **more,
            }
            self.ledger.insert(FEEDBACK.name, row)

    async def get(self, who: str = "root", **query: Any) -> httpx.Response:
        await self.ledger.flush()
        headers = {"authorization": f"Bearer {who}"}
        return await self.served.client.get("/v1/leaderboard", params=query, headers=headers)

    async def part(self, part: str, **query: Any) -> Any:
        """One part of the page."""
        answer = await self.get(parts=part, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()[part]


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


CONFIG = """
auth: keys
teams: {{red: {{role: admin}}, blue: {{}}}}
keys:
  - {{name: alice, key_hash: {alice}, team: red}}
  - {{name: chief, key_hash: {chief}, team: red, role: admin}}
  - {{name: root, key_hash: {root}, role: admin}}
providers:
  lab: {{vendor: openai, base_url: "http://127.0.0.1:9", api_key: sk}}
models:
  acme/large: {{endpoints: [{{endpoint: lab/large, price: {{input: 10, output: 20}}}}]}}
  acme/small:
    endpoints:
      - endpoint: lab/small
        price: {{input: 1, output: 2, windows: [{{time: "01:00-04:00 UTC", input: 2, output: 4}}]}}
  acme/free: {{endpoints: [lab/free]}}
"""
KEYS = {name: _hashed(name) for name in ("alice", "chief", "root")}


@pytest.fixture
def serve() -> Serve:
    """Serves the standard set: `async with serve() as desk`."""

    @asynccontextmanager
    async def run(more: str = "") -> AsyncIterator[Desk]:
        async with running(CONFIG.format(**KEYS) + more) as served:
            yield Desk(served)

    return run

"""`pointsman explain` and the record of the real request: equal, but for what only a real one has."""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pointsman.cli import main
from pointsman.config import read
from pointsman.gateway import Gateway
from pointsman.setup import assemble
from pointsman.testing import in_process_client

KEY = "pm-alice"
CONFIG = f"""
keys:
  - {{name: alice, key_hash: "{sha256(KEY.encode()).hexdigest()}", models: [demo/*, echo/*], tags: [batch]}}
providers:
  far: {{vendor: groq}}
models:
  demo/one: {{aliases: [one], endpoints: [far/m, echo/fault-19, echo/echo]}}
  demo/two: {{endpoints: [echo/echo]}}
  other/three: {{endpoints: [echo/tools]}}
routes:
  - {{name: never, when: {{key: bob}}, use: {{models: [demo/two]}}}}
  - name: batch
    when: {{key.tags: {{any: [batch]}}, model: one}}
    use: {{fallbacks: [demo/two, other/three]}}
"""
ONLY_REAL = ("id", "at", "timings", "outcomes")


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "one"},
        {"model": "demo/two", "models": ["nothing", "one"]},
        {"model": "echo/echo", "stream": True},
    ],
)
async def test_a_dry_run_equals_the_stored_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    path = tmp_path / "proxy.yaml"
    path.write_text(CONFIG)
    body = json.dumps({**fields, "messages": [{"role": "user", "content": "Hello"}]})
    (tmp_path / "body.json").write_text(body)
    gateway = Gateway(assemble(read(path, env={}), env={}))
    await gateway.start()
    async with in_process_client(gateway, key=KEY) as client:
        headers = {"x-pointsman-explain": "true", "content-type": "application/json"}
        answer = await client.post("/v1/chat/completions", content=body, headers=headers)
        assert answer.status_code == 200
        await gateway.ledger.flush()
        identity = answer.headers["x-generation-id"]
        stored = (await client.get(f"/v1/decisions/{identity}")).json()
    await gateway.stop()
    asked = ["--body", str(tmp_path / "body.json"), "--key", "alice", "--json"]
    if "seed" in stored:
        asked += ["--seed", str(stored["seed"])]
    dry = await asyncio.to_thread(_explain, monkeypatch, path, *asked)
    kept = await asyncio.to_thread(_explain, monkeypatch, path, identity, "--json")
    assert kept == stored
    for record in (dry, stored):
        for name in ONLY_REAL:
            del record[name]
    assert dry == stored
    assert stored["choice"] is not None


def _explain(monkeypatch: pytest.MonkeyPatch, path: Path, *arguments: str) -> dict[str, Any]:
    given = ["explain", "--config", str(path), *arguments]
    monkeypatch.setattr("sys.argv", ["pointsman", *given])
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 0, result.output
    record: dict[str, Any] = json.loads(result.output)
    return record


def test_hooks_of_a_dry_run_can_be_traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "proxy.yaml"
    path.write_text(CONFIG)
    given = ["explain", "--config", str(path), "--model", "one", "--trace-hooks"]
    monkeypatch.setattr("sys.argv", ["pointsman", *given])
    result = CliRunner().invoke(main, given)
    assert "hook select_route plugin routes" in result.stderr
    assert "hook admit" not in result.stderr, "a dry run is not counted"

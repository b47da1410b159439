"""A hard budget outlives its process: killed again and again, it is never spent past, and nothing is lost."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from random import Random

import httpx
import pytest

KILLS = 4
AT_ONCE = 12
CENT = 10_000_000
DIGEST = hashlib.sha256(b"alice").hexdigest()
CONFIG = {
    "server": {"port": 0},
    "auth": "keys",
    "plugins": {"limits": {}, "budgets": {}, "usage": {}},
    "keys": [{"name": "alice", "key_hash": DIGEST, "budget": {"usd": 0.6, "per": "lifetime", "hard": True}}],
    "providers": {"echo": {}},
    "models": {"acme/echo": {"endpoints": [{"endpoint": "echo/echo", "price": {"input": 0, "output": 200}}]}},
}


class Server:
    """A server in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answered = 0

    async def start(self) -> None:
        command = [sys.executable, "-m", "pointsman", "serve", "--config", str(self.folder / "proxy.yaml")]
        self.process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        assert self.process.stdout is not None
        said = b""
        while (found := re.search(rb"http://[0-9.]+:[0-9]+", said)) is None:
            line = await asyncio.wait_for(self.process.stdout.readline(), 60)
            assert line, said
            said += line
        self.client = httpx.AsyncClient(base_url=found[0].decode(), trust_env=False, timeout=60)

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def ask(self, latency: int) -> int | None:
        """Ask for an answer of a cent; its status, or None where the server did not live to give one."""
        script = {"text": "Yes", "usage": {"input": 9, "output": 50}, "latency": f"{latency}ms"}
        body = {"model": "acme/echo", "messages": [{"role": "user", "content": "?"}], "max_tokens": 50}
        try:
            answer = await self.client.post(
                "/v1/chat/completions", json={**body, "echo": script}, headers={"x-api-key": "alice"}
            )
        except httpx.HTTPError:
            return None
        self.answered += answer.status_code == 200
        return answer.status_code


def spent(folder: Path) -> tuple[int, int]:
    """Cents of answers that are on record, and those reserved for requests whose record was never written."""
    with closing(sqlite3.connect(folder / "pointsman.db")) as ledger:
        used = ledger.execute("select coalesce(sum(billed_nano), 0) from generations").fetchone()[0]
        lost = ledger.execute(
            "select coalesce(sum(coalesce(settled_nano, nano)), 0) from reservations "
            "where id not in (select id from generations)"
        ).fetchone()[0]
    return used // CENT, lost // CENT


@pytest.mark.parametrize("seed", [1])
async def test_a_hard_budget_is_never_spent_past_however_often_its_server_is_killed(
    tmp_path: Path, seed: int
) -> None:
    draw = Random(seed)
    (tmp_path / "proxy.yaml").write_text(json.dumps(CONFIG))
    server = Server(tmp_path)
    for _ in range(KILLS):
        await server.start()
        asked = [asyncio.ensure_future(server.ask(draw.randrange(60))) for _ in range(AT_ONCE)]
        enough = draw.randrange(1, AT_ONCE)
        for done, each in enumerate(asyncio.as_completed(asked), 1):
            await each
            if done == enough:
                await server.kill()
        await server.client.aclose()
        used, lost = spent(tmp_path)
        assert server.answered <= used, "what a client was told of is on disk"
        assert used + lost <= 60
    await server.start()
    codes = [await server.ask(0) for _ in range(61)]
    used, lost = spent(tmp_path)
    assert codes[-1] == 402
    assert server.answered <= used
    assert used + lost == 60, "the last cent can be spent, and not one more"
    await server.client.aclose()
    await server.kill()

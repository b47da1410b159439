"""`pointsman top` against a running server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pointsman.errors import StartupError
from pointsman.testing import FakeProvider, Running, Script, running
from pointsman_balance.command import as_text, show, top
from pointsman_balance.standing import Standing

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Running]:
    """A server with two providers of one model, the first of which always fails, and its configuration."""
    failing = Script.json({"error": {"message": "no"}}, status=500)
    async with FakeProvider(failing) as one, FakeProvider(Script.json(ANSWER)) as two:
        text = f"""
admin_key: master
providers:
  bad: {{base_url: "{one.url}", price: {{input: 1, output: 1}}}}
  good: {{base_url: "{two.url}", price: {{input: 1, output: 1}}}}
models: {{acme/large: {{endpoints: [bad/m, good/m]}}}}
keys: [{{name: alice, key_hash: {sha256(b"pm-alice").hexdigest()}}}]
routes: [{{name: all, use: {{pick: ordered}}}}]
"""
        (tmp_path / "proxy.yaml").write_text(text)
        async with running(text, folder=tmp_path, key="master") as server:
            yield server


async def run(folder: Path, *arguments: str) -> Result:
    command = [*arguments, "--config", str(folder / "proxy.yaml")]
    return await asyncio.to_thread(CliRunner().invoke, top, command)


async def ask(served: Running) -> None:
    body = {"model": "acme/large", "messages": [{"role": "user", "content": "Hello"}]}
    assert (await served.client.post("/v1/chat/completions", json=body)).status_code == 200


async def test_it_shows_who_fails_and_who_answers(served: Running, tmp_path: Path) -> None:
    assert "No endpoint has been chosen" in (await run(tmp_path)).output
    await ask(served)
    shown = await run(tmp_path)
    assert shown.exit_code == 0, shown.output
    lines = {line.split()[0]: line.split() for line in shown.output.splitlines()}
    assert lines["endpoint"][:3] == ["endpoint", "state", "share"]
    assert "100.0%" in lines["bad/m"]
    assert (lines["good/m"][1], lines["good/m"][3]) == ("up", "0")


async def test_as_json_for_programs(served: Running, tmp_path: Path) -> None:
    await ask(served)
    rows = json.loads((await run(tmp_path, "--json")).output)
    assert [(each["endpoint"], each["errors"]) for each in rows] == [("bad/m", 1.0), ("good/m", 0.0)]
    told = (await served.client.get("/v1/endpoints/health")).json()
    assert [each["endpoint"] for each in told["data"]] == ["bad/m", "good/m"]


async def test_it_is_shown_again_and_again(served: Running, capsys: pytest.CaptureFixture[str]) -> None:
    await ask(served)
    watching = asyncio.ensure_future(show(served.url, "master", every=0.01, as_json=False))
    shown = ""
    async with asyncio.timeout(10):
        while shown.count("good/m") < 3:
            await asyncio.sleep(0.01)
            shown += capsys.readouterr().out
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching


async def test_it_may_show_models_instead(served: Running, tmp_path: Path) -> None:
    assert "nothing was used" in (await run(tmp_path, "--models")).output
    served.gateway.setup.plugins.get("leaderboard").target._pages = None  # which are remembered
    await ask(served)
    await served.gateway.ledger.flush()
    (row,) = json.loads((await run(tmp_path, "--models", "--json")).output)
    assert (row["name"], row["requests"], row["tokens"]) == ("acme/large", 1, 15)
    lines = (await run(tmp_path, "--models")).output.splitlines()
    assert [line.split()[0] for line in lines] == ["model", "acme/large"]


async def test_only_administrators_see_it(served: Running, tmp_path: Path) -> None:
    for key, status in (("pm-alice", 403), ("nobody", 401)):
        answer = await served.client.get("/v1/endpoints/health", headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == status
        refused = await run(tmp_path, "--key", key)
        assert "give its admin key" in str(refused.exception)


async def test_without_a_server_there_is_nothing_to_show(tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text("auth: none\n")
    shown = await run(tmp_path)
    assert isinstance(shown.exception, StartupError)
    assert "no server answers" in str(shown.exception)


def test_the_table_has_the_largest_share_first() -> None:
    plain = Standing("a/m", "up", None, 0.2, 0, 0.0, None, None, None, None, None, 1.0, None)
    much = Standing("b/m", "waits", 29.0, 0.8, 3, 12.0, 0.5, 0.1, None, (0.5, 1.25), (80.0, 40.0), 0.4, 30.0)
    heads, first, second = (line.split() for line in as_text([plain, much]).splitlines())
    assert heads[0] == "endpoint"
    assert first == [
        *("b/m", "waits", "29s", "80.0%", "3", "12", "50.0%", "10.0%", "0.50s", "1.25s", "80", "40.0%", "30")
    ]
    assert second == ["a/m", "up", "20.0%", "0", "0", *"-----", "100.0%", "-"]

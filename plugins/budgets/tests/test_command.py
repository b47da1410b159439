"""`pointsman credits`, with a server that runs and without one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from pointsman.testing import Running
from pointsman_budgets.command import credits

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]
PREPAID = ", prepaid: true"


async def run(folder: Path, *arguments: str) -> Result:
    """Run the command as another process would, beside the server."""
    command = [arguments[0], "--config", str(folder / "proxy.yaml"), *arguments[1:]]
    return await asyncio.to_thread(CliRunner().invoke, credits, command)


async def test_a_running_server_is_asked(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    async with serve(extra=PREPAID, usage="{}") as served:
        granted = await run(tmp_path, "grant", "--key", "alice", "--note", "a gift", "0.25")
        assert (granted.exit_code, granted.output) == (0, "0.25 USD granted to key 'alice'\n")
        assert (await ask(served)).status_code == 200, "effective at once"
        shown = await run(tmp_path, "show", "--key", "alice", "--json")
        row = {"granted_usd": "0.25", "used_usd": "0.10", "left_usd": "0.15"}
        assert json.loads(shown.output) == [row]
        text = await run(tmp_path, "show")
        assert text.output.splitlines() == ["granted  0.25 USD", "used     0.10 USD", "left     0.15 USD"]
        refused = await run(tmp_path, "grant", "--team", "nobody", "1")
        assert (refused.exit_code, refused.output) == (
            1,
            "Error: the server refuses: there is no team 'nobody'\n",
        )
        wrong = await run(tmp_path, "grant", "--admin-key", "bob", "--key", "alice", "1")
        assert (wrong.exit_code, "may not grant credits" in wrong.output) == (1, True)


async def test_without_a_server_the_ledger_is_written(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    async with serve(extra=PREPAID, usage="{}"):
        pass
    granted = await run(tmp_path, "grant", "--key", "alice", "0.25")
    assert (granted.exit_code, granted.output) == (0, "0.25 USD granted to key 'alice'\n")
    taken = await run(tmp_path, "grant", "--key", "alice", "--", "-0.10")
    assert taken.exit_code == 0
    shown = await run(tmp_path, "show", "--key", "alice", "--json")
    assert json.loads(shown.output)[0]["left_usd"] == "0.15"
    missing = await run(tmp_path, "grant", "--key", "alise", "0.25")
    assert (missing.exit_code, missing.output) == (1, "Error: there is no key 'alise'\n")
    async with serve(extra=PREPAID, usage="{}") as served:
        assert [(await ask(served)).status_code for _ in range(2)] == [200, 402]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("grant", "1"), "say whose"),
        (("grant", "--key", "a", "--team", "b", "1"), "are two: say one"),
        (("grant", "--key", "alice", "much"), "is not a number"),
        (("statement", "--month", "13"), "is not a month such as 2026-11"),
    ],
)
async def test_what_cannot_be_done_is_said(
    serve: Serve, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    async with serve():
        result = await run(tmp_path, *arguments)
    assert (result.exit_code, said in result.output) == (2, True)


async def test_a_statement_is_what_the_month_came_to(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    month = datetime.now(UTC).isoformat()[:7]
    async with serve(extra=", team: research", more="teams: {research: {}}", usage="{}") as served:
        await ask(served)
        await ask(served)
        await ask(served, "bob")
        await served.gateway.ledger.flush()
    team = await run(tmp_path, "statement", "--month", month, "--team", "research", "--json")
    rows = json.loads(team.output)
    assert [(row["team"], row["key"], row["model"], row["requests"], row["billed_usd"]) for row in rows] == [
        ("research", "alice", "acme/large", 2, "0.20"),
        ("research", "", "total", 2, "0.20"),
    ]
    everybody = await run(tmp_path, "statement", "--month", month, "--csv")
    assert everybody.output.splitlines()[-1].endswith(",0.30,0.30")
    empty = await run(tmp_path, "statement", "--month", "2020-01")
    assert empty.output.splitlines()[-1].split()[-1] == "0.00"


async def test_without_usage_there_is_no_statement(serve: Serve, tmp_path: Path) -> None:
    async with serve():
        pass
    result = await run(tmp_path, "statement")
    assert (result.exit_code, "the ledger has no usage yet" in result.output) == (1, True)

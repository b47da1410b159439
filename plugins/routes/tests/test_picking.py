"""Picking: whose order counts, within a model and across all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pointsman.config import read_text
from pointsman.errors import ConfigError
from pointsman.exchange import Candidate, Exchange
from pointsman.gateway import Gateway
from pointsman.setup import assemble
from pointsman.testing import in_process_client
from pointsman_routes.picking import picked

PICKER = """
from pointsman import hookimpl
POINTSMAN_API = 1
@hookimpl
def register_routing(register):
    register("reversed", lambda exchange, candidates: candidates[::-1], help="the last first")
"""
CONFIG = """
auth: none
plugins: {{balance: {balance}, routes: {settings}, ./picker.py: {{}}}}
models:
  acme/one: {{endpoints: [echo/echo, echo/slow]}}
  acme/two: {{endpoints: [echo/tools, echo/fault-19]}}
routes: [{{name: all, use: {{models: [acme/one, acme/two]{use}}}}}]
"""


@asynccontextmanager
async def decided(
    folder: Path, use: str = "", *, settings: str = "{}", balance: str = "false"
) -> AsyncIterator[list[str]]:
    """The endpoints in the order in which a request would try them."""
    (folder / "picker.py").write_text(PICKER)
    text = CONFIG.format(use=use, settings=settings, balance=balance)
    gateway = Gateway(assemble(read_text(text, name="proxy.yaml", env={}, base=folder), env={}))
    await gateway.start()
    try:
        async with in_process_client(gateway) as client:
            asked = {"model": "acme/one", "messages": [{"role": "user", "content": "Hello"}]}
            answer = await client.post(
                "/v1/chat/completions", json=asked, headers={"x-pointsman-explain": "true"}
            )
            assert answer.status_code == 200, answer.text
            identity = answer.headers["x-generation-id"]
            await gateway.ledger.flush()
            record = (await client.get(f"/v1/decisions/{identity}")).json()
            yield [each["endpoint"].partition("/")[2] for each in record["candidates"]]
    finally:
        await gateway.stop()


@pytest.mark.parametrize(
    ("use", "settings", "expected"),
    [
        ("", "{}", ["echo", "slow", "tools", "fault-19"]),
        (", pick: reversed", "{}", ["slow", "echo", "fault-19", "tools"]),
        (", pick: reversed, across: true", "{}", ["fault-19", "tools", "slow", "echo"]),
        ("", "{pick: reversed}", ["slow", "echo", "fault-19", "tools"]),
    ],
    ids=["as written", "within each model", "across all", "where no rule says"],
)
async def test_whose_order_counts(tmp_path: Path, use: str, settings: str, expected: list[str]) -> None:
    async with decided(tmp_path, use, settings=settings) as order:
        assert order == expected


async def test_a_rule_counts_before_what_is_usual(tmp_path: Path) -> None:
    async with decided(tmp_path, ", pick: ordered", settings="{pick: reversed}", balance="{}") as order:
        assert order == ["echo", "slow", "tools", "fault-19"]


@pytest.mark.parametrize(("use", "settings"), [(", pick: revrsed", "{}"), ("", "{pick: revrsed}")])
async def test_a_way_of_picking_that_nobody_offers_is_an_error(
    tmp_path: Path, use: str, settings: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        async with decided(tmp_path, use, settings=settings):
            pass
    told = str(caught.value)
    assert "no plugin in use picks 'revrsed'" in told
    assert "did you mean reversed?" in told
    assert "proxy.yaml:" in told


def test_a_candidate_alone_needs_no_order() -> None:
    alone: list[Candidate] = [Candidate(None, "m")]  # type: ignore[arg-type]
    exchange: Exchange = None  # type: ignore[assignment]
    assert picked(exchange, alone, None) is alone

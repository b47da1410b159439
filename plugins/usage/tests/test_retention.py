"""Retention: what is old goes, in batches, and nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

import pointsman_usage as usage
from pointsman.config import Duration
from pointsman.gateway import Gateway
from pointsman.ledger import upkeep
from pointsman_usage import retention as module
from pointsman_usage.bodies import BODIES
from pointsman_usage.generations import GENERATIONS
from pointsman_usage.retention import Retention
from pointsman_usage.settings import RetentionSettings

Serve = Callable[..., AbstractAsyncContextManager[tuple[Gateway, httpx.AsyncClient]]]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TABLES = ("generations", "bodies", "usage_minutes", "usage_hours", "usage_days")
DAY = Duration(86400)
FOREVER = RetentionSettings(bodies=None, minutes=None, hours=None)
OLD, NEW = "2026-11-22T11:59:59.999+00:00", "2026-11-22T12:00:00.000+00:00"


async def left(gateway: Gateway) -> dict[str, int]:
    counts = {}
    for table in TABLES:
        (row,) = await gateway.ledger.select(f"select count(*) as rows from {table}")
        counts[table] = row["rows"]
    return counts


async def filled(gateway: Gateway, row: dict[str, Any], old: int = 1) -> None:
    """Old generations and a new one, each with its body: an hour apart on the same day."""
    for number, at in enumerate((*[OLD] * old, NEW)):
        gateway.ledger.insert(GENERATIONS.name, {**row, "id": f"gen-{number}", "at": at})
        gateway.ledger.insert(BODIES.name, {"id": f"gen-{number}", "at": at, "request": "sealed"})
    await gateway.ledger.flush()


@pytest.mark.parametrize("table", TABLES)
async def test_each_table_has_a_length_of_its_own_and_what_is_newer_stays(
    serve: Serve, row: dict[str, Any], table: str
) -> None:
    name = table.removeprefix("usage_")
    settings = replace(FOREVER, **{name: DAY})
    async with serve() as (gateway, _):
        await filled(gateway, row)
        before = await left(gateway)
        await Retention(gateway.ledger, settings).delete(NOW)
        assert await left(gateway) == before | {table: 1}


async def test_what_is_deleted_goes_in_batches_and_is_told(
    serve: Serve, row: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 3)
    caplog.set_level(logging.INFO, module.__name__)
    async with serve() as (gateway, _):
        await filled(gateway, row, old=7)
        counts = []
        execute = gateway.ledger.execute

        async def counted(statements: Any) -> list[int]:
            found = await execute(statements)
            counts.extend(found)
            return found

        monkeypatch.setattr(gateway.ledger, "execute", counted)
        await Retention(gateway.ledger, replace(FOREVER, generations=DAY)).delete(NOW)
        assert counts == [3, 3, 1]
        assert (await left(gateway))["generations"] == 1
    assert "deleted 7 rows of generations from before 2026-11-22T12:00:00.000+00:00" in caplog.text


async def test_it_is_done_in_the_background(
    serve: Serve, row: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "INTERVAL", 0.01)
    async with serve("{retention: 1d}") as (gateway, _):
        await filled(gateway, row)
        async with asyncio.timeout(10):
            while (await left(gateway))["generations"]:
                await asyncio.sleep(0.01)
        assert (await left(gateway))["usage_days"] == 1


async def test_with_nothing_to_delete_there_is_nothing_to_do(serve: Serve) -> None:
    async with serve() as (gateway, _):
        assert not Retention(gateway.ledger, FOREVER)
        assert Retention(gateway.ledger, RetentionSettings())

"""The store: the ledger and memory answer alike."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pointsman.ledger import open_ledger
from pointsman_catalogue.compile import Compiled
from pointsman_catalogue.rows import ENDPOINTS, SOURCES
from pointsman_catalogue.store import LedgerStore, MemoryStore, put

NAMES = ("openai/gpt-oss-120b", "groq/openai/gpt-oss-120b", "gpt-oss-120b", "nowhere", "'; drop table x; --")


async def test_a_ledger_and_memory_answer_alike(tmp_path: Path, everything: Compiled) -> None:
    memory = MemoryStore(everything.rows, everything.version)
    ledger = open_ledger("sqlite:///x.db", base=tmp_path, durability="relaxed")
    await ledger.open([ENDPOINTS, SOURCES])
    try:
        store = LedgerStore(ledger.select)
        assert (await store.version(), await store.models(), await store.rows()) == (None, [], [])
        await put(ledger, everything)
        assert await store.version() == await memory.version() == "0.2.3"
        assert await store.rows() == await memory.rows()
        assert await store.models() == await memory.models()
        for vendor in ("openai", "groq", "nobody"):
            assert await store.of_vendor(vendor) == await memory.of_vendor(vendor)
        for name in NAMES:
            assert await store.named(name) == await memory.named(name)
        assert await store.named(NAMES[0])
    finally:
        await ledger.close()


async def test_what_is_put_takes_the_place_of_what_was_there(tmp_path: Path, everything: Compiled) -> None:
    ledger = open_ledger("sqlite:///x.db", base=tmp_path, durability="relaxed")
    await ledger.open([ENDPOINTS, SOURCES])
    try:
        await put(ledger, everything)
        await put(ledger, Compiled("0.2.4", everything.rows[:3], {"id": 2}))
        store = LedgerStore(ledger.select)
        assert await store.rows() == everything.rows[:3]
        (source,) = await ledger.select("select * from known_sources")
        assert (source["version"], source["rows"], source["lost"]) == ("0.2.4", 3, {"id": 2})
        assert source["compiled_at"] == pytest.approx(time.time(), abs=60)
    finally:
        await ledger.close()

"""What the tests of the catalogue share: what comes of the package installed, and gateways over it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from genai_prices.data import providers

from pointsman.testing import Running, running
from pointsman_catalogue import plugin_of
from pointsman_catalogue.compile import Compiled, compile_rows
from pointsman_catalogue.rows import Row
from pointsman_catalogue.store import put

Serve = Callable[..., AbstractAsyncContextManager[Running]]

CONFIG = """
providers:
{providers}
{more}
"""


@pytest.fixture(scope="session")
def everything() -> Compiled:
    """What comes of genai-prices."""
    return compile_rows(providers, "0.2.3")


@pytest.fixture
def row() -> Callable[..., Row]:
    """A row of a vendor."""

    def made(vendor: str, native_id: str, model: str = "", /, **facts: Any) -> Row:
        name = model or f"{vendor}/{native_id}"
        return Row(name, vendor, native_id, bool(model), facts, source="genai-prices 0.2.3")

    return made


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serve with these providers, one a line; the ledger has these `rows`, as of the version installed."""

    @asynccontextmanager
    async def served(
        *lines: str, rows: Sequence[Row] = (), more: str = "", **options: Any
    ) -> AsyncIterator[Running]:
        text = CONFIG.format(providers="\n".join(f"  {line}" for line in lines) or "  {}", more=more)
        if rows:
            async with running("plugins: {catalogue: {prices: false}}\n", folder=tmp_path) as first:
                await put(first.gateway.ledger, Compiled("0.2.3", list(rows), {}))
        async with running(text, folder=tmp_path, **options) as server:
            plugin_of(server.gateway)
            yield server

    return served

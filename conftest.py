"""For all tests, the core's and the plugins': nothing past loopback, and no work but their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pointsman.testing import block_network


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    with block_network():
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_compiling() -> Iterator[None]:
    """A server compiles what is known of models soon after its first start, in a process of its own. Nearly
    all starts of tests are first ones: only those do that are about it."""
    from pointsman_catalogue import keeper

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeper, "SETTLE", 3600.0)
        patch.setattr(keeper, "IDLE", 3600.0)
        yield

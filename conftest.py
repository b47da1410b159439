"""For all tests, the core's and the plugins': nothing past loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pointsman.testing import block_network


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    with block_network():
        yield

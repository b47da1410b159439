"""The kit as pytest fixtures: registered by an entry point, so that installing pointsman is enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

__all__ = ["no_network", "pointsman_fake_provider", "pointsman_running"]


@pytest.fixture
def pointsman_running() -> Callable[..., Any]:
    """`pointsman.testing.running`: boots a real server."""
    from .server import running

    return running


@pytest.fixture
def pointsman_fake_provider() -> Callable[..., Any]:
    """`pointsman.testing.FakeProvider`: a scripted provider on a real socket."""
    from .provider import FakeProvider

    return FakeProvider


@pytest.fixture
def no_network() -> Iterator[None]:
    """Nothing past loopback during this test."""
    from .network import block_network

    with block_network():
        yield

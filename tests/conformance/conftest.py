"""What speaks to a server here does so by both doors."""

from __future__ import annotations

import pytest

EVERYTHING_BUT = {"test_clients"}
"""Programs that take long to start, and ask as the others do."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Where a module boots servers, each of its tests is run once for each door."""
    name = metafunc.module.__name__.rpartition(".")[2]
    if hasattr(metafunc.module, "running") and name not in EVERYTHING_BUT:
        metafunc.fixturenames.append("door")
        metafunc.parametrize("door", ["auto", "asgi"], indirect=True)


@pytest.fixture
def door(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The door of every server that is booted during a test."""
    monkeypatch.setattr("pointsman.testing.server.DOOR", request.param)

"""Settings: their defaults, and the short way to say them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

from pointsman.errors import ConfigError
from pointsman.gateway import Gateway
from pointsman_usage.settings import RetentionSettings, Settings

Serve = Callable[..., AbstractAsyncContextManager[tuple[Gateway, httpx.AsyncClient]]]


async def test_by_default_rows_stay_and_nothing_personal_is_kept(serve: Serve) -> None:
    async with serve() as (gateway, _):
        settings = gateway.setup.settings("usage")
    assert settings == Settings()
    assert (settings.log_bodies, settings.client_address, settings.when_full) == ("off", False, "drop")
    assert (settings.retention.generations, settings.retention.days) == (None, None)


async def test_one_length_is_that_of_generations(serve: Serve) -> None:
    async with serve("{retention: 400d}") as (gateway, _):
        assert gateway.setup.settings("usage").retention == RetentionSettings(generations=400 * 86400.0)


@pytest.mark.parametrize(
    ("usage", "message"),
    [
        ("{retention: 5m}", "at least 1h"),
        ("{retention: {bodies: long}}", "is not a duration"),
        ("{when_full: wait}", "cannot be"),
        ("{log_bodies: some}", "cannot be"),
    ],
)
async def test_what_makes_no_sense_is_refused_at_its_place(serve: Serve, usage: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        async with serve(usage):
            pass

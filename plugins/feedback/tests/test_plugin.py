"""The plugin: its settings, and what is deleted when it is old."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointsman_feedback import Feedback, share_of
from pointsman_feedback.records import FEEDBACK

Serve = Callable[..., Any]


def plugin_of(desk: Any) -> Feedback:
    plugin = desk.served.gateway.setup.plugins.get("feedback")
    assert isinstance(plugin.target, Feedback)
    return plugin.target


async def test_what_is_older_than_its_retention_is_deleted(serve: Serve) -> None:
    async with serve(settings="{retention: 10d}") as desk:
        for days in (1, 9, 11, 12):
            row = {
                "id": f"old-{days}",
                "at": (datetime.now(UTC) - timedelta(days=days)).isoformat(),
                "generation_id": "gen-1",
                "key_id": "alice",
                "model": "acme/large",
                "source": "check",
                "kind": "json_object",
                "score": 1.0,
                "weight": 0.7,
            }
            desk.served.gateway.ledger.insert(FEEDBACK.name, row)
        await plugin_of(desk)._delete()
        assert [row["id"] for row in await desk.rows()] == ["old-1", "old-9"]
        assert len(await desk.served.rows("feedback_days")) == 2
        await desk.served.reload(desk.served.config.replace("{retention: 10d}", "{retention: 5d}"))
        await plugin_of(desk)._delete()
        assert [row["id"] for row in await desk.rows()] == ["old-1"]


@pytest.mark.parametrize(("settings", "share"), [("{}", 0.2), ("{max_share: 100%}", 1.0)])
async def test_the_share_of_a_key_is_a_setting(serve: Serve, settings: str, share: float) -> None:
    async with serve(settings=settings) as desk:
        assert share_of(desk.served.gateway.setup) == share
        await plugin_of(desk)._settle()


async def test_every_prefix_takes_votes(serve: Serve) -> None:
    async with serve() as desk:
        for prefix in ("/v1", "/api/v1"):
            id = await desk.ask(text=prefix)
            answer = await desk.post(f"{prefix}/feedback", {"generation_id": id, "thumb": "up"})
            assert answer.status_code == 200
        assert len(await desk.rows()) == 2

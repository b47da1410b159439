"""`pointsman route shadow`: what comparisons have shown, and what they cost today."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from pointsman.cli import config_option
from pointsman.columns import aligned
from pointsman.inner import KEY_ID
from pointsman.ledger import Reading
from pointsman_feedback.evidence import Paired, paired
from pointsman_usage.options import opened
from pointsman_usage.text import usd

from .comparing import PLUGIN
from .purse import SPENT
from .settings import WHOLE, ShadowSettings

__all__ = ["show"]


@click.command("shadow")
@config_option
@click.option("--task", help="Only comparisons of this task.")
@click.option("--days", type=click.IntRange(1), default=90, show_default=True, help="How far back to look.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(*, config: Path | None, task: str | None, days: int, as_json: bool) -> None:
    """Show which models were compared, how that came out, and what comparing costs today."""
    with opened(config) as (setup, ledger):
        settings: ShadowSettings = setup.settings("thrift").shadow
        since = datetime.now(UTC) - timedelta(days=days)
        found = paired(ledger, since=since, task=task)
        spent = _spent(ledger)
    if as_json:
        told = {
            "rate": settings.rate / WHOLE,
            "judge": settings.judge,
            "spent_today_nano": spent,
            "most_a_day_nano": int(settings.usd_per_day),
            "pairs": [_row(each) for each in found],
        }
        click.echo(json.dumps(told, indent=2))
        return
    state = f"{settings.rate / WHOLE:.2%} of chats" if settings.rate else "off"
    click.echo(
        f"shadow: {state}, judge {settings.judge}; today {usd(spent)} of {usd(int(settings.usd_per_day))} USD"
    )
    click.echo(_table(found) if found else "no two models were compared in this time")


def _spent(reading: Reading) -> int:
    today = datetime.now(UTC).date().isoformat()
    rows = reading.select_sync(SPENT, {"today": today, "key": KEY_ID, "name": PLUGIN})
    return int(rows[0]["spent"])


def _row(each: Paired) -> dict[str, Any]:
    return {
        "task": each.task,
        "a": each.a,
        "b": each.b,
        "labels": each.labels,
        "weight": round(each.weight, 2),
        "wins": round(each.wins, 2),
        "ties": round(each.ties, 2),
        "losses": round(each.losses, 2),
        "a_good": each.a_good,
        "b_good": each.b_good,
    }


def _table(found: list[Paired]) -> str:
    """A line for each task and pair; wins, ties and losses are the first one's, by weight."""
    return aligned(
        {
            "task": [each.task or "-" for each in found],
            "model": [each.a for each in found],
            "against": [each.b for each in found],
            "labels": [str(each.labels) for each in found],
            "wins": [f"{each.wins:.1f}" for each in found],
            "ties": [f"{each.ties:.1f}" for each in found],
            "losses": [f"{each.losses:.1f}" for each in found],
            "good": [_share(each.a_good) for each in found],
            "the other": [_share(each.b_good) for each in found],
        },
        left=3,
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"

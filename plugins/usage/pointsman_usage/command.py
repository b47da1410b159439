"""`pointsman usage`: what was asked, used and spent."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from pointsman.cli import config_option

from . import report
from .options import filtering, format_options, opened
from .text import as_csv, as_json

__all__ = ["usage"]


@click.command()
@config_option
@click.option(
    "--by",
    type=click.Choice([*report.GROUPS]),
    default="model",
    show_default=True,
    help="What to group by.",
)
@filtering
@click.option("--app", help="Only this application.")
@click.option("--task", help="Only what was about this.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Print at most so many rows."
)
@format_options
def usage(
    *,
    config: Path | None,
    by: str,
    key: str | None,
    team: str | None,
    model: str | None,
    provider: str | None,
    app: str | None,
    task: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    style: str | None,
) -> None:
    """Add up what the ledger has of requests, to the minute."""
    filters = report.Filters(key, team, model, provider, app, task)
    with opened(config) as (_, ledger):
        rows = report.groups(ledger, by, since=since, until=until, filters=filters, limit=limit + 1)
    shown = rows[:limit]
    if style == "json":
        click.echo(as_json(shown))
    elif style == "csv":
        click.echo(as_csv(shown, [by, *report.COLUMNS]))
    else:
        click.echo(report.as_table(shown, by))
    if len(rows) > limit:
        click.echo(f"there are more than {limit} rows: see them with --limit", err=True)

"""`pointsman usage`: what was asked, used and spent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from pointsman.cli import config_option, load_setup
from pointsman.ledger import reader

from . import report
from .generations import GENERATIONS

__all__ = ["usage"]

BEGINNING = ""
"""Sorts before every time."""


@click.command()
@config_option
@click.option(
    "--by",
    type=click.Choice([*report.GROUPS, "none"]),
    default="model",
    show_default=True,
    help="What to group by.",
)
@click.option("--since", help="Only what is newer: a length of time such as 7d, or a date, in UTC.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Print at most so many rows."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects.")
def usage(*, config: Path | None, by: str, since: str | None, limit: int, as_json: bool) -> None:
    """Sum up the ledger's generations, or with `--by none` list them, newest first."""
    try:
        start = report.since(since, datetime.now(UTC)) if since is not None else BEGINNING
    except ValueError as error:
        raise click.BadParameter(f"{error}; write 7d, 12h or 2026-11-01", param_hint="--since") from None
    setup = load_setup(config)
    with reader(setup.core.ledger.url, setup.base) as ledger:
        if not ledger.has_table(GENERATIONS.name):
            raise click.ClickException(
                "the ledger has no generations yet: start the server once with this plugin"
            )
        if by == "none":
            rows = report.singles(ledger, since=start, limit=limit + 1)
        else:
            rows = report.groups(ledger, by, since=start, limit=limit + 1)
    shown = rows[:limit]
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False) if as_json else report.as_table(shown, by))
    if len(rows) > limit:
        click.echo(f"there are more than {limit} rows: see them with --limit", err=True)

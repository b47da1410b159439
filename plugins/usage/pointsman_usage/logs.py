"""`pointsman logs`: single requests, newest first, or as they come."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from pointsman.cli import config_option
from pointsman.errors import SealError
from pointsman.ledger import ReadOnlyLedger
from pointsman.money import parse_usd
from pointsman.vault import Vault

from . import listing
from .bodies import opened_bodies
from .generations import timestamp
from .options import filtering, format_options, opened
from .text import as_csv, as_json

__all__ = ["following", "logs"]

PAUSE = 0.5
"""Seconds between two looks for new rows."""


def _nano(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    try:
        return parse_usd(text) if text is not None else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--cost-over") from None


@click.command()
@config_option
@filtering
@click.option(
    "--outcome", "outcomes", type=click.Choice(listing.OUTCOMES), multiple=True, help="Only what ended so."
)
@click.option("--errors", is_flag=True, help="Only what failed or broke off.")
@click.option("--cost-over", callback=_nano, help="Only what cost more US dollars than this.")
@click.option("--before", help="Only what is older than the generation of this id: the next page.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Print at most so many rows."
)
@click.option("-f", "--follow", is_flag=True, help="Go on with new ones as they are written.")
@click.option("--body", "body_of", help="Print the logged texts of the generation of this id, and no rows.")
@format_options
def logs(
    *,
    config: Path | None,
    key: str | None,
    team: str | None,
    model: str | None,
    provider: str | None,
    since: datetime | None,
    until: datetime | None,
    outcomes: tuple[str, ...],
    errors: bool,
    cost_over: int | None,
    before: str | None,
    limit: int,
    follow: bool,
    body_of: str | None,
    style: str | None,
) -> None:
    """List requests, newest first; with -f in the order of their writing, in JSON one object a line."""
    if errors:
        outcomes = tuple(dict.fromkeys((*outcomes, *listing.ERRORS)))
    if follow and before is not None:
        raise click.UsageError("--follow goes on with new rows, and --before asks for old ones: give one")
    times = [timestamp(each) if each is not None else None for each in (since, until)]
    wanted = listing.Wanted(key, team, model, provider, outcomes, cost_over, *times)
    with opened(config) as (setup, ledger):
        if body_of is not None:
            click.echo(_body(ledger, Vault(setup.core.secret_keys), body_of))
        elif follow:
            _follow(ledger, wanted, limit, style)
        else:
            _list(ledger, wanted, before, limit, style)


def _list(
    ledger: ReadOnlyLedger, wanted: listing.Wanted, before: str | None, limit: int, style: str | None
) -> None:
    place = listing.place_of(ledger, before) if before is not None else None
    if before is not None and place is None:
        raise click.BadParameter(f"there is no generation {before}", param_hint="--before")
    rows = listing.page(ledger, wanted, before=place, limit=limit + 1)
    shown = rows[:limit]
    if style == "json":
        click.echo(as_json(shown))
    elif style == "csv":
        click.echo(as_csv(shown, listing.COLUMNS))
    else:
        click.echo(listing.as_table(shown))
    if len(rows) > limit:
        click.echo(f"there are more: see the next with --before {shown[-1]['id']}", err=True)


def _follow(ledger: ReadOnlyLedger, wanted: listing.Wanted, limit: int, style: str | None) -> None:
    heading = True
    try:
        for rows in following(ledger, wanted, limit):
            text = _lines(rows, style, heading=heading)
            heading = False
            if text:
                click.echo(text)
    except KeyboardInterrupt:
        return


def following(
    ledger: ReadOnlyLedger,
    wanted: listing.Wanted,
    limit: int,
    wait: Callable[[], None] = lambda: time.sleep(PAUSE),
) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The last rows, oldest first, and then, again and again, those that were written meanwhile."""
    place = listing.newest(ledger)
    first = listing.page(ledger, wanted, limit=limit)[::-1]
    yield first
    told = {row["id"] for row in first}  # what was written since `place` is among the first, and comes again
    while True:
        wait()
        rows, place = listing.since_place(ledger, wanted, place)
        rows = [row for row in rows if row["id"] not in told]
        if rows:
            yield rows


def _lines(rows: Sequence[Mapping[str, Any]], style: str | None, *, heading: bool) -> str:
    """Rows as lines that can be followed by more."""
    if style == "json":
        return "\n".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in rows)
    if style == "csv":
        return as_csv(rows, listing.COLUMNS, heading=heading)
    lines = listing.as_table(rows)
    return lines if heading else lines.partition("\n")[2]


def _body(ledger: ReadOnlyLedger, vault: Vault, generation_id: str) -> str:
    """The texts of a generation. Raises ClickException where there are none, or they cannot be opened."""
    try:
        found = opened_bodies(ledger, vault, generation_id)
    except SealError as error:
        raise click.ClickException(str(error)) from None
    if found is None:
        raise click.ClickException(f"no body of {generation_id} is in the ledger")
    return as_json(found)

"""`pointsman ledger`: copies of the ledger, and whether it is sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from pointsman.cli import config_option, load_setup
from pointsman.ledger import Finding, back_up, check_ledger, reader, running_server
from pointsman.setup import Setup

__all__ = ["ledger"]

ORPHANS = "select count(*) as number from reservations where state = 'open'"


@click.group()
def ledger() -> None:
    """Look after the ledger, beside a running server or without one."""


@ledger.command()
@config_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(*, config: Path | None, file: Path) -> None:
    """Copy the ledger as it is now into a new FILE, and check the copy.

    A server may go on writing meanwhile. To restore, stop the server and put the copy in the ledger's place.
    """
    setup = load_setup(config)
    with click.progressbar(length=1, label="copying", show_pos=False) as bar:

        def show(left: int, pages: int) -> None:
            bar.length = pages
            bar.update(pages - left - bar.pos)

        size = back_up(setup.core.ledger.url, setup.base, file, progress=show)
    click.echo(f"{file}: {size:,} bytes, checked")


@ledger.command()
@config_option
@click.option("--quick", is_flag=True, help="Leave out whether indexes agree with their tables.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects.")
@click.pass_context
def check(context: click.Context, *, config: Path | None, quick: bool, as_json: bool) -> None:
    """Check the ledger's pages, indexes and records; end with 1 where anything is wrong.

    A large ledger takes minutes.
    """
    setup = load_setup(config)
    found = check_ledger(setup.core.ledger.url, setup.base, setup.tables, quick=quick)
    if not found:
        found = _orphans(setup)
    if as_json:
        rows: list[dict[str, Any]] = [finding._asdict() for finding in found]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for finding in found:
            click.echo(": ".join(filter(None, finding)))
        click.echo(f"{len(found)} findings" if found else "the ledger is sound")
    context.exit(int(bool(found)))


def _orphans(setup: Setup) -> list[Finding]:
    """Reservations of requests that ended with their server."""
    url = setup.core.ledger.url
    if running_server(url, setup.base) is not None:
        return []
    with reader(url, setup.base) as reads:
        if not reads.has_table("reservations"):
            return []
        (row,) = reads.select_sync(ORPHANS)
    if not row["number"]:
        return []
    message = f"{row['number']} are open and no server runs: the next start counts them as spent"
    return [Finding("reservations", "reservations", message)]

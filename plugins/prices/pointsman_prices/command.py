"""`pointsman prices`: what endpoints cost at a time, what others say of it, and what is really billed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from pointsman.cli import config_option, load_setup
from pointsman.config import Duration
from pointsman.gateway import Gateway
from pointsman.ledger import reader
from pointsman.setup import Setup

from . import diff as differing
from . import drift as drifting
from . import listing

__all__ = ["prices"]

SHOW = "show"


class Prices(click.Group):
    """A group whose first command may be left out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Group`: what is no command is what to show."""
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "-h")):
            args = [SHOW, *args]
        return super().parse_args(ctx, args)


def _moment(_: click.Context, parameter: click.Parameter, text: str | None) -> float:
    """A time, as an option; now where none is given."""
    if text is None:
        return datetime.now(UTC).timestamp()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.max
    if not 1970 <= found.year < datetime.max.year:
        raise click.BadParameter(
            f"{text!r} is no time; write 2026-11-23T02:00Z or 2026-11-23", param_hint=f"--{parameter.name}"
        )
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    as_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects.")
    return config_option(as_json(function))


at_option = click.option(
    "--at", callback=_moment, metavar="TIME", help="At this time, in UTC without a zone; without it now."
)


@click.group(cls=Prices)
def prices() -> None:
    """What endpoints cost: `pointsman prices [MODEL or ENDPOINT]`."""


@prices.command(SHOW)
@_options
@click.argument("name", required=False)
@at_option
def show(*, config: Path | None, name: str | None, at: float, as_json: bool) -> None:
    """Print each price of an endpoint, or of a model's endpoints, with its layer, its source and when it
    changes next; without a name a line for each endpoint."""
    rows = asyncio.run(_rows(load_setup(config), name, at))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        click.echo(listing.as_table(rows) if name is not None else listing.summary(rows))


async def _rows(setup: Setup, name: str | None, at: float) -> list[listing.Row]:
    async with Gateway.dry(setup) as gateway:
        found = listing.endpoints_of(gateway.setup.catalogue, name)
        if name is not None and not found:
            near = gateway.setup.catalogue.near(name)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise click.ClickException(f"no endpoint or model is called {name!r}{hint}")
        return [row for model, endpoint in found for row in listing.rows_of(model, endpoint, at)]


@prices.command("diff")
@_options
@at_option
def diff(*, config: Path | None, at: float, as_json: bool) -> None:
    """Print where other sources say something else than the prices that count: providers' listings,
    genai-prices, and a newer version of it than the ledger has."""
    found = asyncio.run(_differences(load_setup(config), at))
    if as_json:
        click.echo(json.dumps([each.as_json() for each in found], indent=2))
    else:
        click.echo(differing.as_table(found) if found else "no other source says anything else")


async def _differences(setup: Setup, at: float) -> list[differing.Difference]:
    async with Gateway.dry(setup) as gateway:
        endpoints = [endpoint for _, endpoint in listing.endpoints_of(setup.catalogue, None)]
        return await differing.differences(gateway, endpoints, at)


@prices.command("drift")
@_options
@click.option("--since", default="30d", show_default=True, help="Only answers that are newer: 7d, 12h.")
def drift(*, config: Path | None, since: str, as_json: bool) -> None:
    """Print what providers report that they billed beside what their prices come to."""
    try:
        begin = datetime.now(UTC) - timedelta(seconds=Duration.parse(since))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from None
    setup = load_setup(config)
    with reader(setup.core.ledger.url, setup.base) as ledger:
        rows = drifting.bills(ledger, begin.isoformat(timespec="milliseconds"))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        click.echo(drifting.as_table(rows) if rows else "no provider has reported what it billed")

"""`pointsman credits`: what was granted and used, more of it, and the statement of a month.

While a server has the ledger its API is asked, and else the ledger itself.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import httpx

from pointsman.cli import config_option, load_setup
from pointsman.errors import RequestError
from pointsman.ledger import open_ledger, reader, running_server
from pointsman.money import NANO, format_usd
from pointsman.setup import Setup

from . import statement as statements
from .book import Owner
from .credits import amount_of, configured, owner_of
from .records import BEGINNING, Records, hour_of

__all__ = ["credits"]

PATH = "/api/v1/credits"
HERE = Owner("key", "command line", "command line")
"""Who grants where no server runs."""
TIMEOUT = 30.0
"""Seconds."""


def owner_options(command: Any) -> Any:
    """Whose credits."""
    for kind in ("organisation", "team", "key"):
        what = "its id or hash, or its name in the configuration" if kind == "key" else "by its name"
        command = click.option(f"--{kind}", help=f"Those of this {kind}, {what}.")(command)
    return command


def server_options(command: Any) -> Any:
    """How a running server is asked."""
    described = "Administrator's key for a running server; without it POINTSMAN_ADMIN_KEY or `admin_key`."
    return click.option("--admin-key", help=described)(config_option(command))


@click.group()
def credits() -> None:
    """Prepaid credits: grant them, see what is left, print the statement of a month."""


@credits.command()
@owner_options
@server_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of one object.")
def show(*, config: Path | None, admin_key: str | None, as_json: bool, **whose: str | None) -> None:
    """Print what was granted, what of it was used and what is left."""
    setup = load_setup(config)
    owner = _owner(setup, whose)
    server = running_server(setup.core.ledger.url, setup.base)
    if server is not None and server["address"] is not None:
        params = {kind: name for kind, name in whose.items() if name is not None}
        data = _ask(setup, server["address"], admin_key, "GET", params=params)
        granted, used = (round(data[name] * NANO) for name in ("total_credits", "total_usage"))
    else:
        granted, used = asyncio.run(_read(setup, owner))
    amounts = {"granted_usd": granted, "used_usd": used, "left_usd": granted - used}
    row = {name: format_usd(nano) for name, nano in amounts.items()}
    if as_json:
        click.echo(json.dumps([row], indent=2))
    else:
        click.echo("\n".join(f"{name.removesuffix('_usd'):8} {usd} USD" for name, usd in row.items()))


@credits.command()
@click.argument("usd")
@owner_options
@click.option("--note", help="What for.")
@server_options
def grant(*, usd: str, note: str | None, config: Path | None, admin_key: str | None, **whose: Any) -> None:
    """Grant credits: an amount of US dollars, of one key, team or organisation. After `--`, a negative amount
    takes credits back."""
    setup = load_setup(config)
    owner = _owner(setup, whose)
    if owner is None:
        raise click.UsageError("say whose: --key, --team or --organisation")
    try:
        nano = amount_of(usd)
    except RequestError as error:
        raise click.BadParameter(error.message, param_hint="USD") from None
    server = running_server(setup.core.ledger.url, setup.base)
    if server is not None and server["address"] is not None:
        body = {"usd": usd, owner.kind: owner.name, "note": note}
        _ask(setup, server["address"], admin_key, "POST", json=body)
    else:
        asyncio.run(_grant(setup, owner, nano, note))
    click.echo(f"{format_usd(nano)} USD granted to {owner}")


@credits.command()
@click.option("--month", help="The month, in UTC, such as 2026-11; without it the last one.")
@click.option("--team", help="Only what keys of this team used.")
@click.option("--csv", "style", flag_value="csv", help="Print comma-separated values.")
@click.option("--json", "style", flag_value="json", help="Print a JSON array of objects.")
@config_option
def statement(*, month: str | None, team: str | None, style: str | None, config: Path | None) -> None:
    """Print what a month came to, by key and model."""
    try:
        month = statements.check_month(month or _last_month(datetime.now(UTC)))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--month") from None
    setup = load_setup(config)
    with reader(setup.core.ledger.url, setup.base) as ledger:
        if not ledger.has_table("usage_days"):
            raise click.ClickException(
                "the ledger has no usage yet: start the server once with the plugin usage"
            )
        rows = statements.statement(ledger, month, team)
    render = {"csv": statements.as_csv, "json": statements.as_json}.get(style or "", statements.as_table)
    click.echo(render(rows))


def _owner(setup: Setup, whose: dict[str, str | None]) -> Owner | None:
    try:
        return owner_of(setup, whose)
    except RequestError as error:
        raise click.UsageError(error.message) from None


def _last_month(now: datetime) -> str:
    year, month = (now.year, now.month - 1) if now.month > 1 else (now.year - 1, 12)
    return f"{year:04d}-{month:02d}"


def _ask(setup: Setup, address: str, admin_key: str | None, method: str, **sent: Any) -> Any:
    """What the running server answers. Raises ClickException for what it refuses."""
    key = admin_key or os.environ.get("POINTSMAN_ADMIN_KEY")
    if not key and setup.core.admin_key:
        key = setup.core.admin_key.reveal()
    if not key:
        raise click.UsageError("a server is running: give an administrator's key by --admin-key")
    try:
        with httpx.Client(base_url=address, timeout=TIMEOUT, trust_env=False) as client:
            answer = client.request(method, PATH, headers={"authorization": f"Bearer {key}"}, **sent)
    except httpx.HTTPError as error:
        raise click.ClickException(f"the server at {address} does not answer: {error}") from None
    body = json.loads(answer.content, parse_float=Decimal)
    if not answer.is_success:
        raise click.ClickException(f"the server refuses: {body['error']['message']}")
    return body["data"]


@asynccontextmanager
async def _records(setup: Setup) -> AsyncIterator[Records]:
    """The ledger of a server that does not run."""
    ledger = open_ledger(setup.core.ledger.url, base=setup.base, durability="strict")
    await ledger.open(setup.tables)
    try:
        yield Records(ledger)
    finally:
        await ledger.close()


async def _read(setup: Setup, owner: Owner | None) -> tuple[int, int]:
    """What was granted and used, in nano-USD."""
    async with _records(setup) as records:
        granted, since = await records.granted(owner)
        return granted, await records.spent(owner, hour_of(since) if since is not None else BEGINNING)


async def _grant(setup: Setup, owner: Owner, nano: int, note: str | None) -> None:
    """Raises ClickException for somebody who is not there."""
    async with _records(setup) as records:
        if not configured(setup, owner) and not await records.has(owner):
            raise click.ClickException(f"there is no {owner}")
        await records.grant(owner, nano, datetime.now(UTC).timestamp(), by=HERE, note=note)

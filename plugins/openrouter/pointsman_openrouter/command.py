"""`pointsman keys` and `pointsman teams`: the account API on the command line."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from pointsman.cli import config_option, load_setup
from pointsman.errors import StartupError

from .desk import Desk, open_desk

__all__ = ["keys", "teams"]

KEY_COLUMNS = ("name", "id", "team", "role", "expires_at", "origin", "usage_monthly", "refused")
TEAM_COLUMNS = ("name", "role", "keys", "models", "disabled", "expires_at", "origin")
SETTING = 'A setting, such as data_policy={"zdr": true}; null is the default again.'

Row = dict[str, Any]


def asking(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command here."""
    option = click.option("--key", help="Admin key of the running server; or POINTSMAN_ADMIN_KEY.")
    as_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects.")
    return config_option(option(as_json(function)))


@click.group()
def keys() -> None:
    """Make, list, rotate and revoke keys: at the running server, or in the ledger where none runs."""


@keys.command("create")
@asking
@click.argument("name")
@click.option("--team", help="The team it belongs to.")
@click.option("--role", type=click.Choice(["viewer", "member", "admin"]), help="What it may do.")
@click.option("--model", "models", multiple=True, help="Glob of models it may use; may be repeated.")
@click.option("--provider", "providers", multiple=True, help="Glob of providers it may use; as above.")
@click.option("--surface", "surfaces", multiple=True, help="Glob of operations it may use; as above.")
@click.option("--tag", "tags", multiple=True, help="A word for rules; may be repeated.")
@click.option("--expires", help="Refuse it from then on: 2030-01-01.")
@click.option("--set", "others", multiple=True, metavar="NAME=JSON", help="Any other setting of a key.")
def create(
    *,
    config: Path | None,
    key: str | None,
    as_json: bool,
    name: str,
    others: Sequence[str],
    **given: Any,
) -> None:
    """Make a key and print it, once."""
    body = {
        setting: list(value) if isinstance(value, tuple) else value
        for setting, value in given.items()
        if value
    }
    body |= {"name": name, **dict(map(_setting, others))}

    async def work(desk: Desk) -> list[Row]:
        made = await desk.ask("POST", "/keys", body)
        return [{"key": made["key"], **made["data"]}]

    _show(_ask(config, key, work), as_json, ("key", *KEY_COLUMNS))


@keys.command("list")
@asking
@click.option("--all", "disabled", is_flag=True, help="Disabled ones too.")
def list_keys(*, config: Path | None, key: str | None, as_json: bool, disabled: bool) -> None:
    """List keys."""

    async def work(desk: Desk) -> list[Row]:
        rows: list[Row] = []
        while True:
            page = await desk.ask(
                "GET", "/keys", offset=str(len(rows)), include_disabled=str(disabled).lower()
            )
            if not page["data"]:
                return rows
            rows += page["data"]

    _show(_ask(config, key, work), as_json, KEY_COLUMNS)


@keys.command("show")
@asking
@click.argument("name")
def show(*, config: Path | None, key: str | None, as_json: bool, name: str) -> None:
    """Show all about the key of a NAME, id or hash."""

    async def work(desk: Desk) -> list[Row]:
        found = await desk.named(name)
        return [(await desk.ask("GET", f"/keys/{found['hash']}"))["data"]]

    rows = _ask(config, key, work)
    if as_json:
        _show(rows, as_json, ())
        return
    for setting, value in rows[0].items():
        click.echo(f"{setting:22} {_cell(value)}")


@keys.command("change")
@asking
@click.argument("name")
@click.option("--set", "others", multiple=True, required=True, metavar="NAME=JSON", help=SETTING)
def change(*, config: Path | None, key: str | None, as_json: bool, name: str, others: Sequence[str]) -> None:
    """Change settings of the key of a NAME, id or hash."""
    body = dict(map(_setting, others))

    async def work(desk: Desk) -> list[Row]:
        found = await desk.named(name)
        return [(await desk.ask("PATCH", f"/keys/{found['hash']}", body))["data"]]

    _show(_ask(config, key, work), as_json, KEY_COLUMNS)


@keys.command("rotate")
@asking
@click.argument("name")
@click.option("--overlap", default="24h", show_default=True, help="How long the present one is still good.")
def rotate(*, config: Path | None, key: str | None, as_json: bool, name: str, overlap: str) -> None:
    """Give the key of a NAME, id or hash another text and print it, once."""

    async def work(desk: Desk) -> list[Row]:
        found = await desk.named(name)
        made = await desk.ask("POST", f"/keys/{found['hash']}/rotate", {"overlap": overlap})
        return [{"key": made["key"], **made["data"]}]

    _show(_ask(config, key, work), as_json, ("key", "old_until", *KEY_COLUMNS))


@keys.command("revoke")
@asking
@click.argument("name")
def revoke(*, config: Path | None, key: str | None, as_json: bool, name: str) -> None:
    """End the key of a NAME, id or hash for good."""

    async def work(desk: Desk) -> list[Row]:
        found = await desk.named(name)
        await desk.ask("DELETE", f"/keys/{found['hash']}")
        return [{**found, "refused": "revoked"}]

    _show(_ask(config, key, work), as_json, KEY_COLUMNS)


@click.group()
def teams() -> None:
    """Make, list and change teams: at the running server, or in the ledger where none runs."""


@teams.command("create")
@asking
@click.argument("name")
@click.option("--set", "others", multiple=True, metavar="NAME=JSON", help="A setting of a team.")
def create_team(
    *, config: Path | None, key: str | None, as_json: bool, name: str, others: Sequence[str]
) -> None:
    """Make a team."""
    body = {"name": name, **dict(map(_setting, others))}
    _show(_ask(config, key, _team("POST", "/teams", body)), as_json, TEAM_COLUMNS)


@teams.command("change")
@asking
@click.argument("name")
@click.option("--set", "others", multiple=True, required=True, metavar="NAME=JSON", help=SETTING)
def change_team(
    *, config: Path | None, key: str | None, as_json: bool, name: str, others: Sequence[str]
) -> None:
    """Change settings of a team."""
    path = f"/teams/{quote(name, safe='')}"
    _show(_ask(config, key, _team("PATCH", path, dict(map(_setting, others)))), as_json, TEAM_COLUMNS)


@teams.command("list")
@asking
def list_teams(*, config: Path | None, key: str | None, as_json: bool) -> None:
    """List teams."""

    async def work(desk: Desk) -> list[Row]:
        rows: list[Row] = (await desk.ask("GET", "/teams"))["data"]
        return rows

    _show(_ask(config, key, work), as_json, TEAM_COLUMNS)


def _team(method: str, path: str, body: Row) -> Callable[[Desk], Awaitable[list[Row]]]:
    async def work(desk: Desk) -> list[Row]:
        return [(await desk.ask(method, path, body))["data"]]

    return work


def _ask(config: Path | None, key: str | None, work: Callable[[Desk], Awaitable[list[Row]]]) -> list[Row]:
    setup = load_setup(config)
    own = setup.core.admin_key.reveal() if setup.core.admin_key else None

    async def run() -> list[Row]:
        async with open_desk(setup, key or os.environ.get("POINTSMAN_ADMIN_KEY") or own) as desk:
            return await work(desk)

    return asyncio.run(run())


def _setting(text: str) -> tuple[str, Any]:
    """`NAME=JSON` as a setting; what is no JSON is a text. Raises StartupError."""
    name, equals, value = text.partition("=")
    if not equals:
        raise StartupError(f'--set {name}: write NAME=JSON, such as \'limits={{"requests": "60/min"}}\'')
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _show(rows: list[Row], as_json: bool, columns: Sequence[str]) -> None:
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    cells = [columns, *([_cell(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(columns))]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return "".join(letter if letter.isprintable() else "?" for letter in str(value))

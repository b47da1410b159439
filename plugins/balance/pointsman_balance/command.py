"""`pointsman top`: how endpoints do, as the running server sees them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import click
import httpx
import msgspec

from pointsman.asking import client_of
from pointsman.cli import ADMIN_KEY, config_option, load_setup
from pointsman.columns import aligned
from pointsman.errors import StartupError
from pointsman.ledger import running_server

from .standing import STANDINGS, Standing

__all__ = ["as_text", "show", "top"]


T = TypeVar("T")
View = tuple[Callable[[httpx.AsyncClient], Awaitable[Any]], Callable[[Any], str]]
"""Asks the server, and makes what it says a text for people."""
MODELS = "/v1/leaderboard?parts=usage&window=1d&limit=50"


class _Told(msgspec.Struct):
    data: list[Standing]


class _Usage(msgspec.Struct):
    rows: list[dict[str, Any]]


class _Board(msgspec.Struct):
    usage: _Usage


@click.command()
@config_option
@click.option("--key", help=f"Admin key of the running server; or {ADMIN_KEY}.")
@click.option("--every", type=click.FloatRange(min=0.1), default=2.0, show_default=True, help="Seconds.")
@click.option("--models", is_flag=True, help="Show which models were used in the last day instead.")
@click.option("--once", is_flag=True, help="Print it once; so it is where the output is no terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects, once.")
def top(
    config: Path | None, *, key: str | None, every: float, models: bool, once: bool, as_json: bool
) -> None:
    """Watch the endpoints of the running server: who takes which share, how fast, with which failures.

    Those are shown that were chosen among others since it was started. Percentiles are of the last five
    minutes. Ends with Ctrl-C.
    """
    setup = load_setup(config)
    server = running_server(setup.core.ledger.url, setup.base)
    if server is None or server["address"] is None:
        raise StartupError(f"no server answers that has the ledger {setup.core.ledger.url!r} open")
    own = setup.core.admin_key.reveal() if setup.core.admin_key else None
    text = key or os.environ.get(ADMIN_KEY) or own
    watching = not (once or as_json) and sys.stdout.isatty()
    with suppress(KeyboardInterrupt):
        asyncio.run(
            show(
                server["address"],
                text,
                every=every if watching else None,
                as_json=as_json,
                view=_models() if models else ENDPOINTS,
            )
        )


async def show(
    address: str, key: str | None, *, every: float | None, as_json: bool, view: View | None = None
) -> None:
    """Print what the server says, once or each `every` seconds: of endpoints, without another view."""
    ask, as_text = view or ENDPOINTS
    async with client_of(address, key) as client:
        while True:
            found = await ask(client)
            if as_json:
                click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
            else:
                if every is not None:
                    click.clear()
                click.echo(as_text(found))
            if every is None:
                return
            await asyncio.sleep(every)


async def _ask(client: httpx.AsyncClient) -> list[Standing]:
    return (await _told(client, STANDINGS, _Told)).data


async def _ask_models(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    return (await _told(client, MODELS, _Board)).usage.rows


async def _told(client: httpx.AsyncClient, path: str, type_: type[T]) -> T:
    """What the server says. Raises StartupError."""
    try:
        answer = await client.get(path)
        if answer.status_code in (401, 403):
            raise StartupError(f"the server refuses the key: give its admin key with --key or {ADMIN_KEY}")
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=type_)
    except (httpx.HTTPError, msgspec.DecodeError) as error:
        raise StartupError(f"the server at {client.base_url} cannot be asked: {error!r}") from None


def _models() -> View:
    """The view of models. Raises ClickException where nobody ranks them."""
    try:
        from pointsman_leaderboard.ranking import usage_table
    except ImportError:
        raise click.ClickException("the plugin leaderboard is not installed: it counts models") from None
    return _ask_models, usage_table


def as_text(found: Sequence[Standing]) -> str:
    """As a table for people, those with the largest share first."""
    if not found:
        return "No endpoint has been chosen among others yet."
    rows = sorted(found, key=lambda each: (-(each.share or 0.0), each.endpoint))
    return aligned(
        {
            "endpoint": [each.endpoint for each in rows],
            "state": [_state(each) for each in rows],
            "share": [_percent(each.share) for each in rows],
            "under way": [str(each.in_flight) for each in rows],
            "requests": [f"{each.requests:.0f}" for each in rows],
            "errors": [_percent(each.errors) for each in rows],
            "429": [_percent(each.refusals) for each in rows],
            "first p50": [_seconds(each.first_content, 0) for each in rows],
            "p90": [_seconds(each.first_content, 1) for each in rows],
            "tokens/s": [f"{each.throughput[0]:.0f}" if each.throughput else "-" for each in rows],
            "room": [_percent(each.room) for each in rows],
            "cap/min": ["-" if each.cap is None else f"{each.cap:.0f}" for each in rows],
        },
        left=2,
    )


def _state(standing: Standing) -> str:
    return standing.state + (f" {standing.back_in:.0f}s" if standing.back_in is not None else "")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _seconds(pair: tuple[float, float] | None, place: int) -> str:
    return "-" if pair is None else f"{pair[place]:.2f}s"


ENDPOINTS: View = (_ask, as_text)

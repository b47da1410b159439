"""`pointsman providers`: who is configured, reachable and how fast, and who could be."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec

from pointsman.cli import config_option, load_setup
from pointsman.columns import aligned
from pointsman.providers import Provider
from pointsman.setup import Setup
from pointsman.upstream import Upstream

from .standing import Standing, ask_all, configured, not_configured, policy

__all__ = ["providers"]

HERE = ("provider", "kind", "base url", "key", "reachable", "ms", "models", "row", "data")
TOP = "top"
THERE = ("provider", "key variable", "base url", "row", "data")


@click.command()
@config_option
@click.option("--all", "show_all", is_flag=True, help="Show the providers that could be configured, too.")
@click.option("--no-ask", is_flag=True, help="Connect to nobody: show what is known without asking.")
@click.option("--watch", is_flag=True, help=f"Watch the endpoints of the running server: `pointsman {TOP}`.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects.")
@click.pass_context
def providers(
    ctx: click.Context, config: Path | None, *, show_all: bool, no_ask: bool, watch: bool, as_json: bool
) -> None:
    """Show the providers: their keys, whether they can be reached and how fast, what they do with data.

    Each that is ready is asked for its list of models, which costs nothing. No server needs to run. A row is
    `verified` where recorded traffic went to the host and path it names.
    """
    if watch:
        _watch(ctx, config, as_json=as_json)
        return
    setup = load_setup(config)
    pairs = configured(setup, os.environ)
    if not no_ask:
        asyncio.run(_ask(setup, pairs))
    here = [standing for standing, _ in pairs if _counts(standing)]
    there = not_configured(setup, os.environ) if show_all else []
    if show_all:
        there = [standing for standing, _ in pairs if not _counts(standing)] + there
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode([*here, *there]), indent=2).decode())
    else:
        click.echo(_as_text(here, there, told=show_all))


def _watch(ctx: click.Context, config: Path | None, *, as_json: bool) -> None:
    """Run the command that watches, which another plugin has."""
    group = ctx.parent.command if ctx.parent is not None else None
    command = group.get_command(ctx, TOP) if isinstance(group, click.Group) else None
    if command is None:
        raise click.UsageError(f"--watch: no plugin in use has `pointsman {TOP}` (balance has it)")
    ctx.invoke(command, config=config, as_json=as_json)


async def _ask(setup: Setup, pairs: Sequence[tuple[Standing, Provider]]) -> None:
    upstream, own = Upstream(setup.core.upstream), setup.core.server.port
    others = [pair for pair in pairs if not (pair[1].found and urlsplit(pair[0].base_url or "").port == own)]
    try:
        await ask_all(others, upstream.http)
    finally:
        await upstream.close()


def _counts(standing: Standing) -> bool:
    """Whether a provider is one of the operator's: a port that was looked at is nobody until it answers."""
    return standing.configured or bool(standing.keys) or standing.reachable is True


def _as_text(here: Sequence[Standing], there: Sequence[Standing], *, told: bool) -> str:
    blocks = [_table(HERE, map(_here, here)) if here else "No provider is configured, and none was found."]
    if told:
        hint = "with `providers: {from_env: true}` its key variable is enough"
        blocks.append(f"Not configured ({len(there)}); {hint}:")
        blocks.append(_table(THERE, map(_there, there)))
    elif not here:
        blocks.append("pointsman providers --all shows those that could be.")
    return "\n\n".join(blocks)


def _here(standing: Standing) -> tuple[str, ...]:
    reachable = {True: "yes", False: "no", None: "-"}[standing.reachable]
    return (
        standing.name,
        standing.kind,
        standing.base_url or "-",
        ", ".join(standing.keys) or "-",
        f"{reachable}: {standing.error}" if standing.error else reachable,
        "-" if standing.ms is None else str(standing.ms),
        "-" if standing.models is None else str(standing.models),
        _row(standing),
        policy(standing.about),
    )


def _there(standing: Standing) -> tuple[str, ...]:
    variable = standing.key_variable or "-"
    return (
        standing.name,
        f"{variable} (set)" if standing.key_set else variable,
        standing.base_url or "-",
        _row(standing),
        policy(standing.about),
    )


def _row(standing: Standing) -> str:
    if standing.base_url is None:
        return "-"
    return "verified" if standing.about.verified else "unverified"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = list(rows)
    columns = {head: [line[number] for line in lines] for number, head in enumerate(heads)}
    return aligned(columns, left=len(heads))

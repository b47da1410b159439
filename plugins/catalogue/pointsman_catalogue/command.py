"""`pointsman models`: which models there are, and where each fact comes from."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pointsman.cli import config_option, load_setup
from pointsman.columns import aligned
from pointsman.facts import Fact
from pointsman.gateway import Gateway
from pointsman.setup import Setup

from . import known, loaded
from .known import KnownEndpoint
from .why import Told, told_of

__all__ = ["models"]

WIDEST = 60
UNKNOWN = "-"
NOTHING = "no models: see `pointsman models --all`"


@click.command()
@config_option
@click.option("--all", "everything", is_flag=True, help="Add what no configured provider serves.")
@click.option("--why", "name", help="Show where each fact of this model comes from, and what else was said.")
@click.option(
    "--rank",
    type=click.Choice(["usage", "quality", "value"]),
    help="Rank those that were used: by tokens, by feedback, or by good answers for a dollar.",
)
@click.option("--task", help="Rank by requests about this only.")
@click.option("--since", default="7d", show_default=True, help="Rank by so long a time before now.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects.")
def models(
    config: Path | None,
    *,
    everything: bool,
    name: str | None,
    rank: str | None,
    task: str | None,
    since: str,
    as_json: bool,
) -> None:
    """List models, who serves them, and what is known of them; no provider is asked."""
    setup = load_setup(config)
    if rank is not None:
        click.echo(_ranked(setup, rank, task, since, as_json=as_json))
        return
    text = asyncio.run(_why(setup, name, as_json) if name else _list(setup, everything, as_json))
    click.echo(text)


def _ranked(setup: Setup, rank: str, task: str | None, since: str, *, as_json: bool) -> str:
    """What the plugin leaderboard says. Raises ClickException where it is not installed."""
    try:
        from pointsman_leaderboard.ranking import ranking
    except ImportError:
        raise click.ClickException("the plugin leaderboard is not installed: it ranks models") from None
    return ranking(setup, rank, task=task, since=since, as_json=as_json)


async def _list(setup: Setup, everything: bool, as_json: bool) -> str:
    async with Gateway.dry(setup) as gateway:
        await loaded(gateway, everything=everything)
        found = await known.endpoints(gateway)
        rows = [_row(each) for each in found if each.configured or everything]
        canonical = await known.canonical(gateway) if everything else None
    rows.sort(key=lambda row: (not row["configured"], row["model"], row["vendor"]))
    if as_json:
        return json.dumps(rows, indent=2, ensure_ascii=False)
    return f"{_table(rows)}\n{_count(rows, canonical)}" if rows else NOTHING


async def _why(setup: Setup, name: str, as_json: bool) -> str:
    async with Gateway.dry(setup) as gateway:
        await loaded(gateway, everything=True)
        told = await told_of(gateway, name)
        near = [] if told else await known.near(gateway, name, gateway.setup.catalogue.names())
    if not told:
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise click.ClickException(f"nothing is known of a model {name!r}{hint}")
    if as_json:
        return json.dumps([each.as_json() for each in told], indent=2, ensure_ascii=False)
    return "\n\n".join(map(_explained, told))


def _row(each: KnownEndpoint) -> dict[str, Any]:
    return {
        "model": each.model,
        "provider": each.provider or None,
        "vendor": each.vendor,
        "native_id": each.native_id,
        "configured": each.configured,
        "facts": {
            name: {"value": fact.value, "source": fact.source, "date": fact.date}
            for name, fact in sorted(each.facts.items())
        },
    }


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = {
        "MODEL": [row["model"] for row in rows],
        "AT": [row["provider"] or f"{row['vendor']} (not configured)" for row in rows],
        "TAKES": [_words(row, "input_modalities") for row in rows],
        "CONTEXT": [_tokens(row, "context") for row in rows],
        "ANSWER": [_tokens(row, "max_output") for row in rows],
        "USD/M IN": [_price(row, "input") for row in rows],
        "USD/M OUT": [_price(row, "output") for row in rows],
    }
    return aligned(columns, left=3)


def _value(row: Mapping[str, Any], name: str) -> Any:
    fact = row["facts"].get(name)
    return fact["value"] if fact is not None else None


def _tokens(row: Mapping[str, Any], name: str) -> str:
    value = _value(row, name)
    return f"{value:,}" if value is not None else UNKNOWN


def _words(row: Mapping[str, Any], name: str) -> str:
    value = _value(row, name)
    return ", ".join(value) if value else UNKNOWN


def _price(row: Mapping[str, Any], key: str) -> str:
    """The price that counts without hours and tiers, marked with + where there are any."""
    value = _value(row, "price")
    if value is None:
        return UNKNOWN
    price = known.current(value)
    return f"{price.get(key, UNKNOWN)}{'+' if {'tiers', 'windows'} & price.keys() else ''}"


def _count(rows: Sequence[Mapping[str, Any]], canonical: int | None) -> str:
    here = {row["model"] for row in rows if row["configured"]}
    places = {row["provider"] for row in rows if row["configured"]}
    lines = [f"{len(here)} models at {len(places)} providers"]
    if canonical is not None:
        others = len({row["model"] for row in rows} - here)
        lines.append(f"{others} that no configured provider serves")
        lines.append(f"{canonical} canonical models at vendors that may be configured, OpenRouter apart")
    return "\n".join(lines)


def _explained(told: Told) -> str:
    lines = [f"{told.model} at {told.place}{'' if told.configured else ' (not configured)'}"]
    for name, facts in told.facts.items():
        lines += [
            f"  {'' if index else name:18} {_shown(fact.value):{WIDEST}} {_origin(fact)}"
            + (" (not used)" if index else "")
            for index, fact in enumerate(facts)
        ]
    return "\n".join(lines if told.facts else [*lines, "  nothing is known of it"])


def _origin(fact: Fact) -> str:
    return f"{fact.source}, {fact.date}" if fact.date else fact.source


def _shown(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else value
    text = text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)
    text = "".join(each if each.isprintable() else " " for each in text)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"

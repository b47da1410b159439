"""`pointsman explain`: why a request goes where it goes, by a dry run or from the ledger."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from pointsman.cli import config_option, load_setup, trace_option, tracer
from pointsman.errors import RequestError, StartupError
from pointsman.ledger import reader
from pointsman.setup import Setup

from .decisions import DECISIONS, SELECT_DECISION
from .dry import actor_of, body_of, codec_of, dry_run
from .moments import Moment
from .report import as_text

__all__ = ["explain"]


@click.command()
@click.argument("generation_id", required=False)
@config_option
@click.option("--model", help="Model to ask for; without --body the smallest request for it is made.")
@click.option("--body", type=click.File("rb"), help="JSON body of the request; - reads standard input.")
@click.option("--surface", default="chat", show_default=True, help="Operation to ask for.")
@click.option("--dialect", help="Dialect to ask in; without it the first that has the surface.")
@click.option("--key", help="Ask as the key of this name; without it as an administrator.")
@click.option("--header", "headers", metavar="NAME:VALUE", multiple=True, help="Header of the request.")
@click.option("--at", metavar="TIME", help="Ask at this moment, as 2026-11-28T03:00+01:00; without it now.")
@click.option("--seed", type=int, help="Seed of the request's draws; without it a fresh one.")
@click.option(
    "--like",
    metavar="GENERATION_ID",
    help="Decide as at the request of this record: with its seed, at its moment, by what was known then.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
@trace_option
def explain(
    *,
    generation_id: str | None,
    config: Path | None,
    model: str | None,
    body: BinaryIO | None,
    surface: str,
    dialect: str | None,
    key: str | None,
    headers: tuple[str, ...],
    at: str | None,
    seed: int | None,
    like: str | None,
    as_json: bool,
    trace_hooks: bool,
) -> None:
    """Say why a request goes where it goes.

    With GENERATION_ID, print the record kept of a request that was sent. Otherwise decide a request with
    the code that serves it, without sending it anywhere.
    """
    if (generation_id is None) == (model is None and body is None):
        raise click.UsageError("say what to explain: either a GENERATION_ID, or --model or --body")
    setup = load_setup(config, trace=tracer(trace_hooks))
    failure: RequestError | None = None
    if generation_id is not None:
        record = _stored(setup, generation_id)
    else:
        again = _stored(setup, like) if like is not None else None
        moment = _moment(at) if at is not None else None
        try:
            codec = codec_of(setup, surface, dialect)
            actor = actor_of(setup, key) if key is not None else None
            raw = body_of(codec, model, body.read() if body is not None else None)
        except StartupError as error:
            raise click.ClickException(str(error)) from None
        asking = dry_run(
            setup, codec, raw, actor=actor, seed=seed, at=moment, again=again, headers=_headers(headers)
        )
        record, failure = asyncio.run(asking)
    if failure is None or record["rules"] or record["models"]:
        click.echo(json.dumps(record, indent=2, ensure_ascii=False) if as_json else as_text(record))
    if failure is not None:
        raise click.ClickException(_printable(failure.message))


def _headers(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [each.partition(":") for each in given]
    for name, colon, _ in pairs:
        if not colon or not name.strip():
            raise click.BadParameter("a header is NAME:VALUE", param_hint="--header")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _moment(text: str) -> datetime:
    try:
        return Moment.parse(text).at
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--at") from None


def _stored(setup: Setup, generation_id: str) -> dict[str, Any]:
    """The record that the ledger keeps of a generation."""
    with reader(setup.core.ledger.url, setup.base) as ledger:
        known = ledger.has_table(DECISIONS.name)
        rows = ledger.select_sync(SELECT_DECISION, {"id": generation_id}) if known else []
    if not rows:
        raise click.ClickException(
            f"no decision record of {generation_id!r}; records are kept of failures, of requests with "
            "`x-pointsman-explain: true`, and of a sample (explain.sample)"
        )
    record: dict[str, Any] = rows[0]["record"]
    return record


def _printable(text: str) -> str:
    """Text that a terminal does not act on: names come from clients."""
    return "".join(each if each.isprintable() else "?" for each in text)

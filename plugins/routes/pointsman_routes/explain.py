"""`pointsman explain`: why a request goes where it goes, by a dry run or from the ledger."""

from __future__ import annotations

import asyncio
import difflib
import json
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from pointsman.cli import config_option, load_setup, trace_option, tracer
from pointsman.dialects import Codec
from pointsman.errors import RequestError
from pointsman.exchange import Actor, Exchange
from pointsman.gateway import Gateway
from pointsman.json_guard import check_json
from pointsman.ledger import reader
from pointsman.pipeline import authenticate, decide, look
from pointsman.setup import Setup
from pointsman.types import Request

from .decisions import DECISIONS, SELECT_DECISION

__all__ = ["as_text", "dry_run", "explain"]

ADMIN = Actor("admin", "admin", role="admin")
MINIMAL: dict[str, dict[str, Any]] = {
    "chat": {"messages": [{"role": "user", "content": "Hello"}]},
    "completions": {"prompt": "Hello"},
    "embeddings": {"input": "Hello"},
}
"""What a request needs beside its model, for surfaces whose codecs show no example."""


@click.command()
@click.argument("generation_id", required=False)
@config_option
@click.option("--model", help="Model to ask for; without --body the smallest request for it is made.")
@click.option("--body", type=click.File("rb"), help="JSON body of the request; - reads standard input.")
@click.option("--surface", default="chat", show_default=True, help="Operation to ask for.")
@click.option("--dialect", help="Dialect to ask in; without it the first that has the surface.")
@click.option("--key", help="Ask as the key of this name; without it as an administrator.")
@click.option("--seed", type=int, help="Seed of the request's draws; without it a fresh one.")
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
    seed: int | None,
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
        codec = _codec(setup, surface, dialect)
        actor = _key(setup, key) if key is not None else None
        raw = _body(codec, model, body.read() if body is not None else None)
        record, failure = asyncio.run(dry_run(setup, codec, raw, actor=actor, seed=seed))
    if failure is None or record["rules"] or record["models"]:
        click.echo(json.dumps(record, indent=2, ensure_ascii=False) if as_json else as_text(record))
    if failure is not None:
        raise click.ClickException(_printable(failure.message))


async def dry_run(
    setup: Setup, codec: Codec, raw: bytes, *, actor: Actor | None = None, seed: int | None = None
) -> tuple[dict[str, Any], RequestError | None]:
    """The decision record of a request that is not sent, and the error it would be refused with, if any.

    `raw` is its body. Without an `actor` an administrator asks, or where keys are not asked for, anybody.
    Raises StartupError.
    """
    async with Gateway.dry(setup) as gateway:
        exchange = Exchange(gateway, codec, {})
        if actor is None and setup.core.auth == "none":
            await authenticate(exchange)
        else:
            exchange.actor = actor or ADMIN
        exchange.request = Request(raw)
        exchange.decision.seed = seed
        try:
            check_json(raw)
            look(exchange)
            await decide(exchange, admitted=False)
        except RequestError as error:
            return exchange.record(), error
        return exchange.record(), None


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


def _codec(setup: Setup, surface: str, dialect: str | None) -> Codec:
    for codec in setup.dialects:
        if codec.surface == surface and dialect in (None, codec.dialect):
            return codec
    served = ", ".join(f"{codec.surface} in {codec.dialect}" for codec in setup.dialects) or "nothing"
    wanted = f"surface {surface!r}" + (f" in dialect {dialect!r}" if dialect is not None else "")
    raise click.ClickException(f"{wanted} is not served; served are: {served}")


def _key(setup: Setup, name: str) -> Actor:
    """The actor that the key of this name would be."""
    section = setup.schema.sections.get("keys")
    owner = setup.plugins.get(section.owner) if section is not None else None
    actor: Actor | None = owner.target.actor(setup, name) if owner is not None else None
    if actor is not None:
        return actor
    keys = setup.section("keys") if section is not None else ()
    near = difflib.get_close_matches(name, [key.name for key in keys], 1)
    hint = (
        f"did you mean {near[0]!r}?"
        if near
        else "list it under `keys:`, or make it by `pointsman keys create`"
    )
    raise click.ClickException(f"there is no key {name!r}; {hint}")


def _body(codec: Codec, model: str | None, given: bytes | None) -> bytes:
    """The request to explain: what was given, `model` put into it, or else the smallest for `model`."""
    if model is None:
        return given or b""
    if given is None:
        example = codec.example(model)
        if example is not None:
            return example.encode()
        if codec.surface not in MINIMAL:
            raise click.ClickException(f"surface {codec.surface!r} needs a request: give one with --body")
        return msgspec.json.encode({"model": model, **MINIMAL[codec.surface]})
    try:
        fields = Request(given).fields
    except RequestError as error:
        raise click.ClickException(f"--body: {error.message}") from None
    return msgspec.json.encode({**fields, "model": msgspec.Raw(msgspec.json.encode(model))})


def as_text(record: dict[str, Any]) -> str:
    """A decision record for people."""
    candidates = [
        f"{number}. {each['endpoint']} ({each['model']}): {'; '.join(each['reasons'])}"
        for number, each in enumerate(record["candidates"], 1)
    ]
    excluded = [f"{each['endpoint']} by {each['by']}: {each['why']}" for each in record["excluded"]]
    lines = [f"request: model {record['requested']}"]
    if "seed" in record:
        lines.append(f"seed: {record['seed']}")
    lines += _section("rules", [_rule_line(rule) for rule in record["rules"]])
    lines.append(f"route: {record['rule'] or 'none, the models asked for are used'}")
    lines.append(f"models: {', '.join(record['models']) or 'none'}")
    lines += _section("candidates", candidates)
    lines += _section("excluded", excluded)
    lines.append(f"choice: {record['choice'] or 'none'}")
    if record["outcomes"]["attempts"]:
        lines += _section("attempts", [_attempt_line(attempt) for attempt in record["outcomes"]["attempts"]])
    return "\n".join(_printable(line) for line in lines)


def _section(heading: str, lines: list[str]) -> list[str]:
    return [f"{heading}:", *(f"  {line}" for line in lines)] if lines else [f"{heading}: none"]


def _rule_line(rule: dict[str, Any]) -> str:
    if rule["matched"]:
        return f"yes  {rule['name']}"
    failed = rule["failed"]
    value, expected = (json.dumps(failed[name], ensure_ascii=False) for name in ("value", "expected"))
    return f"no   {rule['name']}: {failed['when']} is {value}, expected {expected}"


def _attempt_line(attempt: dict[str, Any]) -> str:
    if attempt["error_type"] is None:
        return f"{attempt['endpoint']}: answered"
    return f"{attempt['endpoint']}: {attempt['error_type']}: {attempt['message']}"


def _printable(text: str) -> str:
    """Text that a terminal does not act on: names come from clients."""
    return "".join(each if each.isprintable() else "?" for each in text)

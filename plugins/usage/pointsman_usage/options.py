"""What the commands share: their options, and the ledger they read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pointsman.cli import load_setup
from pointsman.ledger import ReadOnlyLedger, reader
from pointsman.setup import Setup

from .generations import GENERATIONS
from .report import moment

__all__ = ["filtering", "format_options", "opened"]


def _time(_: click.Context, parameter: click.Parameter, text: str | None) -> datetime | None:
    """A length of time or a date, as an option."""
    try:
        return moment(text, datetime.now(UTC)) if text is not None else None
    except ValueError as error:
        hint = f"--{parameter.name}"
        raise click.BadParameter(f"{error}; write 7d, 12h or 2026-11-01", param_hint=hint) from None


def _several(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


filtering = _several(
    click.option("--key", help="Only what this key asked: its name or id."),
    click.option("--team", help="Only what keys of this team asked: its name or id."),
    click.option("--model", help="Only this model."),
    click.option("--provider", help="Only this provider."),
    click.option(
        "--since", callback=_time, help="Only what is newer: a length of time such as 7d, or a date, in UTC."
    ),
    click.option("--until", callback=_time, help="Only what is older, said likewise."),
)
"""Options of what to look at."""

format_options = _several(
    click.option("--csv", "style", flag_value="csv", help="Print comma-separated values."),
    click.option("--json", "style", flag_value="json", help="Print a JSON array of objects."),
)
"""Options of how to print it; `style` is None for people."""


@contextmanager
def opened(config: Path | None) -> Iterator[tuple[Setup, ReadOnlyLedger]]:
    """The setup, and its ledger for reading. Raises ClickException where it holds no generations."""
    setup = load_setup(config)
    with reader(setup.core.ledger.url, setup.base) as ledger:
        if not ledger.has_table(GENERATIONS.name):
            raise click.ClickException(
                "the ledger has no generations yet: start the server once with this plugin"
            )
        yield setup, ledger

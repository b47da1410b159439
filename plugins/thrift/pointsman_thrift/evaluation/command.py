"""`pointsman route eval`: what thrift would have been worth, on questions whose answers are known."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli import config_option, load_setup
from pointsman.errors import StartupError

if TYPE_CHECKING:
    from .rows import Rows

__all__ = ["judge"]

RESAMPLES = 200


@click.command(name="eval")
@click.argument("data", nargs=-1, type=click.Path(exists=True, path_type=Path))
@config_option
@click.option("--pair", "pairs", nargs=2, multiple=True, metavar="WEAK STRONG", help="A pair to judge.")
@click.option("--models", help="Look only at these models, with commas between them.")
@click.option(
    "--price",
    "prices",
    multiple=True,
    metavar="MODEL=IN,OUT",
    help="USD per million tokens of a model, in and out; may be given several times.",
)
@click.option("--prompt-column", metavar="NAME", help="Where prompts are, if the name is unusual.")
@click.option("--task-column", metavar="NAME", help="Where tasks are, if the name is unusual.")
@click.option(
    "--resamples", type=click.IntRange(0), default=RESAMPLES, show_default=True, help="For intervals."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of parts and resamples.")
@click.option(
    "--plot", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Draw an SVG file."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def judge(
    *,
    data: tuple[Path, ...],
    config: Path | None,
    pairs: tuple[tuple[str, str], ...],
    models: str | None,
    prices: tuple[str, ...],
    prompt_column: str | None,
    task_column: str | None,
    resamples: int,
    seed: int,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Judge routing on DATA: questions that several models have answered, with a score of each answer.

    DATA is comma-separated values (a column of prompts, and one of scores for each model, or a row for each
    answer), JSON lines, JSON, or a folder of them; without any, it is what the ledger has of requests that
    two models were asked. Thrift and the baselines learn from four fifths of
    the questions and are judged by the last, five times over.
    """
    from pointsman_thrift.tasks.classifier import Classifier  # what the other commands need not read in
    from pointsman_thrift.tasks.prompt import Prompt

    from .data import DataError
    from .loading import Wanted, gathered, load
    from .plot import draw
    from .prices import price_of
    from .report import as_text, evaluate

    try:
        priced = dict(map(price_of, prices))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--price") from None
    classifier = Classifier()
    wanted = Wanted(
        models=tuple(each.strip() for each in models.split(",")) if models else (),
        prompt=prompt_column,
        task=task_column,
        prices=priced,
        classify=lambda prompt: classifier.judge(Prompt(prompt)).task,
    )
    quiet = as_json or not sys.stderr.isatty()

    def progress(text: str) -> None:
        if not quiet:
            click.echo(f"\r\x1b[K{text}", err=True, nl=False)

    try:
        found = load(data, wanted) if data else gathered([_own(config, wanted.models)], wanted)
        report = evaluate(found, named=pairs, count=resamples, seed=seed, progress=progress)
    except DataError as error:
        raise StartupError(str(error)) from None
    finally:
        if not quiet:
            click.echo("\r\x1b[K", err=True, nl=False)
    if plot is not None:
        plot.write_text(draw(report), encoding="utf-8")
    click.echo(json.dumps(report.as_json(), indent=2) if as_json else as_text(report))


def _own(config: Path | None, models: tuple[str, ...]) -> Rows:
    """What the ledger has."""
    from pointsman.ledger import reader

    from .ledgers import read_ledger

    setup = load_setup(config)
    with reader(setup.core.ledger.url, setup.base) as ledger:
        return read_ledger(ledger, Path(setup.core.ledger.url), models)

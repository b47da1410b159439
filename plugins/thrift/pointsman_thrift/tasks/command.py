"""`pointsman route train`: weights for the task model, from what is shipped and an operator's own prompts."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

__all__ = ["train"]

PER_TASK = 2000
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("data", nargs=-1, type=FILE)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    default=Path("tasks.bin"),
    show_default=True,
    help="Where to write the weights.",
)
@click.option("--evaluate", "judged", multiple=True, type=FILE, help="Judge the weights by this file, too.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same weights.")
@click.option(
    "--per-task",
    type=click.IntRange(1),
    default=PER_TASK,
    show_default=True,
    help="Prompts to make of each task.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def train(
    *, data: tuple[Path, ...], out: Path, judged: tuple[Path, ...], seed: int, per_task: int, as_json: bool
) -> None:
    """Train the model of tasks again, with DATA: labelled prompts of your own.

    DATA is JSON lines of {"prompt": …, "task": …}; a prompt is a text or a request's body. One in five is
    kept out, and one in eight of the ways of asking that prompts are made of: by these the model is judged.
    What is written is trained on all. Name the file in `plugins: {thrift: {tasks: {weights: FILE}}}`.
    """
    from .build import Built, build, judge  # what trains is not read in by the other commands
    from .labelled import labelled
    from .scoring import as_text
    from .weights import save

    own = [example for path in data for example in labelled(path)]
    others = {str(path): labelled(path) for path in judged}
    built: Built = build(own, seed=seed, per_task=per_task, progress=lambda said: click.echo(said, err=True))
    size = save(built.model, out)
    found = {"made": built.made, **({"own": built.own} if built.own is not None else {})}
    found |= {path: judge(built.model, examples) for path, examples in others.items()}
    if as_json:
        told = {
            name: {**asdict(each), "confusion": [[*pair, count] for pair, count in each.confusion.items()]}
            for name, each in found.items()
        }
        click.echo(json.dumps({"weights": str(out), "bytes": size, "scores": told}, indent=2))
        return
    for name, each in found.items():
        click.echo(f"{name}:\n{as_text(each)}\n")
    click.echo(f"wrote {out} ({size / 1000:.0f} kB)")

"""`pointsman route`: train and judge what routes go by. Each subject adds its own commands."""

from __future__ import annotations

import click

from .evaluation.command import judge
from .shadow.command import show
from .tasks.command import train

__all__ = ["route"]


@click.group()
def route() -> None:
    """Train and judge what routes go by: which task a request is, which model is worth its price."""


route.add_command(judge)
route.add_command(train)
route.add_command(show)

"""Bounds: what a plan says of its attempts, or else the whole configuration."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .exchange import Exchange

__all__ = ["ends", "most_attempts", "on_loss"]


def ends(exchange: Exchange) -> float:
    """By when a request must be answered, in monotonic seconds; infinity where nobody says."""
    deadline = exchange.plan.deadline if exchange.plan is not None else None
    return inf if deadline is None else exchange.started + deadline


def most_attempts(exchange: Exchange) -> int:
    """How many attempts there may be."""
    own = exchange.plan.attempts if exchange.plan is not None else None
    return own or exchange.setup.core.attempts


def on_loss(exchange: Exchange) -> Literal["warn", "reject", "drop"]:
    """What is done about parameters that get lost."""
    own = exchange.plan.on_loss if exchange.plan is not None else None
    return own or exchange.setup.core.on_loss

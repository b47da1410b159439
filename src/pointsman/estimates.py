"""Estimates: what an attempt has used whose provider did not report it, or reported it too early."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from .errors import UpstreamCut, UpstreamTimeout
from .types import Usage

if TYPE_CHECKING:
    from .exchange import Attempt, Exchange

__all__ = ["BYTES_PER_TOKEN", "estimate", "used"]

BYTES_PER_TOKEN = 4
"""About: where nothing better is known."""
STALE = 2
"""How many times what was reported an answer that broke off must have written for it to be out of date."""


def estimate(input_characters: int, output_characters: int) -> Usage:
    """Usage for an answer whose provider did not report it, flagged as estimated."""
    return Usage(
        input=-(-input_characters // BYTES_PER_TOKEN),
        output=-(-output_characters // BYTES_PER_TOKEN),
        estimated=True,
    )


def used(
    exchange: Exchange, attempt: Attempt, written: int, *, whole: bool, answered: bool, refused: bool
) -> Usage | None:
    """What an attempt has used: reported, or estimated where its provider was at work without a report.

    `written` is how many characters of an answer have come, `whole` says that it is complete, `answered` that
    it had begun, `refused` that it ended in an error. One whose answer is not whole has had the input, too,
    and what was written of it. What was reported before most was written is out of date.
    """
    usage = attempt.usage
    if usage is not None:
        if whole:
            return usage
        output = estimate(0, written).output
        if output <= STALE * usage.output:
            return usage
        return replace(usage, output=output, estimated=True)
    if whole or written or _was_at_work(exchange, attempt, answered=answered, refused=refused):
        return estimate(exchange.peek.characters, written)
    return None


def _was_at_work(exchange: Exchange, attempt: Attempt, *, answered: bool, refused: bool) -> bool:
    """Whether a provider has worked on a request that it neither answered nor reported on.

    It has where it began to answer and then took too long or was cut off, where the whole answer took
    too long (it says nothing before that), and where the client left. What refuses, does not connect or
    answers nonsense has not.
    """
    error = attempt.error
    if error is None:
        return not refused
    if isinstance(error, UpstreamTimeout):
        turned_down = attempt.upstream_status is not None and attempt.upstream_status >= 300
        return not turned_down and (answered or not exchange.peek.stream)
    return isinstance(error, UpstreamCut) and error.phase not in ("connect", "headers")

"""Counts: what an answer used, as its provider counts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

__all__ = ["MOST_TOKENS", "Usage", "UsageDetails", "token_count"]

MOST_TOKENS = 10**12
"""No answer has more: what a provider counts beyond is not believed."""


class UsageDetails(msgspec.Struct, frozen=True):
    """Counts that few answers have, and that may have prices of their own.

    Tokens are among those that `Usage` counts: `cache_write_1h` among `cache_write`, `cache_read_audio` among
    `cache_read` and `audio_input`, `audio_input` and `image_input` among `input`, the others among `output`.
    `cache_write_read`, among `cache_read`, were written by the same request before, which costs beside.
    `images` are those of the request, `searches` those of the web that the provider made.
    """

    cache_write_1h: int = 0
    cache_write_read: int = 0
    cache_read_audio: int = 0
    audio_input: int = 0
    audio_output: int = 0
    image_input: int = 0
    image_output: int = 0
    images: int = 0
    searches: int = 0


class Usage(msgspec.Struct):
    """Tokens of one answer.

    `input` counts all of the input, `cache_read` and `cache_write` among it; `output` counts all of the
    output, `reasoning` among it; `details` are rarer counts, None where all are zero. `estimated` says that
    the provider did not report and we counted bytes. `service_tier` is the one that served, in the provider's
    word; `reported_nano` what the provider says that it bills for the answer, in nano-USD; `raw` is the
    provider's own object.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    estimated: bool = False
    raw: Mapping[str, Any] = msgspec.field(default_factory=dict)
    service_tier: str | None = None
    details: UsageDetails | None = None
    reported_nano: int | None = None


def token_count(value: Any) -> int | None:
    """A number of tokens as a provider counts them; None for what is none, or more than any answer has."""
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value <= MOST_TOKENS else None

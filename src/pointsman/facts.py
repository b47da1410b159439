"""Facts: what is known of a model or an endpoint, each with where it comes from and when it was read there.

What nobody told is not there: it is unknown, never guessed, and filters take it as not supported.

| name | value |
|---|---|
| `name`, `description`, `tokenizer`, `quantization` | text |
| `created` | seconds since 1970 |
| `context`, `max_output` | tokens |
| `input_modalities`, `output_modalities` | a tuple of `text`, `image`, `audio`, `video`, `file`, … |
| `parameters` | a tuple of the request's members that are supported, as `tools` or `temperature` |
| `deprecated` | the date, as text; empty where only that it is so is known |
| `price` | a mapping, or a list of them, in the shape that `price:` has in a configuration |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

__all__ = ["About", "Fact", "Facts"]


class Fact(msgspec.Struct, frozen=True):
    """One value, its `source` in words, and `date`, the day when it was true there (ISO, or empty)."""

    value: Any
    source: str
    date: str = ""


Facts = Mapping[str, Fact]
"""By name."""


class About(msgspec.Struct, frozen=True):
    """What is known of a provider, apart from how to call it; None and empty are unknown.

    `trains`: it trains on what it is sent; `retains`: it keeps what it is sent, as `retention` says in words;
    a provider that does neither has no data of its clients. `cancels`: leaving a request ends its work
    and its bill. `limit_headers` are the answer headers that tell of its limits. `verified`: host and
    path of the row match traffic that was recorded.
    """

    title: str = ""
    docs: str = ""
    region: str = ""
    headquarters: str = ""
    trains: bool | None = None
    retains: bool | None = None
    retention: str = ""
    cancels: bool | None = None
    limit_headers: tuple[str, ...] = ()
    verified: bool = False
    source: str = ""
    checked: str = ""

    @property
    def forgets(self) -> bool:
        """Whether it is known to keep nothing of what it is sent."""
        return self.retains is False

    @property
    def collects_nothing(self) -> bool:
        """Whether it is known to neither keep nor learn from what it is sent."""
        return self.retains is False and self.trains is False

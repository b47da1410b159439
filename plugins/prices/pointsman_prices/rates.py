"""Rates: the prices that count for one answer, ready to be multiplied, and what a usage costs by them.

What has no price of its own costs as the tokens it is among, unless its kind is priced apart: then its price
is unknown, and with it the cost of every answer that has any of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.money import MILLION, Cost, round_cost
from pointsman.types import Usage, UsageDetails

__all__ = ["CONTRADICTS", "Rates"]

CONTRADICTS = "; the provider's usage contradicts itself"
SOUND = frozenset({"audio_input", "audio_output", "cache_read_audio"})
"""Where any of these has a price, the others cost something else than text."""
WRITES = frozenset({"cache_write", "cache_write_1h"})
EACH = frozenset({"request", "image", "search"})
"""Counted one by one, not in millions."""
COUNTS = {name: name for name in UsageDetails.__struct_fields__} | {"images": "image", "searches": "search"}
"""The key of the price of each detail."""

Parts = dict[str, int]
"""Exact amounts in nano-USD per million, by what they are for."""


class Rates:
    """Prices in nano-USD per million tokens, or each; one that is None is unknown."""

    __slots__ = (
        "_apart",
        "_cache_read",
        "_cache_write",
        "_input",
        "_output",
        "_prices",
        "_reasoning",
        "_request",
    )

    def __init__(self, prices: Mapping[str, int]) -> None:
        self._prices = prices
        self._input, self._output = prices.get("input"), prices.get("output")
        self._cache_read = prices.get("cache_read", self._input)
        self._cache_write = prices.get("cache_write", self._input)
        self._reasoning = prices.get("reasoning")
        self._request = prices.get("request", 0) * MILLION
        apart = {"search", *prices.keys() & {"image", "image_input", "image_output"}}
        if prices.keys() & SOUND:
            apart |= SOUND
        if prices.keys() & WRITES:
            apart.add("cache_write_1h")
        self._apart = apart

    def cost(self, usage: Usage, source: str, markup: int = 0) -> Cost | None:
        """What `usage` costs, and what is billed for it with a markup in millionths; None where a price is
        unknown. Usage that contradicts itself never makes a part negative, and the cost's source says so."""
        if not _adds_up(usage):
            usage = _mended(usage)
            source += CONTRADICTS
        parts = self._usual(usage) if usage.details is None else self._all(usage, usage.details)
        return None if parts is None else round_cost(parts, source, markup)

    def _usual(self, usage: Usage) -> Parts | None:
        """The parts of a usage without details; None where the price of one is unknown."""
        read, write, reasoning = usage.cache_read, usage.cache_write, 0
        parts: Parts = {}
        if fresh := usage.input - read - write:
            if self._input is None:
                return None
            parts["input"] = fresh * self._input
        if read:
            if self._cache_read is None:
                return None
            parts["cache_read"] = read * self._cache_read
        if write:
            if self._cache_write is None:
                return None
            parts["cache_write"] = write * self._cache_write
        if self._reasoning is not None and (reasoning := usage.reasoning):
            parts["reasoning"] = reasoning * self._reasoning
        if written := usage.output - reasoning:
            if self._output is None:
                return None
            parts["output"] = written * self._output
        if self._request:
            parts["request"] = self._request
        return parts

    def _all(self, usage: Usage, details: UsageDetails) -> Parts | None:
        """The parts of any usage: what is priced apart is taken out of the tokens that it is among."""
        apart = self._taken(usage, details)
        special: Parts = {}
        for name, units in apart.items():
            if units:
                price = self._prices.get(name)
                if price is None:
                    return None
                special[name] = units * price * (MILLION if name in EACH else 1)
        fresh, read = apart["audio_input"] + apart["image_input"], apart["cache_read_audio"]
        write, output = apart["cache_write_1h"], apart["audio_output"] + apart["image_output"]
        rest = Usage(
            usage.input - fresh - read - write,
            usage.output - output,
            usage.cache_read - read,
            usage.cache_write - write,
            min(usage.reasoning, usage.output - output),
        )
        parts = self._usual(rest)
        return None if parts is None else {**parts, **special}

    def _taken(self, usage: Usage, details: UsageDetails) -> dict[str, int]:
        """How much there is of what is priced apart, never more than of the tokens it is among."""
        fresh, output = usage.input - usage.cache_read - usage.cache_write, usage.output
        found = {
            key: max(0, getattr(details, name)) if key in self._apart else 0 for name, key in COUNTS.items()
        }
        found["cache_read_audio"] = min(found["cache_read_audio"], usage.cache_read)
        found["cache_write_1h"] = min(found["cache_write_1h"], usage.cache_write)
        found["audio_input"] = min(max(0, found["audio_input"] - found["cache_read_audio"]), fresh)
        found["image_input"] = min(found["image_input"], fresh - found["audio_input"])
        found["audio_output"] = min(found["audio_output"], output)
        found["image_output"] = min(found["image_output"], output - found["audio_output"])
        return found


def _adds_up(usage: Usage) -> bool:
    """Whether no amount is negative, and no part larger than the whole it is among."""
    cache_read, cache_write = usage.cache_read, usage.cache_write
    return (
        0 <= usage.reasoning <= usage.output
        and cache_read >= 0
        and cache_write >= 0
        and cache_read + cache_write <= usage.input
    )


def _mended(usage: Usage) -> Usage:
    """The same usage with nothing negative, and wholes at least as large as their parts."""
    output, cache_read, cache_write = (
        max(0, usage.output),
        max(0, usage.cache_read),
        max(0, usage.cache_write),
    )
    return Usage(
        max(usage.input, cache_read + cache_write),
        output,
        cache_read,
        cache_write,
        min(max(0, usage.reasoning), output),
        details=usage.details,
    )

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
Parts = dict[str, int]
"""Exact amounts in nano-USD per million, by what they are for."""


class Rates:
    """Prices in nano-USD per million tokens, or each; one that is None is unknown."""

    __slots__ = (
        "_cache_read",
        "_cache_write",
        "_hours",
        "_input",
        "_output",
        "_prices",
        "_reasoning",
        "_request",
        "_sound",
    )

    def __init__(self, prices: Mapping[str, int]) -> None:
        self._prices = prices
        self._input, self._output = prices.get("input"), prices.get("output")
        self._cache_read = prices.get("cache_read", self._input)
        self._cache_write = prices.get("cache_write", self._input)
        self._reasoning = prices.get("reasoning")
        self._request = prices.get("request", 0) * MILLION
        self._sound = not prices.keys().isdisjoint(SOUND)
        self._hours = not prices.keys().isdisjoint(WRITES)

    def cost(self, usage: Usage, source: str, markup: int = 0) -> Cost | None:
        """What `usage` costs, and what is billed for it with a markup in millionths; None where a price is
        unknown. Usage that contradicts itself never makes a part negative, and the cost's source says so."""
        read, write, output, reasoning = usage.cache_read, usage.cache_write, usage.output, usage.reasoning
        fresh = usage.input - read - write
        if fresh < 0 or read < 0 or write < 0 or not 0 <= reasoning <= output:
            return self.cost(_mended(usage), source + CONTRADICTS, markup)
        if usage.details is None:
            parts = self._usual(fresh, read, write, output, reasoning)
        else:
            parts = self._all(usage, usage.details)
        return None if parts is None else round_cost(parts, source, markup)

    def _usual(self, fresh: int, read: int, write: int, output: int, reasoning: int) -> Parts | None:
        """The parts of what is not priced apart; None where the price of one is unknown."""
        parts: Parts = {}
        if fresh:
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
        if reasoning and self._reasoning is not None:
            parts["reasoning"] = reasoning * self._reasoning
            output -= reasoning
        if output:
            if self._output is None:
                return None
            parts["output"] = output * self._output
        if self._request:
            parts["request"] = self._request
        return parts

    def _all(self, usage: Usage, details: UsageDetails) -> Parts | None:
        """The parts of any usage: what is priced apart is taken out of the tokens that it is among, and is
        never more than they."""
        prices, output, read, write = self._prices, usage.output, usage.cache_read, usage.cache_write
        fresh = usage.input - read - write
        apart: list[tuple[str, int]] = []
        if details.searches > 0:
            apart.append(("search", details.searches * MILLION))
        if details.images > 0 and "image" in prices:
            apart.append(("image", details.images * MILLION))
        if self._sound:
            heard, said = min(details.cache_read_audio, read), min(details.audio_output, output)
            sound = min(details.audio_input - max(0, heard), fresh)
            apart += ("cache_read_audio", heard), ("audio_input", sound), ("audio_output", said)
            read, fresh, output = read - max(0, heard), fresh - max(0, sound), output - max(0, said)
        if details.image_input > 0 and "image_input" in prices:
            seen = min(details.image_input, fresh)
            apart.append(("image_input", seen))
            fresh -= seen
        if details.image_output > 0 and "image_output" in prices:
            drawn = min(details.image_output, output)
            apart.append(("image_output", drawn))
            output -= drawn
        if details.cache_write_read > 0 and "cache_write" in prices:
            apart.append(("cache_write", min(details.cache_write_read, usage.cache_read)))
        if details.cache_write_1h > 0 and self._hours:
            kept = min(details.cache_write_1h, write)
            apart.append(("cache_write_1h", kept))
            write -= kept
        parts = self._usual(fresh, read, write, output, min(usage.reasoning, output))
        for name, units in apart:
            if units > 0 and parts is not None:
                price = prices.get(name)
                if price is None:
                    return None
                parts[name] = parts.get(name, 0) + units * price
        return parts


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

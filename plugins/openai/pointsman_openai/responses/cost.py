"""Splicing the cost into the bytes of an answer."""

from __future__ import annotations

from pointsman.money import Cost
from pointsman_openai.splice import json_in_place, members
from pointsman_openai.splice import with_cost as with_cost_at_top

__all__ = ["with_cost"]

SIDES = ("input", "output")


def with_cost(data: bytes, cost: Cost | None, *, stream: bool) -> bytes:
    """`data`, an answer or one event of a stream, with the cost in its usage object.

    In a stream that is part of the response which the last event tells.
    """
    if not stream:
        return with_cost_at_top(data, cost, stream=False, sides=SIDES)
    text = json_in_place(data)
    opening = text.find(b"{")
    if opening < 0:
        return data
    for name, start, end in members(text, opening):
        if name == "response":
            told = with_cost_at_top(data[start:end], cost, stream=False, sides=SIDES)
            return data[:start] + told + data[end:]
    return data

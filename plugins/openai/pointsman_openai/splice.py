"""Splicing the cost into the bytes of an answer: everything around it stays as it came."""

from __future__ import annotations

import re

import msgspec

from pointsman.money import Cost, format_usd, round_cost
from pointsman.sse import BOM

__all__ = ["json_in_place", "members", "with_cost"]

SIDES = ("prompt", "completions")
ANSWER = frozenset({"output", "reasoning", "audio_output", "image_output"})
REQUEST = frozenset(
    (
        *("input", "cache_read", "cache_write", "cache_write_1h", "cache_read_audio", "audio_input"),
        *("image_input", "request", "image", "search"),
    )
)
"""What the parts of a cost are for."""
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]', re.DOTALL)
_COLON = re.compile(rb"\s*:\s*")
_SCALAR = re.compile(rb"[^\s,}\]]+")
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")


def with_cost(data: bytes, cost: Cost | None, *, stream: bool, sides: tuple[str, str] = SIDES) -> bytes:
    """`data`, an answer or one event of a stream, with `cost` and `cost_details` in its usage object.

    The amounts are US dollars in exact decimal. Where the cost is not known it is null, unless the provider
    told one itself. The details say what of it is for each of both `sides`, the request and the answer, and
    are there where that is known. Data without a usage object at its top level comes back unchanged.
    """
    text = json_in_place(data) if stream else data
    opening = text.find(b"{")
    if opening < 0:
        return data
    found = [
        start for name, start, _ in members(text, opening) if name == "usage" and text[start] == ord("{")
    ]
    if not found:
        return data
    values = {"cost": format_usd(cost.nano).encode() if cost is not None else b"null"}
    if cost is not None and (split := _split(cost)) is not None:
        told = zip(("", f"_{sides[0]}", f"_{sides[1]}"), (cost.nano, *split), strict=True)
        shown = ",".join(f'"upstream_inference{side}_cost":{format_usd(nano)}' for side, nano in told)
        values["cost_details"] = f"{{{shown}}}".encode()
    for start, end, new in reversed(_edits(text, found[-1], values, replace=cost is not None)):
        data = data[:start] + new + data[end:]
    return data


def _split(cost: Cost) -> tuple[int, int] | None:
    """What of a cost is for request and answer, in nano-USD; None where that is not known."""
    details = cost.details
    if (not details and cost.nano) or details.keys() - REQUEST - ANSWER:
        return None
    answer = round_cost({name: part for name, part in details.items() if name in ANSWER}).nano
    return cost.nano - answer, answer


def _edits(
    text: bytes, opening: int, values: dict[str, bytes], *, replace: bool
) -> list[tuple[int, int, bytes]]:
    """The changes (start, end, new bytes), in order, that give the object at `opening` these members;
    without `replace` only those it lacks."""
    present = members(text, opening)
    edits = [(start, end, values[name]) for name, start, end in present if replace and name in values]
    there = {name for name, _, _ in present}
    missing = [b'"%b":%b' % (name.encode(), value) for name, value in values.items() if name not in there]
    if missing:
        behind = present[-1][2] if present else opening + 1
        comma = b"," if present else b""
        edits.append((behind, behind, comma + b",".join(missing)))
    return edits


def members(text: bytes, opening: int) -> list[tuple[str, int, int]]:
    """The members (name, start and end of the value) of the JSON object whose brace is at `opening`.

    The text must be valid JSON.
    """
    found: list[tuple[str, int, int]] = []
    name: str | None = None
    depth = value = 0
    for token in _TOKEN.finditer(text, opening):
        start, end = token.span()
        first = text[start : start + 1]
        if first in b"{[":
            depth += 1
        elif first in b"}]":
            depth -= 1
            if depth == 0:
                break
        if depth != 1 or start == opening:
            continue
        if name is not None:  # the end of a text, list or object
            found.append((name, value, end))
            name = None
            continue
        colon = _COLON.match(text, end)
        if colon is None:
            continue
        name, value = msgspec.json.decode(token.group(), type=str), colon.end()
        scalar = _SCALAR.match(text, value)
        if scalar is not None and text[value : value + 1] not in b'"{[':
            found.append((name, value, scalar.end()))
            name = None
    return found


def json_in_place(event: bytes) -> bytes:
    """An event with all but its data blanked out: offsets into its JSON are offsets into the event."""
    start = len(BOM) if event.startswith(BOM) else 0
    parts = [b" " * start]
    for line in _LINE.finditer(event, start):
        text = line.group()
        parts.append(b"     " + text[5:] if text.startswith(b"data:") else b" " * len(text))
    return b"".join(parts)

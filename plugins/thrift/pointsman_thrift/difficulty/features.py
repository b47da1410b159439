"""Features: a prompt as numbers, cheaply enough for every request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from math import log1p
from zlib import crc32

__all__ = ["BUCKETS", "LENGTH", "SHAPE", "Features", "features"]

BUCKETS = 1 << 16
HEAD, TAIL = 250, 500
"""Characters of which the words are read: how a prompt begins says what it is, and the question is at its
end."""
FEW = 300
"""Characters of which letters are looked at one by one."""
GAP = " \x01 "
NUMBERS = {digits: f"#{digits}" for digits in range(1, 6)}
LONG = "#6"
"""Numbers are known by how many digits they have."""
MASK = BUCKETS - 1
PAIR, FIRST, LAST = 0x9E37_79B1, 0x85EB_CA6B, 0xC2B2_AE35
"""Odd numbers that spread pairs, and what stands first and last, over the buckets."""
LENGTH = 3
"""The first so many shapes are the prompt's length."""
SHAPE = 22
WORD = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")
CODE = re.compile(r"```|\bdef |\bfunction\b|\bclass |#include|\bSELECT\b|=>|\breturn\b")


@dataclass(frozen=True, slots=True)
class Features:
    """`tokens` are hashes of words, pairs of words, and what stands first and last, each once; `shape` is how
    the prompt looks; `task` what it is about, '' where nobody knows."""

    tokens: tuple[int, ...]
    shape: tuple[float, ...]
    task: str


def features(prompt: str, task: str = "") -> Features:
    """The features of a prompt."""
    part = prompt if len(prompt) <= HEAD + TAIL else prompt[:HEAD] + GAP + prompt[-TAIL:]
    words = [
        NUMBERS.get(len(word), LONG) if word[0].isdigit() else word for word in WORD.findall(part.lower())
    ]
    hashes = [crc32(word.encode("utf-8", "replace")) for word in words]
    distinct = {*hashes}
    tokens = {each & MASK for each in distinct}
    tokens |= {(first * PAIR + second) & MASK for first, second in pairwise(hashes)}
    if hashes:
        first, last = hashes[0], hashes[-1]
        tokens |= {(first + FIRST) & MASK, (last + LAST) & MASK}
        if len(hashes) > 1:
            tokens |= {
                (first * PAIR + hashes[1] + FIRST) & MASK,
                (hashes[-2] * PAIR + last + LAST) & MASK,
            }
    return Features(tuple(tokens), _shape(prompt, len(words), len(distinct)), task)


def _shape(text: str, words: int, distinct: int) -> tuple[float, ...]:
    count = text.count
    size, lines = len(text), count("\n")
    spaces = count(" ") + lines + 1
    digits = sum(map(count, "0123456789"))
    first = text[:FEW]
    seen = len(first) or 1
    length = log1p(size)
    return (
        length,
        length * length / 10.0,
        log1p(spaces),
        min(size / spaces, 20.0),
        digits / (size or 1),
        log1p(digits),
        1.0 if "?" in text else 0.0,
        lines / spaces,
        log1p(lines),
        log1p(count("$") + count("\\")),
        log1p(count("=") + count("+") + count("*") + count("^")),
        log1p(count("(")),
        log1p(count(",")),
        log1p(count(". ")),
        sum(map(str.isupper, first)) / seen,
        0.0 if first.isascii() else sum(each > "\x7f" for each in first) / seen,
        1.0 if CODE.search(text[: HEAD + TAIL]) else 0.0,
        1.0 if text[:1].islower() else 0.0,
        1.0 if text[-3:].rstrip().endswith("?") else 0.0,
        1.0 if "_" in text else 0.0,
        log1p(distinct),
        distinct / (words or 1),
    )

"""What the model sees of a prompt: the numbers of the buckets that its words and its shape fall into."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

from .prompt import Prompt

__all__ = ["BUCKETS", "Features", "features_of"]

BUCKETS = 1 << 16
MASK = BUCKETS - 1
HEAD, TAIL = 1600, 900
"""Characters read of what is asked, from its beginning and its end."""
FRONT, BACK = 700, 300
"""Characters whose shape is looked at."""
REST = 500
"""Characters read of earlier turns, and of the instructions."""
SIGNS_READ, SIGNS_LAST = 300, 100
"""Signs that stand for words: how many are read, and how many of these at the end."""
OPENING, CLOSING = 8, 6
"""Words at the beginning and at the end that count by their place too."""
STEM = 5
FIRST, OPENS, CLOSES, STEMS, RUNS = 1, 2, 3, 4, 5
"""Seeds: a word at a place is another feature than the word."""
LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyz_'")
PLAIN = bytes(
    byte if byte in LETTERS or byte > 127 else ord("0") if chr(byte).isdigit() else ord(" ")
    for byte in range(256)
)
"""For `bytes.translate`: digits are all alike, and what is no letter parts words."""
WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
MATHS = re.compile(
    r"\\[a-z]+\{|\\[\[(]|\$[^$]+\$|[=^+*/\u00f7\u00d7]\s*-?\d|\d\s*[=^+*/\u00f7\u00d7-]\s*\d|[∑∫√≤≥π]"
)
CODE = re.compile(
    r"```|^\s*(?:def|class|import|from|function|const|let|var|public|fn|func|#include|SELECT|return|for|if) "
    r"|[;{]\n|=>|::|</\w+>|\.\w+\(|\(\)",
    re.MULTILINE,
)
DIFF = re.compile(r"^(?:@@ .* @@|\+\+\+ |--- |diff --git)", re.MULTILINE)
ROWS = re.compile(r"^\s*\|.*\|\s*$|^[^\n,]*,[^\n,]*,[^\n]*\d$", re.MULTILINE)
OPTIONS = re.compile(r"(?:^|\s)\(?[A-Da-d1-4][).:]\s", re.MULTILINE)
BLANK = re.compile(r"_{2,}|\s_\s")
SPEECH = re.compile(r"\*[^*\n]+\*")
TURNS = re.compile(r"^[A-Z][\w ()]{0,20}:\s", re.MULTILINE)
SIGNS = "=$\\+*/^\u00d7\u2211\u222b\u221a"
"""Without any of these there is nothing of mathematics to look for."""
DIGITS = re.compile(r"\d+")
LENGTHS = (12, 30, 60, 110, 200, 400, 800, 1600, 3200)


class Features(NamedTuple):
    """Buckets: those of what is asked, those of what was said before, and those of the prompt's shape."""

    words: frozenset[int]
    before: frozenset[int]
    shape: tuple[int, ...]


def features_of(prompt: Prompt) -> Features:
    """The features of a prompt. Long texts are read at their ends only."""
    last = prompt.last
    if len(last) > HEAD + TAIL:
        last = f"{last[:HEAD]}\n{last[-TAIL:]}"
    before: frozenset[int] = frozenset()
    if prompt.earlier or prompt.system:
        before = _words(f"{prompt.system[:REST]}\n{prompt.earlier[-REST:]}")
    return Features(_words(last), before, tuple(map(_bucket, _shape(prompt, last))))


def _bucket(name: str) -> int:
    return crc32(name.encode(), RUNS) & MASK


def _words(text: str) -> frozenset[int]:
    lowered = text.lower()
    data = lowered.encode("utf-8", "surrogatepass")
    words = data.translate(PLAIN).split()
    if len(data) > len(lowered) and WIDE.search(lowered):
        words = [*[word for word in words if word.isascii()], *_pairs(lowered)]
    ones = list(map(crc32, words))
    found = {each & MASK for each in ones}
    found.update([(one * 31 + two) & MASK for one, two in pairwise(ones)])
    found.update([crc32(word[:STEM], STEMS) & MASK for word in set(words) if len(word) > STEM])
    found.update([crc32(word, OPENS) & MASK for word in words[:OPENING]])
    if words:
        found.add(crc32(b" ".join(words[:2]), FIRST) & MASK)
        found.add(crc32(words[0], FIRST) & MASK)
    if len(words) > OPENING + CLOSING:
        found.update([crc32(word, CLOSES) & MASK for word in words[-CLOSING:]])
    return frozenset(found)


def _pairs(text: str) -> list[bytes]:
    """Signs of scripts without spaces, which stand for words, one by one and in pairs."""
    signs = WIDE.findall(text)
    if len(signs) > SIGNS_READ:
        signs = [*signs[: SIGNS_READ - SIGNS_LAST], *signs[-SIGNS_LAST:]]
    return [sign.encode() for pair in pairwise([*signs, ""]) for sign in (pair[0], "".join(pair))]


def _shape(prompt: Prompt, last: str) -> Iterator[str]:
    yield "any"
    yield f"length {sum(len(prompt.last) > each for each in LENGTHS)}"
    if prompt.tools:
        yield f"tools {min(prompt.tools, 3)}"
    if prompt.schema:
        yield "schema"
    for kind in prompt.media:
        yield f"media {kind}"
    if prompt.earlier:
        yield "goes on"
    if not last.isascii():
        yield "wide" if WIDE.search(last) else "accents"
    yield from _look(last if len(last) <= FRONT + BACK else f"{last[:FRONT]}\n{last[-BACK:]}")


def _look(text: str) -> Iterator[str]:
    """What a text looks like, whatever its words say."""
    yield f"asks {min(text.count('?'), 2)}"
    if text.rstrip().endswith(("?", "\uff1f")):
        yield "ends with a question"
    for name, pattern in (("code", CODE), ("rows", ROWS), ("options", OPTIONS)):
        if found := len(pattern.findall(text)):
            yield f"{name} {min(found, 4)}"
    if any(sign in text for sign in SIGNS) and (found := len(MATHS.findall(text))):
        yield f"maths {min(found, 4)}"
    if "_" in text and BLANK.search(text):
        yield "blank"
    for name, pattern in (("diff", DIFF), ("speech", SPEECH), ("turns", TURNS)):
        if pattern.search(text):
            yield name
    yield f"numbers {min(len(DIGITS.findall(text)), 5)}"
    yield f"lines {min(text.count(chr(10)), 6)}"
    yield f"quotes {min(text.count(chr(34)), 3)}"

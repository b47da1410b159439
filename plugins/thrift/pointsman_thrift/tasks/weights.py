"""The weights of the task model: a linear one, summed for all tasks at once, and its file.

A file is `MAGIC`, a line of JSON (version, tasks, scale, temperature, buckets, checksum) and, compressed, the
numbers of the buckets with their rows: a byte for each task, 128 being zero.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from array import array
from collections.abc import Collection, Mapping
from math import exp, sqrt
from pathlib import Path
from typing import Any, Self

from pointsman.errors import PointsmanError

from .features import BUCKETS, Features
from .names import TASKS

__all__ = ["BEFORE", "SHAPE", "SHIPPED", "WORDS", "BadWeights", "Model", "load", "save"]

WORDS, BEFORE, SHAPE = 3.0, 1.8, 0.35
"""What the words asked, those before them, and the shape of a prompt count."""
SHIPPED = Path(__file__).parent / "weights.bin"
MAGIC = b"pointsman tasks\n"
VERSION = 1
LONGEST_HEAD = 4096
LANE = 4
"""Bytes of a sum: enough for any number of features."""
ZERO = 128
MOST = 127
_BLANK = bytes([ZERO]) * len(TASKS)


class BadWeights(PointsmanError):
    """A file is not one of weights, or of another version, or damaged."""


class _Table(dict[int, int]):
    """Rows as integers by bucket, made when they are first asked for: most are never."""

    def __init__(self, rows: Mapping[int, bytes]) -> None:
        super().__init__()
        self._rows = rows

    def __missing__(self, bucket: int) -> int:
        lanes = bytearray(LANE * len(TASKS))
        lanes[::LANE] = self._rows.get(bucket, _BLANK)
        self[bucket] = row = int.from_bytes(lanes, "little")
        return row


class Model:
    """Weights by bucket: a byte for each task, times `scale`.

    A row is one integer, with a lane of bits for each task, so that one addition adds for all of them.
    `temperature` makes the probabilities fit how often the model is right.
    """

    def __init__(self, rows: Mapping[int, bytes], scale: float, temperature: float = 1.0) -> None:
        self.rows, self.scale, self.temperature = rows, scale, temperature
        self._table = _Table(rows)
        self._size = LANE * len(TASKS)
        self._unpack = struct.Struct(f"<{len(TASKS)}I").unpack

    @classmethod
    def of(cls, weights: Mapping[int, list[float]], *, most: int) -> Self:
        """The model of these weights, of the `most` buckets that weigh anything."""
        heaviest = sorted(weights, key=lambda bucket: (-max(map(abs, weights[bucket])), bucket))[:most]
        largest = max((abs(weight) for bucket in heaviest for weight in weights[bucket]), default=1.0)
        scale = largest / MOST or 1.0
        rows = {
            bucket: bytes(round(weight / scale) + ZERO for weight in weights[bucket])
            for bucket in sorted(heaviest)
        }
        return cls({bucket: row for bucket, row in rows.items() if row != _BLANK}, scale)

    def logits(self, features: Features) -> list[float]:
        """A number for each of `TASKS`: how much speaks for it."""
        words, before, shape = features
        found = self._sums(words, WORDS / sqrt(len(words) or 1))
        for other in (
            self._sums(shape, SHAPE),
            self._sums(before, BEFORE / sqrt(len(before))) if before else (),
        ):
            found = [one + two for one, two in zip(found, other, strict=True)] if other else found
        return found

    def probabilities(self, features: Features) -> list[float]:
        """How likely each of `TASKS` is; together 1."""
        logits = self.logits(features)
        top, temperature = max(logits), self.temperature
        powers = [exp((each - top) / temperature) for each in logits]
        total = sum(powers)
        return [power / total for power in powers]

    def _sums(self, buckets: Collection[int], value: float) -> list[float]:
        total = sum(map(self._table.__getitem__, buckets))
        zero, value = ZERO * len(buckets), value * self.scale
        return [(each - zero) * value for each in self._unpack(total.to_bytes(self._size, "little"))]


def save(model: Model, path: Path) -> int:
    """Write a file, and say how many bytes it has."""
    buckets = array("H", model.rows)
    if sys.byteorder == "big":
        buckets.byteswap()
    data = buckets.tobytes() + b"".join(model.rows.values())
    head = {
        "version": VERSION,
        "tasks": TASKS,
        "scale": model.scale,
        "temperature": model.temperature,
        "buckets": len(model.rows),
        "checksum": zlib.crc32(data),
    }
    whole = MAGIC + json.dumps(head).encode() + b"\n" + zlib.compress(data, 9)
    path.write_bytes(whole)
    return len(whole)


def load(path: Path) -> Model:
    """Read a file. Raises BadWeights."""
    try:
        whole = path.read_bytes()
    except OSError as error:
        raise BadWeights(f"{path} cannot be read: {error.strerror or error}") from None
    head, begin = _head(whole[:LONGEST_HEAD], path)
    count, width = head["buckets"], len(TASKS)
    decoder = zlib.decompressobj()
    try:
        data = decoder.decompress(whole[begin:], BUCKETS * (2 + width))
    except zlib.error:
        raise BadWeights(f"{path} is damaged: train again with `pointsman route train`") from None
    if len(data) != count * (2 + width) or zlib.crc32(data) != head["checksum"]:
        raise BadWeights(f"{path} is damaged: train again with `pointsman route train`")
    buckets = array("H", data[: 2 * count])
    if sys.byteorder == "big":
        buckets.byteswap()
    rows = data[2 * count :]
    return Model(
        {bucket: rows[place * width : (place + 1) * width] for place, bucket in enumerate(buckets)},
        head["scale"],
        head["temperature"],
    )


def _head(start: bytes, path: Path) -> tuple[dict[str, Any], int]:
    if not start.startswith(MAGIC):
        raise BadWeights(f"{path} has no weights of tasks in it: `pointsman route train` writes them")
    end = start.find(b"\n", len(MAGIC))
    try:
        head = json.loads(start[len(MAGIC) : end])
        fits = head["version"] == VERSION and tuple(head["tasks"]) == TASKS
        numbers = [head[name] for name in ("scale", "temperature", "buckets", "checksum")]
    except (ValueError, KeyError, TypeError):
        raise BadWeights(f"{path} is damaged: train again with `pointsman route train`") from None
    if not fits or not all(isinstance(number, int | float) and number >= 0 for number in numbers):
        raise BadWeights(f"{path} is of another version: train again with `pointsman route train`")
    return head, end + 1

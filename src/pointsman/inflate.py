"""Inflating: compressed bodies of either side, piece by piece, so that a bomb is stopped early."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

__all__ = ["ENCODINGS", "InflateError", "Inflater"]

ENCODINGS = frozenset({"gzip", "x-gzip", "deflate"})
"""The content encodings that can be inflated."""


class InflateError(ValueError):
    """A body is not what its encoding says."""


class Inflater:
    """Inflates gzip or deflate, never making more than `step` bytes at once."""

    def __init__(self, *, step: int = 65_536) -> None:
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._step = step

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Inflate `data`, a step at a time, so that whoever counts can stop. Raises InflateError."""
        try:
            while data:
                if self._inflate.eof:  # gzip may go on with another member
                    self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
                piece = self._inflate.decompress(data, self._step)
                data = self._inflate.unconsumed_tail or self._inflate.unused_data
                if piece:
                    yield piece
        except zlib.error as error:
            raise InflateError(str(error)) from None

    @property
    def whole(self) -> bool:
        """Whether the compressed body has ended as it should."""
        return self._inflate.eof

"""Compressed bodies are inflated piece by piece, whole ones and broken ones."""

from __future__ import annotations

import gzip
import zlib

import pytest

from pointsman.inflate import ENCODINGS, InflateError, Inflater

TEXT = b"hello" * 1000


@pytest.mark.parametrize(
    "packed", [gzip.compress(TEXT, mtime=0), zlib.compress(TEXT)], ids=["gzip", "deflate"]
)
def test_a_body_comes_out_whole_however_it_came_in(packed: bytes) -> None:
    assert {"gzip", "deflate"} <= ENCODINGS
    for size in (1, 7, len(packed)):
        inflater = Inflater(step=100)
        chunks = [packed[at : at + size] for at in range(0, len(packed), size)]
        assert not inflater.whole
        assert b"".join(piece for chunk in chunks for piece in inflater.pieces(chunk)) == TEXT
        assert inflater.whole


def test_a_bomb_is_inflated_piece_by_piece() -> None:
    inflater = Inflater(step=1000)
    pieces = inflater.pieces(gzip.compress(b"\0" * 10_000_000, mtime=0))
    assert all(len(piece) <= 1000 for piece, _ in zip(pieces, range(100), strict=False))


def test_what_is_not_compressed_or_cut_is_told() -> None:
    with pytest.raises(InflateError):
        list(Inflater().pieces(b"not compressed"))
    inflater = Inflater()
    assert list(inflater.pieces(gzip.compress(TEXT, mtime=0)[:-4])) == [TEXT]
    assert not inflater.whole


def test_members_that_follow_one_another_are_one_body() -> None:
    packed = gzip.compress(TEXT, mtime=0) + gzip.compress(b"more", mtime=0)
    inflater = Inflater(step=100)
    assert b"".join(inflater.pieces(packed)) == TEXT + b"more"
    assert inflater.whole
    with pytest.raises(InflateError):
        list(Inflater().pieces(gzip.compress(TEXT, mtime=0) + b"garbage"))

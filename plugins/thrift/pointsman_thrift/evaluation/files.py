"""Files: their text, however it was written down."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path

from .data import DataError

__all__ = ["kind_of", "text_of"]

PACKED = ".gz"
ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""What files begin with that say their encoding; the others are UTF-8."""


def kind_of(path: Path) -> str:
    """The kind of a file by its name, such as `.csv`; of a compressed one, that of what is in it."""
    name = Path(path.stem) if path.suffix.lower() == PACKED else path
    return name.suffix.lower()


def text_of(path: Path) -> str:
    """The text of a file, unpacked where it is compressed; bytes that are no text are replaced. Raises
    DataError."""
    try:
        data = path.read_bytes()
        if path.suffix.lower() == PACKED:
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(path, f"cannot be read: {error}") from None
    encoding = next((name for mark, name in ENCODINGS if data.startswith(mark)), "utf-8")
    return data.decode(encoding, "replace")

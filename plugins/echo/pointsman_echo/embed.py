"""Embeddings: unit vectors that depend on the input and on nothing else."""

from __future__ import annotations

import hashlib
import json
import math
import struct

from pointsman.errors import BadRequest
from pointsman.types import Chat, Embeddings, Message, Unknown, Usage

from .words import words_in

__all__ = ["embed", "vector"]

DIMENSIONS = 8
MOST_DIMENSIONS = 8192


def embed(chat: Chat, *, model: str) -> Embeddings:
    """A vector for each message, of 8 dimensions or as many as asked for. Raises BadRequest."""
    dimensions = chat.extra.get(chat.dialect, {}).get("dimensions")
    if dimensions is None:
        dimensions = DIMENSIONS
    if type(dimensions) is not int or not 1 <= dimensions <= MOST_DIMENSIONS:
        raise BadRequest(
            f"dimensions must be an integer from 1 to {MOST_DIMENSIONS}, not {dimensions!r}",
            param="dimensions",
        )
    vectors = [vector(_content(message), dimensions) for message in chat.messages]
    return Embeddings(model, vectors, Usage(input=sum(words_in(each.parts) for each in chat.messages)))


def vector(content: bytes, dimensions: int) -> list[float]:
    """The unit vector of some content: the numbers of its hash, scaled to length 1."""
    digest = hashlib.shake_256(content).digest(4 * dimensions)
    numbers = struct.unpack(f">{dimensions}i", digest)
    length = math.hypot(*numbers)
    return [number / length for number in numbers]


def _content(message: Message) -> bytes:
    """A text's bytes, or the JSON of token numbers."""
    tokens = [part.data for part in message.parts if isinstance(part, Unknown)]
    return json.dumps(tokens).encode() if tokens else message.text.encode()

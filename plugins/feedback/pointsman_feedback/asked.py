"""What clients ask, read into types: a body of JSON, or the parameters of a query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from pointsman.errors import BadRequest, PayloadTooLarge
from pointsman.json_guard import check_json

__all__ = ["LARGEST", "body_of", "query_of"]

LARGEST = 64 * 1024
"""Bytes of a body."""

T = TypeVar("T")


def body_of(raw: bytes, type_: type[T]) -> T:
    """A body as a value of a type. Raises BadRequest, PayloadTooLarge."""
    if len(raw) > LARGEST:
        raise PayloadTooLarge(f"a body here has at most {LARGEST} bytes")
    check_json(raw)
    try:
        return msgspec.json.decode(raw, type=type_)
    except msgspec.DecodeError as error:
        raise BadRequest(f"the body: {error}") from None


def query_of(query: Mapping[str, str], type_: type[T]) -> T:
    """The parameters of a query, which are texts, as a value of a type. Raises BadRequest."""
    try:
        return msgspec.convert({**query}, type=type_, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"the query: {error}") from None

"""Embeddings."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.types import Chat, Message, Text, Unknown
from pointsman_echo.embed import embed, vector


def chat(*inputs: Any, **params: Any) -> Chat:
    parts = [Text(each) if isinstance(each, str) else Unknown("any", each) for each in inputs]
    messages = [Message("user", [part]) for part in parts]
    return Chat("m", messages, dialect="one", extra={"one": params})


def test_the_same_input_has_the_same_unit_vector_and_another_has_another() -> None:
    first, second, third = embed(chat("a b", "a b", "c"), model="m").vectors
    assert first == second != third
    assert len(first) == 8
    assert math.isclose(math.hypot(*first), 1)


def test_as_many_dimensions_as_asked_for() -> None:
    (only,) = embed(chat("a", dimensions=3), model="m").vectors
    assert len(only) == 3


@pytest.mark.parametrize("dimensions", [0, -1, 8193, 2.5, "8", True])
def test_dimensions_that_cannot_be_are_refused(dimensions: Any) -> None:
    with pytest.raises(BadRequest, match="dimensions must be") as raised:
        embed(chat("a", dimensions=dimensions), model="m")
    assert raised.value.param == "dimensions"


def test_token_numbers_have_a_vector_of_their_own() -> None:
    answer = embed(chat([1, 2], [1, 3]), model="m")
    assert answer.vectors[0] != answer.vectors[1]
    assert answer.usage is not None
    assert answer.usage.input == 4


def test_a_vector_depends_on_its_content_alone() -> None:
    assert vector(b"a", 4) == vector(b"a", 4)
    assert vector(b"a", 4) != vector(b"b", 4)

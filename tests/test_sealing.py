"""Reasoning comes back from a client of another dialect as it went there."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.sealing import MARK, seal, unseal
from pointsman.types import Reasoning

texts = st.none() | st.text()
thoughts = st.builds(
    Reasoning,
    st.text(),
    texts,
    st.just({}),
    st.none() | st.text(min_size=1),
    texts,
    st.booleans(),
    texts,
)


@given(thoughts)
def test_what_is_sealed_comes_back(thought: Reasoning) -> None:
    assert unseal(seal(thought), thought.text) == thought
    assert unseal(seal(thought, text=True)) == thought


@given(thoughts)
def test_a_seal_looks_like_a_signature(thought: Reasoning) -> None:
    assert re.fullmatch(r"pm1\.[A-Za-z0-9_-]+", seal(thought, text=True))


@pytest.mark.parametrize("text", ["", "ErUBCkYI", MARK, MARK + "%%%", MARK + "AAAA", MARK + "e30x"])
def test_what_is_none_of_ours_is_left_alone(text: str) -> None:
    assert unseal(text, "thought") is None

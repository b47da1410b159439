"""What is within what."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman_keys.rights import excess, lesser, within
from pointsman_keys.settings import Expiry, KeyGrants, TeamSettings

TEXTS = st.text("ab/", max_size=5)
GLOBS = st.text("ab/*?[]", max_size=5)


@pytest.mark.parametrize(
    ("pattern", "other", "is_within"),
    [
        ("*", "*", True),
        ("openai/*", "*", True),
        ("openai/gpt-*", "openai/*", True),
        ("openai/gpt-5", "openai/gpt-?", True),
        ("openai/*", "openai/*", True),
        ("*", "openai/*", False),
        ("open*", "openai/*", False),
        ("openai/*", "openai/gpt-*", False),
        ("open*", "open?", False),
        ("a*b", "*b", False),
    ],
)
def test_a_pattern_within_another(pattern: str, other: str, is_within: bool) -> None:
    assert within(pattern, other) is is_within


@given(GLOBS, GLOBS, TEXTS)
def test_what_is_within_matches_nothing_beyond(pattern: str, other: str, text: str) -> None:
    if within(pattern, other) and fnmatchcase(text, pattern):
        assert fnmatchcase(text, other)


def test_the_lesser_role() -> None:
    assert lesser("admin", "member") == lesser("member", "admin") == "member"
    assert lesser("viewer", "admin") == "viewer"


def test_everything_that_a_child_has_more_is_named() -> None:
    parent = TeamSettings(models=("a/*",), providers=("lab",), expires=Expiry.parse("2030-01-01"))
    child = KeyGrants(name="x", models=("a/b", "c"), surfaces=("chat",), role="admin")
    found = dict(excess(child, parent))
    assert set(found) == {"models", "providers", "role", "expires"}
    assert "'c'" in found["models"]
    assert "2030-01-01" in found["expires"]


def test_a_child_with_no_more_than_its_parent() -> None:
    parent = TeamSettings(models=("a/*",), expires=Expiry.parse("2030-01-01"))
    child = KeyGrants(name="x", models=("a/b*",), expires=Expiry.parse("2029-01-01"), role="viewer")
    assert not list(excess(child, parent))

"""Who sent the same headers before is known at once, for as long as nothing has changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest

import pointsman_keys
from pointsman.errors import Unauthenticated
from pointsman_keys import KeyGrants, Keys, TeamRecord, TeamSettings, VirtualKey
from pointsman_keys.settings import Expiry

NOW = datetime(2026, 11, 27, tzinfo=UTC)
HEADERS = [
    {"authorization": "Bearer pm-alice"},
    {"x-api-key": "pm-alice"},
    {"authorization": "bearer  pm-alice", "x-api-key": "pm-alice"},
]


def key(**grants: Any) -> VirtualKey:
    digest = sha256(b"pm-alice").digest()
    return VirtualKey(digest.hex(), digest, KeyGrants(name="alice", **grants))


@pytest.fixture
def keys() -> Keys:
    made = Keys()
    made.directory.put_team(TeamRecord("red", TeamSettings()))
    made.directory.put(key(team="red"))
    return made


def asking(headers: dict[str, str], at: datetime = NOW) -> Any:
    return SimpleNamespace(headers=headers, at=at, client="10.0.0.1")


@pytest.mark.parametrize("headers", HEADERS)
def test_the_second_time_nothing_is_hashed(
    keys: Keys, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = keys.authenticate(asking(headers))
    monkeypatch.setattr(pointsman_keys, "sha256", None)
    assert keys.authenticate(asking({**headers, "host": "x"})) is first
    assert first is not None
    assert first.name == "alice"


@pytest.mark.parametrize("headers", HEADERS)
def test_a_change_counts_at_once(keys: Keys, headers: dict[str, str]) -> None:
    directory = keys.directory
    for change, said in (
        (lambda: directory.put(key(team="red", disabled=True)), "is disabled"),
        (lambda: directory.put(key(team="red")), None),
        (lambda: directory.put_team(TeamRecord("red", TeamSettings(disabled=True))), "team 'red'"),
        (lambda: directory.put_team(TeamRecord("red", TeamSettings(tags=("x",)))), None),
        (lambda: directory.retire(key(team="red")), "not known"),
    ):
        change()
        for _ in range(2):
            if said is None:
                assert keys.authenticate(asking(headers)) is not None
                continue
            with pytest.raises(Unauthenticated, match=said):
                keys.authenticate(asking(headers))


def test_a_key_that_is_known_ends_when_it_expires(keys: Keys) -> None:
    keys.directory.put(key(expires=Expiry(2026, 11, 28, tzinfo=UTC)))
    assert keys.authenticate(asking(HEADERS[0])) is not None
    assert keys.authenticate(asking(HEADERS[0], NOW + timedelta(hours=23))) is not None
    with pytest.raises(Unauthenticated, match="expired at 2026-11-28"):
        keys.authenticate(asking(HEADERS[0], NOW + timedelta(days=1)))


def test_the_text_before_a_rotation_ends_with_its_overlap(keys: Keys) -> None:
    old = sha256(b"pm-old").digest(), NOW + timedelta(hours=1)
    keys.directory.put(VirtualKey(key().hash, key().digest, KeyGrants(name="alice"), old=old))
    headers = {"x-api-key": "pm-old"}
    assert keys.authenticate(asking(headers)) is not None
    with pytest.raises(Unauthenticated, match="expired"):
        keys.authenticate(asking(headers, NOW + timedelta(hours=1)))
    assert keys.authenticate(asking(HEADERS[0], NOW + timedelta(hours=1))) is not None


def test_who_is_not_let_in_is_not_remembered(keys: Keys) -> None:
    for headers in ({"x-api-key": "pm-wrong"}, {"authorization": "Bearer pm-alice", "x-api-key": "pm-bob"}):
        with pytest.raises(Unauthenticated):
            keys.authenticate(asking(headers))
    assert keys.authenticate(asking({})) is None
    assert keys.authenticate(asking({"authorization": "Basic x"})) is None
    assert keys.directory.seen == {}


def test_what_is_remembered_has_bounds(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pointsman_keys, "MOST_SEEN", 3)
    for spaces in range(1, 9):
        keys.authenticate(asking({"authorization": f"Bearer{' ' * spaces}pm-alice"}))
        assert len(keys.directory.seen) <= 3
    keys.directory.seen.clear()
    assert keys.authenticate(asking({"authorization": f"Bearer{' ' * 300}pm-alice"})) is not None
    assert keys.directory.seen == {}

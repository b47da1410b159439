"""The directory: what is worked out when a key or a team changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from pointsman.exchange import Actor
from pointsman_keys import (
    Directory,
    KeyGrants,
    Known,
    OrganisationSettings,
    TeamRecord,
    TeamSettings,
    VirtualKey,
)
from pointsman_keys.settings import DataPolicy, Expiry

EARLY, LATE = Expiry.parse("2098-01-01"), Expiry.parse("2099-01-01")


def key(name: str, **grants: Any) -> VirtualKey:
    digest = sha256(name.encode()).digest()
    return VirtualKey(digest.hex(), digest, KeyGrants(name=name, **grants))


def team(name: str, **grants: Any) -> TeamRecord:
    return TeamRecord(name, TeamSettings(**grants))


def test_a_key_is_found_by_hash_id_and_name() -> None:
    directory, alice = Directory(), key("alice")
    directory.put(alice)
    assert directory.key(alice.hash) is directory.key(alice.id) is directory.named("alice") is alice
    assert alice.id == f"key-{alice.hash[:12]}"
    assert directory.key("alice") is directory.named(alice.hash) is None
    assert (len(directory), list(directory)) == (1, [alice])


@pytest.mark.parametrize(
    ("own", "teams", "organisation", "until"),
    [
        (LATE, EARLY, None, EARLY),
        (EARLY, LATE, None, EARLY),
        (None, LATE, EARLY, EARLY),
        (None, None, None, None),
    ],
)
def test_the_earliest_expiry_counts(own: Any, teams: Any, organisation: Any, until: Any) -> None:
    directory = Directory(OrganisationSettings(expires=organisation))
    directory.put_team(team("red", expires=teams))
    alice = key("alice", team="red", expires=own)
    directory.put(alice)
    assert directory.known[alice.digest].until == until


def test_the_organisation_holds_for_keys_without_a_team_too() -> None:
    directory, alice = Directory(OrganisationSettings(name="us", models=("a/*",))), key("alice")
    directory.put(alice)
    actor = directory.known[alice.digest].actor
    assert [level.kind for level in actor.levels] == ["key", "organisation"]
    assert not actor.may_use("b/c")


@pytest.mark.parametrize(
    ("own", "teams", "role", "manages"),
    [
        ("admin", "admin", "member", "red"),
        ("admin", "member", "member", None),
        ("admin", "viewer", "viewer", None),
        ("member", "admin", "member", None),
        ("viewer", "admin", "viewer", None),
    ],
)
def test_the_lowest_role_counts_and_an_admin_of_a_team_is_one_there_alone(
    own: Any, teams: Any, role: str, manages: str | None
) -> None:
    directory, alice = Directory(), key("alice", team="red", role=own)
    directory.put_team(team("red", role=teams))
    directory.put(alice)
    known = directory.known[alice.digest]
    assert (known.actor.role, known.manages) == (role, manages)
    assert known.role == ("admin" if manages else role)


def test_keys_follow_their_team() -> None:
    directory, alice, bob = Directory(), key("alice", team="red"), key("bob")
    for each in (alice, bob):
        directory.put(each)
    assert "which is not there" in str(directory.known[alice.digest].refused)
    before = directory.known[bob.digest]
    directory.put_team(team("red", tags=("x",)))
    assert directory.known[alice.digest].refused is None
    assert directory.known[alice.digest].actor.tags == ("x",)
    directory.put_team(team("red", disabled=True))
    assert "which is disabled" in str(directory.known[alice.digest].refused)
    directory.drop_team("red")
    assert "which is not there" in str(directory.known[alice.digest].refused)
    assert directory.known[bob.digest] is before


def test_the_text_before_a_rotation_is_known_until_its_time_and_no_longer_than_the_key() -> None:
    directory, alice = Directory(), key("alice", expires=EARLY)
    old = sha256(b"before").digest()
    soon = datetime.now(UTC) + timedelta(hours=1)
    directory.put(replace(alice, old=(old, soon)))
    assert directory.known[old].until == soon
    assert directory.known[old].actor is directory.known[alice.digest].actor
    directory.put(replace(alice, old=(old, LATE)))
    assert directory.known[old].until == EARLY
    directory.put(alice)
    assert set(directory.known) == {alice.digest}
    directory.drop(alice.hash)
    assert directory.known == {}


def test_what_an_administrator_of_a_team_made_is_under_his_bounds_wherever_he_is() -> None:
    directory = Directory()
    directory.put_team(team("red", role="admin"))
    chief, deputy, child = (key(name, team="red") for name in ("chief", "deputy", "child"))
    chief = replace(chief, grants=replace(chief.grants, models=("a/*",), tags=("x",)))
    deputy, child = replace(deputy, maker=chief.id), replace(child, maker=deputy.id)
    for each in (child, deputy, chief):  # in whichever order they come
        directory.put(each)

    def levels() -> list[tuple[str, str]]:
        return [(level.kind, level.name) for level in directory.known[child.digest].actor.levels]

    expected = [("key", "child"), ("key", "deputy"), ("key", "chief"), ("team", "red")]
    assert levels() == expected
    actor = directory.known[child.digest].actor
    assert (actor.may_use("a/b"), actor.may_use("b/c"), actor.tags) == (True, False, ("x",))
    directory.put(replace(chief, grants=replace(chief.grants, models=("b/*",), disabled=True)))
    known = directory.known[child.digest]
    assert known.actor.may_use("b/c")
    assert not known.actor.may_use("a/b")
    assert known.refused is None, "who made a key may be shut, and it goes on"
    directory.retire(directory.key(chief.id) or chief)
    assert levels() == expected
    assert directory.key(chief.id) is None
    assert not directory.maker_is_lost(child)
    directory.drop(deputy.hash)
    assert directory.maker_is_lost(child)


def test_a_maker_of_whom_nothing_certain_is_known_shuts_what_he_made() -> None:
    directory, chief = Directory(), key("chief")
    child = replace(key("child"), maker=chief.id)
    directory.put(child)
    directory.retire(replace(chief, fault="key 'chief' has settings that cannot be used"))
    assert "was made by one with settings" in str(directory.known[child.digest].refused)


def test_data_policies_are_those_of_all_levels() -> None:
    strict = DataPolicy(collection="deny")
    directory = Directory(OrganisationSettings(data_policy=DataPolicy(zdr=True)))
    alice = key("alice", data_policy=strict)
    directory.put(alice)
    levels = directory.known[alice.digest].actor.levels
    assert [(level.uncollected, level.forgotten) for level in levels] == [(True, False), (False, True)]
    assert directory.known[alice.digest].actor.bounded


def test_who_was_let_in_is_forgotten_with_every_change() -> None:
    directory, alice = Directory(), key("alice", team="red")
    sent = ("Bearer x", None, None, None)
    for change in (
        lambda: directory.put(alice),
        lambda: directory.put_team(team("red")),
        lambda: directory.put(key("bob")),
        lambda: directory.drop_team("red"),
        lambda: directory.drop(alice.hash),
    ):
        directory.seen[sent] = Known(Actor("alice", "key-alice"))
        change()
        assert directory.seen == {}

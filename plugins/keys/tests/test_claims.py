"""Where a child says that it has what its parent has not."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.catalogue import Catalogue, Endpoint, Model
from pointsman.providers import Provider
from pointsman_keys import KeyGrants, TeamSettings
from pointsman_keys.claims import Parent, claims
from pointsman_keys.settings import DataPolicy


@pytest.fixture
def catalogue() -> Catalogue:
    found = Catalogue({})
    found.add(Model("acme/large", [Endpoint(Provider("lab", kind="lab"), "large")], ("big",)))
    return found


@pytest.mark.parametrize(
    ("own", "parents", "setting"),
    [
        ({"models": ("acme/large",)}, {"models": ("acme/small",)}, "models"),
        ({"models": ("big",)}, {"models": ("acme/large",)}, None),
        ({"models": ("*",)}, {"models": ("acme/small",)}, None),
        ({"models": ("acme/*",)}, {"models": ("acme/small",)}, None),
        ({"providers": ("lab",)}, {"providers": ("spare",)}, "providers"),
        ({"surfaces": ("chat",)}, {"surfaces": ("embed*",)}, "surfaces"),
        ({"role": "admin"}, {"role": "member"}, "role"),
        ({"role": "viewer"}, {"role": "member"}, None),
        (
            {"data_policy": DataPolicy(collection="allow")},
            {"data_policy": DataPolicy(collection="deny")},
            "data_policy.collection",
        ),
        ({"data_policy": DataPolicy(zdr=False)}, {"data_policy": DataPolicy(zdr=True)}, "data_policy.zdr"),
        ({}, {"data_policy": DataPolicy(collection="deny", zdr=True)}, None),
        ({"data_policy": DataPolicy(collection="deny", zdr=True)}, {}, None),
    ],
)
def test_a_claim_names_its_setting(
    catalogue: Catalogue, own: dict[str, Any], parents: dict[str, Any], setting: str | None
) -> None:
    child = KeyGrants(name="alice", **own)
    found = list(claims(catalogue, "key 'alice'", child, [Parent("team 'red'", TeamSettings(**parents))]))
    assert [each.setting for each in found] == ([setting] if setting else [])
    assert all("key 'alice'" in each.message and "team 'red'" in each.message for each in found)
    assert all(each.hint for each in found)


def test_each_parent_is_looked_at(catalogue: Catalogue) -> None:
    parents = [Parent(name, TeamSettings(providers=("spare",))) for name in ("a", "b")]
    child = KeyGrants(name="x", providers=("lab", "other"))
    assert len(list(claims(catalogue, "key 'x'", child, parents))) == 4


def test_a_team_may_have_a_higher_role_than_the_organisation(catalogue: Catalogue) -> None:
    """The highest role of a team is a bound and no claim."""
    parent = Parent("organisation 'us'", TeamSettings(role="viewer"))
    assert not list(claims(catalogue, "team 'red'", TeamSettings(role="admin"), [parent]))

"""Who manages what, and what he may grant."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.errors import Forbidden
from pointsman.exchange import Actor, Level
from pointsman_keys import Caller, KeyGrants, TeamSettings, VirtualKey
from pointsman_keys.callers import TEAM_FIELDS
from pointsman_keys.settings import DataPolicy, Expiry

RED = Level("team", "red", "red")


def caller(*levels: Level, role: Any = "admin", manages: str | None = None, until: Any = None) -> Caller:
    shown = role if manages is None else "member"
    return Caller(Actor("chief", "key-chief", shown, levels=levels), "10.0.0.1", until, manages)


ROOT = caller()
CHIEF = caller(Level("key", "key-chief", "chief"), RED, manages="red")


def key(name: str, **grants: Any) -> VirtualKey:
    return VirtualKey(name, name.encode(), KeyGrants(name=name, **grants))


def test_an_administrator_of_a_team_is_confined_to_it() -> None:
    assert (ROOT.team, CHIEF.team, CHIEF.role) == (None, "red", "admin")
    for check in (ROOT.check_admin, CHIEF.check_admin, ROOT.check_unconfined):
        check()
    with pytest.raises(Forbidden, match="administers team 'red' only"):
        CHIEF.check_unconfined()
    CHIEF.check_team("red")
    ROOT.check_team("blue")
    with pytest.raises(Forbidden, match="administers team 'red' only"):
        CHIEF.check_team("blue")
    seen = [key("a", team="red"), key("b", team="blue"), key("c")]
    assert [CHIEF.sees(each) for each in seen] == [True, False, False]
    assert all(ROOT.sees(each) for each in seen)


@pytest.mark.parametrize("role", ["member", "viewer"])
def test_others_manage_nothing(role: str) -> None:
    for check in (caller(role=role).check_admin, caller(role=role).check_unconfined):
        with pytest.raises(Forbidden, match="is no administrator"):
            check()


@pytest.mark.parametrize("name", ["cache", "prepaid", "priority", "markup", "key_hash", "unheard_of"])
def test_what_an_administrator_of_a_team_may_not_say(name: str) -> None:
    with pytest.raises(Forbidden, match=f"may not set `{name}`") as caught:
        CHIEF.check_fields({"name": "x", name: None})
    assert caught.value.param == name
    ROOT.check_fields({name: 1})


def test_what_an_administrator_of_a_team_may_say() -> None:
    CHIEF.check_fields(dict.fromkeys(TEAM_FIELDS))


@pytest.mark.parametrize(
    ("own", "grants", "above", "param"),
    [
        ({"models": ("a",)}, {"models": ("b",)}, {}, "models"),
        ({"models": ("a",)}, {}, {}, "models"),
        ({"models": ("a",)}, {"models": ("a",)}, {}, None),
        ({"providers": ("lab",)}, {"providers": ("*",)}, {}, "providers"),
        ({"surfaces": ("chat",)}, {"surfaces": ("chat", "images")}, {}, "surfaces"),
        ({"forgotten": True}, {}, {}, "data_policy"),
        ({"forgotten": True}, {"data_policy": DataPolicy(zdr=True)}, {}, None),
        ({"forgotten": True}, {}, {"data_policy": DataPolicy(zdr=True)}, None),
        ({"uncollected": True}, {"data_policy": DataPolicy(zdr=True)}, {}, "data_policy"),
        ({"uncollected": True}, {"data_policy": DataPolicy(collection="deny")}, {}, None),
    ],
)
def test_a_key_may_do_no_more_than_its_maker(
    own: dict[str, Any], grants: dict[str, Any], above: dict[str, Any], param: str | None
) -> None:
    maker = caller(Level("key", "key-chief", "chief", **own))
    made, over = KeyGrants(name="x", **grants), [TeamSettings(**above)]
    if param is None:
        maker.check_grants(made, over)
        return
    with pytest.raises(Forbidden, match=r"may not grant .*: it has no more itself") as caught:
        maker.check_grants(made, over)
    assert caught.value.param == param


def test_nor_live_longer_nor_leave_its_team() -> None:
    soon = caller(until=Expiry.parse("2030-01-01"))
    for expires in (None, Expiry.parse("2031-01-01")):
        with pytest.raises(Forbidden, match="a life beyond"):
            soon.check_grants(KeyGrants(name="x", expires=expires), [])
    soon.check_grants(KeyGrants(name="x", expires=Expiry.parse("2029-01-01")), [])
    for team in (None, "blue"):
        with pytest.raises(Forbidden, match="administers team 'red' only"):
            CHIEF.check_grants(KeyGrants(name="x", team=team), [])
    CHIEF.check_grants(KeyGrants(name="x", team="red"), [])

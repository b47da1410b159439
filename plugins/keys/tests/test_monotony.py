"""Whatever is done in whatever order: a child never has more than its parent, nor anybody more than what
made it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pointsman.catalogue import Catalogue
from pointsman.config import Schema
from pointsman.errors import RequestError
from pointsman.exchange import Actor, Level
from pointsman.facts import About
from pointsman_keys import Accounts, Caller, Directory
from pointsman_keys.rights import RANK
from pointsman_keys.settings import DataPolicy, OrganisationSettings

NAMES = ("narrow", "chief", "c", "d")
TEAMS = ("red", "blue")
MODELS = ("x/1", "x/2", "y/1", "fast")
PROVIDERS = ("lab", "spare")
SURFACES = ("chat", "embeddings")
ABOUTS = {
    "nothing": About(),
    "kept": About(trains=False, retains=True),
    "learnt": About(trains=True, retains=False),
}
GLOBS = st.lists(st.sampled_from(["*", "x/*", "x/1", "?/1", "fast", "lab", "chat", "s*"]), max_size=2)
GRANTS = st.fixed_dictionaries(
    {},
    optional={
        "models": GLOBS,
        "providers": GLOBS,
        "surfaces": GLOBS,
        "role": st.sampled_from(["admin", "member", "viewer"]),
        "disabled": st.booleans(),
        "expires": st.sampled_from(["2098-01-01", "2099-01-01", None]),
        "data_policy": st.sampled_from([{"zdr": True}, {"collection": "deny"}, {"zdr": False}, None]),
    },
)
KEYS = st.tuples(GRANTS, st.sampled_from([None, *TEAMS])).map(
    lambda each: {**each[0], **({"team": each[1]} if each[1] else {})}
)


class Paper:
    """A ledger that keeps nothing."""

    async def execute(self, statements: Any) -> list[int]:
        return [1] * len(statements)


def rights(actor: Actor) -> set[tuple[str, str]]:
    """What an actor may really do."""
    may = {("model", name) for name in MODELS if actor.may_use(name)}
    may |= {("provider", name) for name in PROVIDERS if actor.may_reach(name)}
    may |= {("data", name) for name, about in ABOUTS.items() if actor.may_tell(about)}
    return may


class Changes(RuleBasedStateMachine):
    """Administrators of all kinds make and change keys and teams."""

    @initialize(organisation=GRANTS)
    def begin(self, organisation: dict[str, Any]) -> None:
        known: Any = {name: tuple(each) for name, each in organisation.items() if isinstance(each, list)}
        if organisation.get("data_policy"):
            known["data_policy"] = DataPolicy(**organisation["data_policy"])
        self.directory = Directory()
        gateway: Any = SimpleNamespace(
            setup=SimpleNamespace(schema=Schema(), catalogue=Catalogue({})),
            ledger=Paper(),
            shielded=lambda work: work,
        )
        self.accounts = Accounts(gateway, self.directory)
        self.root = Caller(Actor("root", "key-root", role="admin"))
        for name in TEAMS:
            self.run(self.accounts.create_team(self.root, name, {"role": "admin", "models": ["x/*", "fast"]}))
        for name, more in (("narrow", {"models": ["x/*"]}), ("chief", {"team": "red", "models": ["x/1"]})):
            assert self.run(self.accounts.create_key(self.root, {"name": name, "role": "admin", **more}))
        self.directory.organisation = OrganisationSettings(**known)
        for key in list(self.directory):
            self.directory.put(key)

    def caller(self, name: str | None) -> Caller:
        key = self.directory.named(name) if name is not None else None
        if key is None:
            return self.root
        known = self.directory.known[key.digest]
        return Caller(known.actor, "", known.until, known.manages)

    def run(self, work: Any) -> Any:
        try:
            return asyncio.run(work)
        except RequestError:
            return None

    @rule(name=st.sampled_from(TEAMS), given=GRANTS, by=st.sampled_from([*NAMES, None]))
    def put_team(self, name: str, given: dict[str, Any], by: str | None) -> None:
        confined = self.caller(by).team is not None
        change = self.accounts.change_team if name in self.directory.teams else self.accounts.create_team
        made = self.run(change(self.caller(by), name, given))
        assert made is None or not confined

    @rule(name=st.sampled_from(NAMES), given=KEYS, by=st.sampled_from([*NAMES, None]))
    def put_key(self, name: str, given: dict[str, Any], by: str | None) -> None:
        caller = self.caller(by)
        mine, key = rights(caller.actor), self.directory.named(name)
        if key is None:
            made = self.run(self.accounts.create_key(caller, {"name": name, **given}))
            changed = made[0] if made is not None else None
        else:
            changed = self.run(self.accounts.change_key(caller, key.hash, given))
        if changed is None or given == {"disabled": True}:
            return
        if key is None:
            assert changed.maker == (caller.actor.key_id if caller.team is not None else None)
        known = self.directory.known[changed.digest]
        assert caller.role == "admin"
        assert rights(known.actor) <= mine
        assert RANK[known.role] <= RANK[caller.role]
        assert caller.until is None or (known.until is not None and known.until <= caller.until)
        assert caller.team in (None, changed.grants.team)

    @rule(name=st.sampled_from(NAMES), by=st.sampled_from([*NAMES, None]), overlap=st.sampled_from([0, 60]))
    def rotate(self, name: str, by: str | None, overlap: float) -> None:
        caller, key = self.caller(by), self.directory.named(name)
        if key is not None:
            rotated = self.run(self.accounts.rotate_key(caller, key.hash, overlap))
            if rotated is not None:
                assert rights(
                    self.directory.known[key.digest if overlap else rotated[0].digest].actor
                ) <= rights(caller.actor)

    @rule(name=st.sampled_from(NAMES))
    def revoke(self, name: str) -> None:
        key = self.directory.named(name)
        if key is not None:
            self.run(self.accounts.revoke_key(self.root, key.hash))
            assert key.digest not in self.directory.known

    @invariant()
    def a_child_never_has_more_than_its_parent(self) -> None:
        for key in getattr(self, "directory", ()):
            known = self.directory.known[key.digest]
            for level in self.directory.above(key):
                policy = level.grants.data_policy
                bounds = Level(
                    level.kind,
                    level.id,
                    level.name,
                    models=level.grants.models,
                    providers=level.grants.providers,
                    uncollected=policy.collection == "deny",
                    forgotten=policy.zdr is True,
                )
                assert rights(known.actor) <= rights(Actor("parent", "parent", levels=(bounds,)))
            for _, _, _, above in self.directory.over(key.grants):
                assert RANK[known.role] <= RANK[above.role]
                assert not above.disabled or known.refused
                assert above.expires is None or (known.until is not None and known.until <= above.expires)
            digests = {key.digest, *([key.old[0]] if key.old else [])}
            assert digests <= set(self.directory.known)

    @invariant()
    def nothing_is_known_that_belongs_to_no_key(self) -> None:
        directory = getattr(self, "directory", None)
        if directory is not None:
            owned = {key.digest for key in directory} | {key.old[0] for key in directory if key.old}
            assert set(directory.known) == owned


Changes.TestCase.settings = settings(
    max_examples=100, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestChanges = Changes.TestCase

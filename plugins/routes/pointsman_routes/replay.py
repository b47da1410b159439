"""Replay: requests that were recorded, decided again by a configuration, from what their records kept.

No record has a request's content. What is decided again is the smallest request of its kind, with the length
and the members that the record tells, and with the values of variables that it kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from pointsman.errors import RequestError, StartupError
from pointsman.exchange import Actor, Exchange
from pointsman.gateway import Gateway
from pointsman.outlook import likely_usage
from pointsman.setup import Setup
from pointsman.types import Request, Usage

from .clauses import LONGEST_TOLD
from .dry import ADMIN, actor_of, body_of, codec_of, dry_exchange, valued
from .preferences import MEMBER
from .rules import GIVEN

__all__ = ["NotReplayable", "Way", "compared", "replayed"]

Record = Mapping[str, Any]
TIER, PRESET = "service_tier", "preset"
"""Members of requests that records tell among their values."""
DERIVED = frozenset(
    {
        *("model", "surface", "dialect", "stream", "has_tools", "tokens", "max_tokens", PRESET, TIER),
        *("key", "key.tags", "team", "organisation"),
        *("time", "day", "price.window"),
    }
)
"""Variables that follow from what every record has, and from the configuration."""


class NotReplayable(Exception):
    """Why a recorded request cannot be decided again, in words that are the same for all of a kind."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where a request goes: the rule, its models, the endpoints in the order in which they are tried, and
    what the first one asks for it in nano-USD, None where that is not known; or the error that refuses it."""

    rule: str | None
    models: tuple[str, ...]
    endpoints: tuple[str, ...] = ()
    refused: str | None = None
    nano: int | None = None

    @property
    def choice(self) -> str:
        """The endpoint tried first, or what is answered in its place."""
        return self.endpoints[0] if self.endpoints else f"({self.refused})"


async def compared(old: Gateway, new: Gateway, record: Record) -> tuple[Way, Way]:
    """Where a recorded request goes by one configuration and by another. Raises NotReplayable."""
    told = record["values"].get(MEMBER)
    before = await replayed(old, record, "OLD", own=None)
    own: Any = None
    if told is not None and before.decision.values.get(MEMBER) != told:
        own = told["levels"][0] if "levels" in told else told
        before = await replayed(old, record, "OLD", own=own)
    found = before.decision
    if (found.rule, list(found.models)) != (record["rule"], list(record["models"])):
        raise NotReplayable("OLD decides otherwise than was decided then: it has changed since")
    after = await replayed(new, record, "NEW", own=own)
    barred = _barred(before, record)
    return _way(before, record, barred), _way(after, record, barred)


async def replayed(gateway: Gateway, record: Record, name: str, *, own: Any) -> Exchange:
    """A recorded request, decided by the configuration that is called `name`. `own` are its own preferences.
    Raises NotReplayable."""
    asked, values = record.get("request"), record["values"]
    if asked is None or "characters" not in asked:
        raise NotReplayable("its record is of a version that kept too little")
    if not record["requested"]:
        raise NotReplayable("it ended before its model was known")
    setup = gateway.setup
    try:
        codec = codec_of(setup, asked["surface"], asked["dialect"])
        smallest = Request(body_of(codec, record["requested"], None)).fields
    except StartupError as why:
        raise NotReplayable(f"{name}: {why}") from None
    members = {MEMBER: own, TIER: values.get(TIER), PRESET: values.get(PRESET)}
    kept = _kept(setup, values)

    def prepare(exchange: Exchange) -> None:
        peek = exchange.peek
        peek.models, peek.stream = tuple(asked["models"]), asked["stream"]
        peek.has_tools, peek.max_tokens = asked["tools"], asked["max_tokens"]
        peek.characters = asked["characters"]

    exchange, error = await dry_exchange(
        gateway,
        codec,
        msgspec.json.encode({**smallest, **{key: each for key, each in members.items() if each is not None}}),
        actor=_actor(setup, asked["key"], name),
        seed=record.get("seed"),
        at=datetime.fromisoformat(record["at"]),
        notes={GIVEN: kept},
        again=record,
        prepare=prepare,
    )
    exchange.error = error
    for variable in exchange.decision.values:
        if variable in DERIVED or variable in kept or _variable(setup, variable) is None:
            continue
        raise NotReplayable(f"a rule of {name} asks for `{variable}`, which was not kept")
    return exchange


def _kept(setup: Setup, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of variables that a record kept whole, and that do not follow from anything else."""
    return {
        name: valued(value)
        for name, value in values.items()
        if name not in DERIVED and _variable(setup, name) is not None and not _is_cut(value)
    }


def _is_cut(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= LONGEST_TOLD


def _variable(setup: Setup, name: str) -> object | None:
    return setup.variables.get(name) or setup.variables.get(name.partition(".")[0])


def _actor(setup: Setup, key: str | None, name: str) -> Actor | None:
    """Who asked. None is anybody, where keys are not asked for."""
    if setup.core.auth == "none" or key is None:
        return None
    try:
        return actor_of(setup, key)
    except StartupError:
        if key == ADMIN.name:
            return ADMIN
        raise NotReplayable(f"{name} does not have its key") from None


def _barred(exchange: Exchange, record: Record) -> frozenset[str]:
    """Endpoints that were left out for the request's content, which is not replayed."""
    left = {each.endpoint.id for each in exchange.candidates}
    return frozenset(
        each["endpoint"] for each in record["excluded"] if each["by"] == "core" and each["endpoint"] in left
    )


def _way(exchange: Exchange, record: Record, barred: frozenset[str]) -> Way:
    decision, error = exchange.decision, exchange.error
    stay = [each.endpoint for each in exchange.candidates if each.endpoint.id not in barred]
    refused = None
    if error is not None or not stay:
        refused = (error.code or error.error_type) if error is not None else "no_endpoints"
        stay = []
    nano = None
    if stay:
        used = record["outcomes"].get("usage")
        usage = Usage(**used) if used is not None else likely_usage(exchange)
        try:
            cost = exchange.quote(stay[0], usage)
        except RequestError:
            cost = None
        nano = cost.nano if cost is not None else None
    endpoints = tuple(each.id for each in stay)
    return Way(decision.rule, tuple(decision.models), endpoints, refused, nano)

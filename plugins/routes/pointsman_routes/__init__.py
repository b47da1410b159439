"""Routing rules, the endpoints they lead to, and the record of every decision worth keeping."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random

from pointsman import hookimpl
from pointsman.bounds import on_loss
from pointsman.config import Problem
from pointsman.errors import BadRequest, ConfigError, UnknownModel
from pointsman.exchange import Candidate, Exchange, Plan
from pointsman.gateway import Gateway
from pointsman.registers import (
    RegisterCommand,
    RegisterHttp,
    RegisterRouting,
    RegisterSettings,
    RegisterTable,
)
from pointsman.setup import Picker, Setup

from .checks import errors
from .decisions import DECISIONS, keep, show_decision
from .families import Families, is_family, unknown_family, with_newest
from .listing import Places, listed, places_of
from .meant import stands_for, with_meant
from .pace import Paces
from .picking import default_of, picked, unknown_picks
from .preferences import MEMBER, Preferences
from .presets import NOTE as PRESET_NOTE
from .presets import PRESET, Asked, PresetSettings, asks, expanded, unknown_models
from .ranking import ranked, suited
from .rules import Rules, compile_rules
from .settings import ExplainSettings, RouteSettings, RoutesSettings, RuleTestSettings
from .tiers import MEMBERS as TIERS
from .tiers import register_tiers
from .variables import register_variables
from .wanted import Wanted, wanted_of
from .wishes import Above

__all__ = ["POINTSMAN_API", "Routes"]

POINTSMAN_API = 1

LONGEST_SHOWN = 100
MOST_KEPT = 4096
"""For how many models, at each place in a plan, the reasons of their endpoints are kept."""
NOTE = "routes"


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a setup's configuration says of routing, ready for requests. `places` tells of a model at its
    place in a plan its endpoints, each with why it has its own; `families` which models there are of one."""

    rules: Rules
    sample: float
    picker: Picker | None
    places: Places
    families: Families


class Routes:
    """The plugin. Its rules are compiled with the setup that they belong to."""

    def __init__(self) -> None:
        self._above = Above()
        self._paces = Paces()
        self._draw = Random().random  # noqa: S311 - a sample, not a secret

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """Claim `routes:` and `explain:`, and `preferences` of all that a request is under."""
        register(RoutesSettings)
        register(
            tuple[RouteSettings, ...],
            section="routes",
            default=(),
            help="Rules that say which models a request goes to; the first that matches decides.",
        )
        register(
            tuple[RuleTestSettings, ...],
            section="tests",
            default=(),
            help="Tests of the rules, run by `pointsman check`.",
        )
        register(
            dict[str, PresetSettings],
            section="presets",
            factory=dict,
            help="Presets, by the names by which requests ask for them: `@preset/x` in the place of a model.",
            example={"short": {"models": ["fast"], "params": {"max_tokens": 200}}},
        )
        register(ExplainSettings, section="explain")
        register_tiers(register)
        for record, what in (
            ("key", "requests of this key"),
            ("team", "requests of its keys"),
            ("organisation", "requests of its keys"),
            ("use", "requests of this rule"),
            ("preset", "requests for this preset"),
        ):
            register.field(
                record,
                "preferences",
                Preferences | None,
                default=None,
                help=f"What {what} ask of endpoints, in the shape of `{MEMBER}` in a request: of choices "
                "(`order`, `sort`, …) the request's own count first, of filters all.",
                example={"zdr": True, "sort": "price"},
            )

    @hookimpl
    def register_routing(self, register: RegisterRouting) -> None:
        """The variables that any request has."""
        register_variables(register)

    @hookimpl
    def register_tables(self, register: RegisterTable) -> None:
        """Keep decision records."""
        register(DECISIONS)

    @hookimpl
    def register_http(self, register: RegisterHttp) -> None:
        """Serve decision records."""
        for prefix in ("/v1", "/api/v1"):
            register(f"{prefix}/decisions/{{id}}", show_decision, methods=("GET",), role="member")

    @hookimpl
    def register_commands(self, register: RegisterCommand) -> None:
        """Add `pointsman explain` and `pointsman diff`."""
        from .diff import diff
        from .explain import explain

        register(explain)
        register(diff)

    @hookimpl
    async def startup(self, gateway: Gateway) -> None:
        """Compile the rules. Raises ConfigError for a rule that could not work."""
        await self.reload(gateway, gateway.setup)

    @hookimpl
    async def reload(self, gateway: Gateway, setup: Setup) -> None:
        """The same of a setup that is to come: its requests find there what is compiled."""
        routes: tuple[RouteSettings, ...] = setup.section("routes")
        await setup.catalogue.settled(_used(setup))
        rules = compile_rules(setup)
        families = Families(setup.catalogue)
        problems = [*errors(setup, rules, families), *unknown_models(setup, families)]
        problems += unknown_picks(setup, routes)
        if problems:
            raise ConfigError.of(problems)
        setup.notes[NOTE] = Compiled(
            rules,
            setup.section("explain").sample,
            default_of(setup),
            lru_cache(MOST_KEPT)(places_of),
            families,
        )

    @hookimpl
    async def check_setup(self, gateway: Gateway) -> list[Problem]:
        """What has no effect or not the one that seems meant, and the rule tests that fail."""
        from .checks import warnings
        from .rehearsal import rehearse

        rules = compile_rules(gateway.setup)
        return [*warnings(gateway, rules), *[problem async for problem in rehearse(gateway)]]

    @hookimpl
    def select_route(self, exchange: Exchange) -> Plan:
        """The plan of the first rule that matches. Raises UnknownModel if none of its models exists."""
        compiled, decision = _compiled(exchange), exchange.decision
        if asks(exchange):
            expanded(exchange)
        if is_family(exchange.peek.model) or exchange.peek.models:
            _find_newest(exchange, compiled.families)
        judgement = compiled.rules.judge(exchange)
        decision.rules, decision.values = judgement.rules, judgement.values
        decision.further = compiled.rules.further
        plan, catalogue, fields = judgement.plan, exchange.setup.catalogue, exchange.request.fields
        preset: Asked | None = exchange.notes.get(PRESET_NOTE)
        if judgement.families:
            plan = replace(plan, models=with_newest(exchange, plan.models, compiled.families))
        said = self._above.of(exchange.actor, plan.extra)
        if preset is not None:
            plan = preset.planned(plan)
            decision.values = {**decision.values, PRESET: preset.name}
        if said or judgement.suffixed or MEMBER in fields or preset or not TIERS.isdisjoint(fields):
            plan, wanted = wanted_of(exchange, plan, said, preset)
            if wanted is not None:
                exchange.notes[NOTE] = wanted
        if stands_for(exchange, plan):
            plan = with_meant(exchange, plan)
        for name in plan.models:
            if catalogue.resolve(name) is not None:
                return plan
        if is_family(plan.models[0]):
            raise unknown_family(exchange, plan.models[0], compiled.families)
        raise _no_model(exchange, plan.models[0])

    @hookimpl
    def admit(self, exchange: Exchange) -> Awaitable[None] | None:
        """Look how fast endpoints have been, where a request asks for it."""
        wanted = exchange.notes.get(NOTE)
        if wanted is None or not wanted.timed or self._paces.fresh:
            return None
        return self._paces.read(exchange.gateway.ledger)

    @hookimpl
    def list_candidates(self, exchange: Exchange) -> list[Candidate]:
        """The endpoints of the plan's models that can give what is asked for."""
        return listed(exchange, _compiled(exchange).places, exchange.notes.get(NOTE))

    @hookimpl(trylast=True)
    def rank_candidates(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate] | None:
        """What the request wants, after all else: nobody changes an order that was asked for. Raises
        BadRequest where nothing came of it and losses are refused."""
        wanted: Wanted | None = exchange.notes.get(NOTE)
        if wanted is None and len(candidates) < 2:
            return None
        candidates = picked(exchange, candidates, _compiled(exchange).picker)
        candidates = suited(exchange, candidates) or candidates
        if wanted is None:
            return candidates
        kept, lost = ranked(exchange, candidates, wanted, self._paces.known)
        if lost and exchange.plan is not None:
            if on_loss(exchange) == "reject":
                raise BadRequest(
                    f"nothing is known that `{lost[0]}` could go by",
                    code="unsupported_parameter",
                    param=lost[0],
                )
            exchange.plan = replace(exchange.plan, lost=tuple(lost))
        return kept

    @hookimpl
    def request_finished(self, exchange: Exchange) -> None:
        """Store the decision record of a request that failed, asked for it, or is in the sample."""
        sampled = self._draw() < _compiled(exchange).sample
        if exchange.error is not None or sampled or exchange.wants_explanation():
            keep(exchange)


def _compiled(exchange: Exchange) -> Compiled:
    found: Compiled = exchange.setup.notes[NOTE]
    return found


def _used(setup: Setup) -> Iterator[str]:
    """The models that rules and presets name."""
    for route in setup.section("routes"):
        yield from (*route.use.models, *route.use.fallbacks)
    for preset in setup.section("presets").values():
        yield from preset.models


def _find_newest(exchange: Exchange, families: Families) -> None:
    """Put models in the place of the families that a request asks for, before any rule is asked."""
    peek = exchange.peek
    if any(map(is_family, (peek.model, *peek.models))):
        peek.model, *further = with_newest(exchange, (peek.model, *peek.models), families)
        peek.models = tuple(further)


def _no_model(exchange: Exchange, name: str) -> UnknownModel:
    """What to tell a client that asks for a model nobody serves: what it may have meant."""
    catalogue, actor = exchange.setup.catalogue, exchange.actor
    usable = [
        each
        for each in catalogue.names()
        if actor is not None
        and (resolution := catalogue.resolve(each)) is not None
        and actor.may_use(*resolution.names)
    ]
    near = catalogue.near(name[:LONGEST_SHOWN], among=usable)
    hint = f"did you mean {' or '.join(near)}?" if near else "GET /v1/models lists what there is"
    return UnknownModel(f"there is no model {name[:LONGEST_SHOWN]!r}; {hint}", model=name)

"""Routing rules, the endpoints they lead to, and the record of every decision worth keeping."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from random import Random

from pointsman import hookimpl
from pointsman.bounds import on_loss
from pointsman.catalogue import Endpoint, Resolution
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
from .pace import Paces
from .picking import default_of, picked, unknown_picks
from .preferences import MEMBER, Preferences, preferences_of
from .prices import Quotes
from .ranking import ranked, suited
from .rules import Rules, compile_rules
from .settings import ExplainSettings, RouteSettings, RoutesSettings, RuleTestSettings
from .variables import register_variables
from .variants import Variant, varied
from .wishes import NOTHING, Above, Wishes, wishes_of

__all__ = ["POINTSMAN_API", "Routes"]

POINTSMAN_API = 1

LONGEST_SHOWN = 100
MOST_KEPT = 4096
"""For how many models, at each place in a plan, the reasons of their endpoints are kept."""
NOTE = "routes"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request wants beyond its models."""

    wishes: Wishes = NOTHING
    variants: Mapping[str, Variant] = field(default_factory=dict)

    @property
    def timed(self) -> bool:
        """Whether it matters how fast endpoints are."""
        return self.wishes.timed or any(each.by == "throughput" for each in self.variants.values())


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a setup's configuration says of routing, ready for requests. `places` tells of a model at its
    place in a plan its endpoints, each with why it has its own."""

    rules: Rules
    sample: float
    picker: Picker | None
    places: Callable[[Resolution, int], list[tuple[Endpoint, str]]]


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
        register(ExplainSettings, section="explain")
        for record, what in (
            ("key", "requests of this key"),
            ("team", "requests of its keys"),
            ("organisation", "requests of its keys"),
            ("use", "requests of this rule"),
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
        """Add `pointsman explain`."""
        from .explain import explain

        register(explain)

    @hookimpl
    async def startup(self, gateway: Gateway) -> None:
        """Compile the rules. Raises ConfigError for a rule that could not work."""
        await self.reload(gateway, gateway.setup)

    @hookimpl
    async def reload(self, gateway: Gateway, setup: Setup) -> None:
        """The same of a setup that is to come: its requests find there what is compiled."""
        routes: tuple[RouteSettings, ...] = setup.section("routes")
        await setup.catalogue.settled(
            name for route in routes for name in (*route.use.models, *route.use.fallbacks)
        )
        rules = compile_rules(setup)
        problems = [*errors(setup, rules), *unknown_picks(setup, routes)]
        if problems:
            raise ConfigError.of(problems)
        setup.notes[NOTE] = Compiled(
            rules,
            setup.section("explain").sample,
            default_of(setup),
            lru_cache(MOST_KEPT)(_places),
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
        judgement, decision = _compiled(exchange).rules.judge(exchange), exchange.decision
        decision.rules, decision.values = judgement.rules, judgement.values
        decision.further = _compiled(exchange).rules.further
        plan, catalogue = judgement.plan, exchange.setup.catalogue
        said = self._above.of(exchange.actor, plan.extra)
        if said or judgement.suffixed or MEMBER in exchange.request.fields:
            plan = _wanted(exchange, plan, said)
        for name in plan.models:
            if catalogue.resolve(name) is not None:
                return plan
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
        """The endpoints of the plan's models, in the plan's and then the operator's order, each once."""
        plan, resolve, places = exchange.plan, exchange.setup.catalogue.resolve, _compiled(exchange).places
        variants = exchange.notes[NOTE].variants if NOTE in exchange.notes else {}
        candidates: dict[str, Candidate] = {}
        for number, name in enumerate(plan.models if plan is not None else (), 1):
            resolution = resolve(name)
            if resolution is None:
                exchange.decision.exclude(name[:LONGEST_SHOWN], by="routes", why="no such model")
                continue
            for endpoint, reason in places(resolution, number):
                if endpoint.id not in candidates:
                    candidates[endpoint.id] = Candidate(endpoint, resolution.model, [reason])
        listed = list(candidates.values())
        return _free(exchange, listed, variants) if variants else listed

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
        kept, lost = ranked(exchange, candidates, wanted.wishes, wanted.variants, self._paces.known)
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


def _wanted(exchange: Exchange, plan: Plan, above: tuple[Preferences, ...]) -> Plan:
    """The plan of a request that may want more than models; what it wants goes on record. Raises
    BadRequest."""
    own = preferences_of(exchange.request)
    wishes = wishes_of(above if own is None else (own, *above))
    models, variants = varied(plan.models, exchange.setup.catalogue)
    if wishes is NOTHING and not variants:
        return plan
    exchange.notes[NOTE] = Wanted(wishes, variants)
    told = {MEMBER: wishes.said, "variants": {model: each.suffix for model, each in variants.items()}}
    preferences = {name: value for name, value in told.items() if value}
    exchange.decision.values = {**exchange.decision.values, **preferences}
    return replace(plan, models=models, preferences=preferences)


def _free(
    exchange: Exchange, candidates: list[Candidate], variants: Mapping[str, Variant]
) -> list[Candidate]:
    """Without the endpoints that are not known to cost nothing, of models that are to be had so."""
    quotes, kept = Quotes(exchange), []
    for candidate in candidates:
        variant = variants.get(candidate.model)
        if variant is None or not variant.free or quotes.free(candidate.endpoint):
            kept.append(candidate)
        else:
            exchange.exclude(candidate, by="routes", why="model:free: it is not known to cost nothing")
    return kept


def _places(resolution: Resolution, number: int) -> list[tuple[Endpoint, str]]:
    """The endpoints of a model that is the plan's choice of this number, each with why it has its place."""
    choice, of = f"{_ordinal(number)} choice: model {resolution.asked}", len(resolution.endpoints)
    return [
        (endpoint, f"{choice}, endpoint {place} of {of}")
        for place, endpoint in enumerate(resolution.endpoints, 1)
    ]


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


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

"""Rehearsal: the rule tests of a configuration, each a request that is decided and not sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from difflib import get_close_matches
from typing import Any

import msgspec

from pointsman.config import Problem
from pointsman.errors import RequestError, StartupError
from pointsman.exchange import Exchange
from pointsman.gateway import Gateway
from pointsman.setup import Setup
from pointsman.types import Request

from .dry import actor_of, body_of, codec_of, dry_exchange
from .rules import GIVEN
from .settings import AskedSettings, RuleTestSettings
from .variables import MODEL

__all__ = ["rehearse"]

SEED = 0
"""Of every test: what is drawn is drawn alike each time."""


async def rehearse(gateway: Gateway) -> AsyncIterator[Problem]:
    """Run the tests; what fails, at its place."""
    setup = gateway.setup
    for number, test in enumerate(setup.section("tests")):
        place = f"tests.{number}"
        wrong = [*_wrong_values(setup, test, f"{place}.request.values")]
        for problem in wrong:
            yield problem
        if wrong:
            continue
        try:
            exchange, error = await _decided(gateway, test.request)
        except StartupError as reason:
            yield setup.config.problem(f"{place}.request", f"rule test {test.name!r} cannot run: {reason}")
            continue
        for name, expected, found in _differences(test, exchange, error):
            yield setup.config.problem(
                f"{place}.expect.{name}",
                f"rule test {test.name!r} fails: {name} is {found}",
                expected=expected,
                hint=_why(exchange),
            )


async def _decided(gateway: Gateway, asked: AskedSettings) -> tuple[Exchange, RequestError | None]:
    """Decide the request of a test. Raises StartupError where there is none."""
    setup = gateway.setup
    codec = codec_of(setup, asked.surface, asked.dialect)
    smallest = Request(body_of(codec, asked.model, None)).fields
    return await dry_exchange(
        gateway,
        codec,
        msgspec.json.encode({**smallest, **asked.body}),
        actor=actor_of(setup, asked.key) if asked.key is not None else None,
        seed=SEED,
        at=asked.at.at if asked.at is not None else None,
        headers=asked.headers,
        notes={GIVEN: asked.values} if asked.values else None,
    )


def _wrong_values(setup: Setup, test: RuleTestSettings, place: str) -> Iterator[Problem]:
    """Values of variables that there are not."""
    for name in test.request.values:
        if name == MODEL:
            yield setup.config.problem(f"{place}.{name}", "the model of a test is `request.model`")
        elif name not in setup.variables and name.partition(".")[0] not in setup.variables:
            near = get_close_matches(name, setup.variables, 1)
            yield setup.config.problem(
                f"{place}.{name}",
                f"rules know no variable {name!r}",
                expected=f"one of {', '.join(sorted(setup.variables))}",
                hint=f"did you mean {near[0]}?" if near else "",
            )


def _differences(
    test: RuleTestSettings, exchange: Exchange, error: RequestError | None
) -> Iterator[tuple[str, str, str]]:
    """What is not as expected: its name, what was expected, what was found."""
    expect, rule = test.expect, exchange.decision.rule
    endpoints = [each.endpoint.id for each in exchange.candidates]
    first = exchange.candidates[0].endpoint.provider.name if exchange.candidates else None
    code = {error.code, error.error_type} if error is not None else set()
    pairs: list[tuple[str, Any, Any]] = [
        ("rule", expect.rule, rule),
        ("models", expect.models, tuple(exchange.decision.models)),
        ("provider", expect.provider, first),
        ("endpoints", expect.endpoints, tuple(endpoints)),
    ]
    if error is not None and expect.error is None:
        yield "error", "an answer", f"{error.code or error.error_type}: {error.message}"
        return
    for name, wanted, found in pairs:
        if wanted is not None and wanted != found:
            yield name, _told(wanted), _told(found)
    if expect.no_rule and rule is not None:
        yield "no_rule", "no rule", _told(rule)
    if expect.error is not None and expect.error not in code:
        yield "error", expect.error, f"{error.code or error.error_type}" if error is not None else "none"


def _told(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value)


def _why(exchange: Exchange) -> str:
    """Which rules were looked at, what spoke against them, and against the endpoints that were left out."""
    told = []
    for row in exchange.decision.rules:
        failed = row.get("failed")
        why = f"{failed['when']} is {failed['value']!r}" if failed else "matches"
        told.append(f"{row['name']}: {why}")
    told += [f"{each.endpoint} is left out by {each.by}: {each.why}" for each in exchange.decision.excluded]
    return "; ".join(told)

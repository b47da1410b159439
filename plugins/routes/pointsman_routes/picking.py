"""Picking: the endpoints of each model of a plan put in the order that its rule names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import groupby

from pointsman.config import Problem
from pointsman.errors import Internal, RequestError
from pointsman.exchange import Candidate, Exchange
from pointsman.setup import Picker, Setup

from .settings import RouteSettings

__all__ = ["default_of", "picked", "unknown_picks"]


def default_of(setup: Setup) -> Picker | None:
    """The picker of rules that name none, and of requests without a rule."""
    named: str | None = setup.settings("routes").pick
    if named is not None:
        return setup.pickers[named]
    return next((each for each in setup.pickers.values() if each.default), None)


def picked(exchange: Exchange, candidates: list[Candidate], default: Picker | None) -> list[Candidate]:
    """The candidates in the order of the plan's picker: within each model, or across all. Those for which
    the client has a credential of its own stay before the others."""
    if len(candidates) < 2:
        return candidates
    plan = exchange.plan
    picker = exchange.setup.pickers.get(plan.pick, default) if plan is not None and plan.pick else default
    if picker is None:
        return candidates
    across = picker.across or (plan is not None and plan.across)
    model = candidates[0].model
    for each in candidates:
        if each.model != model or each.key is not None:
            break
    else:  # nearly always, and there may be many of them
        return _ordered(exchange, candidates, picker)
    if across:
        candidates = sorted(candidates, key=_shared)
    ordered: list[Candidate] = []
    for _, group in groupby(candidates, key=_shared if across else _choice):
        endpoints = [*group]
        ordered += _ordered(exchange, endpoints, picker) if len(endpoints) > 1 else endpoints
    return ordered


def _ordered(exchange: Exchange, endpoints: list[Candidate], picker: Picker) -> list[Candidate]:
    """What a picker makes of the endpoints of one choice. Raises Internal where it is at fault: who drops
    endpoints has a hook for that, and says why."""
    try:
        ordered = picker.pick(exchange, endpoints)
        if len(ordered) == len(endpoints) and {*ordered} == {*endpoints}:
            return ordered
        raise ValueError(f"of {len(endpoints)} endpoints it made {len(ordered)}, or others")
    except RequestError:
        raise
    except Exception as error:
        raise Internal(f"plugin {picker.owner!r} failed in pick {picker.name!r}: {error!r}") from error


def _shared(candidate: Candidate) -> bool:
    return candidate.key is None


def _choice(candidate: Candidate) -> tuple[str, bool]:
    return candidate.model, candidate.key is None


def unknown_picks(setup: Setup, routes: Sequence[RouteSettings]) -> Iterator[Problem]:
    """Rules that name a way of picking that no plugin in use has."""
    named = {f"routes.{index}.use.pick": route.use.pick for index, route in enumerate(routes)}
    named["plugins.routes.pick"] = setup.settings("routes").pick
    for place, pick in named.items():
        if pick is not None and pick not in setup.pickers:
            near = get_close_matches(pick, setup.pickers, 1)
            yield setup.config.problem(
                place,
                f"no plugin in use picks {pick!r}",
                expected=f"one of {', '.join(sorted(setup.pickers)) or 'none'}",
                hint=f"did you mean {near[0]}?" if near else "",
            )

"""Sticking: `sticky` of a rule: whether requests that belong together go to one endpoint, and which do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pointsman.conditions import listed
from pointsman.config import Problem
from pointsman.exchange import Candidate, Exchange
from pointsman.registers import RegisterSettings
from pointsman.setup import Setup

from .sessions import SESSION, Session, session_by, session_of

__all__ = ["model_first", "register_sticky", "session_for", "unknown_parts"]

FIELD = "sticky"
MEMBERS = frozenset({"headers", "metadata"})
"""Variables whose members may be named, as `headers.x-room`."""


def check_parts(value: bool | str | tuple[str, ...] | None) -> None:
    """Refuse a list with nothing in it. Raises ValueError."""
    if value in ("", ()):
        raise ValueError("nothing is named that requests have in common: say `false`, or name something")


def register_sticky(register: RegisterSettings) -> None:
    """Add `sticky` to rules."""
    register.field(
        "use",
        FIELD,
        bool | str | tuple[str, ...] | None,
        default=None,
        check=check_parts,
        help="Whether requests that belong together go to the model and endpoint that answered last: false, "
        "or true for those of a session; or what they have in common: `session` and variables of `when`, "
        "such as `user` or `headers.x-room`.",
        example="user",
    )


def session_for(exchange: Exchange, *, usually: bool) -> Session | None:
    """What a request belongs to, as its rule, or else the plugin has it; None where it stands alone."""
    said = exchange.plan.extra.get(FIELD) if exchange.plan is not None else None
    if said is None:
        return session_of(exchange) if usually else None
    if said is False:
        return None
    return session_by(exchange, (SESSION,) if said is True else listed(said))


def is_firm(exchange: Exchange) -> bool:
    """Whether a rule says that its requests stick, and the request does not say its own order."""
    plan = exchange.plan
    if plan is None or plan.extra.get(FIELD) in (None, False):
        return False
    said: Mapping[str, Any] = plan.preferences.get("provider") or {}
    return not any(each.get("order") for each in said.get("levels", (said,)))


def model_first(candidates: Sequence[Candidate], model: str) -> list[Candidate]:
    """The candidates of a model before all others."""
    return sorted(candidates, key=lambda each: each.model != model)


def unknown_parts(setup: Setup) -> Iterator[Problem]:
    """What rules want requests to have in common, and no request has."""
    if "routes" not in setup.schema.sections:
        return
    for number, route in enumerate(setup.section("routes")):
        said = route.use.extra.get(FIELD)
        names = listed(said) if isinstance(said, str | tuple) else ()
        for place, name in enumerate(names):
            whole, dot, member = name.partition(".")
            known = name == SESSION or name in setup.variables
            if known or (whole in MEMBERS and whole in setup.variables and dot and member):
                continue
            choices = (SESSION, *setup.variables)
            near = get_close_matches(name, choices, 1)
            at = f"routes.{number}.use.{FIELD}"
            yield setup.config.problem(
                f"{at}.{place}" if isinstance(said, tuple) else at,
                f"requests have no {name!r} in common",
                expected=f"true, false, or of {', '.join(sorted(choices))}",
                hint=f"did you mean {near[0]}?" if near else "",
            )

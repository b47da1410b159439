"""Refusals: what a client is told that asks for a model which nobody here serves."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.catalogue import Catalogue
from pointsman.errors import NotFound, RequestError, UnknownModel
from pointsman.exchange import Actor, Exchange
from pointsman.gateway import Gateway

from . import known
from .known import KnownEndpoint

__all__ = ["refuse"]

LONGEST_SHOWN = 100
MOST_NAMED = 8


async def refuse(exchange: Exchange, model: str) -> RequestError:
    """The error for a model that nobody here serves: who would, or what may have been meant."""
    shown, gateway = model[:LONGEST_SHOWN], exchange.gateway
    servers = await known.servers(gateway, model)
    others = [each for each in servers if not each.configured]
    if others:
        return _elsewhere(gateway, shown, others)
    if servers:
        names = ", ".join(dict.fromkeys(each.vendor for each in servers))
        return NotFound(
            f"model {shown!r} is known at {names}, which is configured but does not list it",
            code="model_unavailable_upstream",
            param="model",
        )
    near = await known.near(gateway, shown, _usable(gateway.setup.catalogue, exchange.actor))
    hint = f"did you mean {' or '.join(near)}?" if near else "GET /v1/models lists what there is"
    return UnknownModel(f"there is no model {shown!r}; {hint}", model=model)


def _elsewhere(gateway: Gateway, shown: str, others: Sequence[KnownEndpoint]) -> NotFound:
    """Nobody here serves the model, and these would."""
    rows = []
    for vendor in dict.fromkeys(each.vendor for each in others):
        kind = gateway.setup.kinds.get(vendor)
        rows.append({"provider": vendor, "key_variable": kind.key_variable if kind is not None else None})
    told = [
        f"{row['provider']} (set {row['key_variable']})" if row["key_variable"] else str(row["provider"])
        for row in rows[:MOST_NAMED]
    ]
    more = f" and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
    return NotFound(
        f"no configured provider serves model {shown!r}; these would, once configured with a key: "
        f"{', '.join(told)}{more}",
        code="no_endpoints",
        param="model",
        extra={"would_serve": rows},
    )


def _usable(catalogue: Catalogue, actor: Actor | None) -> list[str]:
    """The names here that a client may use."""
    return [
        name
        for name in catalogue.names()
        if actor is not None
        and (resolution := catalogue.resolve(name)) is not None
        and actor.may_use(*resolution.names)
    ]

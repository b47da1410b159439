"""Candidates: the endpoints that could answer a request, and why others cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .bounds import on_loss
from .chain import concat, fold
from .errors import BadRequest, NotFound, RequestError
from .exchange import Candidate
from .lanes import Lanes, Way, unread

if TYPE_CHECKING:
    from .exchange import Exchange

__all__ = ["find_candidates"]

MOST_NAMED = 5
"""How many models are offered where the one asked for cannot take a request."""
MOST_PROBES = 8
"""For how many kinds of host a request is translated to find out whether they would take it."""


async def find_candidates(exchange: Exchange) -> None:
    """List the endpoints, find the way to each, and rank those that can take the request.

    Raises NotFound where none is left, BadRequest where that is for what the request holds.
    """
    chains, codec = exchange.setup.chains, exchange.codec
    listed: list[Candidate] = await concat(chains.list_candidates, exchange)
    lanes: Lanes | None = None
    faults: list[BadRequest] = []
    possible: list[Candidate] = []
    plain = exchange.plan is None or not exchange.plan.params
    for candidate in listed:
        why = _unready(exchange, candidate)
        if why is None:
            candidate.way = unread(codec, candidate.endpoint) if plain else None
            if candidate.way is None:
                lanes = lanes or _lanes(exchange)
                why = _translate(exchange, candidate, lanes, faults)
        if why is None:
            possible.append(candidate)
        else:
            exchange.exclude(candidate, by="core", why=why)
    exchange.candidates = await fold(chains.rank_candidates, exchange, possible)
    if not exchange.candidates:
        raise faults[0] if faults else _nowhere(exchange, listed, lanes or _lanes(exchange))


def _lanes(exchange: Exchange) -> Lanes:
    params = exchange.plan.params if exchange.plan is not None else None
    return Lanes(exchange.codec, exchange.request, exchange.setup.dialects, params)


def _unready(exchange: Exchange, candidate: Candidate) -> str | None:
    """Why a provider cannot be called, in words: a client with a key of its own needs none of the
    provider's."""
    provider, actor = candidate.endpoint.provider, exchange.actor
    if actor is not None and provider.name in actor.keys:
        return provider.absent
    return provider.unready()


def _translate(
    exchange: Exchange, candidate: Candidate, lanes: Lanes, faults: list[BadRequest]
) -> str | None:
    """Find the way to a candidate that has to be asked in other words than the client's; why that is no good,
    in words. A request that cannot be read is one of the `faults`."""
    try:
        way = candidate.way = lanes.way(candidate.endpoint)
    except BadRequest as error:  # what its own dialect would have let pass
        faults.append(error)
        return error.message
    if way is None:
        return f"does not serve {exchange.surface} in {exchange.dialect}"
    return _loses(exchange, way)


def _loses(exchange: Exchange, way: Way) -> str | None:
    """What a way may not lose, in words."""
    lost = [str(missing) for missing in way.losses.content]
    if on_loss(exchange) == "reject":
        lost += [f"`{name}`" for name in way.losses.parameters]
    return f"cannot take {', '.join(lost)}" if lost else None


def _nowhere(exchange: Exchange, listed: list[Candidate], lanes: Lanes) -> RequestError:
    """The error for a request that no endpoint can answer: for what it holds, or at all."""
    excluded = [
        {"endpoint": each.endpoint, "by": each.by, "why": each.why} for each in exchange.decision.excluded
    ]
    ways = [candidate.way for candidate in listed if candidate.way is not None]
    refused = next((way for way in ways if _loses(exchange, way)), None)
    if refused is None:
        return NotFound(
            f"no endpoint can answer for model {exchange.peek.model!r}",
            code="no_endpoints",
            param="model",
            extra={"excluded_by": excluded},
        )
    others = _takers(exchange, lanes)
    hint = f"these could: {', '.join(others)}" if others else "nor could any other endpoint here"
    content, parameters = refused.losses.content, refused.losses.parameters
    return BadRequest(
        f"no endpoint for {exchange.peek.model!r} can take this: it {_loses(exchange, refused)}; {hint}",
        code="unsupported_content" if content else "unsupported_parameter",
        param=content[0].path if content else parameters[0],
        extra={"excluded_by": excluded, "would_take": others},
    )


def _takers(exchange: Exchange, lanes: Lanes) -> list[str]:
    """A few models that the client may use and that would lose nothing that may not be lost."""
    found: list[str] = []
    seen: dict[tuple[frozenset[str], int], bool] = {}
    for model in exchange.setup.catalogue.models.values():
        if not model.listed or exchange.actor is None:
            continue
        if not exchange.actor.may_use(model.name, *model.aliases):
            continue
        for endpoint in model.endpoints:
            provider = endpoint.provider
            host = (provider.dialects, id(provider.quirks))
            if host not in seen and len(seen) < MOST_PROBES and provider.unready() is None:
                way = lanes.way(endpoint)
                seen[host] = way is not None and _loses(exchange, way) is None
            if seen.get(host):
                found.append(model.name)
                break
        if len(found) == MOST_NAMED:
            break
    return found

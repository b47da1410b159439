"""Names that stand for other models, as plugins register them: what `auto` means, say."""

from __future__ import annotations

from dataclasses import replace

from pointsman.exchange import Exchange, Plan

__all__ = ["stands_for", "with_meant"]


def stands_for(exchange: Exchange, plan: Plan) -> bool:
    """Whether any of a plan's models is such a name."""
    names = exchange.setup.names
    return bool(names) and not names.keys().isdisjoint(plan.models)


def with_meant(exchange: Exchange, plan: Plan) -> Plan:
    """The plan with the models that its names stand for, and with the way in which these are put in order
    where it says none. A model or an alias of such a name comes before."""
    names, catalogue = exchange.setup.names, exchange.setup.catalogue
    models: list[str] = []
    pick = plan.pick
    for name in plan.models:
        found = names.get(name)
        if found is None or catalogue.resolve(name) is not None:
            models.append(name)
            continue
        meant = found.models(exchange)
        models += meant or (name,)
        if meant and pick is None:
            pick = found.pick
    return replace(plan, models=tuple(dict.fromkeys(models)), pick=pick)

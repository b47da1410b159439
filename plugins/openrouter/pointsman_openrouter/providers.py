"""Providers: as OpenRouter shows them, and the names by which they may be meant."""

from __future__ import annotations

from typing import Any

from pointsman.exchange import Actor
from pointsman.gateway import Gateway
from pointsman.providers import Provider

__all__ = ["may_ask", "names_of", "provider_shape", "title_at", "title_of"]

NO_COUNTRY = frozenset({"EU", "UK"})
"""Two letters that look like the code of a country."""


def may_ask(actor: Actor, provider: Provider) -> bool:
    """Whether a provider can be called for an actor, and each level allows that."""
    if provider.unready() is not None and provider.name not in actor.keys:
        return False
    return not actor.bounded or (actor.may_reach(provider.name) and actor.may_tell(provider.about))


def title_of(provider: Provider) -> str:
    """What a provider is called: by its vendor's name where it has that of its kind, else as the operator
    calls it, who may have several of a kind."""
    title = provider.about.title
    return title if title and provider.name == provider.kind else provider.name


def title_at(gateway: Gateway, name: str) -> str:
    """The same of a provider by its name in records, also of one that is not there any more."""
    provider = gateway.setup.providers.get(name)
    return title_of(provider) if provider is not None else name


def names_of(provider: Provider) -> frozenset[str]:
    """Every name by which a provider may be meant, in lower case."""
    names = (provider.name, provider.kind, provider.about.title)
    return frozenset(name.lower() for name in names if name)


def provider_shape(provider: Provider) -> dict[str, Any]:
    """A provider. Countries are shown where they are told as codes."""
    about = provider.about
    return {
        "name": title_of(provider),
        "slug": provider.name,
        "privacy_policy_url": None,
        "terms_of_service_url": None,
        "status_page_url": None,
        "headquarters": about.headquarters if _is_country(about.headquarters) else None,
        "datacenters": [about.region] if _is_country(about.region) else None,
    }


def _is_country(text: str) -> bool:
    return len(text) == 2 and text.isascii() and text.isalpha() and text.isupper() and text not in NO_COUNTRY

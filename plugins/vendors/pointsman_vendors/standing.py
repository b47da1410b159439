"""How the providers stand: who is configured, with which key, who can be reached and how fast."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from pointsman.errors import StartupError
from pointsman.facts import About
from pointsman.providers import HttpProvider, Kind, Provider
from pointsman.setup import Setup

if TYPE_CHECKING:
    import httpx

__all__ = ["PATIENCE", "Standing", "ask_all", "configured", "not_configured", "policy"]

PATIENCE = 5.0
"""Seconds for which a provider's listing is waited for."""


class Standing(msgspec.Struct):
    """One provider, or one that could be configured.

    `keys` are fingerprints. `key_variable` is the usual environment variable of its key, `key_set` says
    whether the environment has it. `found` is one by its key or at its port, by nobody's configuration.
    `reachable` is None where nobody asked or nothing can be asked; `ms` is how long its listing of `models`
    took, in milliseconds. `error` says why it is not ready or cannot be reached.
    """

    name: str
    kind: str
    configured: bool
    found: bool
    base_url: str | None
    dialects: list[str]
    surfaces: list[str] | None
    keys: list[str]
    key_variable: str | None
    key_set: bool
    about: About
    reachable: bool | None = None
    ms: int | None = None
    models: int | None = None
    error: str | None = None


def configured(setup: Setup, env: Mapping[str, str]) -> list[tuple[Standing, Provider]]:
    """Every provider of a setup, in the operator's order, with how it stands before it is asked."""
    variables = {kind.name: kind.key_variable for kind in setup.kinds}
    return [
        (_standing(provider, variables.get(provider.kind), env, configured=not provider.found), provider)
        for provider in setup.providers.values()
    ]


def not_configured(setup: Setup, env: Mapping[str, str]) -> list[Standing]:
    """Every kind of provider that no configured one is of, by name. Kinds that are nothing without a
    configuration, and second names of others, are left out."""
    present = {provider.kind for provider in setup.providers.values()}
    rest = []
    for kind in sorted(setup.kinds, key=lambda kind: kind.name):
        provider = _example(kind)
        if provider is not None and provider.kind == kind.name and kind.name not in present:
            standing = _standing(provider, kind.key_variable, env, configured=False)
            standing.base_url = kind.address or standing.base_url
            rest.append(standing)
    return rest


async def ask_all(
    pairs: Iterable[tuple[Standing, Provider]], http: httpx.AsyncClient, *, patience: float = PATIENCE
) -> None:
    """Ask every provider that is ready for its models, all at once."""
    await asyncio.gather(*(_ask(standing, provider, http, patience) for standing, provider in pairs))


def policy(about: About) -> str:
    """What a provider does with what it is sent, in a few words."""
    words = []
    if about.trains is not None:
        words.append("trains on it" if about.trains else "no training")
    if about.retains is not None:
        words.append("keeps it" if about.retains else "keeps nothing")
    text = ", ".join(words)
    if about.retention:
        text += f" ({about.retention})" if text else about.retention
    return text or "unknown"


def _standing(
    provider: Provider, key_variable: str | None, env: Mapping[str, str], *, configured: bool
) -> Standing:
    http = provider if isinstance(provider, HttpProvider) else None
    return Standing(
        name=provider.name,
        kind=provider.kind,
        configured=configured,
        found=provider.found,
        base_url=http.base_url if http else None,
        dialects=sorted(provider.dialects),
        surfaces=sorted(provider.surfaces) if provider.surfaces is not None else None,
        keys=[str(key.secret) for key in http.keys] if http else [],
        key_variable=key_variable,
        key_set=bool(key_variable and env.get(key_variable)),
        about=provider.about,
        error=None if provider.found else provider.unready(),
    )


def _example(kind: Kind) -> Provider | None:
    try:
        return kind.example()
    except StartupError:
        return None


async def _ask(standing: Standing, provider: Provider, http: httpx.AsyncClient, patience: float) -> None:
    if standing.error is not None or not _can_be_asked(provider):
        return
    begun = time.monotonic()
    try:
        async with asyncio.timeout(patience):
            models = await provider.list_models(http)
    except Exception as error:
        standing.reachable, standing.error = False, _why(error, patience)
    else:
        standing.reachable, standing.models = True, len(models)
        standing.ms = round((time.monotonic() - begun) * 1000)


def _can_be_asked(provider: Provider) -> bool:
    if isinstance(provider, HttpProvider):
        return provider.listing is not None
    return type(provider).list_models is not Provider.list_models


def _why(error: Exception, patience: float) -> str:
    """Why a listing could not be had, without the error's own text: that may hold what was sent."""
    import httpx

    if isinstance(error, httpx.HTTPStatusError):
        status = error.response.status_code
        return f"answers {status}" + (": the key is refused" if status in (401, 403) else "")
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return f"no answer within {patience:g} s"
    if isinstance(error, httpx.HTTPError):
        return "no connection"
    if isinstance(error, ValueError):
        return "answers, but with no list of models"
    return type(error).__name__

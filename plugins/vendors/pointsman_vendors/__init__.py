"""OpenAI-compatible services and local servers as data: one row of `vendors.yaml` each.

The kind `openai-compatible` serves every other service that speaks the dialect: it needs a `base_url`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pointsman import hookimpl
from pointsman.config import ProviderSettings
from pointsman.errors import StartupError
from pointsman.providers import HttpProvider
from pointsman.registers import RegisterProvider

from .rows import DIALECT, Vendor, read_vendors

__all__ = ["GENERIC", "POINTSMAN_API", "VENDORS", "make_generic", "make_provider", "register_providers"]

POINTSMAN_API = 1

VENDORS = Path(__file__).with_name("vendors.yaml")
GENERIC = "openai-compatible"


@hookimpl
def register_providers(register: RegisterProvider) -> None:
    """Every vendor under its name and its aliases, and the generic kind.

    Only the name itself is looked for in the environment. Raises PluginError for a row that is wrong.
    """
    for vendor in read_vendors(VENDORS):
        factory = partial(make_provider, vendor)
        register(vendor.name, factory, key_variable=vendor.key_variable, local_url=vendor.local_url)
        for alias in vendor.aliases:
            register(alias, factory)
    register(GENERIC, make_generic, default=True)


def make_provider(vendor: Vendor, name: str, settings: ProviderSettings) -> HttpProvider:
    """A provider of a vendor's kind. Raises StartupError for a base URL that is none."""
    provider = HttpProvider(
        name,
        kind=vendor.name,
        base_url=settings.base_url or vendor.base_url,
        dialects=frozenset(settings.dialects or vendor.dialects),
        api_key=settings.api_key,
        key_required=vendor.key_required and settings.base_url is None,
        settings=settings,
        quirks=vendor.as_quirks(),
        surfaces=frozenset(vendor.surfaces),
    )
    if settings.discover is None:
        provider.discover = vendor.local
    return provider


def make_generic(name: str, settings: ProviderSettings) -> HttpProvider:
    """A provider that is known by its base URL alone. Raises StartupError without one."""
    if settings.base_url is None:
        raise StartupError(f"provider {name!r}: vendor {GENERIC!r} needs a base_url, as https://host/v1")
    return HttpProvider(
        name,
        kind=GENERIC,
        base_url=settings.base_url,
        dialects=frozenset(settings.dialects or (DIALECT,)),
        api_key=settings.api_key,
        settings=settings,
    )

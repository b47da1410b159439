"""Providers of a vendor's kind, and of the kind that needs no vendor."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from pointsman.config import ProviderSettings
from pointsman.dialects import Codec
from pointsman.errors import StartupError
from pointsman.hosts import is_loopback
from pointsman.providers import HttpProvider

from .rows import DIALECT, Vendor

__all__ = ["GENERIC", "SplitProvider", "VendorProvider", "is_near", "make_generic", "make_provider"]

GENERIC = "openai-compatible"


class VendorProvider(HttpProvider):
    """A service of a row."""

    def __init__(self, vendor: Vendor, name: str, settings: ProviderSettings) -> None:
        base_url = settings.base_url or vendor.base_url
        here = vendor.is_at(base_url)
        dialects = settings.dialects or (
            vendor.dialects if here else [each for each in vendor.dialects if each not in vendor.bases]
        )
        super().__init__(
            name,
            kind=vendor.name,
            base_url=base_url,
            dialects=frozenset(dialects),
            api_key=settings.api_key,
            key_required=vendor.key_required and here,
            settings=settings,
            quirks=vendor.as_quirks(),
            surfaces=frozenset(vendor.surfaces),
        )
        self.about = vendor.about(here=here or (vendor.local and is_near(base_url)))
        self.listing = vendor.listing
        if settings.discover is None:
            self.discover = vendor.local


class SplitProvider(VendorProvider):
    """A service of which some dialects are elsewhere at its host."""

    def __init__(self, vendor: Vendor, name: str, settings: ProviderSettings) -> None:
        super().__init__(vendor, name, settings)
        self._bases = vendor.bases if vendor.is_at(self.base_url) else {}

    def url(self, codec: Codec, *, model: str, stream: bool) -> str:
        """See `HttpProvider`."""
        usual = super().url(codec, model=model, stream=stream)
        base = self._bases.get(codec.dialect)
        return usual if base is None else base + usual.removeprefix(self.base_url)


def make_provider(vendor: Vendor, name: str, settings: ProviderSettings) -> VendorProvider:
    """A provider of a vendor's kind. Raises StartupError for a base URL that is none, or needs filling in."""
    if settings.base_url is None and vendor.has_blank:
        raise StartupError(
            f"provider {name!r}: vendor {vendor.name!r} gives each customer an address: "
            f"base_url is needed, as {vendor.base_url}"
        )
    return (SplitProvider if vendor.bases else VendorProvider)(vendor, name, settings)


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


def is_near(url: str) -> bool:
    """Whether an address is this machine's or one of its own network."""
    host = urlsplit(url).hostname or ""
    if is_loopback(host):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host

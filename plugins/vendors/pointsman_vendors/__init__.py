"""OpenAI-compatible services and local servers as data: one row each in the files of `vendors/`.

The kind `openai-compatible` serves every other service that speaks the dialect: it needs a `base_url`.
`pointsman providers` shows all there are, of whichever plugin.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pointsman import hookimpl
from pointsman.registers import RegisterCommand, RegisterProvider

from .provider import GENERIC, make_generic, make_provider
from .rows import Vendor, read_all

__all__ = [
    "FILES",
    "GENERIC",
    "POINTSMAN_API",
    "make_generic",
    "make_provider",
    "register_commands",
    "register_providers",
]

POINTSMAN_API = 1

FILES = tuple(
    Path(__file__).with_name("vendors") / f"{name}.yaml"
    for name in ("local", "labs", "hosts", "clouds", "gateways")
)
"""In the order in which their vendors are looked for."""


@hookimpl
def register_providers(register: RegisterProvider) -> None:
    """Every vendor under its name and its aliases, and the generic kind.

    Only the name itself is looked for in the environment, and at a port of this machine only the first vendor
    whose usual port it is. Raises PluginError for a row that is wrong.
    """
    ports: set[str] = set()
    for vendor in read_all(FILES):
        factory = partial(make_provider, vendor)
        register(
            vendor.name,
            factory,
            key_variable=vendor.key_variable,
            local_url=_first(vendor, ports),
            address=vendor.base_url if vendor.has_blank else None,
        )
        for alias in vendor.aliases:
            register(alias, factory)
    register(GENERIC, make_generic, default=True)


@hookimpl
def register_commands(register: RegisterCommand) -> None:
    """Add `pointsman providers`."""
    from .command import providers

    register(providers)


def _first(vendor: Vendor, ports: set[str]) -> str | None:
    """Where to look for a local server, unless another that comes before it is looked for there."""
    host = vendor.base_url.split("/")[2]
    if not vendor.local or host in ports:
        return None
    ports.add(host)
    return vendor.base_url

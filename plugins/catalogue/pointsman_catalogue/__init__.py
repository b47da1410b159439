"""The catalogue: what is known of models and endpoints, each fact with its source and date.

Facts come from the package genai-prices, from the providers' own listings and from the configuration, in that
rising order of authority. What nobody told is unknown.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pointsman import hookimpl
from pointsman.errors import RequestError, StartupError
from pointsman.exchange import Exchange
from pointsman.gateway import Gateway
from pointsman.registers import RegisterCommand, RegisterSettings, RegisterTable

from .rows import ENDPOINTS, LISTINGS, SOURCES
from .settings import CatalogueSettings, declare_facts
from .store import LedgerStore, MemoryStore, Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.setup import Setup

    from .keeper import Keeper

__all__ = ["POINTSMAN_API", "CataloguePlugin", "loaded", "plugin_of"]

POINTSMAN_API = 1

log = logging.getLogger(__name__)


class CataloguePlugin:
    """The plugin."""

    def __init__(self) -> None:
        self.store: Store = MemoryStore()
        self.keeper: Keeper | None = None

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """Settings, and the facts that an operator may tell of models and endpoints."""
        register(CatalogueSettings)
        declare_facts(register)

    @hookimpl
    def register_tables(self, register: RegisterTable) -> None:
        """Keep prices and listings."""
        for table in (ENDPOINTS, SOURCES, LISTINGS):
            register(table)

    @hookimpl
    def register_commands(self, register: RegisterCommand) -> None:
        """Add `pointsman models`."""
        from .command import models

        register(models)

    @hookimpl(tryfirst=True)
    async def startup(self, gateway: Gateway) -> None:
        """Put what is known into the catalogue, before other plugins look for their models."""
        from .keeper import Keeper, kept_listings
        from .recall import recalled

        settings: CatalogueSettings = gateway.setup.settings("catalogue")
        if gateway.rehearsing:
            self.store, listings = await recalled(gateway, prices=settings.prices)
        else:
            select = gateway.ledger.select
            listings = await kept_listings(select, gateway.setup.providers.values())
            self.store = LedgerStore(select) if settings.prices else MemoryStore()
        self.keeper = Keeper(gateway, self.store, listings)
        await self.keeper.stock_all()
        if gateway.rehearsing:
            self.keeper.rehearse()
        else:
            await self.keeper.begin(refresh=settings.refresh, prices=settings.prices)

    @hookimpl(tryfirst=True)
    async def reload(self, gateway: Gateway, setup: Setup) -> Callable[[], None] | None:
        """Put what is known into the catalogue that is to come, too."""
        if setup.settings("catalogue") != gateway.setup.settings("catalogue"):
            log.warning("plugins.catalogue has changed and stays as it is until a restart")
        return await self.keeper.prepare(setup) if self.keeper is not None else None

    @hookimpl
    async def unknown_model(self, exchange: Exchange, model: str) -> RequestError:
        """Who would serve it, or what may have been meant."""
        from .refusal import refuse

        return await refuse(exchange, model)


def plugin_of(gateway: Gateway) -> CataloguePlugin:
    """The plugin of a gateway. Raises StartupError where it is turned off."""
    plugin = gateway.setup.plugins.get("catalogue")
    if plugin is None or not isinstance(plugin.target, CataloguePlugin):
        raise StartupError("the plugin catalogue is not in use")
    return plugin.target


async def loaded(gateway: Gateway, *, everything: bool) -> None:
    """See to it that a dry run knows what no configured provider serves, where `everything` is asked for."""
    from .recall import recalled

    plugin = plugin_of(gateway)
    prices = gateway.setup.settings("catalogue").prices
    if everything and await plugin.store.version() is None:
        plugin.store, _ = await recalled(gateway, prices=prices, always=True)

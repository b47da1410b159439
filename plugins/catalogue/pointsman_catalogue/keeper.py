"""The keeper: keeps the shelf in step with prices and listings, in the background."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from pointsman.errors import Unavailable
from pointsman.gateway import Gateway
from pointsman.providers import HttpProvider, Listed, Provider
from pointsman.setup import Setup

from .child import CompileError, compiled, installed_version
from .names import Names
from .rows import LISTINGS
from .said import facts_of
from .shelf import Listing, Shelf, Stock
from .store import Select, Store, put

__all__ = ["Keeper", "kept_listings", "wants_prices"]

log = logging.getLogger(__name__)

PATIENCE = 0.5
"""Seconds that start-up waits for who was never asked before."""
LOCAL_PATIENCE = 1.0
"""The same for servers that are looked for on this machine: most of them refuse at once."""
LISTING_TIMEOUT = 15.0
RETRY = 60.0
"""Seconds after which those are asked again that did not answer."""
LONGEST_ID = 200
BATCH = 50
"""Models of a listing that are read at a time."""
SETTLE = 3.0
"""Seconds after start-up when prices are compiled, if a provider is configured that they may be of."""
IDLE = 20.0
"""The same where none is, and they only tell who else would serve a model."""
DAY = 86_400.0
KEEP = (
    f"insert into {LISTINGS.name} (provider, origin, listed_at, models)"  # noqa: S608
    " values (:provider, :origin, :at, :models) on conflict (provider) do update"
    " set origin = excluded.origin, listed_at = excluded.listed_at, models = excluded.models"
)


class View(NamedTuple):
    """A setup and the shelf of its catalogue."""

    setup: Setup
    shelf: Shelf

    def has(self, provider: Provider) -> bool:
        """Whether a provider is one of this setup, and not only one called the same."""
        return self.setup.providers.get(provider.name) is provider


class Keeper:
    """What keeps the catalogue of one gateway. `listings` are those that were kept, by provider."""

    def __init__(self, gateway: Gateway, store: Store, listings: dict[str, Listing]) -> None:
        self._gateway = gateway
        self._store = store
        self._views = [View(gateway.setup, Shelf(gateway.setup.catalogue))]
        """The setup in force, and at a reload the one that is to come."""
        providers = gateway.setup.providers
        self._listings = {_place(providers[name]): each for name, each in listings.items()}
        self._unpriced = False
        self._names: Names | None = None
        self._failed: set[str] = set()
        self._unheard: set[str] = set()
        self._heard = asyncio.Event()
        self._compiling = asyncio.Lock()

    @property
    def shelf(self) -> Shelf:
        """The shelf of the setup in force."""
        return self._views[0].shelf

    async def stock_all(self) -> None:
        """Put on the shelf what is known of every provider."""
        self._names = None
        for view in [*self._views]:
            await self._stock_view(view)

    async def _stock_view(self, view: View) -> None:
        for provider in view.setup.providers.values():
            stock, ready = await self.stock_of(provider), provider.unready() is None
            view.shelf.stock(provider, stock if ready else Stock())
            names = () if ready or provider.found else (name for name, _ in stock.offers(provider))
            view.setup.catalogue.expected[provider.name] = frozenset(names)
        view.shelf.describe()

    async def prepare(self, setup: Setup) -> Callable[[], None]:
        """Stock the catalogue of a setup that is to come; what is returned makes it the one in force. From
        here on it hears of all that the one in force hears of."""
        now, view = self._views[0], View(setup, Shelf(setup.catalogue))
        asked = [each for each in setup.providers.values() if self._is_asked(each)]
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*(self._ask(each) for each in asked if not now.has(each)))
        self._views = [now, view]
        await self._stock_view(view)
        silent = [each for each in asked if not _is_sought(each) and _place(each) not in self._listings]
        self._failed.update(each.name for each in silent)
        self._tell_expected(bool(silent))

        def go_over() -> None:
            self._views = [view]

        return go_over

    async def stock_of(self, provider: Provider) -> Stock:
        """What is known of a provider's models."""
        kind = self._gateway.setup.kinds.get(provider.kind)
        cloud = kind is not None and kind.key_variable is not None
        if cloud and self._names is None and provider.discover:
            self._names = Names(await self._store.models())
        rows = await self._store.of_vendor(provider.kind)
        listing = self._listings.get(_place(provider))  # the newest there is now
        return Stock(rows, listing, self._names if cloud else None)

    async def begin(self, *, refresh: float, prices: bool) -> None:
        """Begin to keep: ask who lists, and compile prices that are newer. Waits a moment for who was never
        asked before, and for nobody else."""
        asked = [each for each in self._gateway.setup.providers.values() if self._is_asked(each)]
        local = {each.name for each in asked if _is_sought(each)}
        self._unheard = local | {each.name for each in asked if _place(each) not in self._listings}
        if prices:
            first = SETTLE if wants_prices(self._gateway) else IDLE
            self._gateway.every(DAY, self.compile, first=first)
        self._gateway.every(refresh, self.refresh, first=0)
        self._gateway.every(RETRY, self.retry)
        await self._listen(set(self._unheard), PATIENCE)
        await self._listen(local, LOCAL_PATIENCE - PATIENCE)
        self._unpriced = prices and wants_prices(self._gateway) and await self._store.version() is None
        self._tell_expected(bool(self._unheard))

    def _tell_expected(self, unheard: bool) -> None:
        """Say in the newest catalogue whether more models may come, and who waits for those that come
        without anybody being asked."""
        catalogue = self._views[-1].setup.catalogue
        catalogue.pending = self._unpriced or unheard
        catalogue.settle = self.settle if self._unpriced else None

    async def _listen(self, names: set[str], patience: float) -> None:
        """Wait until all of these have answered or failed, so many seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._unheard & names:
                    self._heard.clear()
                    await self._heard.wait()

    async def settle(self) -> None:
        """Compile the prices that the ledger does not have yet, though somebody waits for it."""
        await self.compile()
        missing = await self._store.version() is None
        self._unpriced = False
        for setup, _ in self._views:
            setup.catalogue.pending = missing or bool(self._unheard)
            setup.catalogue.settle = None

    def _is_asked(self, provider: Provider) -> bool:
        """Whether a provider is asked for its models. One that nobody configured shows so that it is there,
        but for our own port: there it is us."""
        if _is_sought(provider) and isinstance(provider, HttpProvider):
            server = self._gateway.setup.core.server
            if server.socket is None and urlsplit(provider.base_url).port == server.port:
                return False
        return provider.discover and (provider.found or provider.unready() is None)

    def rehearse(self) -> None:
        """Nobody is asked: those whose listings are not known may have more models."""
        providers = self._gateway.setup.providers.values()
        asked = [each for each in providers if self._is_asked(each) and not _is_sought(each)]
        self._gateway.setup.catalogue.pending = any(_place(each) not in self._listings for each in asked)

    async def compile(self) -> None:
        """Compile prices where another version is installed than the ledger has. A failure is a warning."""
        async with self._compiling:
            installed = installed_version()
            if installed is None or installed == await self._store.version():
                return
            try:
                found = await compiled()
                await put(self._gateway.ledger, found)
            except (CompileError, Unavailable) as error:
                log.warning("the catalogue goes on without new prices: %s", error)
                return
            lost = ", ".join(f"{what} {count}" for what, count in sorted(found.lost.items()))
            text = "genai-prices %s: %d models; without a place here: %s"
            log.info(text, found.version, len(found.rows), lost)
            await self.stock_all()

    async def refresh(self) -> None:
        """Ask every provider that lists its models, all at once."""
        asked = [each for each in self._gateway.setup.providers.values() if self._is_asked(each)]
        await asyncio.gather(*map(self._ask, asked))

    async def retry(self) -> None:
        """Ask those again that did not answer: a server on this machine may have been started."""
        providers = self._gateway.setup.providers.values()
        await asyncio.gather(*(self._ask(each) for each in providers if each.name in self._failed))

    async def _ask(self, provider: Provider) -> None:
        listing: Listing | None = None
        try:
            async with asyncio.timeout(LISTING_TIMEOUT):
                models = await _read(await provider.list_models(self._gateway.http))
        except Exception as error:
            self._silent(provider, error)
        else:
            listing = Listing(datetime.now(UTC).date().isoformat(), models)
            await self._listed(provider, listing)
        self._unheard.discard(provider.name)
        self._heard.set()
        if listing is not None:
            await self._keep(provider, listing)

    def _silent(self, provider: Provider, error: Exception) -> None:
        """A provider does not list its models. What it listed before stays, but a server that was only looked
        for is not there; one whose key the environment has is, as if it were configured."""
        origin = provider.origin if isinstance(provider, HttpProvider) else "?"
        sought = _is_sought(provider)
        known = sought or provider.name in self._failed
        level = logging.DEBUG if known else logging.WARNING
        self._failed.add(provider.name)
        what = type(error).__name__  # its text may hold what was sent, the key too
        log.log(level, "provider %s (%s) does not list its models: %s", provider.name, origin, what)
        if sought:
            was_there, provider.absent = provider.absent is None, f"{origin} does not answer"
            for view in self._views:
                if was_there and view.has(provider):
                    view.shelf.stock(provider, Stock())
                    view.shelf.describe()

    async def _listed(self, provider: Provider, listing: Listing) -> None:
        """Put a listing on the shelf, where it says something new."""
        self._failed.discard(provider.name)
        came, provider.absent = provider.absent is not None, None
        new = self._listings.get(_place(provider)) != listing
        self._listings[_place(provider)] = listing
        if new or came:
            stock = await self.stock_of(provider)
            for view in self._views:
                if view.has(provider):
                    view.shelf.stock(provider, stock)
                    view.shelf.describe()

    async def _keep(self, provider: Provider, listing: Listing) -> None:
        """Write a listing into the ledger; one that cannot be written is asked for again after a restart."""
        row = {
            "provider": provider.name,
            "origin": _origin(provider),
            "at": time.time(),
            "models": msgspec.json.encode(listing.models).decode(),
        }
        try:
            await self._gateway.ledger.execute([(KEEP, row)])
        except Unavailable as error:
            log.warning("the listing of provider %s is not kept: %s", provider.name, error)


async def kept_listings(select: Select, providers: Iterable[Provider]) -> dict[str, Listing]:
    """The listings that were kept of providers as they are configured now."""
    kept = {row["provider"]: row for row in await select(f"select * from {LISTINGS.name}", {})}  # noqa: S608
    found = {}
    for provider in providers:
        row = kept.get(provider.name)
        if provider.discover and row is not None and row["origin"] == _origin(provider):
            models: dict[str, dict[str, Any]] = msgspec.json.decode(row["models"])
            found[provider.name] = Listing(
                datetime.fromtimestamp(row["listed_at"], UTC).date().isoformat(), models
            )
    return found


def wants_prices(gateway: Gateway) -> bool:
    """Whether a provider is configured that prices of a list may be of: one that is reached with a key."""
    kinds = gateway.setup.kinds
    found = (kinds.get(each.kind) for each in gateway.setup.providers.values())
    return any(kind is not None and kind.key_variable is not None for kind in found)


def _is_sought(provider: Provider) -> bool:
    """Whether a provider was looked for at a port of this machine: it is there when it answers."""
    return provider.found and not (isinstance(provider, HttpProvider) and provider.keys)


def _place(provider: Provider) -> tuple[str, str]:
    """Whose a listing is: another provider may come to be called the same."""
    return provider.name, _origin(provider)


async def _read(listed: Sequence[Listed]) -> dict[str, dict[str, Any]]:
    """What a listing says, by id. Requests come between: a long one takes a while."""
    models = {}
    for number, each in enumerate(listed, 1):
        if _sane(each.id):
            models[each.id] = facts_of(each.id, each.said)
        if number % BATCH == 0:
            await asyncio.sleep(0)
    return models


def _sane(native_id: str) -> bool:
    """Whether an id can be shown and asked for."""
    return native_id.isprintable() and 0 < len(native_id) <= LONGEST_ID


def _origin(provider: Provider) -> str:
    return provider.base_url if isinstance(provider, HttpProvider) else provider.kind

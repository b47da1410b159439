"""Who asks: virtual keys, the teams they belong to, the admin key, and the key of a session without
configuration.

Keys are known by the SHA-256 of their text alone. A look-up is one hash and one dictionary access over the
whole digest, so that no two keys can be taken for each other.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from hashlib import sha256

from msgspec import structs

from pointsman import hookimpl
from pointsman.errors import Forbidden, RateLimited, StartupError, Unauthenticated
from pointsman.exchange import Actor, Candidate, Exchange
from pointsman.gateway import Gateway
from pointsman.hosts import is_loopback
from pointsman.providers import Provider
from pointsman.registers import RegisterSettings, RegisterTable
from pointsman.secrets import Secret
from pointsman.setup import Setup

from .accounts import Accounts
from .allowed import candidates_for, check_surface, model_refusal
from .byok import OwnCredentials
from .callers import Caller
from .configured import configured
from .credential import Sent, credential, sent_in
from .directory import Directory, Known, TeamRecord, VirtualKey, key_id
from .guesses import Guesses
from .records import AUDIT, CREDENTIALS, FAMILY, KEYS, TEAMS
from .settings import (
    Expiry,
    KeyGrants,
    KeySettings,
    OrganisationSettings,
    ProviderData,
    Settings,
    TeamSettings,
    check_keys,
    check_teams,
)
from .stored import load, peek

__all__ = [
    "FAMILY",
    "POINTSMAN_API",
    "Accounts",
    "Caller",
    "Directory",
    "Expiry",
    "KeyGrants",
    "KeySettings",
    "Keys",
    "Known",
    "OrganisationSettings",
    "OwnCredentials",
    "TeamRecord",
    "TeamSettings",
    "VirtualKey",
]

POINTSMAN_API = 1

LONGEST_SEEN = 256
"""Characters up to which headers are remembered."""
MOST_SEEN = 4096

DATA = "data"
"""What the settings of a provider call what it does with data."""

log = logging.getLogger(__name__)


def _tell_of(provider: Provider) -> None:
    """Put what the configuration says of a provider in the place of what is known of its kind."""
    data: ProviderData | None = provider.extra.get(DATA)
    if data is None:
        return
    given = {"trains": data.trains, "retains": data.retains, "retention": data.retention}
    said = {name: value for name, value in given.items() if value is not None}
    provider.about = structs.replace(provider.about, **said, source="configuration")


class Keys:
    """The plugin."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.accounts: Accounts | None = None
        self.credentials: OwnCredentials | None = None
        self._guesses = Guesses(0)

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """Settings, the sections `keys:`, `teams:` and `organisation:`, and `data` of a provider, which data
        policies go by."""
        register(Settings)
        register.field(
            "provider", DATA, ProviderData | None, default=None, help="", example={"retains": False}
        )
        register(tuple[KeySettings, ...], section="keys", default=(), help="Who may ask.", check=check_keys)
        register(
            dict[str, TeamSettings],
            section="teams",
            default={},
            help="Groups of keys, by names of your own.",
            check=check_teams,
        )
        register(
            OrganisationSettings | None,
            section="organisation",
            default=None,
            help="What holds for all keys and teams together.",
        )

    @hookimpl
    def register_tables(self, register: RegisterTable) -> None:
        """Keep keys, teams, their credentials, and what was done to them."""
        for table in (KEYS, TEAMS, CREDENTIALS, AUDIT):
            register(table)

    @hookimpl
    async def startup(self, gateway: Gateway) -> None:
        """Index the keys by digest; make a session key where there is no configuration."""
        setup = gateway.setup
        for provider in setup.providers.values():
            _tell_of(provider)
        self._guesses = Guesses(setup.settings("keys").wrong_keys)
        self.directory = _directory_of(setup)
        if setup.core.auth == "keys" and setup.config.source is None and not self.directory.known:
            gateway.session_key = Secret(f"pm-{secrets.token_urlsafe(24)}")
            _add_admin(self.directory, "session", gateway.session_key)
        self.accounts = Accounts(gateway, self.directory)
        self.credentials = OwnCredentials(gateway, self.accounts)
        if gateway.ledger.has_table(KEYS.name):
            await load(gateway.ledger, setup.schema, self.directory)
            await self.credentials.load()
        if not self.directory.known:
            _check_nobody(setup)

    @hookimpl
    def reload(self, gateway: Gateway, setup: Setup) -> Callable[[], None]:
        """Index the keys of another configuration; those of the ledger stay. Raises ConfigError for what
        contradicts itself among them."""
        for provider in setup.providers.values():
            _tell_of(provider)
        directory, wrong_keys = _directory_of(setup), setup.settings("keys").wrong_keys
        if not directory.known and not any(key.origin == "ledger" for key in self.directory):
            _check_nobody(setup)
        same = wrong_keys == gateway.setup.settings("keys").wrong_keys
        guesses = None if same else Guesses(wrong_keys)

        def change() -> None:
            directory.take_over(self.directory)
            self.directory = directory
            if self.accounts is not None:
                self.accounts.directory = directory
            if guesses is not None:
                self._guesses = guesses

        return change

    @hookimpl
    def authenticate(self, exchange: Exchange) -> Actor | None:
        """Who sent the key in the headers. Raises Unauthenticated for one that is not known."""
        sent = sent_in(exchange.headers)
        known = self.directory.seen.get(sent)
        if known is None:
            known = self._known(exchange, sent)
            if known is None:
                return None
        if known.until is not None and known.until <= exchange.at:
            raise Unauthenticated(f"key {known.actor.name!r} expired at {known.until.isoformat()}")
        return known.actor

    def _known(self, exchange: Exchange, sent: Sent) -> Known | None:
        """Who sent these headers, remembered where that is somebody who may ask."""
        text = credential(exchange.headers)
        if text is None:
            return None
        # headers are read as Latin-1: this is the way back to the bytes that were sent
        known = self.directory.known.get(sha256(text.encode("latin-1")).digest())
        if known is None:
            raise self._unknown(exchange)
        if known.refused is not None:
            raise Unauthenticated(known.refused)
        seen = self.directory.seen
        if sum(len(each) for each in sent if each is not None) <= LONGEST_SEEN:
            if len(seen) >= MOST_SEEN:
                seen.clear()
            seen[sent] = known
        return known

    @hookimpl
    def admit(self, exchange: Exchange) -> None:
        """Refuse a viewer, and a request none of whose models the key may use."""
        actor = exchange.actor
        if actor is None:
            raise Unauthenticated("nobody asks")
        if actor.role == "viewer":
            raise Forbidden(f"key {actor.name!r} is a viewer: it may not call models")
        if actor.bounded:
            check_surface(exchange, actor)
            refusal = model_refusal(exchange, actor)
            if refusal is not None:
                raise Forbidden(refusal, param="model")

    @hookimpl
    def rank_candidates(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate] | None:
        """Drop endpoints that the key may not use, wherever they came from, and call those first for which
        its team has a credential of its own."""
        actor = exchange.actor
        if actor is None or not (actor.bounded or actor.keys):
            return None
        return candidates_for(exchange, actor, candidates)

    def caller(self, actor: Actor, address: str) -> Caller:
        """Who manages keys, as far as `accounts` wants to know."""
        key = self.directory.key(actor.key_id)
        known = self.directory.known[key.digest] if key is not None else Known(actor)
        return Caller(actor, address, known.until, known.manages)

    @staticmethod
    def actor(setup: Setup, name: str) -> Actor | None:
        """Who the key of this name would be, for a dry run: one of the configuration, or of the ledger as far
        as that is on disk. Raises StartupError for one that is refused."""
        directory = configured(setup)
        peek(setup, directory)
        key = directory.named(name)
        if key is None:
            return None
        known = directory.known[key.digest]
        if known.refused is not None:
            raise StartupError(known.refused)
        return known.actor

    def _unknown(self, exchange: Exchange) -> Unauthenticated | RateLimited:
        wait = self._guesses.wrong(exchange.client)
        if wait is None:
            return Unauthenticated("this API key is not known")
        return RateLimited("too many wrong API keys from this address", retry_after=wait)


def _directory_of(setup: Setup) -> Directory:
    """Those whom the configuration names, the admin key among them."""
    directory = configured(setup)
    if setup.core.admin_key:
        _add_admin(directory, "admin", setup.core.admin_key)
    return directory


def _add_admin(directory: Directory, name: str, key: Secret) -> None:
    digest = sha256(key.reveal().encode()).digest()
    if digest in directory.known:
        other = directory.known[digest].actor.name
        raise StartupError(f"admin_key is the same as key {other!r} of `keys:`; each needs its own")
    directory.known[digest] = Known(Actor(name, key_id(digest.hex()), role="admin"))


def _check_nobody(setup: Setup) -> None:
    """See whether it is right that nobody has a key. Raises StartupError where others can reach it."""
    if setup.core.auth != "keys":
        return
    advice = "add one under `keys:`, or set admin_key, or run `pointsman keys create`"
    server = setup.core.server
    if server.socket is None and not is_loopback(server.host):
        raise StartupError(f"server.host is {server.host} and there is no key at all: {advice}")
    log.warning("nobody can call this gateway, there is no key: %s (or `auth: none` on loopback)", advice)

"""Who asks: keys of the configuration, the admin key, and the key of a session without configuration.

Keys are known by the SHA-256 of their text alone. A look-up is one hash and one dictionary access over the
whole digest, so that no two keys can be taken for each other.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, ClassVar, Literal, Self

from pointsman import hookimpl
from pointsman.config import SettingError, setting
from pointsman.errors import Forbidden, StartupError, Unauthenticated
from pointsman.exchange import Actor, Candidate, Exchange
from pointsman.gateway import Gateway
from pointsman.hosts import is_loopback
from pointsman.registers import RegisterSettings
from pointsman.secrets import Secret

__all__ = ["POINTSMAN_API", "Expiry", "KeySettings", "Keys"]

POINTSMAN_API = 1

log = logging.getLogger(__name__)

SCHEMES = ("Bearer ", "bearer ")
PLAIN_HEADERS = ("x-api-key", "api-key", "x-goog-api-key")
_BEARER = re.compile(r"bearer\s+(.+)", re.IGNORECASE)
_NEXT_BEARER = re.compile(r",\s*(?=bearer\s)", re.IGNORECASE)
_HASH = re.compile(r"[0-9a-fA-F]{64}")
_HASH_OF_NOTHING = sha256(b"").hexdigest()


def check_hash(key_hash: Secret) -> None:
    """64 hexadecimal digits. Raises SettingError, which never repeats the text: it may be a key."""
    expected = '64 hexadecimal digits: printf %s "$KEY" | sha256sum'
    if not _HASH.fullmatch(key_hash.reveal()):
        hint = "if this is the key itself, take it out of the file: only its SHA-256 belongs here"
        raise SettingError((), "this is not the SHA-256 of a key", expected=expected, hint=hint)
    if key_hash.reveal().lower() == _HASH_OF_NOTHING:
        hint = "was the variable with the key set?"
        raise SettingError((), "this is the SHA-256 of an empty text", expected=expected, hint=hint)


class Expiry(datetime):
    """A moment, in UTC where the text names no zone."""

    expected: ClassVar[str] = "a date or time such as 2030-01-01 or 2030-01-01T12:00:00Z"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ISO 8601. Raises ValueError."""
        try:
            moment = cls.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a date or time") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    @property
    def text(self) -> str:
        """ISO 8601."""
        return self.isoformat()


@dataclass(frozen=True)
class KeySettings:
    """A key that clients send."""

    record: ClassVar[str] = "key"
    name: str = setting(help="What the key is called in records and messages.", example="alice")
    key_hash: Secret = setting(
        check=check_hash,
        help="SHA-256 of the key, in 64 hexadecimal digits; the key itself stands nowhere.",
    )
    models: tuple[str, ...] = setting(
        default=("*",), help="Globs of the models it may use, by name, alias or endpoint."
    )
    tags: tuple[str, ...] = setting(default=(), help="Words of your own, for rules.", example=["batch"])
    role: Literal["admin", "member", "viewer"] = setting(
        default="member", help="viewer may look, member may call models, admin may do everything."
    )
    explain: bool = setting(default=True, help="Whether it may see decision records.")
    disabled: bool = setting(default=False, help="Refuse it for now.")
    expires: Expiry | None = setting(default=None, help="Refuse it from then on.", example="2030-01-01")
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> bytes:
        """The key's SHA-256."""
        return bytes.fromhex(self.key_hash.reveal())


def check_keys(keys: tuple[KeySettings, ...]) -> None:
    """One name and one digest a key. Raises SettingError at the second."""
    names: set[str] = set()
    digests: set[bytes] = set()
    for index, key in enumerate(keys):
        if key.name in names:
            raise SettingError((index, "name"), f"key {key.name!r} is here twice")
        if key.digest in digests:
            raise SettingError((index, "key_hash"), "two keys have this digest: they are the same key")
        names.add(key.name)
        digests.add(key.digest)


@dataclass(frozen=True, slots=True)
class Known:
    """A key by its digest: who it is, and when it is refused all the same."""

    actor: Actor
    disabled: bool = False
    expires: datetime | None = None


class Keys:
    """The plugin."""

    def __init__(self) -> None:
        self._known: dict[bytes, Known] = {}

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """Claim `keys:`."""
        register(tuple[KeySettings, ...], section="keys", default=(), help="Who may ask.", check=check_keys)

    @hookimpl
    def startup(self, gateway: Gateway) -> None:
        """Index the keys by digest; make a session key where there is no configuration."""
        setup = gateway.setup
        self._known = {
            key.digest: Known(_actor(key), key.disabled, key.expires) for key in setup.section("keys")
        }
        if setup.core.admin_key:
            self._add_admin("admin", setup.core.admin_key)
        if setup.core.auth != "keys" or self._known:
            return
        if setup.config.source is None:
            gateway.session_key = Secret(f"pm-{secrets.token_urlsafe(24)}")
            self._add_admin("session", gateway.session_key)
            return
        advice = "add one under `keys:`, or set admin_key"
        server = setup.core.server
        if server.socket is None and not is_loopback(server.host):
            raise StartupError(f"server.host is {server.host} and there is no key at all: {advice}")
        log.warning("nobody can call this gateway, there is no key: %s (or `auth: none` on loopback)", advice)

    @hookimpl
    def authenticate(self, exchange: Exchange) -> Actor | None:
        """Who sent the key in the headers. Raises Unauthenticated for one that is not known."""
        sent = _credential(exchange.headers)
        if sent is None:
            return None
        # headers are read as Latin-1: this is the way back to the bytes that were sent
        known = self._known.get(_digest(sent.encode("latin-1")))
        if known is None:
            raise Unauthenticated("this API key is not known")
        if known.disabled:
            raise Unauthenticated(f"key {known.actor.name!r} is disabled")
        if known.expires is not None and known.expires <= exchange.at:
            raise Unauthenticated(f"key {known.actor.name!r} expired at {known.expires.isoformat()}")
        return known.actor

    @hookimpl
    def admit(self, exchange: Exchange) -> None:
        """Refuse a viewer, and a request none of whose models the key may use."""
        actor = exchange.actor
        if actor is None:
            raise Unauthenticated("nobody asks")
        if actor.role == "viewer":
            raise Forbidden(f"key {actor.name!r} is a viewer: it may not call models")
        if actor.models == ("*",):
            return
        names = exchange.plan.models if exchange.plan is not None else (exchange.peek.model,)
        if not any(_may_use(exchange, actor, name) for name in names):
            rule = exchange.plan.rule if exchange.plan is not None else None
            what = (
                f"model {exchange.peek.model!r}" if rule is None else f"any model that rule {rule!r} leads to"
            )
            raise Forbidden(f"key {actor.name!r} may not use {what}", param="model")

    @hookimpl
    def rank_candidates(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate] | None:
        """Drop endpoints that the key may not use, wherever they came from."""
        actor = exchange.actor
        if actor is None or actor.models == ("*",):
            return None
        kept = []
        for candidate in candidates:
            if actor.may_use(*_names(exchange, candidate)):
                kept.append(candidate)
            else:
                exchange.exclude(candidate, by="keys", why=f"key {actor.name!r} may not use it")
        return kept

    def _add_admin(self, name: str, key: Secret) -> None:
        digest = _digest(key.reveal().encode())
        if digest in self._known:
            other = self._known[digest].actor.name
            raise StartupError(f"admin_key is the same as key {other!r} of `keys:`; each needs its own")
        self._known[digest] = Known(Actor(name, _key_id(digest), role="admin"))


def _credential(headers: Mapping[str, str]) -> str | None:
    """The one credential in the headers. Raises Unauthenticated where there are several."""
    sent = headers.get("authorization", "")
    if sent[:7] in SCHEMES and "," not in sent and headers.keys().isdisjoint(PLAIN_HEADERS):
        return sent[7:].strip() or None  # what nearly every client sends
    several = set(_credentials(headers))
    if len(several) > 1:
        raise Unauthenticated("the request has several different API keys: send one")
    return several.pop() if several else None


def _credentials(headers: Mapping[str, str]) -> Iterator[str]:
    """Every credential in the headers, whichever way a client's dialect sends it."""
    authorization = headers.get("authorization")
    if authorization:
        # several headers of one name are joined by commas, and a key may have commas of its own
        parts = _NEXT_BEARER.split(authorization) if "," in authorization else [authorization]
        for part in parts:
            bearer = _BEARER.fullmatch(part.strip())
            if bearer is not None:
                yield bearer[1]
    for name in PLAIN_HEADERS:
        if name in headers and (value := headers[name].strip()):
            yield value


def _digest(key: bytes) -> bytes:
    return sha256(key).digest()


def _key_id(digest: bytes) -> str:
    return f"key-{digest.hex()[:12]}"


def _actor(key: KeySettings) -> Actor:
    return Actor(key.name, _key_id(key.digest), key.role, key.models, key.tags, key.explain, key.extra)


def _may_use(exchange: Exchange, actor: Actor, name: str) -> bool:
    resolution = exchange.setup.catalogue.resolve(name)
    return actor.may_use(name) if resolution is None else actor.may_use(*resolution.names)


def _names(exchange: Exchange, candidate: Candidate) -> tuple[str, ...]:
    """Every name by which a client could have asked for this endpoint."""
    catalogue, endpoint = exchange.setup.catalogue, candidate.endpoint
    model = catalogue.models.get(candidate.model)
    names = (candidate.model, endpoint.id, *(model.aliases if model is not None else ()))
    native = catalogue.resolve(endpoint.native_id)
    if native is not None and [each.id for each in native.endpoints] == [endpoint.id]:
        return (*names, endpoint.native_id)
    return names

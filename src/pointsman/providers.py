"""Providers: who serves models, and the core's way of calling them over HTTP.

A provider is an object that knows its dialects, its addresses, its credentials and its host's quirks. It
never parses streams. One that answers without HTTP subclasses `Provider` and answers in `call_provider`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from .calls import Call, Outgoing, origin_of
from .config import ProviderSettings
from .credentials import Key, KeyPool
from .dialects import Codec, Quirks
from .errors import PluginError, StartupError
from .facts import About
from .markers import hookimpl
from .secrets import Secret

if TYPE_CHECKING:
    import httpx

    from .catalogue import Endpoint
    from .exchange import Attempt, Exchange

__all__ = ["HttpCaller", "HttpProvider", "Kind", "Listed", "Provider", "ProviderFactory", "Providers"]

ProviderFactory = Callable[[str, ProviderSettings], "Provider"]
"""Makes a provider from its name and its section of the configuration. Raises StartupError."""


SHOWN = 12
"""How many vendors an error names."""
MOST_SIGNED = 1024
"""Headers that are kept of a provider: they differ by URL, key, and what is asked for."""
CANONICAL_SURFACES = frozenset({"chat", "completions"})
"""What a provider that names neither dialects nor surfaces serves: those that a `Response` answers."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A model that a provider says it has, by its id there, and what else it says of it: a mapping in the
    shape of its own listing, or by the names of `pointsman.facts`."""

    id: str
    said: Mapping[str, Any] = field(default_factory=dict)


class Provider:
    """A provider under its configured `name`, of `kind` (a vendor), speaking `dialects`."""

    def __init__(
        self,
        name: str,
        *,
        kind: str,
        dialects: frozenset[str] = frozenset(),
        surfaces: frozenset[str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.dialects = dialects
        self.surfaces = CANONICAL_SURFACES if surfaces is None and not dialects else surfaces
        self.extra = dict(extra or {})
        self.quirks = Quirks()
        self.about = About()
        self.discover = False
        self.timeout: float | None = None
        self.found = False
        """Nobody configured it: it was looked for, and may not be there."""
        self.absent: str | None = None
        """Why it turned out not to be there."""

    def takes(self, native_id: str) -> bool:
        """Whether a model that no listing names may be asked for all the same."""
        return True

    def serves(self, dialect: str, surface: str) -> bool:
        """Whether this provider can answer a surface of a dialect.

        One that names no dialects answers in canonical types, which every dialect can be written from.
        """
        if self.dialects and dialect not in self.dialects:
            return False
        return self.surfaces is None or surface in self.surfaces

    def unready(self) -> str | None:
        """Why this provider cannot be called at all, in words, or None."""
        return self.absent

    async def list_models(self, http: httpx.AsyncClient) -> list[Listed]:
        """The models this provider says it has. Raises httpx.HTTPError, ValueError."""
        return []


class HttpProvider(Provider):
    """A provider reached over HTTP at `base_url`, which ends before the surface's path.

    The credentials are bound to the base URL's origin: `sign` refuses any other. A key goes into
    `key_header`, behind `key_prefix`; `default_headers` are sent where the client's dialect gave none.
    """

    key_header = "authorization"
    key_prefix = "Bearer "
    default_headers: Mapping[str, str] = MappingProxyType({})
    listing: str | None = "/models"
    """Where its listing of models is, below `base_url`; None where it has none."""

    def __init__(
        self,
        name: str,
        *,
        kind: str,
        base_url: str,
        dialects: frozenset[str],
        api_key: Secret | None = None,
        key_required: bool = False,
        settings: ProviderSettings | None = None,
        quirks: Quirks | None = None,
        surfaces: frozenset[str] | None = None,
    ) -> None:
        super().__init__(
            name, kind=kind, dialects=dialects, surfaces=surfaces, extra=settings.extra if settings else None
        )
        secrets = [secret for secret in (api_key, *(settings.api_keys if settings else ())) if secret]
        for secret in secrets:
            if not all("!" <= each <= "~" for each in secret.reveal()):
                raise StartupError(
                    f"provider {name!r}: its api_key has a character that no header can carry; "
                    "is there a line end or a space around it?"
                )
        self.base_url = base_url.rstrip("/")
        self.origin = origin_of(self.base_url)
        self.keys = KeyPool(list(dict.fromkeys(secrets)))
        self.key_required = key_required
        self.headers = dict(settings.headers) if settings else {}
        self.quirks = quirks or Quirks()
        self._signed: dict[tuple[str, Codec, Key | None, bool], dict[str, str]] = {}
        if settings is not None:
            self.discover = bool(settings.discover)
            self.timeout = settings.timeout

    @classmethod
    def of(cls, name: str, kind: str, settings: ProviderSettings) -> Self:
        """A provider straight from its section, `base_url` required. Raises StartupError."""
        if settings.base_url is None:
            raise StartupError(f"provider {name!r}: base_url is missing")
        return cls(
            name,
            kind=kind,
            base_url=settings.base_url,
            dialects=frozenset(settings.dialects or ()),
            api_key=settings.api_key,
            settings=settings,
        )

    def unready(self) -> str | None:
        """A provider that needs a key and has none is left out of every choice."""
        if self.key_required and not self.keys:
            return "its api_key is missing"
        return self.absent

    def called(self, endpoint: Endpoint) -> str:
        """What this provider calls the model of one of its endpoints."""
        return endpoint.native_id

    def url(self, codec: Codec, *, model: str, stream: bool) -> str:
        """Where a surface of this provider is."""
        return self.base_url + codec.address(model=model, stream=stream)

    def signed(self, url: str, codec: Codec, key: Key | None, *, stream: bool) -> dict[str, str] | None:
        """The headers of a request that has none of its client's, signed once for all that are alike; None
        where each has to be signed for itself."""
        if type(self).sign is not HttpProvider.sign:
            return None
        alike = (url, codec, key, stream)
        headers = self._signed.get(alike)
        if headers is None:
            headers = _plain(codec, stream=stream)
            self.sign(url, headers, key)
            if len(self._signed) >= MOST_SIGNED:
                self._signed.clear()
            self._signed[alike] = headers
        return headers

    def sign(self, url: str, headers: dict[str, str], key: Key | None = None) -> None:
        """Add the credential: `key`, or the pool's next. Raises StartupError for a URL of another origin."""
        if origin_of(url) != self.origin:
            raise StartupError(f"provider {self.name!r}: its key is bound to {self.origin}, not to {url}")
        key = key or self.keys.take()
        if key is not None:
            headers[self.key_header] = self.key_prefix + key.secret.reveal()
        for name, value in self.default_headers.items():
            headers.setdefault(name, value)
        headers.update(self.headers)

    async def list_models(self, http: httpx.AsyncClient) -> list[Listed]:
        """Read the listing, `GET {base_url}/models` in this family of services."""
        if self.listing is None:
            raise ValueError(f"{self.kind} has no listing of its models")
        answer = await self._json(http, "GET", self.listing)
        rows = answer.get("data") if isinstance(answer, dict) else answer
        if not isinstance(rows, list):
            raise ValueError(f"{self.base_url}{self.listing} did not answer with a list of models")
        return [Listed(str(row["id"]), row) for row in rows if isinstance(row, dict) and row.get("id")]

    async def post_json(self, http: httpx.AsyncClient, path: str, body: Any) -> Any:
        """POST JSON to a path of this provider, signed, and read the JSON it answers.

        For plugins that speak a wire format of their own. Raises httpx.HTTPError and ValueError, which
        `call_provider` may let pass: the attempt has failed and the next candidate is tried.
        """
        return await self._json(http, "POST", path, json=body)

    async def _json(self, http: httpx.AsyncClient, method: str, path: str, **content: Any) -> Any:
        url = self.base_url + path
        headers = {"accept": "application/json"}
        self.sign(url, headers)
        response = await http.request(method, url, headers=headers, **content)
        response.raise_for_status()
        return response.json()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of provider, as registered."""

    name: str
    factory: ProviderFactory
    owner: str
    key_variable: str | None = None
    local_url: str | None = None
    always: bool = False
    address: str | None = None

    def example(self) -> Provider:
        """A provider of this kind that nobody configured, to tell what it is like; its address may have
        places to be filled in. Raises StartupError for a kind that is nothing without a configuration."""
        return self.factory(self.name, ProviderSettings(base_url=self.address))


class Providers:
    """The kinds of provider that plugins registered, from which the configured ones are made."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {}
        self._default: str | None = None

    def add(self, kind: Kind, *, default: bool = False) -> None:
        """Register a kind. `default` serves providers that name a base URL and no known vendor."""
        present = self._kinds.get(kind.name)
        if present is not None:
            raise PluginError(
                f"plugins {present.owner!r} and {kind.owner!r} both register provider {kind.name!r}"
            )
        self._kinds[kind.name] = kind
        if default:
            self._default = kind.name

    def names(self) -> list[str]:
        """The kinds there are, sorted."""
        return sorted(self._kinds)

    def get(self, name: str) -> Kind | None:
        """The kind of this name, if a plugin registered it."""
        return self._kinds.get(name)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def make(self, name: str, settings: ProviderSettings) -> Provider:
        """The provider of one section. Raises StartupError that says which vendors there are."""
        kind = settings.vendor or (name if name in self._kinds else None)
        if kind is None and settings.base_url is not None:
            kind = self._default
        if kind is None or kind not in self._kinds:
            near = difflib.get_close_matches(kind or name, self._kinds, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            what = f"vendor {kind!r} is not known" if kind else "neither vendor nor base_url is given"
            names = self.names()
            known = ", ".join(names[:SHOWN]) or "none"
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            raise StartupError(f"provider {name!r}: {what}; {hint}known vendors: {known}{more}")
        return self._kinds[kind].factory(name, settings)

    def without_asking(self, configured: Collection[str]) -> list[Provider]:
        """Providers that are there though nobody configured them: those that need nothing at all."""
        return [
            kind.factory(kind.name, ProviderSettings())
            for kind in self._kinds.values()
            if kind.always and kind.name not in configured
        ]

    def from_environment(self, env: Mapping[str, str], configured: Collection[str]) -> list[Provider]:
        """Providers nobody configured: those whose key the environment holds, and local servers, which
        count only once they have listed their models."""
        found = []
        for kind in self._kinds.values():
            key = env.get(kind.key_variable, "") if kind.key_variable else ""
            if kind.name in configured or kind.address or not (key or kind.local_url):
                continue
            settings = ProviderSettings(api_key=Secret(key) if key else None, discover=True)
            provider = kind.factory(kind.name, settings)
            provider.found = True
            provider.absent = None if key else "nobody has found it on this machine yet"
            provider.discover = not isinstance(provider, HttpProvider) or provider.listing is not None
            found.append(provider)
        return found


class HttpCaller:
    """The core's own implementation of `call_provider`: last in the chain, for HTTP providers."""

    @hookimpl(trylast=True)
    def call_provider(self, exchange: Exchange, attempt: Attempt) -> Call | None:
        """Send the request in the dialect of the lane."""
        endpoint = attempt.endpoint
        provider = endpoint.provider
        way, peek = attempt.candidate.way or attempt.way, exchange.peek
        if not isinstance(provider, HttpProvider) or way.lane == "local":
            return None
        model = provider.called(endpoint)
        codec = way.codec
        body, dropped = codec.forward(
            exchange.request if way.request is None else way.request,
            model=model,
            peek=peek,
            quirks=provider.quirks,
            params=way.params,
        )
        lost = way.losses.parameters
        if lost or dropped:
            attempt.lost = list(dict.fromkeys((*attempt.lost, *lost, *dropped)))
        url = provider.url(codec, model=model, stream=peek.stream)
        forwarded, own = exchange.codec.forward_headers, attempt.candidate.key
        kept = own is None and (not forwarded or forwarded.isdisjoint(exchange.headers))
        key = attempt.key = own or provider.keys.take()
        headers = provider.signed(url, codec, key, stream=peek.stream) if kept else None
        if headers is None:
            kept, headers = False, _plain(codec, stream=peek.stream)
            _forward(exchange, attempt, headers)
            provider.sign(url, headers, key)
        outgoing = Outgoing("POST", url, headers, body, kept)
        return Call(exchange.gateway.upstream.send(outgoing, exchange.run))


def _plain(codec: Codec, *, stream: bool) -> dict[str, str]:
    """The headers of a request that a client's own do not change, but for its credential."""
    return {
        "content-type": "application/json",
        "accept": "text/event-stream" if stream else "application/json",
        **codec.default_headers,
    }


def _forward(exchange: Exchange, attempt: Attempt, headers: dict[str, str]) -> None:
    """Send along what belongs to the client's dialect; in another dialect it is lost."""
    for name in exchange.codec.forward_headers & exchange.headers.keys():
        if attempt.way.lane == "bytes":
            headers[name] = exchange.headers[name]
        elif name not in exchange.codec.default_headers:
            attempt.lost.append(name)

"""Providers: who serves models, and the core's way of calling them over HTTP.

A provider is an object that knows its dialects, its addresses, its credentials and its host's quirks. It
never parses streams. One that answers without HTTP subclasses `Provider` and answers in `call_provider`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .config import ProviderSettings
from .dialects import Codec, Quirks
from .errors import StartupError
from .markers import hookimpl
from .secrets import Secret
from .upstream import Answer, Outgoing, origin_of

if TYPE_CHECKING:
    import httpx

    from .exchange import Attempt, Exchange

__all__ = ["HttpCaller", "HttpProvider", "Provider", "ProviderFactory", "Providers"]

ProviderFactory = Callable[[str, ProviderSettings], "Provider"]
"""Makes a provider from its name and its section of the configuration. Raises StartupError."""


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
        self.surfaces = surfaces
        self.extra = dict(extra or {})
        self.quirks = Quirks()
        self.discover = False
        self.timeout: float | None = None

    def takes(self, native_id: str) -> bool:
        """Whether a model that no listing names may be asked for all the same."""
        return True

    def serves(self, dialect: str, surface: str) -> bool:
        """Whether this provider can answer a surface of a dialect."""
        return dialect in self.dialects and (self.surfaces is None or surface in self.surfaces)

    def unready(self) -> str | None:
        """Why this provider cannot be called at all, in words, or None."""
        return None

    async def list_models(self, http: httpx.AsyncClient) -> list[str]:
        """The native ids this provider says it has. Raises httpx.HTTPError, ValueError."""
        return []


class HttpProvider(Provider):
    """A provider reached over HTTP at `base_url`, which ends before the surface's path.

    The credential is bound to the base URL's origin: `sign` refuses any other.
    """

    def __init__(
        self,
        name: str,
        *,
        kind: str,
        base_url: str,
        dialects: frozenset[str],
        api_key: Secret | None = None,
        key_required: bool = False,
        key_variable: str | None = None,
        settings: ProviderSettings | None = None,
        quirks: Quirks | None = None,
        surfaces: frozenset[str] | None = None,
    ) -> None:
        super().__init__(
            name, kind=kind, dialects=dialects, surfaces=surfaces, extra=settings.extra if settings else None
        )
        self.base_url = base_url.rstrip("/")
        self.origin = origin_of(self.base_url)
        self.api_key = api_key
        self.key_required = key_required
        self.key_variable = key_variable
        self.headers = dict(settings.headers) if settings else {}
        self.quirks = quirks or Quirks()
        if settings is not None:
            self.discover = bool(settings.discover)
            self.timeout = settings.timeout

    def unready(self) -> str | None:
        """A provider that needs a key and has none is left out of every choice."""
        if self.key_required and not self.api_key:
            variable = f" (set {self.key_variable})" if self.key_variable else ""
            return f"no api_key{variable}"
        return None

    def url(self, codec: Codec, *, model: str, stream: bool) -> str:
        """Where a surface of this provider is."""
        return self.base_url + codec.path

    def sign(self, url: str, headers: dict[str, str]) -> None:
        """Add the credential. Raises StartupError for a URL of another origin."""
        if origin_of(url) != self.origin:
            raise StartupError(f"provider {self.name!r}: its key is bound to {self.origin}, not to {url}")
        if self.api_key:
            headers["authorization"] = f"Bearer {self.api_key.reveal()}"
        headers.update(self.headers)

    async def list_models(self, http: httpx.AsyncClient) -> list[str]:
        """Read `GET {base_url}/models`, the listing that this family of services shares."""
        url = f"{self.base_url}/models"
        headers = {"accept": "application/json"}
        self.sign(url, headers)
        response = await http.get(url, headers=headers)
        response.raise_for_status()
        rows = response.json()
        rows = rows.get("data") if isinstance(rows, dict) else rows
        if not isinstance(rows, list):
            raise ValueError(f"{url} did not answer with a list of models")
        return [str(row["id"]) for row in rows if isinstance(row, dict) and row.get("id")]


class Providers:
    """The kinds of provider that plugins registered, from which the configured ones are made."""

    def __init__(self) -> None:
        self._factories: dict[str, tuple[str, ProviderFactory]] = {}
        self._default: str | None = None

    def add(self, kind: str, factory: ProviderFactory, owner: str, *, default: bool = False) -> None:
        """Register a kind. `default` serves providers that name a base URL and no known vendor."""
        if kind in self._factories:
            raise StartupError(
                f"plugins {self._factories[kind][0]!r} and {owner!r} both register provider {kind!r}"
            )
        self._factories[kind] = (owner, factory)
        if default:
            self._default = kind

    def kinds(self) -> list[str]:
        """The kinds there are, sorted."""
        return sorted(self._factories)

    def make(self, name: str, settings: ProviderSettings) -> Provider:
        """The provider of one section. Raises StartupError that says which vendors there are."""
        kind = settings.vendor or (name if name in self._factories else None)
        if kind is None and settings.base_url is not None:
            kind = self._default
        if kind is None or kind not in self._factories:
            known = ", ".join(self.kinds()) or "none; is a provider plugin installed?"
            what = f"vendor {kind!r} is not known" if kind else "neither a vendor nor a base_url is given"
            raise StartupError(f"provider {name!r}: {what} (vendors: {known})")
        return self._factories[kind][1](name, settings)


class HttpCaller:
    """The core's own implementation of `call_provider`: last in the chain, for HTTP providers."""

    @hookimpl(trylast=True)
    async def call_provider(self, exchange: Exchange, attempt: Attempt) -> Answer | None:
        """Send the request in the dialect both sides speak."""
        provider = attempt.endpoint.provider
        if not isinstance(provider, HttpProvider):
            return None
        codec, peek = exchange.codec, exchange.peek
        body, attempt.lost = codec.forward(
            exchange.request,
            model=attempt.endpoint.native_id,
            peek=peek,
            quirks=provider.quirks,
            params=attempt.endpoint.params,
        )
        url = provider.url(codec, model=attempt.endpoint.native_id, stream=peek.stream)
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream" if peek.stream else "application/json",
        }
        for name in codec.forward_headers:
            if name in exchange.headers:
                headers[name] = exchange.headers[name]
        provider.sign(url, headers)
        return await exchange.gateway.upstream.send(Outgoing("POST", url, headers, body))

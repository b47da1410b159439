"""The core's own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_type_hints
from urllib.parse import urlsplit

from pointsman.proxies import Proxy
from pointsman.secrets import Secret

from .declare import SettingError, record_spec, setting
from .masking import looks_secret
from .scalars import Duration, Size

if TYPE_CHECKING:
    from .schema import Schema

__all__ = [
    "CoreSettings",
    "EndpointSettings",
    "KeepaliveSettings",
    "LedgerSettings",
    "LogSettings",
    "ModelSettings",
    "ProviderSettings",
    "ProvidersSettings",
    "ServerSettings",
    "StateSettings",
    "TlsSettings",
    "UpstreamSettings",
    "core_settings",
    "declare_core",
]

INSTANT = Duration(0.001)
SHORTEST_SECRET = 32
"""Characters of a key that seals, at least."""


def check_url(value: str) -> None:
    """Require `http://` or `https://` and a host. Raises ValueError."""
    url = urlsplit(value)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("this is not a URL that begins with http:// or https:// and names a host")
    if url.query or url.fragment:
        raise ValueError("an address has no `?` and no `#`: what stands behind them is not sent")
    if url.port == 0:
        raise ValueError("port 0 cannot be called")


@dataclass(frozen=True)
class TlsSettings:
    """Serve HTTPS with this certificate."""

    cert: Path = setting(help="PEM file of the certificate, its chain after it.", example="tls/cert.pem")
    key: Path = setting(help="PEM file of the private key, without a passphrase.", example="tls/key.pem")


@dataclass(frozen=True)
class ServerSettings:
    """Where and how pointsman listens."""

    host: str = setting(default="127.0.0.1", help="Address to listen on.", example="0.0.0.0")  # noqa: S104
    port: int = setting(default=4141, minimum=0, maximum=65535, help="Port; 0 takes any free one.")
    workers: int = setting(default=1, minimum=1, help="Number of processes; one serves thousands of streams.")
    socket: Path | None = setting(default=None, help="Unix socket to listen on, in place of host and port.")
    tls: TlsSettings | None = setting(default=None, help="Certificate for HTTPS; without it plain HTTP.")
    allowed_hosts: tuple[str, ...] = setting(
        default=(),
        help="Host names answered. Empty: on loopback localhost, 127.0.0.1 and [::1], elsewhere any.",
        example=["proxy.example.org"],
    )
    trusted_proxies: tuple[Proxy, ...] = setting(
        default=(),
        help="Reverse proxies whose X-Forwarded-For says who the client is.",
        example=["10.0.0.0/8", "unix"],
    )
    cors: tuple[str, ...] = setting(
        default=(),
        help="Origins of web pages whose scripts may call this gateway; `*` is any.",
        example=["https://chat.example.org"],
    )
    door: Literal["auto", "asgi"] = setting(
        default="auto",
        help="auto hands requests of models to the pipeline without ASGI; asgi takes all the longer way.",
    )
    max_url: Size = setting(default=Size(8 * 2**10), minimum=1, help="Longest path and query of a request.")
    max_header: Size = setting(
        default=Size(64 * 2**10), minimum=1, help="Largest header block of a request, all its lines together."
    )
    max_headers: int = setting(default=128, minimum=1, help="Most header lines of a request.")
    max_body: Size = setting(default=Size(32 * 2**20), minimum=1, help="Largest request body, inflated.")
    header_timeout: Duration = setting(
        default=Duration(10),
        minimum=INSTANT,
        help="A request's headers must be whole this long after their beginning, or the connection's.",
    )
    idle_timeout: Duration = setting(
        default=Duration(75), minimum=INSTANT, help="A connection may wait this long for its next request."
    )
    read_timeout: Duration = setting(
        default=Duration(60), minimum=INSTANT, help="A request's body may pause this long."
    )
    write_timeout: Duration = setting(
        default=Duration(60), minimum=INSTANT, help="A client may read nothing for this long."
    )
    drain: Duration = setting(
        default=Duration(30), help="At stop, requests in flight have this long to finish."
    )

    def check(self) -> None:
        """One process only: state is in its memory."""
        if self.workers > 1:
            raise SettingError(
                "workers",
                f"{self.workers} workers would each count limits and budgets for themselves",
                expected="1, as long as no plugin shares state between processes",
            )


@dataclass(frozen=True)
class LedgerSettings:
    """Where usage, keys and everything else that lasts is kept."""

    shorthand: ClassVar[str] = "url"
    url: str = setting(
        default="sqlite:///pointsman.db", help="Database; a relative path starts at this file."
    )
    durability: Literal["relaxed", "strict"] = setting(
        default="relaxed",
        help="relaxed: rows are on disk within 50 ms, and survive a crash of the process. strict: what a "
        "request used is on disk before its answer ends, and survives a power cut too.",
    )
    queue: int = setting(
        default=100_000,
        minimum=1000,
        help="Rows that may wait where the disk refuses for now, in memory; beyond them rows are lost, or "
        "requests refused: see `usage.when_full`.",
    )


@dataclass(frozen=True)
class StateSettings:
    """Where counters that change with each request are kept."""

    shorthand: ClassVar[str] = "url"
    url: str = setting(default="memory", help="`memory`, or what a plugin offers.")


@dataclass(frozen=True)
class LogSettings:
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        default="info", help="Least severity written."
    )
    format: Literal["auto", "text", "json"] = setting(
        default="auto", help="auto is text on a terminal and JSON lines elsewhere."
    )
    access: bool = setting(default=False, help="Write a line for every request, also the successful ones.")


@dataclass(frozen=True)
class UpstreamSettings:
    """Clocks and limits for calls to providers."""

    connect_timeout: Duration = setting(
        default=Duration(5),
        minimum=INSTANT,
        help="Longest wait for a connection, name lookup and TLS included.",
    )
    first_content: Duration = setting(
        default=Duration(120), minimum=INSTANT, help="Longest wait for the first piece of an answer."
    )
    stall: Duration = setting(
        default=Duration(60), minimum=INSTANT, help="Longest silence in the middle of an answer."
    )
    total: Duration = setting(
        default=Duration(600), minimum=INSTANT, help="Longest a whole attempt may take."
    )
    max_wait: Duration = setting(
        default=Duration(0),
        help="Where all endpoints of a request asked us to wait (429 with `retry-after`, overload), wait so "
        "long for the soonest, in place of an error. What is tried then counts among `attempts`.",
        example="20s",
    )
    max_answer: Size = setting(default=Size(64 * 2**20), minimum=1, help="Largest answer.")
    max_event: Size = setting(default=Size(8 * 2**20), minimum=1, help="Largest event in a stream.")
    max_header: Size = setting(default=Size(64 * 2**10), minimum=1, help="Largest header block of an answer.")
    max_connections: int = setting(
        default=1000, minimum=1, help="Most connections to all providers together."
    )
    ahead: int = setting(
        default=1,
        minimum=0,
        maximum=512,
        help="Connections held ready for each provider that is being called, beside those in use.",
    )
    http2: bool = setting(
        default=False, help="Call providers by HTTP/2 where they have it; costs far more CPU a call."
    )
    proxy: str | None = setting(
        default=None,
        check=check_url,
        help="HTTP proxy through which providers are called.",
        example="http://egress.example.org:3128",
    )
    ca: Path | None = setting(default=None, help="PEM bundle of authorities trusted beside the system's.")


@dataclass(frozen=True)
class KeepaliveSettings:
    """Comments sent in a stream while a provider is silent, so that nothing between cuts it."""

    first: Duration = setting(default=Duration(10), minimum=INSTANT, help="Silence before the first one.")
    every: Duration = setting(default=Duration(15), minimum=INSTANT, help="Silence between two of them.")


@dataclass(frozen=True)
class ProviderSettings:
    """A service that answers requests; its name here is the first part of its endpoints' names."""

    record: ClassVar[str] = "provider"
    vendor: str | None = setting(
        default=None, help="Kind of service; without it the provider's name says it.", example="acme"
    )
    base_url: str | None = setting(
        default=None,
        check=check_url,
        help="Where its API is, in place of the vendor's usual address.",
        example="http://10.0.0.7:8000/v1",
    )
    api_key: Secret | None = setting(default=None, help="Credential.", example="${LAB_API_KEY}")
    api_keys: tuple[Secret, ...] = setting(
        default=(),
        help="Several credentials, taken in turn: one that must wait (429) rests, one that is refused (401) "
        "is left out.",
        example=["${LAB_KEY_A}", "${LAB_KEY_B}"],
    )
    discover: bool | None = setting(
        default=None, help="Ask it for its models at start; without a value the vendor decides."
    )
    headers: dict[str, str] = setting(
        factory=dict, help="Headers added to every call.", example={"x-team": "research"}
    )
    timeout: Duration | None = setting(
        default=None, minimum=INSTANT, help="Longest an attempt may take here, in place of upstream.total."
    )
    dialects: tuple[str, ...] | None = setting(
        default=None, help="Dialects it speaks, in place of what the vendor is known for."
    )
    extra: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Warn of credentials where they are not known as such."""
        warnings = [
            SettingError(
                ("headers", name),
                f"header {name!r} looks like a credential",
                hint="put the credential into `api_key`: it is kept out of logs and bound to the host",
                severity="warning",
            )
            for name in self.headers
            if looks_secret(name)
        ]
        if warnings:
            raise ExceptionGroup("headers", warnings)


@dataclass(frozen=True)
class ProvidersSettings:
    """The services that answer requests, by names of your own."""

    names: ClassVar[str] = "entries"
    from_env: bool = setting(
        default=False,
        help="Also look for usual key variables in the environment and for servers on this machine.",
    )
    entries: dict[str, ProviderSettings] = setting(factory=dict, help="The providers.")


@dataclass(frozen=True)
class EndpointSettings:
    """One model at one provider."""

    record: ClassVar[str] = "endpoint"
    shorthand: ClassVar[str] = "endpoint"
    endpoint: str = setting(
        help="Provider's name here, a slash, the model's name there.", example="lab/large-70b"
    )
    params: dict[str, Any] = setting(
        factory=dict, help="Values for requests that do not set them.", example={"temperature": 0.2}
    )
    timeout: Duration | None = setting(
        default=None, minimum=INSTANT, help="Longest an attempt may take here, in place of the provider's."
    )
    extra: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """An endpoint has a provider and a model."""
        provider, _, model = self.endpoint.partition("/")
        if not provider or not model:
            raise SettingError(
                "endpoint",
                f"endpoint {self.endpoint!r} does not name a provider and a model",
                expected="`provider/model`, with the provider's name from `providers:`",
            )


@dataclass(frozen=True)
class ModelSettings:
    """A model that clients ask for by this name."""

    record: ClassVar[str] = "model"
    aliases: tuple[str, ...] = setting(default=(), help="Other names for it.", example=["fast"])
    endpoints: tuple[EndpointSettings, ...] = setting(
        default=(), help="Where it is served.", example=["lab/large-70b"]
    )
    extra: Mapping[str, Any] = field(default_factory=dict)


def check_aliases(models: Mapping[str, ModelSettings]) -> None:
    """Every name leads to one model. Raises a group of SettingError, each at the second use of a name."""
    owners: dict[str, str] = {}
    errors = []
    for name, model in models.items():
        for index, alias in enumerate(model.aliases):
            place = (name, "aliases", index)
            if alias in models:
                errors.append(SettingError(place, f"alias {alias!r} is the name of a model"))
            elif alias in owners:
                hint = f"model {owners[alias]!r} has it"
                errors.append(SettingError(place, f"alias {alias!r} is taken", hint=hint))
            owners.setdefault(alias, name)
    if errors:
        raise ExceptionGroup("aliases", errors)


def check_secret_key(keys: Secret | tuple[Secret, ...] | None) -> None:
    """Long enough to seal with. Raises ValueError, which never repeats a key."""
    for key in _several(keys):
        if len(key.reveal()) < SHORTEST_SECRET:
            raise ValueError(
                f"a key that seals has at least {SHORTEST_SECRET} characters; make one: openssl rand -hex 32"
            )


def _several(keys: Secret | tuple[Secret, ...] | None) -> tuple[Secret, ...]:
    """Those that are not empty, as where a variable is not set."""
    return tuple(filter(None, (keys,) if isinstance(keys, Secret) else keys or ()))


@dataclass(frozen=True)
class CoreSettings:
    """The core's sections."""

    include: str | tuple[str, ...] = setting(
        default=(),
        help="Further files, by patterns relative to this one; what stands here wins over what they say.",
        example=["conf.d/*.yaml"],
    )
    server: ServerSettings = setting(factory=ServerSettings)
    ledger: LedgerSettings = setting(factory=LedgerSettings)
    state: StateSettings = setting(factory=StateSettings)
    auth: Literal["keys", "none"] = setting(
        default="keys", help="none lets anybody in, and is possible on a loopback address only."
    )
    admin_key: Secret | None = setting(
        default=None, help="A key that may do everything; empty is none.", example="${POINTSMAN_ADMIN_KEY:-}"
    )
    secret_key: Secret | tuple[Secret, ...] | None = setting(
        default=None,
        check=check_secret_key,
        help="Seals what the ledger must keep secret: logged bodies, teams' own provider keys. Of several, "
        "the first seals and the others open what they sealed before: put a new one first to rotate.",
        example="${POINTSMAN_SECRET_KEY:-}",
    )
    log: LogSettings = setting(factory=LogSettings)
    upstream: UpstreamSettings = setting(factory=UpstreamSettings)
    keepalive: KeepaliveSettings = setting(factory=KeepaliveSettings)
    attempts: int = setting(
        default=4, minimum=1, maximum=10, help="Most attempts at endpoints for one request."
    )
    on_loss: Literal["warn", "reject", "drop"] = setting(
        default="warn",
        help="When an endpoint's dialect has no place for a parameter: warn says so in `x-pointsman-lost`, "
        "reject leaves the endpoint out, drop goes on without a word to the client.",
    )
    cost_in_body: Literal["auto", "always", "never"] = setting(
        default="auto",
        help="Whether answers carry their cost. auto: under /api/v1, and where a request asks for it.",
    )
    hook_timeout: Duration = setting(
        default=Duration(10), minimum=INSTANT, help="A phase of plugin hooks that takes longer is cancelled."
    )
    providers: ProvidersSettings = setting(factory=ProvidersSettings)
    models: dict[str, ModelSettings] = setting(
        factory=dict, check=check_aliases, help="Models under names of your own, and where they are served."
    )

    @property
    def secret_keys(self) -> tuple[Secret, ...]:
        """The keys of `secret_key`; the first seals."""
        return _several(self.secret_key)


def declare_core(schema: Schema) -> None:
    """Declare the core's sections."""
    hints = get_type_hints(CoreSettings)
    for name, spec in record_spec(CoreSettings).fields.items():
        schema.section(
            name,
            hints[name],
            owner="core",
            default=spec.default,
            factory=spec.factory,
            help=spec.help,
            example=spec.example,
            minimum=spec.minimum,
            maximum=spec.maximum,
            check=spec.check,
        )


def core_settings(sections: Mapping[str, Any]) -> CoreSettings:
    """The core's sections out of all. Raises LookupError if the core is not declared."""
    return CoreSettings(**{each.name: sections[each.name] for each in fields(CoreSettings)})

"""Azure OpenAI as a provider: deployments of a resource, under their own names.

A resource is asked in one of two ways. The newer one, `/openai/v1`, is OpenAI's own API, the model being the
name of a deployment. With `api_version` as a date, the older one, a deployment has an address of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pointsman.catalogue import Endpoint
from pointsman.config import ProviderSettings
from pointsman.dialects import Codec, Quirks
from pointsman.errors import StartupError
from pointsman.facts import About
from pointsman.providers import HttpProvider, Listed
from pointsman.registers import RegisterSettings

from .errors import DIALECT
from .provider import DIALECTS, LIMIT_HEADERS, QUIRKS

if TYPE_CHECKING:
    import httpx

__all__ = ["ADDRESS", "KEY_VARIABLE", "KIND", "AzureProvider", "check_version", "declare", "make_provider"]

KIND = "azure"
KEY_VARIABLE = "AZURE_OPENAI_API_KEY"
ADDRESS = "https://{resource}.openai.azure.com"
EXAMPLE = ADDRESS.format(resource="my-resource")
SUFFIX = re.compile(r"/openai(/v1)?/?$")
"""What resource addresses are often given with."""
VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?|v1|preview|latest")
TELLS_USAGE = "2024-09-01"
"""The version from which on streams tell their usage where they are asked to."""
HAS_RESPONSES = "2025-03-01"
"""The version from which on there are responses."""
OF_DEPLOYMENTS = frozenset({"/chat/completions", "/completions", "/embeddings"})
"""Surfaces that a deployment has at its own address, in versions with a date."""
ABOUT = About(
    title="Azure OpenAI",
    docs="https://learn.microsoft.com/azure/ai-foundry/openai/reference",
    headquarters="US",
    trains=False,
    retains=True,
    retention="up to 30 days, to watch for abuse; none where that is turned off by approval",
    limit_headers=LIMIT_HEADERS,
    verified=True,
    source="documentation, recorded traffic",
    checked="2026-11-27",
)


def check_version(value: Any) -> None:
    """Raise ValueError for what is no version of the API."""
    if value is not None and VERSION.fullmatch(value) is None:
        raise ValueError(
            "a version is a date as in 2024-10-21 or 2025-04-01-preview, or v1, preview or latest"
        )


def declare(register: RegisterSettings) -> None:
    """The settings of such providers and their endpoints."""
    register.field(
        "provider",
        "api_version",
        str | None,
        default=None,
        check=check_version,
        help="Version of an Azure resource's API. With a date each deployment is asked at its own address; "
        "without one all are asked under /openai/v1.",
        example="2024-10-21",
    )
    register.field(
        "provider",
        "deployments",
        dict[str, str],
        factory=dict,
        help="The deployments of an Azure resource, by the models they serve, which are then the provider's "
        "models; any other that is asked for is its own deployment.",
        example={"gpt-5.2": "prod-gpt-5-2"},
    )
    register.field(
        "provider",
        "bearer",
        bool,
        default=False,
        help="The credential of an Azure resource is an Entra ID token, and no key of the resource.",
    )
    register.field(
        "endpoint",
        "deployment",
        str | None,
        default=None,
        help="The deployment of an Azure resource that serves this endpoint.",
        example="prod-gpt-5-2",
    )


class AzureProvider(HttpProvider):
    """A resource and its deployments. It has no listing of them: where it was told of any, those are its
    models, whatever else the vendor has."""

    listing = None

    def __init__(self, name: str, base_url: str, settings: ProviderSettings) -> None:
        self.api_version: str | None = settings.extra.get("api_version")
        self.deployments: Mapping[str, str] = settings.extra.get("deployments") or {}
        if not settings.extra.get("bearer"):
            self.key_header, self.key_prefix = "api-key", ""
        super().__init__(
            name,
            kind=KIND,
            base_url=base_url,
            dialects=frozenset(settings.dialects or self._spoken()),
            api_key=settings.api_key,
            key_required=True,
            quirks=self._quirks(),
            settings=settings,
        )
        self.about = ABOUT
        if settings.discover is None:
            self.discover = bool(self.deployments)

    @property
    def dated(self) -> bool:
        """Whether deployments have addresses of their own."""
        return self.api_version is not None and self.api_version[0].isdecimal()

    def _before(self, version: str) -> bool:
        return self.dated and (self.api_version or "") < version

    def _spoken(self) -> frozenset[str]:
        return frozenset({DIALECT}) if self._before(HAS_RESPONSES) else DIALECTS

    def _quirks(self) -> Quirks:
        """How its version departs from OpenAI: older ones do not know how to tell usage in streams."""
        asks = "never" if self._before(TELLS_USAGE) else QUIRKS.stream_usage
        return Quirks(stream_usage=asks, keeps=QUIRKS.keeps, reasoning=QUIRKS.reasoning)

    def called(self, endpoint: Endpoint) -> str:
        """See `HttpProvider.called`: the deployment."""
        own: str | None = endpoint.extra.get("deployment")
        return own or self.deployments.get(endpoint.native_id, endpoint.native_id)

    def url(self, codec: Codec, *, model: str, stream: bool) -> str:
        """See `HttpProvider.url`; `model` is the deployment."""
        path = codec.address(model=model, stream=stream)
        version = f"?api-version={self.api_version}" if self.api_version is not None else ""
        if not self.dated:
            return f"{self.base_url}/openai/v1{path}{version}"
        place = f"/deployments/{quote(model, safe='')}" if path in OF_DEPLOYMENTS else ""
        return f"{self.base_url}/openai{place}{path}{version}"

    async def list_models(self, http: httpx.AsyncClient) -> list[Listed]:
        """See `Provider.list_models`: the models of the deployments that the configuration names."""
        return [Listed(model) for model in self.deployments]


def make_provider(name: str, settings: ProviderSettings) -> AzureProvider:
    """The provider of one section. Raises StartupError for one without the address of its resource."""
    if settings.base_url is None:
        raise StartupError(f"provider {name!r}: base_url is missing: the resource's address, as in {EXAMPLE}")
    address = SUFFIX.sub("", settings.base_url.rstrip("/"))
    if "{" in address or "/openai/" in address:
        raise StartupError(
            f"provider {name!r}: base_url must be the resource's address alone, as in {EXAMPLE}; "
            "a deployment is named by `deployments`, or by `deployment` of an endpoint"
        )
    return AzureProvider(name, address, settings)

"""Anthropic as a provider."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote

from pointsman.config import ProviderSettings
from pointsman.dialects import Quirks
from pointsman.facts import About
from pointsman.providers import HttpProvider, Listed

from .names import DIALECT, VERSION

if TYPE_CHECKING:
    import httpx

__all__ = ["ABOUT", "KEY_VARIABLE", "KIND", "AnthropicProvider", "make_provider"]

KIND = "anthropic"
BASE_URL = "https://api.anthropic.com/v1"
KEY_VARIABLE = "ANTHROPIC_API_KEY"
PAGE = 1000
MOST_PAGES = 20
ABOUT = About(
    title="Anthropic",
    docs="https://platform.claude.com/docs/en/api/overview",
    headquarters="US",
    trains=False,
    retains=True,
    retention="30 days; zero data retention by agreement",
    cancels=True,
    limit_headers=(
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
    ),
    verified=True,
    source="documentation, recorded traffic, OpenRouter's documentation (cancelling)",
    checked="2026-11-27",
)
"""Of Anthropic itself; who answers at another address is somebody else."""
QUIRKS = Quirks(continues="last")


class AnthropicProvider(HttpProvider):
    """A provider with the key in a header of its own, and a version that every request names."""

    key_header = "x-api-key"
    key_prefix = ""
    default_headers: Mapping[str, str] = MappingProxyType({"anthropic-version": VERSION})

    async def list_models(self, http: httpx.AsyncClient) -> list[Listed]:
        """Read `GET {base_url}/models`, page by page."""
        found: list[Listed] = []
        after = ""
        for _ in range(MOST_PAGES):
            answer = await self._json(http, "GET", f"/models?limit={PAGE}{after}")
            rows = answer.get("data") if isinstance(answer, dict) else None
            if not isinstance(rows, list):
                raise ValueError(f"{self.base_url}/models did not answer with a list of models")
            found += [Listed(str(row["id"]), row) for row in rows if isinstance(row, dict) and row.get("id")]
            last = answer.get("last_id")
            if answer.get("has_more") is not True or not isinstance(last, str):
                break
            after = f"&after_id={quote(last, safe='')}"
        return found


def make_provider(name: str, settings: ProviderSettings) -> AnthropicProvider:
    """The provider of one section. Raises StartupError for a base URL that is none."""
    provider = AnthropicProvider(
        name,
        kind=KIND,
        base_url=settings.base_url or BASE_URL,
        dialects=frozenset(settings.dialects or (DIALECT,)),
        api_key=settings.api_key,
        key_required=settings.base_url is None,
        settings=settings,
    )
    if provider.base_url == BASE_URL:
        provider.about = ABOUT
        provider.quirks = QUIRKS
    return provider

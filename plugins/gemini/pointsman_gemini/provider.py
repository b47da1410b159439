"""The Gemini API as a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pointsman.config import ProviderSettings
from pointsman.facts import About
from pointsman.providers import HttpProvider, Listed

from .names import DIALECT

if TYPE_CHECKING:
    import httpx

__all__ = ["KEY_VARIABLE", "KIND", "GeminiProvider", "make_provider"]

KIND = "gemini"
BASE_URL = "https://generativelanguage.googleapis.com/v1beta"
KEY_VARIABLE = "GEMINI_API_KEY"
PAGE = 1000
MOST_PAGES = 20
METHODS = frozenset({"generateContent", "embedContent"})
"""How models are asked here."""
FACTS = {
    "name": "displayName",
    "description": "description",
    "context": "inputTokenLimit",
    "max_output": "outputTokenLimit",
}
"""What a listing says, by our names."""
ABOUT = About(
    title="Gemini API",
    docs="https://ai.google.dev/gemini-api/docs",
    headquarters="US",
    retains=True,
    retention="55 days, to watch for abuse; none by approval; what is free is learnt from, too",
    verified=True,
    source="documentation (abuse monitoring, zero data retention, terms of service), recorded traffic",
    checked="2026-11-27",
)


class GeminiProvider(HttpProvider):
    """A provider with the key in a header of its own, and models that are listed page by page."""

    key_header = "x-goog-api-key"
    key_prefix = ""

    async def list_models(self, http: httpx.AsyncClient) -> list[Listed]:
        """Read `GET {base_url}/models`, page by page; those that no surface here can ask are left out."""
        found: list[Listed] = []
        page = ""
        for _ in range(MOST_PAGES):
            answer = await self._json(http, "GET", f"/models?pageSize={PAGE}{page}")
            rows = answer.get("models") if isinstance(answer, dict) else None
            if not isinstance(rows, list):
                raise ValueError(f"{self.base_url}/models did not answer with a list of models")
            found += [model for row in rows if (model := _listed(row)) is not None]
            token = answer.get("nextPageToken")
            if not isinstance(token, str) or not token:
                break
            page = f"&pageToken={quote(token, safe='')}"
        return found


def _listed(row: Any) -> Listed | None:
    """A row of the listing; None for a model that is asked in other ways."""
    name = row.get("name") if isinstance(row, dict) else None
    if not isinstance(name, str) or not name:
        return None
    methods = row.get("supportedGenerationMethods")
    if isinstance(methods, list) and METHODS.isdisjoint(map(str, methods)):
        return None
    said = {fact: row[member] for fact, member in FACTS.items() if row.get(member)}
    return Listed(name.removeprefix("models/"), said)


def make_provider(name: str, settings: ProviderSettings) -> GeminiProvider:
    """The provider of one section. Raises StartupError for a base URL that is none."""
    provider = GeminiProvider(
        name,
        kind=KIND,
        base_url=settings.base_url or BASE_URL,
        dialects=frozenset(settings.dialects or (DIALECT,)),
        api_key=settings.api_key,
        key_required=settings.base_url is None,
        settings=settings,
    )
    if settings.base_url is None:
        provider.about = ABOUT
    return provider

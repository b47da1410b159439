"""OpenAI as a provider."""

from __future__ import annotations

from pointsman.config import ProviderSettings
from pointsman.dialects import Quirks
from pointsman.facts import About
from pointsman.providers import HttpProvider

from .errors import DIALECT

__all__ = ["ABOUT", "DIALECTS", "KEY_VARIABLE", "KIND", "LIMIT_HEADERS", "QUIRKS", "make_provider"]

KIND = "openai"
BASE_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"
DIALECTS = frozenset({DIALECT, "openai-responses"})
QUIRKS = Quirks(keeps=frozenset({"max_completion_tokens", "developer"}), reasoning="never")
LIMIT_HEADERS = (
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
)
ABOUT = About(
    title="OpenAI",
    docs="https://developers.openai.com/api/reference/overview",
    headquarters="US",
    trains=False,
    retains=True,
    retention="30 days, to watch for abuse; zero data retention by approval",
    cancels=True,
    limit_headers=LIMIT_HEADERS,
    verified=True,
    source="documentation, recorded traffic, OpenRouter's documentation (cancelling)",
    checked="2026-11-27",
)
"""Of OpenAI itself; who answers at another address is somebody else."""


def make_provider(name: str, settings: ProviderSettings) -> HttpProvider:
    """The provider of one section. Raises StartupError for a base URL that is none."""
    provider = HttpProvider(
        name,
        kind=KIND,
        base_url=settings.base_url or BASE_URL,
        dialects=frozenset(settings.dialects) if settings.dialects else DIALECTS,
        api_key=settings.api_key,
        key_required=settings.base_url is None,
        quirks=QUIRKS,
        settings=settings,
    )
    if provider.base_url == BASE_URL:
        provider.about = ABOUT
    return provider

"""OpenAI as a provider."""

from __future__ import annotations

from pointsman.config import ProviderSettings
from pointsman.dialects import Quirks
from pointsman.providers import HttpProvider

from .errors import DIALECT

__all__ = ["DIALECTS", "KEY_VARIABLE", "KIND", "QUIRKS", "make_provider"]

KIND = "openai"
BASE_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"
DIALECTS = frozenset({DIALECT, "openai-responses"})
QUIRKS = Quirks(keeps=frozenset({"max_completion_tokens", "developer"}), reasoning="never")


def make_provider(name: str, settings: ProviderSettings) -> HttpProvider:
    """The provider of one section. Raises StartupError for a base URL that is none."""
    return HttpProvider(
        name,
        kind=KIND,
        base_url=settings.base_url or BASE_URL,
        dialects=frozenset(settings.dialects) if settings.dialects else DIALECTS,
        api_key=settings.api_key,
        key_required=settings.base_url is None,
        quirks=QUIRKS,
        settings=settings,
    )

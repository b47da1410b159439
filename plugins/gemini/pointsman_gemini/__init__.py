"""Gemini's wire format, dialect `gemini`, and the Gemini API as a provider."""

from __future__ import annotations

from pointsman import hookimpl
from pointsman.registers import RegisterDialect, RegisterProvider

from .codecs import ContentCodec
from .embed import EmbedCodec
from .provider import KEY_VARIABLE, KIND, GeminiProvider, make_provider

__all__ = [
    "POINTSMAN_API",
    "ContentCodec",
    "EmbedCodec",
    "GeminiProvider",
    "register_dialects",
    "register_providers",
]

POINTSMAN_API = 1


@hookimpl
def register_dialects(register: RegisterDialect) -> None:
    """The surfaces of one dialect."""
    register(ContentCodec())
    register(EmbedCodec())


@hookimpl
def register_providers(register: RegisterProvider) -> None:
    """The Gemini API."""
    register(KIND, make_provider, key_variable=KEY_VARIABLE)

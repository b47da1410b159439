"""Anthropic's wire format, dialect `anthropic-messages`: messages and their count; and Anthropic itself."""

from __future__ import annotations

from pointsman import hookimpl
from pointsman.registers import RegisterDialect, RegisterProvider

from .codecs import CountTokensCodec, MessagesCodec
from .count import call_provider
from .provider import KEY_VARIABLE, KIND, AnthropicProvider, make_provider

__all__ = [
    "POINTSMAN_API",
    "AnthropicProvider",
    "CountTokensCodec",
    "MessagesCodec",
    "call_provider",
    "register_dialects",
    "register_providers",
]

POINTSMAN_API = 1


@hookimpl
def register_dialects(register: RegisterDialect) -> None:
    """Two surfaces of one dialect."""
    register(MessagesCodec())
    register(CountTokensCodec())


@hookimpl
def register_providers(register: RegisterProvider) -> None:
    """Anthropic itself."""
    register(KIND, make_provider, key_variable=KEY_VARIABLE)

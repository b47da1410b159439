"""OpenAI's wire formats, and OpenAI as a provider.

Dialect `openai-chat` is chat, completions and embeddings; `openai-responses` is responses.
"""

from __future__ import annotations

from pointsman import hookimpl
from pointsman.registers import RegisterDialect, RegisterHttp, RegisterProvider, RegisterSettings

from . import azure
from .codecs import ChatCodec, CompletionsCodec, EmbeddingsCodec
from .models import list_models, show_model
from .provider import KEY_VARIABLE, KIND, make_provider
from .responses import ResponsesCodec

__all__ = [
    "POINTSMAN_API",
    "ChatCodec",
    "CompletionsCodec",
    "EmbeddingsCodec",
    "ResponsesCodec",
    "plugin_settings",
    "register_dialects",
    "register_http",
    "register_providers",
]

POINTSMAN_API = 1


@hookimpl
def plugin_settings(register: RegisterSettings) -> None:
    """What a resource of Azure's needs told."""
    azure.declare(register)


@hookimpl
def register_dialects(register: RegisterDialect) -> None:
    """Three surfaces of one dialect, and one of the other."""
    register(ChatCodec())
    register(CompletionsCodec())
    register(EmbeddingsCodec())
    register(ResponsesCodec())


@hookimpl
def register_providers(register: RegisterProvider) -> None:
    """OpenAI itself, and what Microsoft serves of it."""
    register(KIND, make_provider, key_variable=KEY_VARIABLE)
    register(azure.KIND, azure.make_provider, key_variable=azure.KEY_VARIABLE, address=azure.ADDRESS)


@hookimpl
def register_http(register: RegisterHttp) -> None:
    """The list of models, and one of them under both prefixes: the list at `/api/v1` is in another shape."""
    register("/v1/models", list_models, methods=("GET",), role="viewer")
    for prefix in ("/v1", "/api/v1"):
        register(f"{prefix}/models/{{model:path}}", show_model, methods=("GET",), role="viewer")

"""OpenAI's Responses wire format, dialect `openai-responses`: `/responses`."""

from __future__ import annotations

from .codec import ResponsesCodec

__all__ = ["ResponsesCodec"]

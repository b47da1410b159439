"""Limits: which answers can be gone on with. All others end with the error, as without this plugin."""

from __future__ import annotations

from pointsman.errors import CONTENT_POLICY, UpstreamError
from pointsman.types import Chat, Message, Reasoning, Text, ToolCall

__all__ = ["why_not"]


def why_not(chat: Chat, so_far: Message, error: UpstreamError | None) -> str | None:
    """Why nobody can go on with an answer to a request, in words; None where somebody can."""
    if error is not None and error.error_type == CONTENT_POLICY:
        return "it was refused for what it says"
    for part in so_far.parts:
        if isinstance(part, ToolCall):
            return "a tool call has begun"
        if isinstance(part, Text) and part.refusal:
            return "it is a refusal"
        if not isinstance(part, Text | Reasoning):
            return f"there is more than text in it ({type(part).__name__.lower()})"
    wanted = chat.params.get("response_format")
    if isinstance(wanted, dict) and wanted.get("type", "text") != "text":
        return "it has a form that only a whole answer can be held to"
    if chat.params.get("logprobs"):
        return "probabilities are asked for, which are those of one model"
    return None

"""Asking: the request with which an endpoint is made to go on with an answer that broke off elsewhere."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from msgspec.structs import replace

from pointsman.continuing import Continuation
from pointsman.estimates import BYTES_PER_TOKEN
from pointsman.exchange import Candidate
from pointsman.types import Chat, Message, Text

from .seam import TextSeam

__all__ = ["NAME", "WORDS", "Way", "ways"]

NAME = "continues"
"""The setting of a provider or an endpoint that says how it is made to go on."""
Way = Literal["last", "prefix", "final", "words"]
"""With an answer that is the last message: by its being that, by the member `prefix` in it, or by
`continue_final_message` beside; or in words, as an earlier answer."""
DIALECTS: dict[str, tuple[str, ...]] = {
    "last": ("openai-chat", "anthropic-messages"),
    "prefix": ("openai-chat",),
    "final": ("openai-chat",),
}
"""In which dialects there is that."""
WORDS = (
    "Your last answer was cut off while it was sent; what you see of it is all that has arrived. Go on with "
    "it from exactly where it stops, in the middle of a word if need be: your text is put right behind it. "
    "Repeat nothing of it, do not begin it anew, and say nothing about the interruption."
)
LEAST_TOKENS = 16
"""The smallest limit that every host takes."""


def ways(candidate: Candidate, chat: Chat, *, said: str) -> list[Continuation]:
    """The ways to have an endpoint go on with what is said, the best first. Without anything but white space
    it is asked as it would have been at first."""
    told = said.rstrip()
    if not told:
        return [Continuation(chat, partial(TextSeam, said, exact=True))]
    chat = _shortened(chat, said)
    way = _way(candidate)
    found = []
    if chat.dialect in DIALECTS.get(way, ()) and not (way == "last" and _thinks(chat)):
        seam = partial(TextSeam, said, exact=True, echoes=way == "prefix")
        found.append(Continuation(_begun(chat, told, way), seam))
    asked = _begun(chat, told, "words")
    asked.messages.append(Message("user", [Text(WORDS)]))
    return [*found, Continuation(asked, partial(TextSeam, said))]


def _way(candidate: Candidate) -> str:
    """What the operator says of the endpoint, or of its provider, or else what is known of the host."""
    endpoint = candidate.endpoint
    for said in (endpoint.extra.get(NAME), endpoint.provider.extra.get(NAME)):
        if isinstance(said, str):
            return said
    return endpoint.provider.quirks.continues or "words"


def _begun(chat: Chat, told: str, way: str) -> Chat:
    """The request with the answer begun. One in which the client began it itself has that before."""
    messages = list(chat.messages)
    extra: dict[str, dict[str, Any]] = {}
    if way == "prefix":
        extra = {chat.dialect: {"prefix": True}}
    if messages and messages[-1].role == "assistant":
        begun = messages.pop()
        members = {**begun.extra.get(chat.dialect, {}), **extra.get(chat.dialect, {})}
        extra = {**begun.extra, chat.dialect: members} if members else begun.extra
        messages.append(replace(begun, parts=[*begun.parts, Text(told)], extra=extra))
    else:
        messages.append(Message("assistant", [Text(told)], extra))
    if way != "final":
        return replace(chat, messages=messages)
    beside = {"add_generation_prompt": False, "continue_final_message": True}
    own = {**chat.extra.get(chat.dialect, {}), **beside}
    return replace(chat, messages=messages, extra={**chat.extra, chat.dialect: own})


def _shortened(chat: Chat, said: str) -> Chat:
    """The request with so many fewer tokens of answer as are said already, about."""
    most = chat.params.get("max_tokens")
    if not isinstance(most, int) or isinstance(most, bool):
        return chat
    left = max(most - len(said) // BYTES_PER_TOKEN, min(most, LEAST_TOKENS))
    return replace(chat, params={**chat.params, "max_tokens": left})


def _thinks(chat: Chat) -> bool:
    """Whether the model is asked to think first, for which an answer that is begun leaves no place."""
    asked = chat.params.get("reasoning")
    if isinstance(asked, dict) and asked.get("enabled") is not False and asked.get("effort") != "none":
        return True
    own = chat.extra.get(chat.dialect, {}).get("thinking")
    return isinstance(own, dict) and own.get("type") != "disabled"

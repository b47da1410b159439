"""Continuing: a stream that broke off goes on at another endpoint, where a plugin knows how to ask for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from .bounds import ends, most_attempts
from .chain import first
from .dialects import Translator
from .errors import BadRequest
from .exchange import Candidate
from .lanes import own_params, with_params
from .losses import Losses
from .types import Chat, Request

if TYPE_CHECKING:
    from .exchange import Attempt, Exchange
    from .joint import Joint, NewSeam

__all__ = ["Continuation", "Continue", "continued", "to_continue"]


@dataclass(frozen=True, slots=True)
class Continuation:
    """One way to ask an endpoint to go on: with which request, and what makes the seam that its text goes
    through."""

    chat: Chat
    seam: NewSeam


Continue = Callable[[Candidate, Chat], Sequence[Continuation]]
"""The ways to ask an endpoint to go on, the best first, none where it cannot. It gets the request as this
endpoint would have been asked, in a dialect that it speaks, and changes nothing of it."""


async def to_continue(
    exchange: Exchange, attempt: Attempt, joint: Joint, left: Sequence[Candidate]
) -> Continue | None:
    """How others may go on with a stream that an attempt broke off; None where nobody knows, or nobody is
    left, or there is no time for it."""
    if not left or len(exchange.attempts) >= most_attempts(exchange) or time.monotonic() >= ends(exchange):
        return None
    so_far = joint.so_far()
    if so_far is None:
        return None
    how: Continue | None = await first(exchange.setup.chains.continue_stream, exchange, attempt, so_far)
    return how


def continued(exchange: Exchange, candidate: Candidate, how: Continue) -> Candidate | None:
    """A candidate as it is asked to go on: in the first way that it has not been asked in and that loses no
    content; None where there is none.

    One that a plugin answers for gets the client's own request, and would begin again.
    """
    way = candidate.way
    if way is None or way.lane not in ("bytes", "translated") or not isinstance(way.codec, Translator):
        return None
    codec, endpoint = way.codec, candidate.endpoint
    try:
        chat = codec.decode_request(exchange.request if way.request is None else way.request)
    except BadRequest:  # a request that goes through unread may be one that only its host understands
        return None
    if way.params:  # what goes on is asked within the same limits
        chat, way = with_params(chat, way.params), replace(way, params=own_params(way.params))
    tried = sum(each.continues and each.endpoint is endpoint for each in exchange.attempts)
    for continuation in how(candidate, chat):
        losses = Losses()
        asked = replace(continuation.chat, model=endpoint.native_id)
        body = codec.encode_request(asked, quirks=endpoint.provider.quirks, losses=losses)
        if losses.content:
            continue
        if not tried:
            way = replace(way, request=Request.of(body))
            return replace(candidate, way=way, seam=continuation.seam)
        tried -= 1
    return None

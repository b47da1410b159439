"""Playing a script in the process, as an answer that fails where its wire would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

from pointsman.errors import MalformedAnswer, UpstreamCut
from pointsman.events import Event
from pointsman.testing.script import Close, Hang, Pause, Reset, Script, Send
from pointsman.upstream import Answer, ChunkedAnswer

__all__ = ["Headless", "play"]


class Headless(AsyncIterator[Event]):
    """The answer of a raw script: it never gets past its headers. What it sends is counted and not looked at.

    Raises MalformedAnswer for headers of more than `max_header` bytes, UpstreamCut where the script ends.
    """

    def __init__(self, script: Script, max_header: int) -> None:
        self._script = script
        self._max_header = max_header

    async def __anext__(self) -> Event:
        size = 0
        async for data in _chunks(self._script, "headers"):
            size += len(data)
            if size > self._max_header:
                raise _too_large(self._max_header)
        raise _cut("headers")


def play(script: Script, *, max_header: int) -> Answer | Headless:
    """The answer of a script. Raises MalformedAnswer for headers of more than `max_header` bytes."""
    if script.framing == "raw":
        return Headless(script, max_header)
    if sum(len(name) + len(value) + 4 for name, value in script.headers.items()) > max_header:
        raise _too_large(max_header)
    headers = {name.lower(): value for name, value in script.headers.items()}
    return ChunkedAnswer(script.status, headers, _chunks(script, "body"))


async def _chunks(script: Script, phase: Literal["headers", "body"]) -> AsyncIterator[bytes]:
    """The bytes a script sends, in time. Raises UpstreamCut where they end before the promised end."""
    may_close = script.framing == "close" and "transfer-encoding" not in script.headers
    sent = 0
    for step in script.steps:
        if isinstance(step, Send):
            await asyncio.sleep(0)  # a socket would let others run too
            sent += len(step.data)
            yield step.data
        elif isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, Hang):
            await asyncio.Event().wait()
        elif isinstance(step, Close) and may_close:
            return
        elif isinstance(step, Close | Reset):
            raise _cut(phase)
    if sent < (script.declared or 0):
        raise _cut(phase)


def _too_large(limit: int) -> MalformedAnswer:
    return MalformedAnswer(f"the provider's headers are larger than {limit} bytes", phase="headers")


def _cut(phase: Literal["headers", "body"]) -> UpstreamCut:
    return UpstreamCut("the provider's connection broke off", phase=phase)

"""Playing a script in the process, as an answer that fails where its wire would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from pointsman.errors import MalformedAnswer, UpstreamCut
from pointsman.testing.script import Close, Hang, Pause, Reset, Script, Send
from pointsman.upstream import Answer, ChunkedAnswer

__all__ = ["play"]


async def play(script: Script, *, max_header: int) -> Answer:
    """The answer of a script, once its headers are there; hangs where a script never sends any.

    Raises MalformedAnswer for headers of more than `max_header` bytes, UpstreamCut where a raw script ends:
    what it sends is not looked at.
    """
    if script.framing == "raw":
        async for _ in _chunks(script):
            pass
        raise UpstreamCut("the provider's connection broke off", phase="headers")
    if sum(len(name) + len(value) + 4 for name, value in script.headers.items()) > max_header:
        raise MalformedAnswer(f"the provider's headers are larger than {max_header} bytes", phase="headers")
    headers = {name.lower(): value for name, value in script.headers.items()}
    return ChunkedAnswer(script.status, headers, _chunks(script))


async def _chunks(script: Script) -> AsyncIterator[bytes]:
    """The bytes of the body, in time."""
    cut = UpstreamCut("the provider's connection broke off", phase="body")
    open_ended = script.framing == "close" and "transfer-encoding" not in script.headers
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
        elif isinstance(step, Reset):
            raise cut
        elif isinstance(step, Close):
            if open_ended:
                return
            raise cut
    if script.declared is not None and sent < script.declared:
        raise cut

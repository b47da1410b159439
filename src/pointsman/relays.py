"""Relays: a provider's answer on its way to the client, as bytes or as canonical events.

Bytes of the client's own dialect pass as they came, a tap reading along (lane A). Everything else becomes
canonical events, of which an encoder makes the client's dialect (lane C).
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TYPE_CHECKING, Literal

from .arguments import are_arguments
from .deadlines import Clocks
from .dialects import Mark, StreamDecoder, StreamEncoder, Tap
from .errors import MalformedAnswer, RequestError, UpstreamCut, UpstreamStatus
from .events import Event, Failed, Finished, PartDelta, PartEnd, PartStart, Started, UsageUpdate
from .sse import Splitter, missing_end
from .streams import MOST_HELD, ClientStream
from .types import Finish, Media, Part, Reasoning, ToolCall, Unknown
from .upstream import as_upstream_error

if TYPE_CHECKING:
    from .exchange import Attempt

__all__ = ["ByteRelay", "EventRelay", "EventWriter", "check_finish", "checked"]

log = logging.getLogger(__name__)

CONTENT, FINISH, HOLD, DONE, PRIVATE = (
    mark.value for mark in (Mark.CONTENT, Mark.FINISH, Mark.HOLD, Mark.DONE, Mark.PRIVATE)
)
"""The marks as numbers: asking a flag of an enum costs more than reading an event."""
AFTER_DONE = 1.0
AFTER_FINISH = 10.0
"""Seconds a provider has to end its stream after the terminal event, and after the last finish reason."""


class ByteRelay:
    """Relays a provider's stream byte for byte (lane A), a tap reading along.

    From the first event that the tap marks HOLD or DONE everything is held back in `tail`, for the answer
    to be priced first. What follows the terminal event is ignored. `ending` is told how many seconds the
    provider has left to end a stream that is whole. `dress` changes what is passed on.
    """

    def __init__(
        self,
        client: ClientStream,
        tap: Tap,
        clocks: Clocks,
        *,
        limit: int,
        ending: Callable[[float], None] = lambda seconds: None,
        dress: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._client = client
        self._sink = client.sink
        self._dress = dress
        self._ending = ending
        self._tap = tap
        self._clocks = clocks
        self._splitter = Splitter(limit)
        self._limit = limit
        self._done = False
        self._tail_size = 0
        self._out: list[bytes] = []
        self._content = False
        self.tail: list[tuple[bytes, Mark]] = []

    def feed(self, data: bytes) -> bool:
        """See `Receiver`. What one read of the socket brought leaves in one piece, also where it ends in an
        error. Raises UpstreamStatus for an error event and MalformedAnswer for nonsense."""
        splitter = self._splitter
        try:
            self._take(splitter.feed(data))
            if splitter.broken:
                splitter.check()
        finally:
            self._flush()
        return self._sink.full

    async def ready(self) -> None:
        """See `Receiver`: the stall clock stands while the client is behind."""
        self._clocks.pause()
        await self._client.drained()
        self._clocks.content()

    @property
    def complete(self) -> bool:
        """Whether the answer is whole."""
        return self._tap.complete

    def finish(self) -> None:
        """The provider's stream has ended. Raises UpstreamCut where its answer was not whole."""
        rest = self._splitter.finish()
        try:
            if rest.strip():
                self._take([rest + missing_end(rest)])
            elif rest and not self._done:
                self._pass(rest, Mark.NOTHING)
        finally:
            self._flush()
        if not self._tap.complete:
            raise UpstreamCut("the provider's stream ended before its answer was whole", phase="stream")

    def _take(self, events: list[bytes]) -> None:
        feed, out = self._tap.feed, self._out
        for event in events:
            if self._done:
                return
            try:
                mark = feed(event)
            except UpstreamStatus as error:
                error.event = event
                raise
            if mark is Mark.CONTENT and not self.tail:  # what nearly every event is
                out.append(event)
                self._content = True
            else:
                self._mark(event, mark)

    def _mark(self, event: bytes, mark: Mark) -> None:
        flags = mark.value
        if flags & DONE:
            self._done = True
            self._ending(AFTER_DONE)
        elif flags & FINISH and self._tap.complete:
            self._ending(AFTER_FINISH)
        self._pass(event, mark)

    def _pass(self, event: bytes, mark: Mark) -> None:
        flags = mark.value
        if flags & CONTENT:
            self._content = True
            if self.tail:  # usage came early, so it was not the end after all
                early, self.tail = self.tail, []
                self._out += [held for held, of in early if not of.value & PRIVATE]
        if self.tail or flags & (HOLD | DONE):
            self.tail.append((event, mark))
            self._tail_size += len(event)
            if self._tail_size > MOST_HELD + self._limit:
                raise MalformedAnswer("the provider's stream does not end after its usage", phase="stream")
        elif not flags & PRIVATE:
            self._out.append(event)

    def _flush(self) -> None:
        """Write what may leave."""
        out, content = self._out, self._content
        if content:
            self._content = False
            self._clocks.content()
        if out:
            data = out[0] if len(out) == 1 else b"".join(out)
            out.clear()
            self._client.write(data if self._dress is None else self._dress(data), content=content)


class EventWriter:
    """Writes canonical events to the client, and keeps the accounts of one attempt by them. `dress` as in
    `ByteRelay`."""

    def __init__(
        self,
        client: ClientStream,
        encoder: StreamEncoder,
        clocks: Clocks,
        attempt: Attempt,
        *,
        dress: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._client = client
        self._encoder = encoder
        self._clocks = clocks
        self._attempt = attempt
        self._dress = dress
        self.finish: Finish | None = None
        """How the choice that ended last finished."""
        self.characters = 0
        """How much the model has written."""
        self._out: list[bytes] = []
        self._content = False
        self._calls: dict[tuple[int, int], list[str]] = {}  # arguments so far, by choice and part

    def take(self, event: Event) -> None:
        """Take one event, for `flush` to write. Raises UpstreamStatus for one that tells of a failure."""
        content = False
        if isinstance(event, PartDelta):
            self.characters += len(event.text)
            content = bool(event.text)
            if self._calls and (call := self._calls.get((event.choice, event.index))) is not None:
                call.append(event.text)
        elif isinstance(event, PartStart):
            if isinstance(event.part, ToolCall):
                self._calls[event.choice, event.index] = [event.part.arguments]
            content = isinstance(event.part, ToolCall | Media | Unknown) or _is_hidden(event.part)
        elif isinstance(event, PartEnd):
            content = event.redacted is not None
        elif isinstance(event, UsageUpdate):
            self._attempt.usage = event.usage
        elif isinstance(event, Finished):
            check_finish(event.finish, "stream")
            self.finish = event.finish
        elif isinstance(event, Started):
            self._attempt.served = event.model or None
        elif isinstance(event, Failed):
            raise UpstreamStatus(
                event.message, upstream_status=502, error_type=event.error_type, phase="stream"
            )
        self._content = self._content or content
        data = self._encoder.feed(event)
        if data:
            self._out.append(data)

    def flush(self) -> None:
        """Write what was taken."""
        content, self._content = self._content, False
        if content:
            self._clocks.content()
            if self._attempt.first_content is None:
                self._attempt.first_content = time.monotonic()
        if self._out or content:
            out, self._out = self._out, []
            data = b"".join(out)
            self._client.write(data if self._dress is None else self._dress(data), content=content)

    @property
    def full(self) -> bool:
        """Whether the client is behind."""
        return self._client.full

    async def ready(self) -> None:
        """Return when the client has caught up; the clocks stand meanwhile."""
        self._clocks.pause()
        await self._client.drained()
        self._clocks.content()

    def tail(self) -> list[tuple[bytes, Mark]]:
        """The events that end the client's stream. Raises UpstreamCut where nothing has finished."""
        if self.finish is None:
            raise UpstreamCut("the provider's stream ended before its answer was whole", phase="stream")
        if self._calls:
            self._attempt.bad_tools = not all(are_arguments("".join(each)) for each in self._calls.values())
        return self._encoder.finish()


class EventRelay:
    """Relays a provider's stream as canonical events (lane C). `ending` as in `ByteRelay`."""

    def __init__(
        self,
        writer: EventWriter,
        decoder: StreamDecoder,
        *,
        limit: int,
        ending: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._writer = writer
        self._decoder = decoder
        self._splitter = Splitter(limit)
        self._ending = ending

    def feed(self, data: bytes) -> bool:
        """See `Receiver`. Raises UpstreamStatus for an error event and MalformedAnswer for nonsense."""
        try:
            for event in self._splitter.feed(data):
                self._take(event)
            self._splitter.check()
        finally:
            self._writer.flush()
        return self._writer.full

    async def ready(self) -> None:
        """See `Receiver`."""
        await self._writer.ready()

    @property
    def complete(self) -> bool:
        """Whether the answer is whole."""
        return self._decoder.complete

    def finish(self) -> None:
        """The provider's stream has ended. Raises UpstreamCut where its answer was not whole."""
        rest = self._splitter.finish()
        try:
            if rest.strip():
                self._take(rest + missing_end(rest))
            if not self._decoder.complete:
                raise UpstreamCut("the provider's stream ended before its answer was whole", phase="stream")
            for event in self._decoder.finish():
                self._writer.take(event)
        finally:
            self._writer.flush()

    def _take(self, data: bytes) -> None:
        decoder = self._decoder
        if decoder.ended:
            return
        for event in decoder.feed(data):
            self._writer.take(event)
        if decoder.ended:
            self._ending(AFTER_DONE)
        elif decoder.complete:
            self._ending(AFTER_FINISH)


def check_finish(finish: Finish, phase: Literal["body", "stream"]) -> None:
    """Raise UpstreamStatus for an answer that ended with an error: other dialects have no such end."""
    if finish.reason == "error":
        raise UpstreamStatus.of(502, f"the provider ended its answer with {finish.native!r}", phase=phase)


def _is_hidden(part: Part) -> bool:
    return isinstance(part, Reasoning) and part.redacted is not None


async def checked(events: AsyncIterator[Event]) -> AsyncGenerator[Event, None]:
    """A plugin's events; whatever it raises is an attempt's failure, and it is closed whatever happens."""
    try:
        async for event in events:
            yield event
    except RequestError:
        raise
    except Exception as error:
        log.exception("a provider's events broke off")
        raise as_upstream_error(error, "stream") from error
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()

"""The attempt loop: candidates are tried in turn until one answers.

A failure before the client has seen content goes to the next candidate, unnoticed. Afterwards it is the
client's to see.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from .arguments import are_arguments
from .bounds import ends, most_attempts, on_loss
from .calls import Answer, Call
from .chain import first, observe
from .continuing import Continue, continued, to_continue
from .deadlines import Clocks, Deadline
from .dialects import Mark, Tap, Translator
from .errors import (
    ConnectFailed,
    Internal,
    MalformedAnswer,
    RequestError,
    UpstreamCut,
    UpstreamError,
    UpstreamStatus,
)
from .estimates import used
from .events import Event, PartDelta, UsageUpdate, accumulate, explode
from .exchange import Attempt, Candidate
from .failures import MOST_ERROR_BODY, classify, exhausted, record_failure, refine, status_error
from .joint import Joint
from .patience import once_more, refused, whose_turn
from .relays import ByteRelay, EventRelay, EventWriter, check_finish, checked
from .runs import in_task
from .spending import sum_usage, writers
from .streams import ClientStream
from .types import Embeddings, Part, Reasoning, Response, Text, ToolCall, Usage, derive_finish
from .upstream import as_upstream_error

if TYPE_CHECKING:
    from .exchange import Exchange

__all__ = ["Attempts"]

log = logging.getLogger(__name__)

STREAM_TYPES = frozenset({"text/event-stream", "text/plain", "application/octet-stream", ""})
"""Content types under which hosts send streams."""
Relay = TypeVar("Relay", ByteRelay, EventRelay)


class Attempts:
    """Runs an exchange's candidates. Afterwards `body` (whole answers) or `tail` (streams) waits to be
    priced and released. `waits` says whether those that ask us to wait are waited for in the end."""

    def __init__(self, exchange: Exchange, client: ClientStream | None, *, waits: bool = True) -> None:
        self.exchange = exchange
        self.client = client
        self._waits = waits
        self.body = b""
        self.tail: list[tuple[bytes, Mark]] = []
        self._output_characters = 0
        self._refused = False
        self._again = False
        self._answered = False
        self._whole = False
        self._joint: Joint | None = None

    async def run(self, candidates: list[Candidate]) -> None:
        """Try candidates until one answers. Raises what the client is to be told.

        One whose key was refused is tried once more, while it has another key, and one that asked us to wait
        when nobody else is left, where the operator has patience. Where a stream broke off that others may go
        on with, they are asked for that.
        """
        exchange = self.exchange
        left, made, rests = candidates, 0, exchange.gateway.rests
        how: Continue | None = None
        while left:
            if rests.latest > time.monotonic():
                left = await whose_turn(exchange, left)
            candidate, left = left[0], left[1:]
            asked = candidate if how is None else continued(exchange, candidate, how)
            kept = 0  # attempts that are left to the candidates behind it
            while asked is not None and self._may_try(asked, kept):
                attempt = exchange.begin_attempt(asked)
                error = await self._tried(attempt)
                if error is None:
                    return
                if self._broke_off():
                    if attempt.continues and classify(error) == "stop":
                        left = [candidate, *left]  # it may take another way of asking
                    how = await self._continue(attempt, left)
                    if how is None:
                        raise error
                    break
                if not self._again:
                    break
                kept = min(len(left), 1)
            if self._waits and not left and len(exchange.attempts) > made:
                left, made = once_more(exchange, candidates), len(exchange.attempts)
        raise exhausted(exchange)

    async def _tried(self, attempt: Attempt) -> UpstreamError | None:
        """Make an attempt. Returns its failure where another may follow. Raises what ends all."""
        exchange, chains = self.exchange, self.exchange.setup.chains
        if chains.attempt_started.links:
            observe(chains.attempt_started, exchange, attempt)
        self._refused = self._again = self._answered = False
        try:
            await self._attempt(attempt)
        except RequestError as error:
            self._refused = True
            if not isinstance(error, UpstreamError) or not self._goes_on(attempt, error):
                raise
            return error
        else:
            self._whole = attempt.complete = True
            exchange.public.attempts.append(attempt)
            return None
        finally:
            attempt.ended = time.monotonic()
            attempt.usage = used(
                exchange,
                attempt,
                self._output_characters,
                whole=self._whole,
                answered=self._answered,
                refused=self._refused,
            )
            if chains.attempt_finished.links:
                observe(chains.attempt_finished, exchange, attempt)

    def _may_try(self, candidate: Candidate, kept: int) -> bool:
        """Whether the number of attempts, the plan's deadline and the retry budget allow another one."""
        exchange = self.exchange
        made = len(exchange.attempts)
        if made >= most_attempts(exchange) - kept:
            return False
        if made and time.monotonic() >= ends(exchange):
            return False
        name = candidate.endpoint.provider.name
        if not made or exchange.gateway.retries.allows(name):
            return True
        log.warning("%s: the retry budget has nothing for %s", exchange.request_id, name)
        return False

    def _broke_off(self) -> bool:
        """Whether the client has content of the stream that has failed."""
        return self.client is not None and self.client.has_content

    async def _continue(self, attempt: Attempt, left: list[Candidate]) -> Continue | None:
        """How those who are left may go on with what the client has; None where they may not."""
        return await to_continue(self.exchange, attempt, self._joint, left) if self._joint else None

    def _goes_on(self, attempt: Attempt, error: UpstreamError) -> bool:
        """Whether another attempt may follow a failed one, which is put on record."""
        verdict = record_failure(self.exchange, attempt, error)
        self._again = refused(self.exchange, attempt, error)
        if self._broke_off():
            return self._joint is not None and (verdict == "next" or attempt.continues)
        if verdict == "stop" and not self._again:
            return False
        if self.client is not None:
            self.client.reset()
        return True

    async def _attempt(self, attempt: Attempt) -> None:
        exchange = self.exchange
        limits = exchange.setup.core.upstream
        endpoint = attempt.endpoint
        total = endpoint.timeout or endpoint.provider.timeout or limits.total
        total = min(total, max(ends(exchange) - time.monotonic(), 0))
        stream = exchange.peek.stream
        clocks = Clocks(
            exchange.gateway.wheel,
            first_content=limits.first_content if stream else total,
            stall=limits.stall,
            total=total,
            run=exchange.run,
        )
        self._output_characters = 0
        answered: Answer | None = None
        try:
            with clocks:
                result = await self._called(attempt)
                if on_loss(exchange) != "drop":
                    exchange.public.lost = attempt.lost
                if result is None:
                    raise ConnectFailed(f"no plugin can call provider {endpoint.provider.name!r}")
                self._answered = True
                if hasattr(result, "pump"):
                    answered = result
                    await self._answer(attempt, result, clocks)
                elif isinstance(result, Response | Embeddings):
                    await self._canonical(attempt, result, clocks)
                elif isinstance(result, AsyncIterator):
                    await self._events(attempt, result, clocks)
                else:
                    raise TypeError(f"call_provider answered {type(result).__name__}")
        except RequestError:
            raise
        except Exception as error:
            log.exception("%s: what %s answered cannot be used", exchange.request_id, endpoint.id)
            raise as_upstream_error(error, "body") from error
        finally:
            if answered is not None:
                await answered.close()

    async def _called(self, attempt: Attempt) -> Any:
        """What answers: the provider called by the core, or a plugin, whose answer may wait for anything."""
        exchange = self.exchange
        try:
            result = await first(exchange.setup.chains.call_provider, exchange, attempt)
            if isinstance(result, Call):
                result = await result.coroutine
                attempt.connecting = result.connecting
            else:
                await in_task()
        except Internal as error:
            cause = error.__cause__
            raise as_upstream_error(cause if isinstance(cause, Exception) else error, "headers") from error
        return result

    async def _answer(self, attempt: Attempt, answer: Answer, clocks: Clocks) -> None:
        """Bytes of the lane's dialect."""
        attempt.upstream_status = answer.status
        attempt.answer = answer
        way = attempt.candidate.way or attempt.way
        codec = way.codec
        try:
            if answer.status >= 300:
                raise await status_error(answer)
            if self.client is None or _content_type(answer) in STREAM_TYPES:
                if (way.lane == "translated" or self._remembers) and isinstance(codec, Translator):
                    await self._translated(attempt, codec, answer, clocks)
                else:
                    await self._relayed(attempt, answer, clocks)
                return
            tap = codec.tap(peek=self.exchange.peek, quirks=attempt.endpoint.provider.quirks)
            body = await answer.read(MOST_ERROR_BODY)
            try:
                tap.whole(body)  # an error object in a 200 says more than its type
            finally:
                attempt.usage = tap.usage
            raise MalformedAnswer(
                f"the provider answered a request for a stream with {_content_type(answer)}", phase="headers"
            )
        except UpstreamStatus as error:
            refined = codec.refine(error)
            refined.dialect = codec.dialect
            refine(refined)
            raise refined from None

    async def _relayed(self, attempt: Attempt, answer: Answer, clocks: Clocks) -> None:
        """Bytes in the client's own dialect: passed on as they came."""
        exchange, client = self.exchange, self.client
        tap = exchange.codec.tap(peek=exchange.peek, quirks=attempt.endpoint.provider.quirks)
        try:
            if client is None:
                self.body = await answer.read(exchange.setup.core.upstream.max_answer)
                tap.whole(self.body)
                attempt.first_content = time.monotonic()
            else:
                dress = self._dress()
                relay = await self._pump(
                    answer,
                    lambda ending: ByteRelay(
                        client, tap, clocks, limit=self._limit, ending=ending, dress=dress
                    ),
                )
                self.tail = relay.tail
        finally:
            self._output_characters = tap.output_characters
            attempt.usage, attempt.served = tap.usage, tap.model
            if client is not None:
                attempt.first_content = clocks.first_content
        exchange.finish = derive_finish(tap.finish) if tap.finish is not None else None

    async def _translated(self, attempt: Attempt, codec: Translator, answer: Answer, clocks: Clocks) -> None:
        """Bytes in another dialect than the client's: through the canonical types."""
        quirks, peek = attempt.endpoint.provider.quirks, self.exchange.peek
        if self.client is None:
            body = await answer.read(self.exchange.setup.core.upstream.max_answer)
            try:
                response = codec.decode_response(body, quirks=quirks)
            except RequestError:
                attempt.usage = _reported(codec.tap(peek=peek, quirks=quirks), body)
                raise
            await self._canonical(attempt, response, clocks)
            return
        writer = self._writer(self.client, attempt, clocks)
        decoder = codec.decode_stream(peek=peek, quirks=quirks)
        try:
            await self._pump(
                answer, lambda ending: EventRelay(writer, decoder, limit=self._limit, ending=ending)
            )
        finally:
            self._wrote(writer)
        self.tail = writer.tail()

    @property
    def _remembers(self) -> bool:
        """Whether the stream to the client is one that others may go on with."""
        return self.exchange.resumes and self.client is not None

    @property
    def _limit(self) -> int:
        return self.exchange.setup.core.upstream.max_event

    async def _pump(self, answer: Answer, relay_with: Callable[[Callable[[float], None]], Relay]) -> Relay:
        """Relay a stream to its end; one that is whole and does not end is ended."""
        grace = Deadline(self.exchange.gateway.wheel, run=self.exchange.run)

        def ending(seconds: float) -> None:
            grace.at = time.monotonic() + seconds

        relay = relay_with(ending)
        try:
            with grace:
                await answer.pump(relay)
        except TimeoutError:
            if not grace.expired:
                raise
        except UpstreamCut:
            if not relay.complete:
                raise
        relay.finish()
        return relay

    async def _canonical(self, attempt: Attempt, response: Response | Embeddings, clocks: Clocks) -> None:
        """A whole canonical answer, for a stream exploded into its events."""
        attempt.usage, attempt.served = response.usage, response.model or None
        if self.client is not None and isinstance(response, Response):

            async def events() -> AsyncIterator[Event]:
                for event in explode(response):
                    yield event

            await self._events(attempt, events(), clocks)
            return
        if isinstance(response, Response):
            for choice in response.choices:
                check_finish(choice.finish, "body")
        attempt.first_content = time.monotonic()
        if isinstance(response, Response):
            parts = [part for choice in response.choices for part in choice.message.parts]
            self._output_characters = sum(map(_characters, parts))
            calls = [part.arguments for part in parts if isinstance(part, ToolCall)]
            attempt.bad_tools = not all(map(are_arguments, calls)) if calls else None
            if response.choices:
                self.exchange.finish = response.choices[-1].finish
        self.body = self.exchange.codec.encode_response(
            response, request=self.exchange.request, losses=attempt.losses
        )

    async def _events(self, attempt: Attempt, events: AsyncIterator[Event], clocks: Clocks) -> None:
        """A plugin's canonical events, encoded as a stream or gathered into a whole answer."""
        async with aclosing(checked(events)) as passing:
            if self.client is not None:
                writer = self._writer(self.client, attempt, clocks)
                try:
                    async for event in passing:
                        writer.take(event)
                        writer.flush()
                        if writer.full:
                            await writer.ready()
                finally:
                    self._wrote(writer)
                self.tail = writer.tail()
                return
            gathered: list[Event] = []
            async for event in passing:
                gathered.append(event)
                if isinstance(event, UsageUpdate):
                    attempt.usage = event.usage
                elif isinstance(event, PartDelta):
                    self._output_characters += len(event.text)
        try:
            response = accumulate(gathered)
        except ValueError as error:
            raise MalformedAnswer(f"the provider's events make no answer: {error}", phase="body") from None
        await self._canonical(attempt, response, clocks)

    def _writer(self, client: ClientStream, attempt: Attempt, clocks: Clocks) -> EventWriter:
        exchange = self.exchange
        dress = self._dress()
        if attempt.candidate.seam is not None and self._joint is not None:
            before = [each.usage for each in writers(exchange.attempts)[:-1] if each.usage is not None]
            self._joint.go_on(attempt.candidate.seam(), sum_usage(before))
            return EventWriter(client, self._joint, clocks, attempt, dress=dress)
        encoder = exchange.codec.encode_stream(
            peek=exchange.peek, request=exchange.request, losses=attempt.losses
        )
        if self._remembers:
            encoder = self._joint = Joint(encoder, asked=exchange.peek.characters)
        return EventWriter(client, encoder, clocks, attempt, dress=dress)

    def _dress(self) -> Callable[[bytes], bytes] | None:
        exchange = self.exchange
        if not exchange.peek.dressed:
            return None
        return partial(exchange.codec.dress, generation_id=exchange.generation_id, stream=True)

    def _wrote(self, writer: EventWriter) -> None:
        self._output_characters = writer.characters
        self.exchange.finish = writer.finish or self.exchange.finish


def _reported(tap: Tap, body: bytes) -> Usage | None:
    """The usage in a whole answer that cannot be used."""
    with suppress(RequestError):
        tap.whole(body)
    return tap.usage


def _content_type(answer: Answer) -> str:
    """What a provider says that its answer is, without parameters; empty where it says nothing."""
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()


def _characters(part: Part) -> int:
    """How much a model wrote in a part."""
    if isinstance(part, Text | Reasoning):
        return len(part.text)
    return len(part.arguments) if isinstance(part, ToolCall) else 0

"""The attempt loop: candidates are tried in turn until one answers.

A failure before the client has seen content goes to the next candidate, unnoticed. Afterwards it is the
client's to see.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal

import msgspec

from .chain import first
from .dialects import Mark, Tap
from .errors import (
    ConnectFailed,
    Internal,
    MalformedAnswer,
    RequestError,
    Unavailable,
    UpstreamCut,
    UpstreamError,
    UpstreamStatus,
)
from .events import Event, Failed, Finished, PartDelta, PartStart, UsageUpdate, accumulate, explode
from .exchange import Attempt
from .providers import HttpProvider, Provider
from .streams import ByteRelay, ClientStream, Clocks
from .types import Embeddings, Response, ToolCall, Usage, derive_finish
from .upstream import Answer, as_upstream_error, retry_after

if TYPE_CHECKING:
    from .exchange import Exchange

__all__ = ["Attempts", "classify", "estimate"]

log = logging.getLogger(__name__)

MOST_ERROR_BODY = 64 * 1024
BYTES_PER_TOKEN = 4
SHORTEST_SECRET = 8
"""Shorter keys are words such as `none` that local servers want: taking them out would garble texts."""
CLIENT_ERRORS = frozenset({400, 404, 405, 409, 410, 413, 415, 422, 451})
"""Statuses with which a provider says that the request is at fault, or the model is not there."""
FINAL_ERRORS = CLIENT_ERRORS - {404, 405, 410}
"""Those among them that another endpoint would answer alike: nothing else is tried."""


def classify(error: UpstreamError) -> Literal["next", "stop"]:
    """What follows a failed attempt: the next candidate, or the error as it is."""
    if isinstance(error, UpstreamStatus) and error.upstream_status in FINAL_ERRORS:
        return "stop"
    return "next"


def estimate(input_characters: int, output_characters: int) -> Usage:
    """Usage for an answer whose provider did not report it, flagged as estimated."""
    return Usage(
        input=-(-input_characters // BYTES_PER_TOKEN),
        output=-(-output_characters // BYTES_PER_TOKEN),
        estimated=True,
    )


class Attempts:
    """Runs an exchange's candidates. Afterwards `body` (whole answers) or `tail` (streams) waits to be
    priced and released."""

    def __init__(self, exchange: Exchange, client: ClientStream | None) -> None:
        self.exchange = exchange
        self.client = client
        self.body = b""
        self.tail: list[tuple[bytes, Mark]] = []
        self._output_characters = 0
        self._refused = False

    async def run(self) -> None:
        """Try candidates until one answers. Raises what the client is to be told."""
        exchange = self.exchange
        for candidate in exchange.candidates[: exchange.setup.core.attempts]:
            attempt = exchange.begin_attempt(candidate)
            self._refused = False
            try:
                await self._attempt(attempt)
            except RequestError as error:
                self._refused = True
                if not isinstance(error, UpstreamError):
                    raise
                self._failed(attempt, error)
                if self.client is not None and self.client.has_content:
                    raise
                if classify(error) == "stop":
                    raise
                if self.client is not None:
                    self.client.reset()
            else:
                exchange.public.attempts.append(attempt.record())
                return
            finally:
                attempt.ended = time.monotonic()
        raise exhausted(exchange)

    def used(self) -> Usage | None:
        """What the exchange used: reported, or estimated where content came without a report.

        A provider that was still working when the client left has had the input, too.
        """
        attempt = self.exchange.attempt
        if attempt is None:
            return None
        if attempt.usage is not None:
            return attempt.usage
        if self._refused and not self._output_characters:
            return None
        return estimate(self.exchange.peek.characters, self._output_characters)

    def _failed(self, attempt: Attempt, error: UpstreamError) -> None:
        attempt.error = error
        _scrub(error, attempt.endpoint.provider)
        self.exchange.public.attempts.append(attempt.record())
        log.warning(
            "%s attempt %d at %s failed in %s: %s%s",
            self.exchange.request_id,
            attempt.number,
            attempt.endpoint.id,
            error.phase,
            error.message,
            f" ({error.detail})" if error.detail else "",
        )

    async def _attempt(self, attempt: Attempt) -> None:
        exchange = self.exchange
        limits = exchange.setup.core.upstream
        endpoint = attempt.endpoint
        total = endpoint.timeout or endpoint.provider.timeout or limits.total
        stream = exchange.peek.stream
        clocks = Clocks(
            first_content=limits.first_content if stream else total, stall=limits.stall, total=total
        )
        self._output_characters = 0
        answered: Answer | None = None
        try:
            async with clocks:
                try:
                    result = await first(exchange.setup.chains.call_provider, exchange, attempt)
                except Internal as error:
                    cause = error.__cause__
                    raise as_upstream_error(
                        cause if isinstance(cause, Exception) else error, "headers"
                    ) from error
                exchange.public.lost = attempt.lost
                if result is None:
                    raise ConnectFailed(f"no plugin can call provider {endpoint.provider.name!r}")
                if isinstance(result, Response | Embeddings):
                    await self._canonical(attempt, result, clocks)
                elif isinstance(result, AsyncIterator):
                    await self._events(attempt, result, clocks)
                elif hasattr(result, "pump"):
                    answered = result
                    await self._answer(attempt, result, clocks)
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

    async def _answer(self, attempt: Attempt, answer: Answer, clocks: Clocks) -> None:
        """Bytes in the client's own dialect."""
        exchange = self.exchange
        attempt.upstream_status = answer.status
        if answer.status >= 300:
            raise await _status_error(answer)
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        quirks = attempt.endpoint.provider.quirks
        tap = exchange.codec.tap(peek=exchange.peek, quirks=quirks)
        if self.client is None:
            body = await answer.read(exchange.setup.core.upstream.max_answer)
            tap.whole(body)
            self.body = body
            attempt.first_content = time.monotonic()
        elif kind in ("text/event-stream", "text/plain", "application/octet-stream", ""):
            try:
                relay = await self._relay(self.client, answer, tap, clocks)
            finally:
                self._output_characters = tap.output_characters
                attempt.usage = tap.usage
                attempt.first_content = clocks.first_content
            self.tail = relay.tail
        else:
            tap.whole(await answer.read(MOST_ERROR_BODY))  # an error object in a 200 says more than its type
            raise MalformedAnswer(
                f"the provider answered a request for a stream with {kind or 'no type'}", phase="headers"
            )
        self._output_characters = tap.output_characters
        attempt.usage = tap.usage
        exchange.finish = derive_finish(tap.finish) if tap.finish is not None else None

    async def _relay(self, client: ClientStream, answer: Answer, tap: Tap, clocks: Clocks) -> ByteRelay:
        """Relay a stream to its end; one that is whole and does not end is ended."""
        limit = self.exchange.setup.core.upstream.max_event
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as grace:
                relay = ByteRelay(
                    client,
                    tap,
                    clocks,
                    limit=limit,
                    ending=lambda seconds: grace.reschedule(loop.time() + seconds),
                )
                await answer.pump(relay)
        except TimeoutError:
            if not grace.expired():
                raise
        except UpstreamCut:
            if not tap.complete:
                raise
        relay.finish()
        return relay

    async def _canonical(self, attempt: Attempt, response: Response | Embeddings, clocks: Clocks) -> None:
        """A whole canonical answer, for a stream exploded into its events."""
        if self.client is not None and isinstance(response, Response):

            async def events() -> AsyncIterator[Event]:
                for event in explode(response):
                    yield event

            await self._events(attempt, events(), clocks)
            return
        attempt.first_content = time.monotonic()
        attempt.usage = response.usage
        if isinstance(response, Response):
            self._output_characters = sum(len(choice.message.text) for choice in response.choices)
            if response.choices:
                self.exchange.finish = response.choices[-1].finish
        self.body = self.exchange.codec.encode_response(response, request=self.exchange.request)

    async def _events(self, attempt: Attempt, events: AsyncIterator[Event], clocks: Clocks) -> None:
        """Canonical events, encoded as a stream or gathered into a whole answer."""
        exchange, client = self.exchange, self.client
        if client is None:
            async with aclosing(_checked(events)) as checked:
                gathered = [event async for event in checked]
            try:
                response = accumulate(gathered)
            except ValueError as error:
                raise MalformedAnswer(
                    f"the provider's events make no answer: {error}", phase="body"
                ) from None
            await self._canonical(attempt, response, clocks)
            return
        encoder = exchange.codec.encode_stream(peek=exchange.peek)
        finished = False
        async with aclosing(_checked(events)) as checked:
            async for event in checked:
                content = self._note(attempt, event)
                if content:
                    clocks.content()
                if isinstance(event, Finished):
                    finished = True
                    exchange.finish = event.finish
                client.write(encoder.feed(event), content=content)
                if client.full:
                    clocks.pause()
                    await client.drained()
                    clocks.content()
        if not finished:
            raise UpstreamCut("the provider's stream ended before its answer was whole", phase="stream")
        self.tail = encoder.finish()

    def _note(self, attempt: Attempt, event: Event) -> bool:
        """Keep the accounts of an event; say whether it is content."""
        if isinstance(event, UsageUpdate):
            attempt.usage = event.usage
        if isinstance(event, PartDelta) and event.text:
            self._output_characters += len(event.text)
        elif not (isinstance(event, PartStart) and isinstance(event.part, ToolCall)):
            return False
        if attempt.first_content is None:
            attempt.first_content = time.monotonic()
        return True


async def _checked(events: AsyncIterator[Event]) -> AsyncGenerator[Event, None]:
    """The events, a `Failed` among them raised; a generator is closed whatever happens."""
    try:
        async for event in events:
            if isinstance(event, Failed):
                raise UpstreamStatus(
                    event.message, upstream_status=502, error_type=event.error_type, phase="stream"
                )
            yield event
    except RequestError:
        raise
    except Exception as error:
        log.exception("a provider's events broke off")
        raise as_upstream_error(error, "stream") from error
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def _scrub(error: UpstreamError, provider: Provider) -> None:
    """Take the provider's key out of what the provider said."""
    key = provider.api_key.reveal() if isinstance(provider, HttpProvider) and provider.api_key else ""
    if len(key) < SHORTEST_SECRET:
        return
    error.message = error.message.replace(key, "[key]")
    error.detail = error.detail.replace(key, "[key]") if error.detail else None
    if isinstance(error, UpstreamStatus):
        error.body = error.body.replace(key.encode(), b"[key]")
        error.event = error.event.replace(key.encode(), b"[key]")


async def _status_error(answer: Answer) -> UpstreamStatus:
    """A provider's error answer as ours; its body is capped."""
    status = answer.status
    try:
        body = await answer.read(MOST_ERROR_BODY)
    except UpstreamError:
        body = b""
    return UpstreamStatus.of(
        status,
        _told(body),
        retry_after=retry_after(answer.headers),
        body=body,
        content_type=answer.headers.get("content-type", ""),
    )


def _told(body: bytes) -> str | None:
    """The message in an error body of any of the usual shapes."""
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    for _ in range(3):
        if not isinstance(data, dict):
            break
        data = data.get("error") or data.get("message") or data.get("detail")
    return data[:2000] if isinstance(data, str) else None


def exhausted(exchange: Exchange) -> RequestError:
    """What to tell a client when every attempt failed: the failure that helps it most."""
    errors = [attempt.error for attempt in exchange.attempts if attempt.error is not None]
    if not errors:
        return Unavailable("no endpoint is left to try")
    fault = next((error for error in errors if error.status in CLIENT_ERRORS), None)
    if fault is not None and len(errors) == 1:
        return fault
    limited = [error for error in errors if error.status == 429]
    telling = limited[0] if len(limited) == len(errors) else (fault or errors[-1])
    waits = [error.retry_after for error in errors if error.retry_after is not None]
    message = telling.message
    if len(errors) > 1:
        message = f"all {len(errors)} attempts failed; the last said: {errors[-1].message}"
    return RequestError(
        message,
        status=telling.status,
        error_type=telling.error_type,
        code=telling.code,
        retry_after=min(waits) if waits else None,
        headers={"x-should-retry": "false"},
    )

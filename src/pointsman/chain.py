"""Chains: a hook's implementations, ordered once by pluggy and frozen, and the runners that call them.

pluggy is synchronous: its `firstresult` stops at the first coroutine. So it declares, validates and
orders, and these runners call. An implementation may be a plain function, one that returns a coroutine now
and then, or a coroutine function. One timer covers a whole phase; a hook that outlasts it is cancelled and
its plugin named.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from types import CoroutineType
from typing import Any

from .errors import Internal, RequestError
from .runs import in_task

__all__ = [
    "Chain",
    "Link",
    "Patient",
    "concat",
    "each",
    "first",
    "first_sync",
    "fold",
    "freeze",
    "observe",
    "traced",
]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Link:
    """One plugin's implementation of a hook; `call` takes the hook's full arguments, positionally."""

    plugin: str
    call: Callable[..., Any]
    is_async: bool


@dataclass(frozen=True, slots=True)
class Patient:
    """What an implementation of *each* returns that may have to wait for `seconds` more than the timer of its
    phase allows: the coroutine that waits."""

    rest: Coroutine[Any, Any, None]
    seconds: float


WAITING = (CoroutineType, Patient)


class Chain:
    """The implementations of one hook in calling order. `timeout` in seconds covers one phase."""

    __slots__ = ("hook", "links", "timeout")

    def __init__(self, hook: str, links: tuple[Link, ...] = (), timeout: float | None = 10.0) -> None:
        self.hook = hook
        self.links = links
        self.timeout = timeout

    def __bool__(self) -> bool:
        return bool(self.links)


def freeze(hook: str, links: list[Link], timeout: float | None) -> Chain:
    """A chain of `links`."""
    return Chain(hook, tuple(links), timeout)


def traced(link: Link, hook: str, write: Callable[[str], None]) -> Link:
    """The same link, telling `write` of each call: its hook, plugin, duration and result."""

    def tell(started: float, result: str) -> None:
        write(f"hook {hook} plugin {link.plugin} {(time.monotonic() - started) * 1e6:.0f}us {result}")

    if link.is_async:

        async def call_async(*args: Any) -> Any:
            started = time.monotonic()
            try:
                value = await link.call(*args)
            except BaseException as error:
                tell(started, f"raised {type(error).__name__}")
                raise
            tell(started, "-> None" if value is None else f"-> {type(value).__name__}")
            return value

        return Link(link.plugin, call_async, True)

    def call(*args: Any) -> Any:
        started = time.monotonic()
        try:
            value = link.call(*args)
        except BaseException as error:
            tell(started, f"raised {type(error).__name__}")
            raise
        tell(started, "-> None" if value is None else f"-> {type(value).__name__}")
        return value

    return Link(link.plugin, call, False)


class _Phase:
    """One phase of a chain: the timer that its hooks share, from the first of them that really waits."""

    __slots__ = ("_deadline", "_timeout", "_timer")

    def __init__(self, chain: Chain) -> None:
        self._timeout = chain.timeout
        self._timer: asyncio.Timeout | None = None
        self._deadline: float | None = None

    async def wait(self, waiting: Coroutine[Any, Any, Any] | Patient) -> Any:
        """What a hook's coroutine returns. One that ends without waiting costs no timer."""
        await in_task()
        coroutine = waiting.rest if isinstance(waiting, Patient) else waiting
        if self._timeout is None:
            return await coroutine
        try:
            awaited = coroutine.send(None)
        except StopIteration as done:
            return done.value
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._timeout
        if isinstance(waiting, Patient):
            self._deadline += waiting.seconds
        async with asyncio.timeout_at(self._deadline) as self._timer:
            return await _Begun(coroutine, awaited)

    @property
    def expired(self) -> bool:
        """Whether the timer has run out."""
        return self._timer is not None and self._timer.expired()


def _fault(chain: Chain, link: Link, error: Exception, phase: _Phase | None = None) -> Internal:
    """A plugin's fault as ours, told in the log with its name."""
    if isinstance(error, TimeoutError) and phase is not None and phase.expired:
        text = f"plugin {link.plugin!r} hung in hook {chain.hook} for {chain.timeout} s"
        log.error("%s", text)
        return Internal(text)
    what = f"{type(error).__name__}: {error}"
    log.error("plugin %s failed in hook %s: %s", link.plugin, chain.hook, what, exc_info=error)
    return Internal(f"plugin {link.plugin!r} failed in hook {chain.hook}")


class _Begun(Awaitable[Any]):
    """The rest of a coroutine that has run up to its first wait, for `awaited`."""

    __slots__ = ("_awaited", "_coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], awaited: Any) -> None:
        self._coroutine = coroutine
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine, awaited = self._coroutine, self._awaited
        while True:
            try:
                try:
                    sent = yield awaited
                except BaseException as error:
                    awaited = coroutine.throw(error)
                else:
                    awaited = coroutine.send(sent)
            except StopIteration as done:
                return done.value


async def first(chain: Chain, *args: Any) -> Any:
    """The first answer that is not None; the implementations behind it are not asked."""
    phase: _Phase | None = None
    try:
        for link in chain.links:
            value = link.call(*args)
            if value is not None:
                if isinstance(value, CoroutineType):
                    phase = phase or _Phase(chain)
                    value = await phase.wait(value)
                    if value is None:
                        continue
                return value
    except RequestError:
        raise
    except Exception as error:
        raise _fault(chain, link, error, phase) from error
    return None


async def each(chain: Chain, *args: Any) -> None:
    """Every implementation in turn; one that raises ends the phase and fails the request. One that may wait
    for long returns a `Patient`."""
    phase: _Phase | None = None
    try:
        for link in chain.links:
            value = link.call(*args)
            if value is not None and isinstance(value, WAITING):
                phase = phase or _Phase(chain)
                await phase.wait(value)
    except RequestError:
        raise
    except Exception as error:
        raise _fault(chain, link, error, phase) from error


async def fold(chain: Chain, exchange: Any, value: Any) -> Any:
    """Each implementation sees what the one before made of `value`; None leaves it as it is."""
    phase: _Phase | None = None
    try:
        for link in chain.links:
            result = link.call(exchange, value)
            if result is not None:
                if isinstance(result, CoroutineType):
                    phase = phase or _Phase(chain)
                    result = await phase.wait(result)
                value = value if result is None else result
    except RequestError:
        raise
    except Exception as error:
        raise _fault(chain, link, error, phase) from error
    return value


async def concat(chain: Chain, *args: Any) -> list[Any]:
    """The lists of all implementations, joined in order."""
    phase: _Phase | None = None
    joined: list[Any] = []
    try:
        for link in chain.links:
            value = link.call(*args)
            if isinstance(value, CoroutineType):
                phase = phase or _Phase(chain)
                value = await phase.wait(value)
            if value:
                joined += value
    except RequestError:
        raise
    except Exception as error:
        raise _fault(chain, link, error, phase) from error
    return joined


def observe(chain: Chain, *args: Any) -> Coroutine[Any, Any, None] | None:
    """Every implementation in turn; one that raises or hangs is logged with its name, the rest go on.

    Those that need not wait are called at once. From the first that does, what is left to do is returned.
    """
    for link in chain.links:
        try:
            value = link.call(*args)
        except Exception as error:
            _fault(chain, link, error)
            continue
        if value is not None and isinstance(value, CoroutineType):
            return _observe(chain, chain.links.index(link), value, args)
    return None


async def _observe(chain: Chain, place: int, waiting: Coroutine[Any, Any, Any], args: Any) -> None:
    """The rest of `observe`, from the link at `place` on, which `waiting` is of."""
    await _watched(chain, chain.links[place], waiting)
    for link in chain.links[place + 1 :]:
        try:
            value = link.call(*args)
        except Exception as error:
            _fault(chain, link, error)
            continue
        if value is not None and isinstance(value, CoroutineType):
            await _watched(chain, link, value)


async def _watched(chain: Chain, link: Link, waiting: Coroutine[Any, Any, Any]) -> None:
    """Wait for one observer."""
    phase = _Phase(chain)
    try:
        await phase.wait(waiting)
    except Exception as error:
        _fault(chain, link, error, phase)


def first_sync(chain: Chain, *args: Any) -> Any:
    """As `first`, for hooks that may not wait."""
    try:
        for link in chain.links:
            value = link.call(*args)
            if value is not None:
                return value
    except RequestError:
        raise
    except Exception as error:
        raise _fault(chain, link, error) from error
    return None

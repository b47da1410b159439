"""Chains: a hook's implementations, ordered once by pluggy and frozen, and the runners that call them.

pluggy is synchronous: its `firstresult` stops at the first coroutine. So it declares, validates and
orders, and these runners call. An implementation may be a plain function or a coroutine function. One
timer covers a whole phase; a hook that outlasts it is cancelled and its plugin named.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from .errors import Internal, RequestError

__all__ = [
    "Chain",
    "Link",
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
class Chain:
    """The implementations of one hook in calling order. `timeout` in seconds covers one phase."""

    hook: str
    links: tuple[Link, ...] = ()
    timeout: float | None = 10.0
    waits: bool = False

    def __bool__(self) -> bool:
        return bool(self.links)


def freeze(hook: str, links: list[Link], timeout: float | None) -> Chain:
    """A chain of `links`; notes once whether any of them can wait at all."""
    return Chain(hook, tuple(links), timeout, any(link.is_async for link in links))


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
    """Runs one phase of a chain under one timer and turns a plugin's fault into ours, with its name."""

    __slots__ = ("chain", "plugin")

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.plugin = ""

    async def run(self, body: Callable[[_Phase], Awaitable[Any]]) -> Any:
        timer: asyncio.Timeout | None = None
        try:
            if not self.chain.waits:
                return await body(self)
            async with asyncio.timeout(self.chain.timeout) as timer:
                return await body(self)
        except RequestError:
            raise
        except TimeoutError as error:
            if timer is None or not timer.expired():
                raise self.fault(error) from error
            raise self.hung() from error
        except Exception as error:
            raise self.fault(error) from error

    async def call(self, link: Link, *args: Any) -> Any:
        self.plugin = link.plugin
        value = link.call(*args)
        return await value if link.is_async else value

    def fault(self, error: Exception) -> Internal:
        log.error(
            "plugin %s failed in hook %s: %s: %s",
            self.plugin,
            self.chain.hook,
            type(error).__name__,
            error,
            exc_info=error,
        )
        return Internal(f"plugin {self.plugin!r} failed in hook {self.chain.hook}")

    def hung(self) -> Internal:
        text = f"plugin {self.plugin!r} hung in hook {self.chain.hook} for {self.chain.timeout} s"
        log.error("%s", text)
        return Internal(text)


async def first(chain: Chain, *args: Any) -> Any:
    """The first answer that is not None; the implementations behind it are not asked."""

    async def body(phase: _Phase) -> Any:
        for link in chain.links:
            value = await phase.call(link, *args)
            if value is not None:
                return value
        return None

    return await _Phase(chain).run(body)


async def each(chain: Chain, *args: Any) -> None:
    """Every implementation in turn; one that raises ends the phase and fails the request."""

    async def body(phase: _Phase) -> None:
        for link in chain.links:
            await phase.call(link, *args)

    await _Phase(chain).run(body)


async def fold(chain: Chain, exchange: Any, value: Any) -> Any:
    """Each implementation sees what the one before made of `value`; None leaves it as it is."""

    async def body(phase: _Phase) -> Any:
        folded = value
        for link in chain.links:
            result = await phase.call(link, exchange, folded)
            if result is not None:
                folded = result
        return folded

    return await _Phase(chain).run(body)


async def concat(chain: Chain, *args: Any) -> list[Any]:
    """The lists of all implementations, joined in order."""

    async def body(phase: _Phase) -> list[Any]:
        joined: list[Any] = []
        for link in chain.links:
            joined.extend(await phase.call(link, *args) or ())
        return joined

    result: list[Any] = await _Phase(chain).run(body)
    return result


async def observe(chain: Chain, *args: Any) -> None:
    """Every implementation in turn; one that raises or hangs is logged with its name, the rest go on."""
    for link in chain.links:
        phase = _Phase(Chain(chain.hook, (link,), chain.timeout, link.is_async))

        async def body(phase: _Phase, link: Link = link) -> None:
            await phase.call(link, *args)

        try:
            await phase.run(body)
        except RequestError as error:
            if not isinstance(error, Internal):
                phase.fault(error)


def first_sync(chain: Chain, *args: Any) -> Any:
    """As `first`, for hooks that may not wait."""
    for link in chain.links:
        try:
            value = link.call(*args)
        except RequestError:
            raise
        except Exception as error:
            phase = _Phase(chain)
            phase.plugin = link.plugin
            raise phase.fault(error) from error
        if value is not None:
            return value
    return None

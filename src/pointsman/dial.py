"""Dialling: from the name of a host to a connection, over TLS where it is asked for.

A name may have several addresses, of which some may be dead. They are tried in turn, the next one as soon
as the one before has failed or has not answered for a quarter of a second, and the first that answers wins
(RFC 8305, "Happy Eyeballs").
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar

__all__ = ["Connectable", "dial"]

AHEAD = 0.25
"""Seconds after which the next address is tried beside the one that does not answer."""


class Connectable(asyncio.Protocol):
    """A protocol that can be told to end its connection, made or still to be made."""

    def end(self) -> None:
        """End the connection at once."""


P = TypeVar("P", bound=Connectable)


async def dial(make: Callable[[], P], host: str, port: int, context: ssl.SSLContext | None) -> P:
    """A connection to a host, as the protocol that `make` makes. Raises OSError and ssl.SSLError.

    A name that leads to a link-local address is refused: where clouds keep their credentials is no
    provider. An address that the configuration itself names is the operator's own choice.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    if not _is_literal(host):
        addresses = [each for each in addresses if not _is_link_local(each)]
    if not addresses:
        raise OSError(f"{host} has no address that may be called")
    name = host if context is not None else None
    calls = [partial(_connect, make, each, port, context, name) for each in addresses]
    return await calls[0]() if len(calls) == 1 else await _race(calls)


async def _connect(
    make: Callable[[], P], address: str, port: int, context: ssl.SSLContext | None, name: str | None
) -> P:
    """A connection to one address; none is left behind where this is interrupted."""
    protocol = make()
    try:
        await asyncio.get_running_loop().create_connection(
            lambda: protocol, address, port, ssl=context, server_hostname=name
        )
    except BaseException:
        protocol.end()
        raise
    return protocol


async def _race(calls: Sequence[Callable[[], Coroutine[Any, Any, P]]]) -> P:
    """The first connection that is made; all others are ended."""
    loop = asyncio.get_running_loop()
    waiting = list(calls)
    tasks: list[asyncio.Task[P]] = []
    winner: P | None = None
    try:
        while winner is None:
            if waiting:
                tasks.append(loop.create_task(waiting.pop(0)()))
            running = [task for task in tasks if not task.done()]
            if running:
                pause = AHEAD if waiting else None
                await asyncio.wait(running, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            won = [task for task in tasks if task.done() and task.exception() is None]
            if won:
                winner = won[0].result()
            elif not waiting and all(task.done() for task in tasks):
                raise tasks[0].exception() or OSError("no address answers")
        return winner
    finally:
        for task in tasks:
            task.cancel()
        for made in await asyncio.gather(*tasks, return_exceptions=True):
            if made is not winner and isinstance(made, Connectable):
                made.end()


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_link_local(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_link_local

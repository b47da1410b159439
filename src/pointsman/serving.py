"""`pointsman serve`: from a setup to a server that runs until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from dataclasses import replace

import click
import uvloop

from .config import Document
from .errors import StartupError
from .gateway import Gateway
from .logs import configure
from .providers import HttpProvider
from .reload import WATCH_EVERY, Reloader, Watch
from .server import Server
from .setup import Setup

__all__ = ["banner", "nothing_to_read", "run"]

MOST_LISTED = 20
COLLECT_AFTER = (10_000, 20, 50)
"""Python looks for cycles after 700 objects, which a server makes in a moment; few of them are in cycles."""


def run(
    setup: Setup,
    *,
    host: str | None = None,
    port: int | None = None,
    read: Callable[[], Document] | None = None,
    watched: Document | None = None,
) -> None:
    """Serve until a signal. `read` reads the configuration again at SIGHUP and where it is asked for;
    `watched` is the one that was read, if its files are to be watched. Raises StartupError."""
    server = setup.core.server
    if host is not None or port is not None:
        server = replace(server, host=host or server.host, port=server.port if port is None else port)
        setup = replace(setup, core=replace(setup.core, server=server))
    configure(setup.core.log)
    with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
        runner.run(_serve(setup, read, watched))


async def _serve(setup: Setup, read: Callable[[], Document] | None, watched: Document | None) -> None:
    gateway = Gateway(setup)
    reloader = gateway.reloader = Reloader(gateway, read or nothing_to_read)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reloader.ask)
    server = Server(gateway)
    address = await server.start()
    if watched is not None:
        gateway.every(WATCH_EVERY, Watch(reloader, watched).look)
    gc.collect()
    gc.freeze()  # what start-up made stays as it is, and need not be looked at again
    gc.set_threshold(*COLLECT_AFTER)
    gc.enable()
    click.echo(banner(gateway, address))
    sys.stdout.flush()
    await server.wait()


def nothing_to_read() -> Document:
    """What a server reads again that runs without a configuration file. Raises StartupError."""
    raise StartupError("this server runs without a configuration file: there is none to read again")


def banner(gateway: Gateway, address: str) -> str:
    """What is printed once the server is ready. A key only where it was made for this session."""
    key = gateway.session_key
    names = list(gateway.setup.catalogue.names())
    lines = []
    if key is not None:
        lines.append(f"key: {key.reveal()}")
    shown = ", ".join(names[:MOST_LISTED]) + (
        f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    )
    lines.append(f"models: {shown or 'none'}")
    example = _example(gateway)
    if key is not None and example is not None:
        path, body = example
        lines.append(
            f"try it: curl {address}{path} -H 'Authorization: Bearer {key.reveal()}' "
            f"-H 'Content-Type: application/json' -d '{body}'"
        )
    lines.append(f"ready: {address}")
    return "\n".join(lines)


def _example(gateway: Gateway) -> tuple[str, str] | None:
    """Path and body of a request that works, to a provider reached over HTTP where there is one."""
    setup = gateway.setup
    listed = [model for model in setup.catalogue.models.values() if model.listed and model.endpoints]
    remote = [
        model for model in listed if any(isinstance(each.provider, HttpProvider) for each in model.endpoints)
    ]
    for model in (remote or listed)[:1]:
        for codec in setup.dialects:
            body = codec.example(model.name)
            if body is not None:
                return f"/v1{codec.path}", body
    return None

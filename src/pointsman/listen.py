"""Listening: the socket that the server accepts its clients on, and the address it is known by."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

from .config import ServerSettings
from .errors import StartupError

__all__ = ["address_of", "bind"]

BACKLOG = 2048


def bind(settings: ServerSettings) -> socket.socket:
    """The listening socket. Raises StartupError that says which address and what to do."""
    if settings.socket is not None:
        return _bind_unix(settings.socket)
    host, port = settings.host.strip("[]"), settings.port
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # loops send small answers at once (TCP_NODELAY) only where the socket says that it speaks TCP
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise StartupError(f"server.host: {host!r} is not an address of this machine: {error}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StartupError(
            f"cannot listen on {host}:{port}: {error.strerror}; "
            "is another server running there? choose another with server.port"
        ) from None
    listener.setblocking(False)
    return listener


def _bind_unix(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket():
            probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            with probe, contextlib.suppress(OSError):
                probe.connect(str(path))
                raise StartupError(f"another server listens on {path}")
            path.unlink()
        mask = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(mask)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StartupError(f"server.socket: cannot listen on {path}: {error.strerror}") from None
    except StartupError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def address_of(settings: ServerSettings, listener: socket.socket) -> str:
    """Where clients find the server: a URL, or `unix:` and a path."""
    if settings.socket is not None:
        return f"unix:{settings.socket}"
    host, port = listener.getsockname()[:2]
    scheme = "https" if settings.tls else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

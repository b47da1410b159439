"""The socket that is listened on."""

from __future__ import annotations

import asyncio
import socket
import stat
from pathlib import Path

import pytest

from pointsman.config import ServerSettings
from pointsman.errors import StartupError
from pointsman.listen import address_of, bind


def settings(**fields: object) -> ServerSettings:
    return ServerSettings(**{"port": 0, **fields})  # type: ignore[arg-type]


def test_an_address_is_bound_and_told() -> None:
    with bind(settings()) as listener:
        port = listener.getsockname()[1]
        assert address_of(settings(), listener) == f"http://127.0.0.1:{port}"
        with pytest.raises(StartupError, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
            bind(settings(port=port))
    with pytest.raises(StartupError, match="not an address of this machine"):
        bind(settings(host="no.such.host.invalid"))


async def test_small_answers_are_not_held_back_on_any_loop() -> None:
    accepted: list[socket.socket] = []

    class Served(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.append(transport.get_extra_info("socket"))
            assert accepted[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            transport.close()

    listener = bind(settings())
    async with await asyncio.get_running_loop().create_server(Served, sock=listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        assert await reader.read() == b""
        writer.close()
    assert accepted


def test_a_unix_socket_is_private_and_one_of_the_dead_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "pm.sock"
    for _ in range(2):
        with bind(settings(socket=path)) as listener:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert address_of(settings(socket=path), listener) == f"unix:{path}"
            with pytest.raises(StartupError, match="another server listens"):
                bind(settings(socket=path))
    with pytest.raises(StartupError, match="cannot listen on"):
        bind(settings(socket=tmp_path / "nowhere" / "pm.sock"))

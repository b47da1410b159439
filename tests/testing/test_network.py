"""`block_network`: loopback goes on as ever, and nothing else."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import httpx
import pytest

from pointsman.testing import FakeProvider, Script, block_network

OUTSIDE = "192.0.2.1"  # set aside for documentation: nobody answers there


def test_an_address_outside_cannot_be_connected_to() -> None:
    with block_network(), socket.socket() as connection:
        with pytest.raises(OSError, match=f"the network is blocked: {OUTSIDE}"):
            connection.connect((OUTSIDE, 80))
        with pytest.raises(OSError, match="the network is blocked"):
            connection.connect_ex((OUTSIDE, 80))


def test_an_address_outside_cannot_be_connected_to_in_version_6() -> None:
    with (
        block_network(),
        socket.socket(socket.AF_INET6) as connection,
        pytest.raises(OSError, match="the network is blocked: 2001:db8::1"),
    ):
        connection.connect(("2001:db8::1", 80, 0, 0))


@pytest.mark.parametrize("host", ["example.invalid", b"example.invalid", OUTSIDE])
def test_a_name_outside_is_not_looked_up(host: str | bytes) -> None:
    with block_network(), pytest.raises(OSError, match="the network is blocked"):
        socket.getaddrinfo(host, 80)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", None])
def test_loopback_is_looked_up(host: str | None) -> None:
    with block_network():
        assert socket.getaddrinfo(host, 80)


async def test_asyncio_and_http_clients_are_held_back_too() -> None:
    with block_network():
        with pytest.raises(OSError, match="the network is blocked"):
            await asyncio.open_connection(OUTSIDE, 80)
        with pytest.raises(OSError, match="the network is blocked"):
            await asyncio.open_connection("example.invalid", 80)
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(
                httpx.ConnectError, match=r"the network is blocked|connection attempts failed"
            ):
                await client.get(f"http://{OUTSIDE}/")


async def test_servers_on_loopback_answer() -> None:
    with block_network():
        async with FakeProvider(Script.json({})) as fake, httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(fake.url)).status_code == 200
            with socket.socket() as connection:
                assert connection.connect_ex(("127.0.0.1", fake.port)) == 0


def test_unix_sockets_are_no_network(tmp_path: Path) -> None:
    path = str(tmp_path / "a.sock")
    with block_network(), socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)


def test_afterwards_all_is_as_before() -> None:
    before = (socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo)
    with block_network():
        assert socket.getaddrinfo is not before[2]
    assert (socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo) == before
    with pytest.raises(LookupError), block_network():
        raise LookupError
    assert (socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo) == before

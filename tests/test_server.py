"""The server: exposure, addresses, TLS, Unix sockets, signals, the drain."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from pointsman.config import read_text
from pointsman.errors import StartupError
from pointsman.gateway import Gateway
from pointsman.server import Server, check_exposure
from pointsman.setup import assemble
from pointsman.testing import Hang, Script, Send, StreamClient

Boot = Callable[..., Any]
USED = "plugins: {openai: {}, vendors: {}, routes: {}, usage: {}, keys: {}}\n"
CHAT = "/v1/chat/completions"


def gateway(folder: Path, text: str) -> Gateway:
    return Gateway(assemble(read_text(USED + text, name="proxy.yaml", env={}, base=folder), env={}))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("auth: none\nserver: {host: 0.0.0.0}", "auth: none is for loopback only"),
        ("auth: none\nserver: {host: '::'}", "auth: none is for loopback only"),
        ("plugins: {keys: false}", "needs a plugin that authenticates"),
    ],
)
def test_an_open_gateway_is_refused(tmp_path: Path, text: str, why: str) -> None:
    used = text if text.startswith("plugins") else USED + text
    made = Gateway(assemble(read_text(used, name="proxy.yaml", env={}, base=tmp_path), env={}))
    with pytest.raises(StartupError, match=why):
        check_exposure(made)


@pytest.mark.parametrize(
    "text", ["auth: none", "auth: none\nserver: {host: localhost}", "auth: none\nserver: {socket: x.sock}"]
)
def test_a_gateway_on_loopback_may_be_open(tmp_path: Path, text: str) -> None:
    check_exposure(gateway(tmp_path, text))


async def test_a_port_in_use_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = Server(gateway(tmp_path, f"auth: none\nserver: {{port: {port}}}"))
        with pytest.raises(StartupError, match=rf"cannot listen on 127\.0\.0\.1:{port}.*server\.port"):
            await server.start()


async def test_an_address_that_is_not_ours_is_told(tmp_path: Path) -> None:
    server = Server(gateway(tmp_path, "admin_key: x\nserver: {host: 203.0.113.7, port: 0}"))
    with pytest.raises(StartupError, match=r"203\.0\.113\.7' is not an address of this machine"):
        await server.start()


async def test_https(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    server = Server(gateway(tmp_path, "auth: none\nserver: {port: 0, tls: {cert: cert.pem, key: key.pem}}"))
    url = await server.start()
    try:
        assert url.startswith("https://127.0.0.1:")
        async with httpx.AsyncClient(verify=context, trust_env=False) as client:
            assert (await client.get(f"{url}/health/ready")).status_code == 200
            refused = await client.get(f"{url}/health/ready", headers={"host": "evil.example"})
            assert (refused.status_code, refused.headers["connection"]) == (400, "close")
            asked = await client.post(url + CHAT, content=b"{")
            assert (asked.status_code, "date" in asked.headers) == (400, False), "by the short way, too"
    finally:
        await server.stop()


async def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("nothing")
    server = Server(gateway(tmp_path, "auth: none\nserver: {port: 0, tls: {cert: cert.pem, key: cert.pem}}"))
    with pytest.raises(StartupError, match=r"server\.tls"):
        await server.start()


async def test_a_unix_socket_is_private_and_taken_over_from_the_dead(tmp_path: Path) -> None:
    path = tmp_path / "pm.sock"
    for _ in range(2):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        server = Server(gateway(tmp_path, "auth: none\nserver: {socket: pm.sock}"))
        assert await server.start() == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with httpx.AsyncClient(transport=transport, base_url="http://any.host") as client:
            assert (await client.get("/health/ready")).status_code == 200
        (tmp_path / "other").mkdir(exist_ok=True)
        with pytest.raises(StartupError, match="another server listens"):
            await Server(gateway(tmp_path / "other", f"auth: none\nserver: {{socket: {path}}}")).start()
        await server.stop()
        assert not path.exists()


async def test_the_lock_tells_where_the_server_is(pair: Boot) -> None:
    from pointsman.ledger import running_server

    async with pair(()) as both:
        found = running_server("sqlite:///pointsman.db", both.running.folder)
        assert found == {"pid": os.getpid(), "address": both.running.url}
    assert running_server("sqlite:///pointsman.db", both.running.folder) is None


async def test_a_drain_lets_a_stream_end_and_is_not_ready_meanwhile(
    pair: Boot, stream_events: dict[str, bytes]
) -> None:
    go = asyncio.Event()

    async def script(received: Any) -> Script:
        await go.wait()
        return Script.sse(list(stream_events.values()))

    async with pair(script, more="server: {drain: 5s}") as both:
        async with StreamClient(both.url, both.body(stream=True)) as client:
            await both.one.next_request()
            stopping = asyncio.ensure_future(both.running.server.stop())
            await asyncio.sleep(0)
            assert both.running.gateway.ready is False
            go.set()
            assert (await client.read()).endswith(b"data: [DONE]\n\n")
        await stopping


async def test_when_the_drain_is_over_what_is_left_ends_with_an_error_its_client_sees(
    pair: Boot, stream_events: dict[str, bytes]
) -> None:
    endless = Script.sse([stream_events["role"], stream_events["hello"], Hang()])
    silent = Script(steps=(Hang(),), framing="raw")
    more = "server: {drain: 100ms}"
    async with pair([endless, silent], more=more) as both:
        both.running.gateway.setup.catalogue.models["demo/model"].endpoints.pop()
        stream = StreamClient(both.url, both.body(stream=True))
        whole = StreamClient(both.url, both.body())
        async with stream:
            chunks = stream.chunks()
            assert b"Hello" in await anext(chunks)  # and only then the other, for each to get its own script
            await both.one.next_request()
            async with whole:
                await both.one.next_request()
                await both.running.server.stop()
                rest = b"".join([chunk async for chunk in chunks])
                assert b"the gateway is stopping" in rest
                assert b"[DONE]" not in rest
                assert await whole.start() == 503


async def serve(folder: Path, text: str, *options: str) -> tuple[asyncio.subprocess.Process, list[str]]:
    """`pointsman serve` as a process of its own, up to its last line of greeting."""
    (folder / "proxy.yaml").write_text(USED + text)
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-W", "error", "-m", "pointsman", "serve", *options),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("ready: "):
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        assert line, (await process.communicate())[1].decode()
        lines.append(line.rstrip("\n"))
    return process, lines


async def test_the_first_signal_drains_and_the_second_ends_at_once(tmp_path: Path) -> None:
    from pointsman.testing import FakeProvider

    role = b'data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'
    async with FakeProvider(Script(steps=(Send(role), Hang()), framing="close")) as fake:
        config = f"""
auth: none
server: {{port: 0, drain: 60s}}
providers: {{lab: {{base_url: "{fake.url}"}}}}
"""
        process, lines = await serve(tmp_path, config)
        url = lines[-1].removeprefix("ready: ")
        body = {"model": "lab/x", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        async with StreamClient(url + CHAT, body) as client:
            assert b"Hello" in await anext(client.chunks())
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10), httpx.AsyncClient(trust_env=False) as other:
                while (await other.get(f"{url}/health/ready")).status_code != 503:
                    await asyncio.sleep(0)
                refused = await other.post(url + CHAT, json=body)
                assert refused.status_code == 503
                assert "stopping" in refused.json()["error"]["message"]
            assert process.returncode is None, "it waits for the stream"
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 10)
        _, errors = await process.communicate()
        assert b"Traceback" not in errors


async def test_a_second_stop_still_records_what_was_under_way(
    pair: Boot, stream_events: dict[str, bytes], tmp_path: Path
) -> None:
    """The gateway ends what runs before it closes the ledger under it."""
    from pointsman.ledger import reader

    endless = Script.sse([stream_events["role"], stream_events["hello"], Hang()])
    async with (
        pair(endless, more="server: {drain: 60s}", folder=tmp_path) as both,
        StreamClient(both.url, both.body(stream=True)) as client,
    ):
        assert b"Hello" in await anext(client.chunks())
        both.running.server.signal()
        both.running.server.signal()
        await both.running.server.wait()
    with reader("sqlite:///pointsman.db", tmp_path) as ledger:
        (row,) = ledger.select_sync("select outcome from generations")
    assert row["outcome"] in ("incomplete", "cancelled")

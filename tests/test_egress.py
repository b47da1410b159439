"""Egress over httpx: by HTTP/2, and what its errors become."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import replace
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import trustme

from pointsman.config import UpstreamSettings
from pointsman.errors import ConnectFailed, MalformedAnswer, UpstreamCut, UpstreamStatus
from pointsman.upstream import Outgoing, Upstream, as_upstream_error


class Second:
    """A server that speaks HTTP/2 and nothing else: answers each request with its path."""

    def __init__(self) -> None:
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        spoken = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        spoken.initiate_connection()
        paths: dict[int, bytes] = {}
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(spoken.data_to_send())
                data = await reader.read(65_536)
                if not data:
                    break
                for event in spoken.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        paths[event.stream_id] = dict(event.headers)[b":path"]
                    if isinstance(event, h2.events.StreamEnded):
                        spoken.send_headers(event.stream_id, [(":status", "200"), ("x-spoken", "h2")])
                        spoken.send_data(event.stream_id, paths[event.stream_id], end_stream=True)
        writer.close()


async def test_by_http2_several_requests_share_a_connection(tmp_path: Path) -> None:
    authority, spoken = trustme.CA(), Second()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.set_alpn_protocols(["h2"])
    upstream = Upstream(replace(UpstreamSettings(), ca=bundle, http2=True))
    server = await asyncio.start_server(spoken.serve, "127.0.0.1", 0, ssl=context)
    try:
        port = server.sockets[0].getsockname()[1]
        for path in ("/v1/a", "/v1/b"):
            answer = await upstream.send(Outgoing("POST", f"https://127.0.0.1:{port}{path}", {}, b"{}"))
            assert (answer.status, answer.headers["x-spoken"]) == (200, "h2")
            assert await answer.read(100) == path.encode()
            await answer.close()
            await answer.close()
        again = await upstream.http.get(f"https://127.0.0.1:{port}/v1/c")
        assert (again.http_version, again.text) == ("HTTP/2", "/v1/c")
        assert spoken.connections == 1
    finally:
        await upstream.close()
        server.close()
        await server.wait_closed()


def test_whatever_a_plugin_raises_is_a_failed_attempt() -> None:
    import httpx

    response = httpx.Response(429, headers={"retry-after": "7"}, request=httpx.Request("POST", "http://x/"))
    status = as_upstream_error(
        httpx.HTTPStatusError("x", request=response.request, response=response), "headers"
    )
    assert isinstance(status, UpstreamStatus)
    assert (status.upstream_status, status.retry_after) == (429, 7.0)
    assert isinstance(as_upstream_error(httpx.ConnectError("no"), "headers"), ConnectFailed)
    assert isinstance(as_upstream_error(KeyError("answer"), "body"), MalformedAnswer)
    cut = UpstreamCut("x", phase="body")
    assert as_upstream_error(cut, "body") is cut

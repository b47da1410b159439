"""Refused requests: told in their turn, in the dialect of their path, and their connection ends."""

from __future__ import annotations

import json
import logging

import pytest

from pointsman.testing import RawClient, running

SMALL = "plugins: {openai: {}, anthropic: {}, routes: {}}\n"
WITHOUT_HOST = b"POST %s HTTP/1.1\r\nx-request-id: mine\r\n\r\n"


@pytest.mark.parametrize(
    ("path", "kind"), [(b"/v1/messages", "error"), (b"/api/v1/messages?a=b", "error"), (b"/nowhere", None)]
)
async def test_a_refusal_speaks_the_dialect_of_its_path(path: bytes, kind: str | None) -> None:
    async with running(SMALL) as server, RawClient(server.url) as client:
        await client.send(WITHOUT_HOST % path)
        status, headers, body = await client.answer()
        assert (status, headers["connection"], headers["x-request-id"]) == (400, "close", "mine")
        assert json.loads(body).get("type") == kind
        assert "exactly one Host" in json.loads(body)["error"]["message"]
        assert await client.rest() == b""


async def test_a_refusal_is_in_the_access_log_too(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "pointsman.access"):
        async with running(SMALL + "log: {access: true}") as server, RawClient(server.url) as client:
            await client.send(WITHOUT_HOST % b"/v1/messages")
            await client.answer()
    (record,) = caplog.records
    assert record.getMessage() == "refused /v1/messages 400"
    assert record.__dict__["request_id"] == "mine"


async def test_a_refusal_waits_for_the_answers_before_it() -> None:
    async with running(SMALL) as server, RawClient(server.url) as client:
        live = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
        await client.send(live * 3 + WITHOUT_HOST % b"/x" + live)
        assert [(await client.answer())[0] for _ in range(4)] == [200, 200, 200, 400]
        assert await client.rest() == b"", "nothing behind it is answered"

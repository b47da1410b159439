"""Faults: what comes of each, in the process and on a real socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from pointsman.attempts import Attempts
from pointsman.errors import RequestError, UpstreamError, UpstreamStatus
from pointsman.exchange import Candidate, Exchange
from pointsman.gateway import Gateway
from pointsman.lanes import Lanes
from pointsman.streams import ClientStream, Headers
from pointsman.testing import FakeProvider
from pointsman.types import Request
from pointsman_echo.faults import FAULTS, SCRIPTS, Fault

AS_A_STREAM = frozenset(range(43, 60))
each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


class Gathering:
    """A sink that is never full."""

    full = False

    def __init__(self) -> None:
        self.body = b""

    def start(self, status: int, headers: Headers) -> None:
        pass

    def write(self, data: bytes) -> None:
        self.body += data

    def end(self) -> None:
        pass

    async def drained(self) -> None:
        pass


async def outcome(gateway: Gateway, name: str, *, stream: bool) -> UpstreamError | None:
    """The error with which one attempt at an endpoint ends, if any."""
    resolved = gateway.setup.catalogue.resolve(name)
    assert resolved is not None
    codec = gateway.setup.dialects.get("openai-chat", "chat")
    exchange = Exchange(gateway, codec, {})
    body = {"model": name, "stream": stream, "messages": [{"role": "user", "content": "Hi"}]}
    exchange.request = Request(json.dumps(body).encode())
    exchange.peek = codec.peek(exchange.request)
    lanes = Lanes(codec, exchange.request, gateway.setup.dialects)
    endpoint = resolved.endpoints[0]
    exchange.candidates = [Candidate(endpoint, name, way=lanes.way(endpoint))]
    client = ClientStream(Gathering(), list, first=60, every=60) if stream else None
    with suppress(RequestError):
        await Attempts(exchange, client).run(exchange.candidates)
    if client is not None:
        client.stop()
    assert exchange.attempt is not None
    return exchange.attempt.error


def expect(error: UpstreamError | None, fault: Fault) -> None:
    assert type(error) is (fault.error or type(None))
    if error is not None:
        assert error.phase == fault.phase
    if isinstance(error, UpstreamStatus) and fault.script.status >= 300:
        assert error.upstream_status == fault.script.status


@each_fault
async def test_in_the_process_it_ends_as_its_data_say(echoing: Callable[..., Any], fault: Fault) -> None:
    async with echoing() as it:
        stream = fault.number in AS_A_STREAM
        expect(await outcome(it.gateway, f"echo/fault-{fault.number}", stream=stream), fault)


@each_fault
async def test_on_a_socket_it_ends_the_same(echoing: Callable[..., Any], fault: Fault) -> None:
    async with FakeProvider(SCRIPTS[fault.number]) as fake:
        lab = {"vendor": "openai", "base_url": fake.url, "api_key": "k"}
        async with echoing(sections={"providers": {"lab": lab}}) as it:
            stream = fault.number in AS_A_STREAM
            expect(await outcome(it.gateway, f"lab/fault-{fault.number}", stream=stream), fault)


def test_they_are_numbered_without_a_gap() -> None:
    assert list(SCRIPTS) == list(range(13, 60))
    assert list(FAULTS) == [f"fault-{number}" for number in range(13, 60)]


@pytest.mark.parametrize(("number", "status"), [(13, 429), (22, 504), (23, 401), (47, 502)])
async def test_a_surface_without_that_wire_gets_the_error_it_comes_to(
    echoing: Callable[..., Any], number: int, status: int
) -> None:
    failure = FAULTS[f"fault-{number}"].failure()
    assert isinstance(failure, UpstreamStatus)
    assert failure.upstream_status == status
    async with echoing() as it:
        answer = await it.post(f"echo/fault-{number}", path="/v1/embeddings", input="a")
        assert answer.status_code == failure.status


async def test_a_surface_without_that_wire_survives_what_can_be_survived(echoing: Callable[..., Any]) -> None:
    async with echoing() as it:
        answer = await it.post("echo/fault-52", path="/v1/completions", prompt="a b")
        assert answer.json()["choices"][0]["text"] == "a b"


async def test_the_wait_survives_where_there_is_no_wire(echoing: Callable[..., Any]) -> None:
    async with echoing() as it:
        answer = await it.post("echo/fault-13", path="/v1/embeddings", input="a")
        assert 7 <= int(answer.headers["retry-after"]) <= 8

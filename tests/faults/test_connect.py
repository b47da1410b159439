"""Faults on the way to a provider, 1 to 12: it cannot be reached, or its connection is not what it was."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import json
import re
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from pointsman.testing import FakeProvider, Hang, Running, Script, Send, StreamClient

CONNECT_TIMEOUT = 0.12
"""Seconds, where one must run out; elsewhere a busy machine must not be taken for a fault."""
PATIENT = 10.0
DEAD = "127.0.0.2"
"""An address at which nobody listens."""
FAST = 0.05
"""Seconds a refused connection may cost."""

both_kinds = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Scene:
    """What a fault is made of; `reached` counts the requests that got through to it, which none may."""

    names: Any
    authority: trustme.CA
    reached: list[bytes] = field(default_factory=list)

    @asynccontextmanager
    async def listening(
        self, handler: Handler, context: ssl.SSLContext | None = None, *, handshake: float | None = None
    ) -> AsyncIterator[int]:
        """A server on loopback that treats each connection so; gives its port."""
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
            except ConnectionError:
                pass
            finally:
                writer.close()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(serve(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.wait_closed()

    async def note(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take whatever is sent."""
        self.reached.append(await reader.read(65_536))

    @asynccontextmanager
    async def secured(self, leaf: trustme.LeafCert) -> AsyncIterator[str]:
        """A server that shows a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
        async with self.listening(self.note, context) as port:
            yield f"https://127.0.0.1:{port}/v1"


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def refused(scene: Scene) -> AsyncIterator[str]:
    yield f"http://127.0.0.1:{closed_port()}/v1"


@asynccontextmanager
async def blackhole(scene: Scene) -> AsyncIterator[str]:
    """The queue of a listener that accepts nothing is full: the kernel answers no further greeting."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            for each in waiting:
                each.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a reset: linger for no time at all."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def reset_on_accept(scene: Scene) -> AsyncIterator[str]:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reset(writer)

    async with scene.listening(handler) as port:
        yield f"http://127.0.0.1:{port}/v1"


@asynccontextmanager
async def no_such_name(scene: Scene) -> AsyncIterator[str]:
    scene.names.addresses["nowhere.invalid"] = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    yield "http://nowhere.invalid:8000/v1"


@asynccontextmanager
async def name_that_never_comes(scene: Scene) -> AsyncIterator[str]:
    scene.names.addresses["slow.invalid"] = None
    yield "http://slow.invalid:8000/v1"


@asynccontextmanager
async def expired(scene: Scene) -> AsyncIterator[str]:
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    before = yesterday - datetime.timedelta(days=30)
    async with scene.secured(
        scene.authority.issue_cert("127.0.0.1", not_before=before, not_after=yesterday)
    ) as url:
        yield url


@asynccontextmanager
async def wrong_host(scene: Scene) -> AsyncIterator[str]:
    async with scene.secured(scene.authority.issue_cert("elsewhere.example")) as url:
        yield url


@asynccontextmanager
async def silent_handshake(scene: Scene) -> AsyncIterator[str]:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            pass

    async with scene.listening(handler) as port:
        yield f"https://127.0.0.1:{port}/v1"


@asynccontextmanager
async def self_signed(scene: Scene) -> AsyncIterator[str]:
    async with scene.secured(trustme.CA().issue_cert("127.0.0.1")) as url:
        yield url


WAYS: dict[int, tuple[Callable[[Scene], AbstractAsyncContextManager[str]], str]] = {
    1: (refused, "cannot be reached: no connection"),
    2: (blackhole, "did not accept a connection in time"),
    3: (reset_on_accept, ""),
    4: (no_such_name, "cannot be reached: no connection"),
    5: (name_that_never_comes, "did not accept a connection in time"),
    7: (expired, "certificate is not trusted"),
    8: (wrong_host, "certificate is not trusted"),
    9: (silent_handshake, "did not accept a connection in time"),
    10: (self_signed, "certificate is not trusted"),
}
"""By number: how the fault is had, and what is said of it. 6, 11 and 12 have tests of their own below."""
REACHED = (3,)
"""Those in which there is a connection for a moment."""
TIMED = (2, 5, 9)
"""Those in which a clock must run out."""


@dataclass
class Lab:
    """A server with models `lab/alone`, which has the fault's endpoint only, `lab/behind`, with a healthy one
    after it, and `lab/well`."""

    served: Running
    healthy: FakeProvider


@pytest.fixture
async def names() -> Any:
    """The names that this test's loop knows."""
    return asyncio.get_running_loop()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The authority that the configuration trusts."""
    return trustme.CA()


@pytest.fixture
def lab(authority: trustme.CA, dialects: dict[str, Any], asking: Any, tmp_path: Path) -> Any:
    """Boot a server in front of a provider that something is wrong with."""
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)

    @asynccontextmanager
    async def booted(faulty: str, *, connect_timeout: float = PATIENT) -> AsyncIterator[Lab]:
        async with FakeProvider(dialects["chat"].healthy) as healthy:
            limits = {"connect_timeout": f"{connect_timeout * 1000:.0f}ms", "max_connections": 1}
            chat = dialects["chat"]
            providers = {"faulty": chat.provider(faulty), "healthy": chat.provider(healthy.url)}
            models = {
                "lab/alone": ["faulty/m"],
                "lab/behind": ["faulty/m", "healthy/well"],
                "lab/well": ["healthy/well"],
            }
            upstream = {**limits, "ca": str(bundle), "ahead": 0}
            async with asking.serving(providers, models, upstream=upstream) as served:
                yield Lab(served, healthy)

    return booted


def says_nothing_of_the_provider(text: str) -> None:
    for secret in ("127.0.0.1", "invalid", "key-of", "Errno", "httpx", "Traceback"):
        assert secret not in text


@pytest.mark.parametrize("number", WAYS, ids=lambda number: f"fault-{number}")
async def test_out_of_reach_alone_is_an_error_and_with_an_endpoint_behind_it_nobody_notices(
    number: int,
    names: Any,
    authority: trustme.CA,
    lab: Any,
    dialects: dict[str, Any],
    asking: Any,
    leftovers: Any,
) -> None:
    fault, words = WAYS[number]
    status = 502 if number in REACHED else 503
    scene = Scene(names, authority)
    timeout = CONNECT_TIMEOUT if number in TIMED else PATIENT
    async with fault(scene) as url, lab(url, connect_timeout=timeout) as it:
        assert (await asking.ask(it.served, dialects["chat"], "lab/well", stream=False)).status_code == 200
        before = leftovers()
        for dialect, stream in itertools.product(dialects.values(), (False, True)):
            begun = time.monotonic()
            failed = await asking.ask(it.served, dialect, "lab/alone", stream=stream)
            took = time.monotonic() - begun
            assert failed.status_code == status
            assert failed.headers["x-pointsman-attempts"] == "1"
            assert failed.headers["x-should-retry"] == "false"
            error = dialect.error(failed.content)
            assert error["metadata"]["error_type"] == "provider_unavailable"
            assert words in error["message"]
            assert [each["provider"] for each in error["metadata"]["attempts"]] == ["faulty"]
            says_nothing_of_the_provider(failed.text)
            if number in TIMED:
                assert took + 0.01 > CONNECT_TIMEOUT
                assert took < CONNECT_TIMEOUT + 1
            row = await asking.row_of(it.served, failed)
            assert (row["outcome"], row["status"], row["attempts"]) == ("failed", status, 1)
            assert (row["error_type"], row["provider"]) == ("provider_unavailable", "faulty")
            assert (row["input_tokens"], row["output_tokens"], row["estimated"]) == (None, None, 0)

            asked = len(it.healthy.requests)
            answer = await asking.ask(it.served, dialect, "lab/behind", stream=stream)
            assert answer.status_code == 200
            said = dialect.said(answer.content) if stream else dialect.text(answer.content)
            assert said == "Fine"
            assert dialect.terminal in answer.content or not stream
            assert answer.headers["x-pointsman-attempts"] == "2"
            assert answer.headers["x-pointsman-provider"] == "healthy"
            assert len(it.healthy.requests) == asked + 1
            row = await asking.row_of(it.served, answer)
            assert (row["outcome"], row["status"], row["attempts"]) == ("complete", 200, 2)
            assert (row["provider"], row["error_type"]) == ("healthy", None)
            assert (row["input_tokens"], row["output_tokens"], row["estimated"]) == (7, 2, 0)
        await before.none()
        assert b"".join(scene.reached) == b"", "no request left for a place that is not the right one"
        assert names.given_up == len(names.asked) if number == 5 else names.given_up == 0


@pytest.mark.parametrize("number", TIMED, ids=lambda number: f"fault-{number}")
async def test_a_client_that_leaves_while_a_connection_is_made_leaves_nothing_behind(
    number: int,
    names: Any,
    authority: trustme.CA,
    lab: Any,
    dialects: dict[str, Any],
    asking: Any,
    leftovers: Any,
) -> None:
    fault, _ = WAYS[number]
    chat = dialects["chat"]
    async with fault(Scene(names, authority)) as url, lab(url) as it:
        assert (await asking.ask(it.served, chat, "lab/well", stream=False)).status_code == 200
        before = leftovers()
        for stream in (False, True):
            body = chat.body("lab/alone", stream=stream)
            async with StreamClient(it.served.url + chat.path, body):
                await asyncio.sleep(0.1)  # what it waits for tells nobody that it waits
                assert it.served.gateway.running == 1
            row = await asking.last_row(it.served)
            assert (row["outcome"], row["status"], row["attempts"]) == ("cancelled", 499, 1)
        assert (await asking.ask(it.served, chat, "lab/well", stream=False)).status_code == 200
        await before.none()


async def test_a_refused_connection_costs_next_to_nothing(
    lab: Any, dialects: dict[str, Any], asking: Any
) -> None:
    """Fault 1: the fastest of several requests tells, for the machine may be busy."""
    async with lab(f"http://127.0.0.1:{closed_port()}/v1") as it:
        took = []
        for _ in range(6):
            begun = time.monotonic()
            answer = await asking.ask(it.served, dialects["chat"], "lab/behind", stream=True)
            took.append(time.monotonic() - begun)
            assert answer.headers["x-pointsman-provider"] == "healthy"
        assert min(took) < FAST


async def test_name_lookup_connection_and_handshake_share_one_clock(
    names: Any, authority: trustme.CA, lab: Any, dialects: dict[str, Any], asking: Any
) -> None:
    """Faults 5 and 9 one after the other: a slow name, and then a handshake that stalls."""
    timeout = 0.3
    names.addresses["slow.invalid"], names.takes = ["127.0.0.1"], timeout * 0.9
    async with (
        silent_handshake(Scene(names, authority)) as url,
        lab(url.replace("127.0.0.1", "slow.invalid"), connect_timeout=timeout) as it,
    ):
        begun = time.monotonic()
        failed = await asking.ask(it.served, dialects["chat"], "lab/alone", stream=False)
        assert failed.status_code == 503
        assert time.monotonic() - begun < timeout * 1.6


async def test_a_name_that_moves_to_a_dead_address_and_back(
    names: Any, lab: Any, dialects: dict[str, Any], asking: Any
) -> None:
    """Fault 6: every connection looks the name up again, and a failure is not remembered."""
    chat = dialects["chat"]
    once = Script(
        (Send(chat.well),), headers={"content-type": "application/json"}, framing="close"
    )  # it ends the connection, so that the next request needs another
    async with FakeProvider(once) as moving, lab(f"http://moves.invalid:{moving.port}/v1") as it:
        for address, status, provider in (
            ("127.0.0.1", 200, "faulty"),
            (DEAD, 503, "healthy"),
            ("127.0.0.1", 200, "faulty"),
        ):
            names.addresses["moves.invalid"] = [address]
            alone = await asking.ask(it.served, chat, "lab/alone", stream=False)
            assert alone.status_code == status
            behind = await asking.ask(it.served, chat, "lab/behind", stream=False)
            assert behind.status_code == 200
            assert behind.headers["x-pointsman-provider"] == provider
            row = await asking.row_of(it.served, alone)
            assert (row["outcome"], row["attempts"]) == ("complete" if status == 200 else "failed", 1)
        assert len(moving.requests) == 4
        assert len(names.asked) == 6


async def test_of_a_names_addresses_the_one_that_lives_is_found(
    names: Any, lab: Any, dialects: dict[str, Any], asking: Any
) -> None:
    """Fault 6, the milder way: a dead address stands before the live one."""
    async with FakeProvider(dialects["chat"].healthy) as two, lab(f"http://two.invalid:{two.port}/v1") as it:
        names.addresses["two.invalid"] = [DEAD, "127.0.0.1"]
        answer = await asking.ask(it.served, dialects["chat"], "lab/alone", stream=False)
        assert answer.status_code == 200
        assert answer.headers["x-pointsman-attempts"] == "1"


class Forgetful:
    """A provider that answers the first request of each connection, at most `answers` in all, and ends a
    connection when the next request comes on it: `ended` politely, by `reset`, or `midway` in an answer."""

    def __init__(self, chat: Any, way: str, *, answers: int = 1000) -> None:
        self._chat = chat
        self._way = way
        self.answers = answers
        self.bodies: list[bytes] = []
        self.connections = 0
        self.idle: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """See `Handler`."""
        self.connections += 1
        for turn in itertools.count():
            head = await reader.readuntil(b"\r\n\r\n")
            (length,) = re.findall(rb"content-length: (\d+)", head.lower())
            self.bodies.append(await reader.readexactly(int(length)))
            if turn or not self.answers:
                break
            self.answers -= 1
            stream = json.loads(self.bodies[-1]).get("stream")
            script = Script.whole(
                b"".join(self._chat.well_stream) if stream else self._chat.well,
                content_type="text/event-stream" if stream else "application/json",
            )
            writer.write(script.head() + script.body())
            await writer.drain()
            self.idle.add(writer)
        if self._way == "reset":
            reset(writer)
        elif self._way == "midway":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{")
            await writer.drain()


@both_kinds
@pytest.mark.parametrize("way", ["ended", "reset"])
async def test_a_kept_connection_that_ends_when_it_is_used_again_is_replaced_unnoticed(
    way: str,
    stream: bool,
    names: Any,
    authority: trustme.CA,
    lab: Any,
    dialects: dict[str, Any],
    asking: Any,
) -> None:
    """Fault 11: nothing of an answer had come, so the request is sent once more, and that is one attempt."""
    forgetful = Forgetful(dialects["chat"], way)
    async with (
        Scene(names, authority).listening(forgetful.serve) as port,
        lab(f"http://127.0.0.1:{port}/v1") as it,
    ):
        for _ in range(3):
            answer = await asking.ask(it.served, dialects["chat"], "lab/alone", stream=stream)
            assert answer.status_code == 200
            assert answer.headers["x-pointsman-attempts"] == "1"
            row = await asking.row_of(it.served, answer)
            assert (row["outcome"], row["attempts"], row["error"]) == ("complete", 1, None)
        assert forgetful.connections == 3
        assert len(forgetful.bodies) == 5
        assert len(set(forgetful.bodies)) == 1
        behind = await asking.ask(it.served, dialects["chat"], "lab/behind", stream=stream)
        assert behind.headers["x-pointsman-provider"] == "faulty"
        assert it.healthy.requests == []


async def test_a_kept_connection_that_ended_while_nobody_looked_is_not_used(
    names: Any, authority: trustme.CA, lab: Any, dialects: dict[str, Any], asking: Any
) -> None:
    """Fault 11 where the end has arrived before the next request."""
    forgetful = Forgetful(dialects["chat"], "ended")
    async with (
        Scene(names, authority).listening(forgetful.serve) as port,
        lab(f"http://127.0.0.1:{port}/v1") as it,
    ):
        for turn in range(1, 4):
            answer = await asking.ask(it.served, dialects["chat"], "lab/alone", stream=False)
            assert answer.status_code == 200
            assert (forgetful.connections, len(forgetful.bodies)) == (turn, turn)
            (writer,) = forgetful.idle
            forgetful.idle.clear()
            writer.close()
            await writer.wait_closed()


@pytest.mark.parametrize(("way", "answers", "requests"), [("ended", 1, 3), ("ended", 0, 1), ("midway", 1, 2)])
async def test_a_request_is_sent_once_more_at_most_and_never_after_a_part_of_an_answer(
    way: str,
    answers: int,
    requests: int,
    names: Any,
    authority: trustme.CA,
    lab: Any,
    dialects: dict[str, Any],
    asking: Any,
) -> None:
    """Fault 11 twice in a row; on a connection that is new; and behind the beginning of an answer."""
    forgetful = Forgetful(dialects["chat"], way, answers=answers)
    async with (
        Scene(names, authority).listening(forgetful.serve) as port,
        lab(f"http://127.0.0.1:{port}/v1") as it,
    ):
        for _ in range(answers):
            well = await asking.ask(it.served, dialects["chat"], "lab/alone", stream=False)
            assert well.status_code == 200
        failed = await asking.ask(it.served, dialects["chat"], "lab/alone", stream=False)
        assert failed.status_code == 502
        row = await asking.row_of(it.served, failed)
        assert (row["outcome"], row["attempts"]) == ("failed", 1)
        assert len(forgetful.bodies) == requests
        behind = await asking.ask(it.served, dialects["chat"], "lab/behind", stream=False)
        assert behind.headers["x-pointsman-provider"] == "healthy"


async def test_without_a_connection_to_spare_a_client_is_told_within_a_second(
    lab: Any, dialects: dict[str, Any], asking: Any
) -> None:
    """Fault 12, whether or not there is another endpoint: it would have to use the same connections."""
    chat = dialects["chat"]

    async def refused(it: Lab, dialect: Any, model: str, stream: bool) -> None:
        begun = time.monotonic()
        answer = await asking.ask(it.served, dialect, model, stream=stream)
        took = time.monotonic() - begun
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert dialect.error(answer.content)["metadata"]["error_type"] == "provider_unavailable"
        row = await asking.row_of(it.served, answer, running=1)
        assert (row["outcome"], row["status"], row["input_tokens"]) == ("failed", 503, None)
        assert took < 1.5, f"{model}: a second, and what a busy machine adds"

    held = Script.sse([chat.well_stream[0], Hang()])
    async with FakeProvider(held) as holding, lab(holding.url) as it:
        async with StreamClient(it.served.url + chat.path, chat.body("lab/alone", stream=True)) as client:
            assert await anext(client.chunks())
            cases = itertools.product(
                dialects.values(), ("lab/alone", "lab/behind", "lab/well"), (False, True)
            )
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(refused(it, *case)) for case in cases]
            assert len(asked) == 6 * len(dialects)
        answer = await asking.ask(it.served, chat, "lab/well", stream=False)
        assert answer.status_code == 200, "the connection of the client that left is free again"
        assert len(it.healthy.requests) == len(holding.requests) == 1

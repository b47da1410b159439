"""Poison: what fails, is cut, left, too large or refused leaves nothing to answer others with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from pointsman.testing import Close, Hang, Received, Reset, Script, Send, StreamClient

Boot = Callable[..., AbstractAsyncContextManager[Any]]
CHAT = "/v1/chat/completions"
ALWAYS = {"always": True}
ONE = {"models": {"acme/m": {"endpoints": ["lab/m"]}}}
HELLO = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"Poison"}}]}\n\n'
FINISH = b'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"%b"}]}\n\n'
DONE = b"data: [DONE]\n\n"
ERROR = {"error": {"message": "no", "type": "server_error", "code": 500}}


def choices(**members: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "Poison"}
    return {"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": "stop", **members}]}


def cut(*events: bytes) -> Script:
    """A stream whose connection ends."""
    return Script(tuple(map(Send, events)), framing="close", headers={"content-type": "text/event-stream"})


WHOLE = {
    "a server error": Script.json(ERROR, status=500),
    "a refusal": Script.json(ERROR, status=400),
    "too many": Script.json(ERROR, status=429),
    "a redirect": Script.json(choices(), status=302, headers={"location": "https://example.org"}),
    "nonsense": Script.whole(b"<html>Poison</html>", content_type="text/html"),
    "no choices": Script.json({"id": "1"}),
    "an error in a 200": Script.json({**choices(), **ERROR}),
    "an end by error": Script.json(choices(finish_reason="error")),
    "a cut": Script(
        (Send(b'{"id":"1","choi'), Close()), declared=999, headers={"content-type": "application/json"}
    ),
    "a reset": Script(
        (Send(b'{"id":"1"'), Reset()), declared=999, headers={"content-type": "application/json"}
    ),
}
STREAMS = {
    "a server error": WHOLE["a server error"],
    "a refusal": WHOLE["a refusal"],
    "a whole answer": Script.json(choices()),
    "a cut": cut(HELLO),
    "a cut before anything": cut(),
    "no finish but the end": Script.sse([HELLO, DONE]),
    "an error event": Script.sse([HELLO, b'data: {"error": {"message": "no", "code": 500}}\n\n']),
    "an end by error": Script.sse([HELLO, FINISH % b"error", DONE]),
    "nonsense": Script.sse([HELLO, b"data: {no json\n\n"]),
    "a reset": Script.sse([HELLO, Reset()]),
}


@pytest.mark.parametrize(
    ("stream", "bad"),
    [
        pytest.param(stream, script, id=f"{name}{', streamed' * stream}")
        for stream, scripts in ((False, WHOLE), (True, STREAMS))
        for name, script in scripts.items()
    ],
)
async def test_a_bad_answer_leaves_nothing(lab: Boot, numbered: Any, stream: bool, bad: Script) -> None:
    calls = 0

    def answer(received: Received) -> Script:
        nonlocal calls
        calls += 1
        return bad if calls == 1 else numbered(received, calls)

    async with lab(ALWAYS, answers=answer, more=ONE) as place:
        body = place.body(CHAT, stream=stream)
        await place.ask(CHAT, body)
        await place.idle()
        assert (calls, len(place.cache._store), len(place.cache._flights)) == (1, 0, 0)
        good, kept = [await place.ask(CHAT, body) for _ in range(2)]
        assert [each.headers["x-pointsman-cache"] for each in (good, kept)] == ["miss", "hit"]
        assert b"Answer 2" in kept.content
        assert b"Poison" not in kept.content


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("begun", [False, True])
async def test_an_answer_that_its_client_left_leaves_nothing(
    lab: Boot, numbered: Any, stream: bool, begun: bool
) -> None:
    first = Script.sse([HELLO, Hang()] if begun else [Hang()])
    if not stream:
        first = Script((Send(b'{"id":'), Hang()) if begun else (Hang(),), declared=99)
    calls = 0

    def answer(received: Received) -> Script:
        nonlocal calls
        calls += 1
        return first if calls == 1 else numbered(received, calls)

    async with lab(ALWAYS, answers=answer) as place:
        body = place.body(CHAT, stream=stream)
        url = f"{place.running.url}{CHAT}"
        async with StreamClient(url, body, headers={"x-api-key": "alice"}) as client:
            await place.provider.next_request()
            if stream and begun:
                assert await client.start() == 200
        await place.until(lambda: place.running.gateway.running == 0)
        assert (len(place.cache._store), len(place.cache._flights)) == (0, 0)
        assert b"Answer 2" in (await place.ask(CHAT, body)).content


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_is_too_large_leaves_nothing(lab: Boot, stream: bool) -> None:
    async with lab({**ALWAYS, "max_entry": "100B"}) as place:
        body = place.body(CHAT, stream=stream)
        found = [await place.ask(CHAT, body) for _ in range(2)]
        assert [each.headers["x-pointsman-cache"] for each in found] == ["miss", "miss"]
        await place.idle()
        assert (place.calls, len(place.cache._store), len(place.cache._flights)) == (2, 0, 0)


async def test_the_largest_that_fits_is_kept(lab: Boot) -> None:
    async with lab(ALWAYS) as place:
        body = place.body(CHAT)
        size = len((await place.ask(CHAT, body)).content)
    for most, hits in ((size, "hit"), (size - 1, "miss")):
        async with lab({**ALWAYS, "max_entry": most}) as place:
            await place.ask(CHAT, body)
            assert (await place.ask(CHAT, body)).headers["x-pointsman-cache"] == hits


@pytest.mark.parametrize("key", ["mallory", "poor"])
async def test_a_request_that_is_refused_leaves_nothing(lab: Boot, key: str) -> None:
    async with lab({**ALWAYS, "scope": "global"}) as place:
        refused = await place.ask(CHAT, place.body(CHAT), key)
        assert refused.status_code in (403, 429)
        await place.idle()
        assert (place.calls, len(place.cache._store), len(place.cache._flights)) == (0, 0, 0)
        assert (await place.ask(CHAT, place.body(CHAT), "alice")).headers["x-pointsman-cache"] == "miss"


async def test_a_request_that_cannot_be_read_or_routed_leaves_nothing(lab: Boot) -> None:
    async with lab(ALWAYS) as place:
        for body in (b"{", b'{"model":"nope","messages":[{"role":"user"}]}', b'{"model":"acme/m"}'):
            assert (await place.ask(CHAT, body)).status_code in (400, 404)
        await place.idle()
        assert (place.calls, len(place.cache._store), len(place.cache._flights)) == (0, 0, 0)

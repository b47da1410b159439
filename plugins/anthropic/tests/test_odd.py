"""Recorded traffic with odd values put anywhere: only the errors that are meant for it may be raised."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

import pytest

from pointsman.dialects import Quirks
from pointsman.errors import RequestError
from pointsman.events import accumulate
from pointsman.losses import Losses
from pointsman.sse import Splitter, data_of, format_event
from pointsman.testing import Recording
from pointsman.types import Peek, Request
from pointsman_anthropic import MessagesCodec

ODD: list[Any] = [
    None,
    3,
    -1,
    1.5,
    True,
    "x",
    "",
    [],
    {},
    ["x"],
    [None],
    {"type": "text"},
    {"type": []},
    [[]],
]
SEEDS = [1, 2, 3]
CODEC, QUIRKS, PEEK = MessagesCodec(), Quirks(), Peek("m")


def changed(value: Any, chance: Random) -> Any:
    """A copy in which some values are odd and some are gone."""
    if chance.random() < 0.03:
        return copy.deepcopy(chance.choice(ODD))
    if isinstance(value, dict):
        return {name: changed(each, chance) for name, each in value.items() if chance.random() > 0.01}
    if isinstance(value, list):
        return [changed(each, chance) for each in value if chance.random() > 0.01]
    return value


@pytest.mark.parametrize("seed", SEEDS)
def test_odd_requests_are_refused_or_written_back(recorded: list[Recording], seed: int) -> None:
    chance = Random(seed)
    read = 0
    for each in recorded:
        body = changed(each.request, chance)
        request = Request(json.dumps(body).encode())
        try:
            peek = CODEC.peek(request)
            chat = CODEC.decode_request(request)
        except RequestError:
            continue
        read += 1
        assert CODEC.encode_request(chat, quirks=QUIRKS, losses=Losses()) == body, each.id
        CODEC.forward(request, model="m", peek=peek, quirks=QUIRKS, params={})
        chat.dialect = "other"
        written = Request.of(CODEC.encode_request(chat, quirks=QUIRKS, losses=Losses()))
        CODEC.forward(written, model="claude-opus-4-8", peek=peek, quirks=QUIRKS, params={})
    assert read > len(recorded) / 3


@pytest.mark.parametrize("seed", SEEDS)
def test_odd_answers_are_refused_or_read(answers: list[Recording], seed: int) -> None:
    chance = Random(seed)
    for each in answers:
        body = json.dumps(changed(json.loads(each.body), chance)).encode()
        try:
            response = CODEC.decode_response(body, quirks=QUIRKS)
        except RequestError:
            continue
        CODEC.tap(peek=PEEK, quirks=QUIRKS).whole(body)
        json.loads(CODEC.encode_response(response, request=Request(b"{}"), losses=Losses()))


@pytest.mark.parametrize("seed", SEEDS)
def test_odd_streams_are_refused_or_read(streams: list[Recording], seed: int) -> None:
    chance = Random(seed)
    for each in streams:
        decoder, tap = CODEC.decode_stream(peek=PEEK, quirks=QUIRKS), CODEC.tap(peek=PEEK, quirks=QUIRKS)
        encoder = CODEC.encode_stream(peek=PEEK, request=Request(b"{}"), losses=Losses())
        events = []
        for sent in Splitter(10**7).feed(each.body):
            event = format_event(json.dumps(changed(json.loads(data_of(sent) or b"{}"), chance)).encode())
            try:
                tap.feed(event)
                found = decoder.feed(event)
            except RequestError:
                continue
            events += found
            for one in found:
                encoder.feed(one)
        events += decoder.finish()
        encoder.finish()
        if events:
            accumulate(events)

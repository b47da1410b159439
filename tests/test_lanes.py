"""The way to an endpoint: its own dialect if it has it, else the one that loses least."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pointsman.catalogue import Endpoint
from pointsman.dialects import (
    Codec,
    Dialects,
    ErrorView,
    Quirks,
    StreamDecoder,
    StreamEncoder,
    Tap,
    Translator,
)
from pointsman.errors import BadRequest
from pointsman.lanes import Lanes, Way, unread
from pointsman.losses import Losses
from pointsman.money import Cost
from pointsman.providers import Provider
from pointsman.types import Chat, Embeddings, Message, Peek, Request, Response, Text


class Plain(Codec):
    """A codec that reads one text, and counts how often."""

    def __init__(self, dialect: str, surface: str = "chat", *, local: bool = False) -> None:
        self.dialect, self.surface, self.path = dialect, surface, f"/{dialect}/{surface}"
        self.local = local
        self.decoded = 0

    def peek(self, request: Request) -> Peek:
        return Peek("m")

    def forward(
        self, request: Request, *, model: str, peek: Peek, quirks: Quirks, params: Mapping[str, Any]
    ) -> tuple[bytes, list[str]]:
        return request.raw, []

    def tap(self, *, peek: Peek, quirks: Quirks) -> Tap:
        raise NotImplementedError

    def with_cost(self, data: bytes, cost: Cost | None, *, stream: bool) -> bytes:
        return data

    def encode_error(self, error: ErrorView) -> bytes:
        return b"{}"

    def encode_stream_error(self, error: ErrorView) -> bytes:
        return b""

    def decode_request(self, request: Request) -> Chat:
        self.decoded += 1
        if "text" not in request.body:
            raise BadRequest("`text` is missing", param="text")
        extra = {self.dialect: {"~content": ["thread"]}} if "thread" in request.body else {}
        return Chat("m", [Message("user", [Text(request.body["text"])])], dialect=self.dialect, extra=extra)

    def encode_response(self, response: Response | Embeddings, *, request: Request, losses: Losses) -> bytes:
        return b"{}"

    def encode_stream(self, *, peek: Peek, request: Request, losses: Losses) -> StreamEncoder:
        raise NotImplementedError


class Full(Plain, Translator):
    """A codec that can be asked with, and loses what it is told to."""

    def __init__(self, dialect: str, *, loses: int = 0, drops: int = 0, preference: int = 0) -> None:
        super().__init__(dialect)
        self.preference = preference
        self._loses = loses
        self._drops = drops
        self.encoded = 0
        self.asked: dict[str, Any] = {}

    def encode_request(self, chat: Chat, *, quirks: Quirks, losses: Losses) -> dict[str, Any]:
        self.encoded += 1
        self.asked = dict(chat.params)
        for number in range(self._loses):
            losses.part(f"p{number}", "a film")
        for number in range(self._drops):
            losses.parameter(f"n{number}")
        return {"in": self.dialect, "model": chat.model, "said": chat.messages[0].text}

    def decode_response(self, body: bytes, *, quirks: Quirks) -> Response:
        raise NotImplementedError

    def decode_stream(self, *, peek: Peek, quirks: Quirks) -> StreamDecoder:
        raise NotImplementedError


def registered(*codecs: Codec) -> Dialects:
    dialects = Dialects()
    for codec in codecs:
        dialects.add(codec, "test")
    return dialects


def provider(*names: str, surfaces: frozenset[str] | None = None, model: str = "native") -> Endpoint:
    """An endpoint at a provider that speaks these dialects."""
    made = Provider("lab", kind="lab", dialects=frozenset(names), surfaces=surfaces)
    return Endpoint(made, model)


def way(lanes: Lanes, to: Endpoint) -> Way:
    found = lanes.way(to)
    assert found is not None
    return found


ASKED = Request(b'{"text": "Hello"}')


def test_a_provider_of_the_clients_dialect_gets_its_bytes_unread() -> None:
    client = Full("one")
    found = way(Lanes(client, ASKED, registered(client, Full("two"))), provider("one", "two"))
    assert (found.lane, found.codec, found.request) == ("bytes", client, None)
    assert client.decoded == 0


def test_requests_of_a_codec_share_the_way_on_which_nobody_reads_them() -> None:
    client, other = Full("one"), Full("two")
    to = Endpoint(provider("one").provider, "native", params={"top_p": 0.5})
    found = unread(client, to)
    assert found is not None
    assert (found.lane, found.params, found.losses) == ("bytes", {"top_p": 0.5}, Losses())
    assert way(Lanes(client, ASKED, registered(client)), to) is found is unread(client, to)
    assert unread(other, to) is None, "this one has to be translated"
    assert unread(Full("one"), to) is not found, "each codec has its own"


def test_defaults_of_a_request_count_before_those_of_its_endpoint_in_any_lane() -> None:
    client, other = Full("one"), Full("two")
    own = {"max_completion_tokens": 7, "speed": "fast"}
    lanes = Lanes(client, ASKED, registered(client, other), own)
    to = Endpoint(provider("one").provider, "native", params={"max_tokens": 9, "speed": "slow", "seed": 1})
    found = way(lanes, to)
    assert [*found.params.items()] == [*own.items(), ("max_tokens", 9), ("seed", 1)]
    assert unread(client, to) is not found, "others' requests go without them"
    translated = way(lanes, Endpoint(provider("two").provider, "native", params=to.params))
    assert translated.params == {"speed": "fast"}
    assert other.asked == {"max_tokens": 7, "seed": 1}


def test_a_provider_without_dialects_is_asked_in_canonical_types() -> None:
    client = Full("one")
    found = way(Lanes(client, ASKED, registered(client)), provider())
    assert (found.lane, found.codec, client.decoded) == ("canonical", client, 0)


def test_another_dialect_is_translated_once_for_each_model_of_a_host() -> None:
    client, other = Full("one"), Full("two", drops=1)
    lanes = Lanes(client, ASKED, registered(client, other))
    hosts = [provider("two") for _ in range(3)]
    hosts.append(Endpoint(hosts[0].provider, "another"))
    ways = [way(lanes, host) for host in (*hosts, *hosts)]
    assert {each.lane for each in ways} == {"translated"}
    asked = [each.request.body for each in ways if each.request is not None]
    assert asked[0] == {"in": "two", "model": "native", "said": "Hello"}
    assert asked[3]["model"] == "another"
    assert ways[0].losses.parameters == ["n0"]
    assert (client.decoded, other.encoded) == (1, 4)


@pytest.mark.parametrize(
    ("others", "taken"),
    [
        ((Full("b"), Full("c", preference=1)), "c"),
        ((Full("b"), Full("c", preference=1, drops=1)), "b"),
        ((Full("b", loses=1), Full("c", drops=9)), "c"),
        ((Full("b"), Full("c")), "b"),
    ],
    ids=["the better one", "the one that loses nothing", "content counts most", "by name"],
)
def test_of_several_dialects_the_one_that_loses_least_is_taken(others: tuple[Full, ...], taken: str) -> None:
    client = Full("a")
    lanes = Lanes(client, ASKED, registered(client, *others))
    assert way(lanes, provider("b", "c")).codec.dialect == taken


def test_there_is_no_way_where_nothing_can_be_translated() -> None:
    client, plain = Full("one"), Plain("two")
    lanes = Lanes(client, ASKED, registered(client, plain))
    assert lanes.way(provider("two")) is None, "this dialect cannot be asked with"
    assert lanes.way(provider("three")) is None, "nobody speaks it"
    assert lanes.way(provider("one", surfaces=frozenset({"images"}))) is None


def test_a_surface_that_a_plugin_can_answer_itself_is_local() -> None:
    count = Plain("one", "count", local=True)
    lanes = Lanes(count, ASKED, registered(count, Full("two")))
    assert way(lanes, provider("two")).lane == "local"
    assert way(lanes, provider("one")).lane == "bytes"


def test_content_stored_at_a_provider_is_lost_in_any_other_dialect() -> None:
    client = Full("one")
    lanes = Lanes(client, Request(b'{"text": "x", "thread": 1}'), registered(client, Full("two")))
    (missing,) = way(lanes, provider("two")).losses.content
    assert str(missing) == "`thread` (only an endpoint of this dialect knows what it stands for)"


def test_a_request_that_cannot_be_read_says_so() -> None:
    client = Full("one")
    with pytest.raises(BadRequest, match="`text` is missing"):
        Lanes(client, Request(b"{}"), registered(client, Full("two"))).way(provider("two"))

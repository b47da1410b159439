"""What a translation costs, in J.

J is the CPU time that the standard library's `json` needs beside it to load this chat of 2.4 KB as the first
dialect writes it, set its model, and dump it again. Run it as
 `python tests/bench/lanes.py`; each figure is the median of its rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pointsman.config import read_text
from pointsman.dialects import Dialects, Mark, Quirks, Translator
from pointsman.events import Event, PartDelta, explode
from pointsman.losses import Losses
from pointsman.setup import assemble
from pointsman.sse import Splitter
from pointsman.types import (
    Chat,
    Choice,
    Message,
    Part,
    Peek,
    Request,
    Response,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
    derive_finish,
)

DIALECTS = ("openai-chat", "anthropic-messages", "openai-responses")
QUIRKS = Quirks()
SENTENCE = "The quick brown fox jumps over the lazy dog, and the dog does not mind at all. "
STREAMED = 200
"""Events of text in the stream that is measured."""


def chat() -> Chat:
    """A conversation of about 2.4 KB with a tool and its result."""
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
        "required": ["city"],
    }
    return Chat(
        "m",
        [
            Message("system", [Text(SENTENCE * 5)]),
            Message("user", [Text(SENTENCE * 6)]),
            Message("assistant", [Text(SENTENCE * 4), ToolCall("call_1", "weather", '{"city":"Paris"}')]),
            Message("tool", [ToolResult("call_1", [Text(SENTENCE * 3)])]),
            Message("user", [Text(SENTENCE * 5)]),
        ],
        tools=[Tool("weather", "The weather in a city.", schema)],
        params={"max_tokens": 1000, "temperature": 0.5},
    )


def answer() -> Response:
    """A whole answer to it."""
    parts: list[Part] = [Text(SENTENCE * 6), ToolCall("call_2", "weather", '{"city":"London","unit":"C"}')]
    return Response(
        "1", "m", 1, [Choice(Message("assistant", parts), derive_finish("stop", parts))], Usage(600, 200)
    )


def deltas() -> Iterator[Event]:
    """A stream of text, word by word."""
    text = Text(SENTENCE)
    response = Response(
        "1", "m", 1, [Choice(Message("assistant", [text]), derive_finish("stop", [text]))], Usage(60, 200)
    )
    for event in explode(response):
        if isinstance(event, PartDelta):
            yield from (PartDelta(0, 0, f"word{number} ") for number in range(STREAMED))
        else:
            yield event


class Pair:
    """A client of one dialect and a provider of another."""

    def __init__(self, client: Translator, provider: Translator) -> None:
        self.client = client
        self.provider = provider
        body = Request.of(client.encode_request(chat(), quirks=QUIRKS, losses=Losses()))
        self.request, _ = client.forward(body, model="m", peek=Peek("m"), quirks=QUIRKS, params={})
        self.peek = client.peek(Request(self.request))
        written = Request.of(provider.encode_request(chat(), quirks=QUIRKS, losses=Losses()))
        asked, _ = provider.forward(written, model="native", peek=self.peek, quirks=QUIRKS, params={})
        given = Request(asked)
        self.answer = provider.encode_response(answer(), request=given, losses=Losses())
        encoder = provider.encode_stream(peek=provider.peek(given), request=given, losses=Losses())
        data = [encoder.feed(event) for event in deltas()]
        data += [tail for tail, _ in encoder.finish()]
        self.stream = [each for each in data if each]

    def chat(self) -> bytes:
        """A request and its answer, translated."""
        request = Request(self.request)
        peek = self.client.peek(request)
        losses = Losses()
        asked = self.client.decode_request(request)
        asked.model = "native"
        body = self.provider.encode_request(asked, quirks=QUIRKS, losses=losses)
        self.provider.forward(Request.of(body), model="native", peek=peek, quirks=QUIRKS, params={})
        response = self.provider.decode_response(self.answer, quirks=QUIRKS)
        return self.client.encode_response(response, request=request, losses=losses)

    def events(self) -> list[tuple[bytes, Mark]]:
        """A stream, translated event by event."""
        request = Request(self.request)
        splitter = Splitter(8_000_000)
        decoder = self.provider.decode_stream(peek=self.peek, quirks=QUIRKS)
        encoder = self.client.encode_stream(peek=self.peek, request=request, losses=Losses())
        for data in self.stream:
            for event in splitter.feed(data):
                for each in decoder.feed(event):
                    encoder.feed(each)
        for each in decoder.finish():
            encoder.feed(each)
        return encoder.finish()


def yardstick(request: bytes) -> Callable[[], Any]:
    """J: load, set the model, dump."""
    text = request.decode()

    def once() -> str:
        body = json.loads(text)
        body["model"] = "native"
        return json.dumps(body)

    return once


def ratio(work: Callable[[], Any], once: Callable[[], Any], number: int) -> float:
    """How many times the CPU time of `once` a call of `work` takes, the two run in turn."""
    clock = time.process_time
    took = yard = 0.0
    for _ in range(number):
        start = clock()
        once()
        between = clock()
        work()
        took += clock() - between
        yard += between - start
    return took / yard


def codecs() -> Dialects:
    """The codecs of the standard set."""
    used = "plugins: {openai: {}, anthropic: {}}"
    return assemble(read_text(used, name="bench", env={}, base=Path.cwd()), env={}).dialects


def measure(rounds: int, number: int) -> Iterator[dict[str, Any]]:
    """A row for each pair of dialects: J of a chat, and of an event of a stream."""
    found = codecs()
    first, second = (found.get(dialect, "chat") for dialect in DIALECTS[:2])
    assert isinstance(first, Translator)
    assert isinstance(second, Translator)
    once = yardstick(Pair(first, second).request)
    for client in DIALECTS:
        for provider in DIALECTS:
            one, other = found.get(client, "chat"), found.get(provider, "chat")
            if client == provider or not isinstance(one, Translator) or not isinstance(other, Translator):
                continue
            pair = Pair(one, other)
            chats, events = [], []
            for _ in range(rounds):
                chats.append(ratio(pair.chat, once, number))
                events.append(ratio(pair.events, once, max(1, number // 50)) / STREAMED)
            yield {
                "client": client,
                "provider": provider,
                "chat_j": round(statistics.median(chats), 2),
                "event_j": round(statistics.median(events), 3),
            }


def main() -> None:
    """Print the rows: as a table, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--number", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = list(measure(options.rounds, options.number))
    if options.json:
        print(json.dumps(rows))
        return
    print(f"{'client':20} {'provider':20} {'chat':>8} {'event':>8}")
    for row in rows:
        print(f"{row['client']:20} {row['provider']:20} {row['chat_j']:6} J {row['event_j']:6} J")


if __name__ == "__main__":
    main()

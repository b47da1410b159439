"""Images of a request, where a price asks for each."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from pointsman.errors import BadRequest
from pointsman.exchange import Exchange
from pointsman.types import Chat, Media, Message, Request, Text, ToolResult, Usage, UsageDetails
from pointsman_prices.images import with_images


class Codec:
    """A client's, which reads a request once."""

    def __init__(self, chat: Chat | None) -> None:
        self.chat = chat
        self.reads = 0

    def decode_request(self, request: Request) -> Chat:
        self.reads += 1
        if self.chat is None:
            raise BadRequest("this is no chat")
        return self.chat


def exchange(chat: Chat | None) -> tuple[Exchange, Codec]:
    codec = Codec(chat)
    made: Any = SimpleNamespace(codec=codec, request=Request(b"{}"), notes={})
    return cast(Exchange, made), codec


def test_images_are_counted_also_in_results_of_tools_and_once() -> None:
    shown = Media("image", url="https://example.org/1.png")
    parts = [Text("look"), shown, Media("audio", data=""), ToolResult("1", [shown, Text("x")])]
    asked, codec = exchange(Chat("m", [Message("user", [shown]), Message("user", [*parts])]))
    usage = Usage(5, details=UsageDetails(searches=1))
    for _ in range(2):
        counted = with_images(asked, usage)
        assert counted is not None
        assert counted.details == UsageDetails(images=3, searches=1)
    assert codec.reads == 1
    assert usage.details == UsageDetails(searches=1)


def test_what_cannot_be_read_is_not_known() -> None:
    asked, _ = exchange(None)
    assert with_images(asked, Usage(5)) is None

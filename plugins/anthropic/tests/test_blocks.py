"""Content blocks."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.sealing import seal
from pointsman.types import Citation, Media, Reasoning, Text, ToolCall, ToolResult, Unknown
from pointsman_anthropic.blocks import read_block, read_blocks, write_block
from pointsman_anthropic.names import DIALECT

MARK = {"type": "ephemeral", "ttl": "1h"}
WEB = {
    "type": "web_search_result_location",
    "url": "https://x",
    "title": "X",
    "cited_text": "words",
    "encrypted_index": "abc",
}
PAGE = {
    "type": "page_location",
    "document_index": 0,
    "document_title": None,
    "cited_text": "words",
    "start_page_number": 1,
    "end_page_number": 2,
}
BLOCKS: list[dict[str, Any]] = [
    {"type": "text", "text": "Hi"},
    {"type": "text", "text": "", "cache_control": MARK, "new": 1},
    {"type": "text", "text": "Hi", "cache_control": None, "citations": None},
    {"type": "text", "text": "Hi", "citations": []},
    {"type": "text", "text": "Hi", "citations": [WEB, PAGE]},
    {"type": "text", "text": "Hi", "citations": ["odd"]},
    {"type": "text", "text": 3},
    {"type": "text"},
    {"type": "thinking", "thinking": "Hm", "signature": "sig"},
    {"type": "thinking", "thinking": "Hm", "signature": ""},
    {"type": "thinking", "thinking": "Hm", "signature": None},
    {"type": "thinking", "thinking": "Hm", "new": [1]},
    {"type": "thinking", "signature": "sig"},
    {"type": "redacted_thinking", "data": "xyz", "new": None},
    {"type": "redacted_thinking", "data": ""},
    {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
    {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
        "cache_control": MARK,
    },
    {"type": "image", "source": {"type": "base64", "media_type": None, "data": "AAAA"}},
    {"type": "image", "source": {"type": "base64", "data": "AAAA", "new": 1}},
    {"type": "image", "source": {"type": "url", "url": "https://x", "media_type": None}},
    {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
    {"type": "image", "source": "odd"},
    {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "Grüße"},
        "title": "T",
    },
    {
        "type": "document",
        "source": {"type": "text", "data": "x"},
        "title": None,
        "citations": {"enabled": True},
    },
    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
    {
        "type": "document",
        "source": {"type": "base64", "media_type": "text/plain", "data": "!"},
        "context": "c",
    },
    {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "x"}]}},
    {"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1, 1.0, None]}},
    {
        "type": "tool_use",
        "id": "t",
        "name": "f",
        "input": {},
        "caller": {"type": "direct"},
        "cache_control": MARK,
    },
    {"type": "tool_use", "id": "t", "name": "f", "input": "odd"},
    {"type": "tool_use", "id": "t", "name": "f", "input": None},
    {"type": "tool_use", "id": "t", "name": "f", "input": {"_raw": "{"}},
    {"type": "tool_use", "id": "t", "name": "f"},
    {"type": "tool_use", "id": 3, "name": "f", "input": {}},
    {"type": "tool_result", "tool_use_id": "t"},
    {"type": "tool_result", "tool_use_id": "t", "content": None, "is_error": None},
    {"type": "tool_result", "tool_use_id": "t", "content": "", "is_error": False},
    {"type": "tool_result", "tool_use_id": "t", "content": "done", "is_error": True, "cache_control": MARK},
    {"type": "tool_result", "tool_use_id": "t", "content": []},
    {
        "type": "tool_result",
        "tool_use_id": "t",
        "content": [{"type": "text", "text": "a"}, {"type": "tool_reference"}, 3],
    },
    {"type": "tool_result", "tool_use_id": "t", "content": 3},
    {"type": "server_tool_use", "id": "t", "name": "web_search", "input": {}},
    {"type": None},
    {},
]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_block_is_written_as_it_was(block: dict[str, Any]) -> None:
    assert write_block(read_block(block)) == block


def test_what_is_no_block_is_kept() -> None:
    assert read_blocks([3, {"type": "new"}]) == [Unknown(DIALECT, 3), Unknown(DIALECT, {"type": "new"})]


def test_citations_say_what_is_cited() -> None:
    part = read_block(BLOCKS[4])
    assert isinstance(part, Text)
    first, second = part.citations
    assert (first.url, first.title, first.quote) == ("https://x", "X", "words")
    assert first.extra[DIALECT]["encrypted_index"] == "abc"
    assert (second.url, second.title, second.quote) == (None, None, "words")


def test_thoughts_belong_to_this_dialect() -> None:
    assert read_block(BLOCKS[8]) == Reasoning("Hm", signature="sig", origin=DIALECT)
    assert read_block({"type": "redacted_thinking", "data": "xyz"}) == Reasoning(
        "", redacted="xyz", origin=DIALECT
    )


def test_a_seal_is_opened() -> None:
    part = Reasoning("Hm", signature="enc", origin="gemini", id="rs_1")
    assert read_block({"type": "thinking", "thinking": "Hm", "signature": seal(part)}) == part
    assert read_block({"type": "redacted_thinking", "data": seal(part, text=True)}) == part


@pytest.mark.parametrize(
    "block",
    [
        {"type": "thinking", "thinking": "", "signature": "pm1.%"},
        {"type": "redacted_thinking", "data": "pm1.%"},
    ],
)
def test_a_broken_seal_is_of_no_dialect(block: dict[str, Any]) -> None:
    assert read_block(block) == Reasoning("")


def test_a_text_document_is_base64_inside() -> None:
    part = read_block(BLOCKS[22])
    assert part == Media("document", data="R3LDvMOfZQ==", mime="text/plain", name="T")


def test_results_of_tools_hold_parts() -> None:
    part = read_block(BLOCKS[37])
    assert isinstance(part, ToolResult)
    assert (part.call_id, part.parts, part.is_error, part.cache) == ("t", [Text("done")], True, MARK)


def test_a_direct_caller_is_only_a_note() -> None:
    part = read_block(BLOCKS[28])
    assert isinstance(part, ToolCall)
    assert part.extra == {DIALECT: {"~caller": {"type": "direct"}}}


def test_citations_from_elsewhere_are_not_written() -> None:
    assert write_block(Text("Hi", citations=[Citation(url="https://x")])) == {"type": "text", "text": "Hi"}

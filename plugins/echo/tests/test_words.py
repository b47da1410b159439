"""Words as tokens and as chunks."""

from __future__ import annotations

from pointsman.types import Media, Reasoning, Text, ToolCall, ToolResult, Unknown
from pointsman_echo.words import count, cut, words_in


def test_tokens_are_words() -> None:
    assert count(" one  two\nthree ") == 3


def test_everything_that_is_text_counts_and_media_do_not() -> None:
    parts = [
        Text("one two"),
        Reasoning("three"),
        ToolCall("1", "f", '{"a": 1}'),
        ToolResult("1", [Text("six")]),
        Unknown("any", [7, 8, 9]),
        Media("image", url="http://example.org/"),
    ]
    assert words_in(parts) == 9


def test_a_chunk_is_a_word_with_the_space_before_it() -> None:
    assert cut("one  two\nthree ", None) == ["one", "  two", "\nthree", " "]


def test_a_chunk_is_as_large_as_asked_for() -> None:
    assert cut("abcdefg", 3) == ["abc", "def", "g"]
    assert cut("", 3) == []

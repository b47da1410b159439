from __future__ import annotations

from pathlib import Path

from pointsman.config.source import Mark, Source


def test_lines_are_counted_as_the_scanner_counts_them() -> None:
    source = Source("a.yaml", "one\r\ntwo\rthree\u2028four\x85five", Path())
    assert [source.line(number) for number in range(1, 6)] == ["one", "two", "three", "four", "five"]
    assert source.line(0) == source.line(6) == ""


def test_a_hidden_place_is_starred_out_at_its_width() -> None:
    source = Source("a.yaml", "key: hunter22 # mine", Path())
    source.hide(((1, 6), (1, 14)))
    assert source.line(1) == "key: ******** # mine"


def test_a_hidden_place_may_go_over_lines() -> None:
    source = Source("a.yaml", "key: |\n  one\n  two\nnext: 1", Path())
    source.hide(((1, 6), (4, 1)))
    assert [source.line(number) for number in range(1, 5)] == ["key: *", "*****", "*****", "next: 1"]


def test_noted_values_are_scrubbed_longest_first_and_short_ones_left() -> None:
    source = Source("a.yaml", "", Path())
    for value in ("hunter", "hunter22", "abc"):
        source.hide_value(value)
    assert source.scrub("hunter22 and hunter and abc") == "*** and *** and abc"


def test_a_mark_says_file_line_column() -> None:
    mark = Mark(Source("a.yaml", "one\ntwo", Path()), 2, 3)
    assert str(mark) == "a.yaml:2:3"
    assert mark.source_line == "two"

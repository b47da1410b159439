"""Charts: well-formed, read aloud, with every text escaped."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from pointsman_dashboard.charts.bars import Bar, bars
from pointsman_dashboard.charts.cells import strip, week
from pointsman_dashboard.charts.scatter import Point, scatter
from pointsman_dashboard.charts.svg import Axis, nice
from pointsman_dashboard.charts.times import Series, columns, lines

XML = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)


def parsed(chart: Markup) -> ElementTree.Element:
    root = ElementTree.fromstring(str(chart))
    assert root.attrib["role"] == "img"
    assert root[0].tag == "title"
    assert root[1].tag == "desc"
    return root


def tips(root: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in root.iter("title")][1:]


@given(st.floats(min_value=1e-9, max_value=1e15))
def test_ticks_are_round_and_reach_the_top(top: float) -> None:
    axis = Axis(top, 0, 100)
    assert axis.top >= top * (1 - 1e-9)
    assert axis.bottom == axis.ticks[0] == 0
    assert 2 <= len(axis.ticks) <= 6
    assert axis.at(0) == 0
    assert axis.at(axis.top) == pytest.approx(100)


def test_an_axis_may_begin_above_nothing() -> None:
    axis = Axis(0.97, 100, 0, bottom=0.62)
    assert axis.ticks == pytest.approx([0.6, 0.7, 0.8, 0.9, 1.0])
    assert (axis.at(0.6), axis.at(1.0)) == pytest.approx((100, 0))


@pytest.mark.parametrize(("top", "expected"), [(0, 1), (0.03, 0.05), (2.2, 2.5), (7, 10), (1000, 1000)])
def test_nice_numbers(top: float, expected: float) -> None:
    assert nice(top) == pytest.approx(expected)


def test_columns_stand_on_each_other() -> None:
    chart = columns("T", ["a", "b"], [Series("one", [1, 2]), Series("other", [3, None])], str)
    root = parsed(chart)
    assert tips(root) == ["a · one: 1", "a · other: 3", "b · one: 2"]
    first, second, _ = root.iter("rect")
    assert float(second.attrib["y"]) + float(second.attrib["height"]) == pytest.approx(
        float(first.attrib["y"]), abs=0.2
    )


def test_lines_break_where_nothing_is_known() -> None:
    root = parsed(lines("T", ["a", "b", "c", "d"], [Series("one", [1, 2, None, 3])], str))
    assert len([*root.iter("polyline")]) == 1
    assert len([*root.iter("circle")]) == 1


def test_bars_have_their_intervals() -> None:
    root = parsed(bars("T", [Bar("one", 0.8, 0.7, 0.9), Bar("other", 0.5, pale=True)], str, top=1))
    assert tips(root) == ["one: 0.8 (0.7 to 0.9)", "other: 0.5"]
    assert len([each for each in root.iter("line") if each.attrib["class"] == "whisker"]) == 1
    assert "pale" in [*root.iter("rect")][1].attrib["class"]


def test_the_best_are_joined() -> None:
    points = [
        Point("a", 1, 0.5, 0.4, 0.6, best=True),
        Point("b", 2, 0.9, 0.8, 1, best=True),
        Point("c", 3, 0.7, 0.6, 0.8),
    ]
    root = parsed(scatter("T", points, str, str, x_title="x", y_title="y"))
    assert len([*root.iter("circle")]) == 3
    (line,) = root.iter("polyline")
    assert len(line.attrib["points"].split()) == 2


def test_cells_have_a_shade_each_or_none() -> None:
    shares: list[list[float | None]] = [[1.0] * 24 for _ in range(7)]
    shares[0][0], shares[6][23] = None, 0.5
    root = parsed(week("T", shares, [["tip"] * 24] * 7))
    cells = [*root.iter("rect")]
    assert len(cells) == 168
    assert cells[0].attrib["class"] == "cell s-"
    assert cells[-1].attrib["class"] == "cell s0"
    assert [each.attrib["class"] for each in parsed(strip("T", ["a", "b"], [None, 1.0])).iter("rect")] == [
        "cell s-",
        "cell s6",
    ]


@given(XML, st.lists(st.one_of(st.none(), st.floats(0, 1e12)), min_size=1, max_size=5))
def test_whatever_is_drawn_is_well_formed_and_text_stays_text(name: str, values: list[float | None]) -> None:
    evil = f"<script>{name}</script>\"'"
    times = [evil] * len(values)
    known = [value or 0.0 for value in values]
    for chart in (
        columns(evil, times, [Series(evil, values)], str),
        lines(evil, times, [Series(evil, values)], str),
        bars(evil, [Bar(evil, value, value / 2, value) for value in known], str),
        scatter(
            evil,
            [Point(evil, value, value, 0, value) for value in known],
            str,
            str,
            x_title=evil,
            y_title=evil,
        ),
        strip(evil, times, [min(1.0, value) for value in known]),
    ):
        assert not [*parsed(chart).iter("script")]


def test_nothing_to_draw_is_drawn_too() -> None:
    for chart in (
        columns("T", [], [], str),
        lines("T", [], [], str),
        bars("T", [], str),
        scatter("T", [], str, str, x_title="x", y_title="y"),
        strip("T", [], []),
    ):
        parsed(chart)

"""The seam: whatever is repeated where two texts meet is there once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pointsman.errors import MalformedAnswer
from pointsman_resume import seam
from pointsman_resume.seam import ANEW, FEW, MANY, WINDOW, TextSeam

TEXT = (
    "The points of a railway lie where one track becomes two. Whoever sets them, the pointsman, decides "
    "which track a train takes.\n\nHe looks at the timetable, at the signals and at the trains that wait:\n\n"
    "- one for the coast,\n- one for the hills,\n- and the express, for which all others have to wait."
)


searching = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def joined(said: str, pieces: Sequence[str], *, exact: bool = False, echoes: bool = False) -> str:
    found = TextSeam(said, exact=exact, echoes=echoes)
    return said + "".join([found.feed(piece) for piece in pieces]) + found.finish()


@st.composite
def pieces_of(draw: st.DrawFn, text: str) -> list[str]:
    """A text in pieces of any size, empty ones among them."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def spaced(text: str) -> str:
    return " ".join(text.split())


def chances(said: str, text: str) -> set[int]:
    """How much of a text may be taken for a repetition of what ends another, single-spaced."""
    said, text = spaced(said), spaced(text)
    return {
        size
        for size in range(1, min(len(said), len(text), WINDOW) + 1)
        if said.endswith(text[:size]) and sum(map(str.isalnum, text[:size])) >= FEW
    }


words = st.text(st.sampled_from("abcdefgäß中文字019"), min_size=1, max_size=9)
between = st.sampled_from([" ", " ", " ", "  ", "\n", "\n\n", "\t", ", ", ". ", ".\n", "-", " - ", "\u00a0"])
prose = st.lists(st.tuples(words, between), min_size=1, max_size=60).map(
    lambda found: "".join(word + gap for word, gap in found)
)
texts = prose | st.text(max_size=300)


@searching
@given(st.data(), texts)
def test_a_text_that_goes_on_exactly_is_joined_exactly(data: st.DataObject, text: str) -> None:
    cut = data.draw(st.integers(0, len(text)))
    said = text[:cut]
    rest = text[len(said.rstrip()) :]  # the model gets it without the white space at its end
    if data.draw(st.booleans()):
        rest = rest[len(said) - len(said.rstrip()) :]  # and some do as if they had it
        assume(not rest[:1].isspace())
    exact = data.draw(st.booleans())
    if exact:
        assume(not spaced(rest).startswith(spaced(said)) or not said.strip())
    else:
        assume(rest and not chances(said, rest))
        assume(not spaced(said).startswith(spaced(rest)[:ANEW]) or len(spaced(rest)) < ANEW)
    assert joined(said, data.draw(pieces_of(rest)), exact=exact) == text


@searching
@given(st.data(), texts)
def test_what_is_repeated_of_the_end_is_there_once(data: st.DataObject, text: str) -> None:
    said = text[: data.draw(st.integers(0, len(text)))]
    end = len(said.rstrip())
    begin = data.draw(st.integers(0, end))
    repeated = spaced(text[begin:end])
    assume(0 < len(repeated) <= WINDOW)
    letters = sum(map(str.isalnum, repeated))
    first = text[begin]
    starts = begin == 0 or not (text[begin - 1].isalnum() and first.isalnum())
    assume(letters >= MANY or (letters >= FEW and starts and not first.isspace()))
    rest = text[begin:]
    assume(max(chances(said, rest)) == len(repeated))  # or it is not known how often it was repeated
    assume(not spaced(rest).startswith(spaced(said)) or len(repeated) == len(spaced(said)))
    assert joined(said, data.draw(pieces_of(rest))) == text


@searching
@given(st.data(), texts, st.sampled_from([(False, False, FEW), (True, True, FEW), (True, False, MANY)]))
def test_what_begins_again_from_the_start_is_there_once(
    data: st.DataObject, text: str, kind: tuple[bool, bool, int]
) -> None:
    exact, echoes, least = kind
    said = text[: data.draw(st.integers(0, len(text)))]
    assume(sum(map(str.isalnum, said)) >= least)
    assert joined(said, data.draw(pieces_of(text)), exact=exact, echoes=echoes) == text


@searching
@given(st.data(), texts, texts, st.booleans())
def test_nothing_is_taken_out_but_a_beginning_that_was_said(
    data: st.DataObject, said: str, rest: str, exact: bool
) -> None:
    try:
        whole = joined(said, [rest], exact=exact)
    except MalformedAnswer:
        with pytest.raises(MalformedAnswer):
            joined(said, data.draw(pieces_of(rest)), exact=exact)
        return
    assert joined(said, data.draw(pieces_of(rest)), exact=exact) == whole, "however it arrives"
    new = whole[len(said) :]
    assert rest.endswith(new)
    assert spaced(said).endswith(spaced(rest[: len(rest) - len(new)]))


@pytest.mark.parametrize(
    ("said", "rest", "whole"),
    [
        ("The quick bro", "wn fox", "The quick brown fox"),
        ("The quick bro", "brown fox", "The quick brown fox"),
        ("The quick bro", "quick brown fox", "The quick brown fox"),
        ("The quick bro", "The quick brown fox", "The quick brown fox"),
        ("The quick ", "brown fox", "The quick brown fox"),
        ("The quick ", " brown fox", "The quick brown fox"),
        ("The quick", " brown fox", "The quick brown fox"),
        ("The quick", "\n\nThe quick brown fox", "The quick brown fox"),
        ("one\ntwo", "one two three", "one\ntwo three"),
        ("one.\n", "\n\ntwo", "one.\n\ntwo"),
        ("one.\n\n", "\ntwo", "one.\n\ntwo"),
        ("one.\n\n", "two", "one.\n\ntwo"),
        ("a very", " very happy end", "a very very happy end"),
        ("3.1", "1 billion", "3.11 billion"),
        ("    }\n", "    }\n}\n", "    }\n    }\n}\n"),
        ("one.\n", " two", "one.\ntwo"),
        ("one. ", "\n\ntwo", "one. \n\ntwo"),
        ("one.\t", "  two", "one.\ttwo"),
        ("你好世", "世界", "你好世世界"),
        ("你好世界", "世界和平", "你好世界世界和平"),
        ("你好。世界", "世界和平", "你好。世界和平"),
        ("我们从北京出发去上海", "从北京出发去上海旅行", "我们从北京出发去上海旅行"),
    ],
)
def test_how_texts_meet(said: str, rest: str, whole: str) -> None:
    assert joined(said, [rest]) == whole
    assert joined(said, list(rest)) == whole


def test_a_prefix_is_gone_on_with_as_it_is() -> None:
    assert joined("ha ha", [" ha", " ha"], exact=True) == "ha ha ha ha"
    row = "0,0,0\n"
    assert joined("a,b,c\n" + row * 3, ["\n" + row, row], exact=True) == "a,b,c\n" + row * 5
    assert joined("No", [], exact=True) == "No", "it was whole"


def test_what_is_held_back_is_bounded() -> None:
    said = TEXT * 20
    seam = TextSeam(said)
    held = 0
    for start in range(0, len(TEXT), 7):
        held += 7
        held = 0 if seam.feed(said[-300:][start : start + 7] or TEXT[:7]) else held
        assert held <= WINDOW
    blank = TextSeam("said", exact=True)
    assert sum(len(blank.feed(" ")) for _ in range(2 * WINDOW)) >= WINDOW


def test_whoever_begins_anew_in_other_words_is_refused() -> None:
    again = TEXT[:60] + "lies something else entirely."
    with pytest.raises(MalformedAnswer, match="began anew"):
        joined(TEXT[:150], list(again))
    assert joined("Short", ["Shot"]) == "ShortShot", "too little to tell"


def test_whoever_has_nothing_to_say_is_refused() -> None:
    with pytest.raises(MalformedAnswer, match="said nothing"):
        joined(TEXT, [])
    assert joined(TEXT[:80], [TEXT[40:80]]) == TEXT[:80], "a repetition says that it was whole"


def test_what_is_begun_again_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0

    def counted(text: str) -> str:
        nonlocal looked
        looked += len(text)
        return spaced(text)

    monkeypatch.setattr(seam, "_single_spaced", counted)
    said = " ".join(f"{number} trains" for number in range(5000))
    pieces = [said[at : at + 7] for at in range(0, len(said), 7)]
    assert joined(said, [*pieces, " and one"]) == f"{said} and one"
    assert looked < 4 * len(said)


@given(st.data(), texts)
def test_pieces_are_single_spaced_as_the_whole(data: st.DataObject, text: str) -> None:
    pieces = seam._Spaced()
    assert "".join(map(pieces.feed, data.draw(pieces_of(text)))) == spaced(text)

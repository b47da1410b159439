"""The seam: what a model that was asked to go on with a text says again of that text is taken out.

It is held back only as long as it could be a repetition: no longer than the end of the text that is looked
at, or, where the model begins again from the start, than the text itself, which the client has already.
"""

from __future__ import annotations

from pointsman.errors import MalformedAnswer

__all__ = ["TextSeam"]

WINDOW = 1000
"""Characters at the end of a text in which a repetition may begin, white space counted as one."""
FEW = 2
"""Letters and digits that make a repetition, where it begins with a word and no white space stands before."""
MANY = 8
"""Those that make one anywhere."""
ANEW = 32
"""Characters that a model may repeat from the start before it goes on in other words than those."""


class TextSeam:
    """See `pointsman.joint.Seam`. `said` is what the client has; the model got it without the white space at
    its end, which it may write or not.

    `exact`: it goes on with the text as with its own, and not with an earlier answer of which it was told. It
    repeats nothing then, unless its host sends the beginning along; `echoes` says that this one is known to.
    """

    def __init__(self, said: str, *, exact: bool = False, echoes: bool = False) -> None:
        told = said.rstrip()
        self._gap = said[len(told) :]
        self._said = _single_spaced(told)
        self._end = self._said[-WINDOW:]
        self._exact = exact
        self._echo = MANY if exact and not echoes else FEW
        self._held: list[str] = []
        self._length = 0
        self._begun = _Spaced()
        self._size = 0
        self._anew = True
        """All that has come is how the text begins."""
        self._first = ""
        """What has come first, single-spaced: enough to look for it at the end of the text."""
        self._any = False
        self._decided = False

    def feed(self, text: str) -> str:
        """See `Seam`."""
        self._any = self._any or bool(text)
        if self._decided:
            return text
        self._hold(text)
        if self._may_repeat():
            return ""
        held = "".join(self._held)
        rest = held[self._repeated(held) :]
        if self._gap and not rest.strip() and len(rest) < WINDOW:
            return ""  # white space at the seam is judged as a whole
        return self._decide(rest)

    def finish(self) -> str:
        """See `Seam`. Raises MalformedAnswer where nothing came that goes on with an earlier answer."""
        if not self._any and not self._exact:
            raise _wrong("said nothing")
        if self._decided:
            return ""
        held = "".join(self._held)
        return self._decide(held[self._repeated(held) :])

    def _decide(self, rest: str) -> str:
        """What is new, the white space at the seam no more than once."""
        self._decided, self._held = True, []
        space = rest[: len(rest) - len(rest.lstrip())]
        return rest[_doubled(self._gap, space) :]

    def _hold(self, text: str) -> None:
        """More has come. It is looked at once: a text may be begun again that is long."""
        self._held.append(text)
        self._length += len(text)
        new = self._begun.feed(text)
        if not new:
            return
        self._anew = self._anew and self._said.startswith(new, self._size)
        if self._size <= WINDOW:
            self._first += new
        self._size += len(new)

    def _may_repeat(self) -> bool:
        """Whether all that has come could be the beginning of a repetition, and might go on as one."""
        if not self._size:
            return self._length < WINDOW and bool(self._said)
        at_end = not self._exact and self._size <= len(self._end) and self._first in self._end
        return at_end or self._anew

    def _repeated(self, held: str) -> int:
        """How many characters of what has come are said already. Raises MalformedAnswer for an answer that
        was begun anew."""
        text, said = _single_spaced(held), self._said
        if said and text.startswith(said) and _letters(said) >= self._echo:
            return _place(held, len(said))
        if self._exact:
            return 0
        longest = next(
            (size for size in range(min(len(text), len(self._end)), 0, -1) if said.endswith(text[:size])), 0
        )
        if longest and self._counts(text[:longest], spaced=held[0].isspace()):
            return _place(held, longest)
        if said.startswith(text[:ANEW]) and len(text) >= ANEW:
            raise _wrong("began anew")
        return 0

    def _counts(self, repeated: str, *, spaced: bool) -> bool:
        """Whether so much cannot stand there by chance; `spaced` says that white space stood before it."""
        letters = _letters(repeated)
        if letters >= MANY:
            return True
        before = self._said[: len(self._said) - len(repeated)]
        begins = not before or not (before[-1].isalnum() and repeated[0].isalnum())
        return letters >= FEW and begins and not spaced


def _wrong(what: str) -> MalformedAnswer:
    return MalformedAnswer(f"the provider was asked to go on with an answer and {what}", phase="stream")


class _Spaced:
    """A text that comes in pieces, as `_single_spaced` makes it of the whole."""

    def __init__(self) -> None:
        self._any = False
        self._space = False

    def feed(self, piece: str) -> str:
        """What a piece adds to it. White space that ends it is added with what comes behind."""
        words = piece.split()
        if not words:
            self._space = self._space or bool(piece)
            return ""
        gap = " " if self._any and (self._space or piece[0].isspace()) else ""
        self._any, self._space = True, piece[-1].isspace()
        return gap + " ".join(words)


def _single_spaced(text: str) -> str:
    """A text with white space of any kind as one space, and none around it."""
    return " ".join(text.split())


def _place(text: str, size: int) -> int:
    """Where in a text as many characters end as it has single-spaced."""
    at = len(text) - len(text.lstrip())
    counted = 0
    while counted < size:
        if text[at].isspace():
            while text[at].isspace():
                at += 1
        else:
            at += 1
        counted += 1
    return at


def _doubled(gap: str, space: str) -> int:
    """How much of the white space that a text begins with is there already. A line that is begun may be
    indented, and a paragraph may end behind a space."""
    if space.startswith(gap):
        return len(gap)
    indents = gap.endswith("\n") and "\n" not in space and space != " "
    breaks = "\n" in space and "\n" not in gap
    return 0 if indents or breaks else len(space)


def _letters(text: str) -> int:
    return sum(each.isalnum() for each in text)

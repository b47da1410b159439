"""Losses: what a translation has no place for. Nothing is lost silently.

Losing content (a message, an image, a tool, a schema, the choice of a tool) would change what is asked,
so it excludes the endpoint. Losing a parameter is reported. What an answer loses on its way to the client
is reported after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

__all__ = ["Losses", "Missing"]

NOTE = "~"
"""How a codec's own notes in `extra` begin: no loss."""


class Missing(msgspec.Struct, frozen=True):
    """Content that has no place: `path` in the client's request, and `what` cannot be said, in words."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"`{self.path}` ({self.what})"


class Losses(msgspec.Struct):
    """What one translation loses, each thing once: `parameters` of the request by the client's names,
    `content` of the request, and members of the `answer`."""

    parameters: list[str] = []
    content: list[Missing] = []
    answer: list[str] = []

    def parameter(self, name: str) -> None:
        """A parameter, by the name the client gave it."""
        if name not in self.parameters:
            self.parameters.append(name)

    def part(self, path: str, what: str) -> None:
        """Content, by where it stands in the client's request, and what cannot be said."""
        self.content.append(Missing(path, what))

    def answered(self, name: str) -> None:
        """A member of the answer, by its name in the provider's dialect."""
        if name not in self.answer:
            self.answer.append(name)

    def extras(self, extra: Mapping[str, Mapping[str, Any]], *, own: str, path: str = "") -> None:
        """What other dialects than `own` have put into an `extra` of a request, in objects at `path`."""
        if not extra:
            return
        for name in foreign(extra, own):
            self.parameter(f"{path}.{name}" if path else name)

    def answered_extras(self, extra: Mapping[str, Mapping[str, Any]], *, own: str, path: str = "") -> None:
        """As `extras`, of an answer."""
        if not extra:
            return
        for name in foreign(extra, own):
            self.answered(f"{path}.{name}" if path else name)


def foreign(extra: Mapping[str, Mapping[str, Any]], own: str) -> list[str]:
    """The names that other dialects than `own` put there, without the notes and what holds nothing."""
    found = []
    for dialect, members in extra.items():
        if dialect != own:
            for name, value in members.items():
                if value is not None and name[:1] != NOTE:
                    found.append(name)
    return found

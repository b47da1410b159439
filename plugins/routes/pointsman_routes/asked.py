"""The model that a request asks for, by every name that rules may have for it."""

from __future__ import annotations

from typing import Self

from pointsman.catalogue import Catalogue

from .variants import unsuffixed

__all__ = ["AskedModel", "names_of_model"]


class AskedModel(str):
    """A model as the client wrote it. `names` are those by which rules may mean it: what was written, and
    that without its suffix, so that nobody gets around a rule by `:floor`."""

    __slots__ = ("names",)
    names: tuple[str, ...]

    @classmethod
    def of(cls, written: str, catalogue: Catalogue | None) -> Self:
        """As a catalogue has it."""
        found = cls(written)
        found.names = (written,)
        if catalogue is not None:
            found.names = tuple(dict.fromkeys((written, unsuffixed(written, catalogue))))
        return found


def names_of_model(value: str) -> tuple[str, ...]:
    """All names of a model, or the one that is known."""
    return value.names if isinstance(value, AskedModel) else (value,)

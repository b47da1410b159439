"""Figures: what is shown, as a table that can be read, sorted and taken away, and as a chart of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pointsman.errors import NotFound
from pointsman_usage.text import as_csv

__all__ = ["Column", "Figure", "csv_of"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the `key` of its values in each row, its title, and how a value is shown.

    `link` makes an address of a row, `number` puts values to the right and has them sorted as numbers,
    `tight` keeps them on one line.
    """

    key: str
    title: str
    show: Callable[[Any], str] = str
    number: bool = False
    tight: bool = False
    link: Callable[[Mapping[str, Any]], str | None] | None = None

    def text(self, row: Mapping[str, Any]) -> str:
        """How a row's value is shown; a dash where it is not known."""
        value = row.get(self.key)
        return "-" if value is None else self.show(value)

    @property
    def style(self) -> str:
        """Its class in the style sheet."""
        return "number" if self.number else "tight" if self.tight else "words"

    def sortable(self, row: Mapping[str, Any]) -> str:
        """What a row is sorted by."""
        value = row.get(self.key)
        return "" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Figure:
    """Something shown. `name` stands in addresses, `legend` names the colours of the chart in their order,
    `note` says how it was counted."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]
    chart: Markup | None = None
    legend: Sequence[str] = ()
    note: str = ""
    empty: str = "Nothing yet."


def csv_of(figures: Sequence[Figure], name: str) -> str:
    """The rows of a figure as CSV. Raises NotFound."""
    for figure in figures:
        if figure.name == name:
            return as_csv(figure.rows, [column.key for column in figure.columns])
    raise NotFound(f"there is no figure {name[:100]!r} on this page")

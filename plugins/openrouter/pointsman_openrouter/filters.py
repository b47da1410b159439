"""Filters and orders of a listing, as a query asks for them. What is not known of a model is taken as not so.

Nobody here knows any benchmark: a filter by one leaves nothing over, an order by one changes nothing.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from pointsman.errors import BadRequest
from pointsman.money import NANO

from .rows import Row

__all__ = ["CATEGORIES", "FILTERS", "SORTS", "check_names", "choice", "filtered", "number", "sorted_rows"]

CATEGORIES = (
    *("programming", "roleplay", "marketing", "marketing/seo", "technology", "science", "translation"),
    *("legal", "finance", "health", "trivia", "academia"),
)
EU = "at be bg hr cy cz dk ee fi fr de gr hu ie it lv lt lu mt nl pl pt ro sk si es se"
REGIONS: Mapping[str, frozenset[str]] = {"eu": frozenset((*EU.split(), "eu")), "us": frozenset({"us"})}
INDICES = ("intelligence", "coding", "agentic")
DAY = 86_400
LARGEST = Decimal(10) ** 12
ALL = "all"

Test = Callable[[Row], bool]
Read = Callable[[Row], Any]
Make = Callable[[str, str], Test]
"""Makes a test out of a parameter's name and text. Raises BadRequest."""


def words(text: str) -> frozenset[str]:
    """The words of a list with commas, in lower case."""
    return frozenset(each.strip().lower() for each in text.split(",") if each.strip())


def number(name: str, text: str, *, most: Decimal = LARGEST, whole: bool = False) -> Decimal:
    """A number from zero. Raises BadRequest."""
    what = "a whole number" if whole else "a number"
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("nan")
    if not found.is_finite() or not 0 <= found <= most or (whole and found != found.to_integral_value()):
        raise BadRequest(f"`{name}` must be {what} from 0 to {most:f}", param=name)
    return found


def choice(name: str, text: str, among: Collection[str]) -> str:
    """One of some words. Raises BadRequest."""
    if text not in among:
        raise BadRequest(f"`{name}` must be one of {', '.join(among)}", param=name)
    return text


def check_names(given: Iterable[str], known: Collection[str]) -> None:
    """A parameter that is not known would be ignored in silence. Raises BadRequest."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise BadRequest(f"there is no parameter `{name[:100]}` here{hint}", param=name[:100])


def _all_of(read: Read) -> Make:
    def make(name: str, text: str) -> Test:
        wanted = words(text)
        return lambda row: wanted <= (read(row) or frozenset())

    return make


def _any_of(read: Read) -> Make:
    def make(name: str, text: str) -> Test:
        wanted = words(text)
        return lambda row: not wanted.isdisjoint(read(row) or ())

    return make


def _bound(read: Read, *, least: bool, unit: int = 1, whole: bool = False) -> Make:
    def make(name: str, text: str) -> Test:
        limit = number(name, text, whole=whole) * unit

        def test(row: Row) -> bool:
            value = read(row)
            return value is not None and (value >= limit if least else value <= limit)

        return test

    return make


def _unknowable(most: Decimal = LARGEST) -> Make:
    def make(name: str, text: str) -> Test:
        number(name, text, most=most)
        return lambda row: False

    return make


def _outputs(name: str, text: str) -> Test:
    wanted = words(text)
    return lambda row: ALL in wanted or not wanted.isdisjoint(row.outputs or ())


def _search(name: str, text: str) -> Test:
    wanted = text.lower().split()
    return lambda row: all(word in f"{row.name} {row.title}".lower() for word in wanted)


def _tokenizer(name: str, text: str) -> Test:
    wanted = text.strip().lower()
    return lambda row: row.tokenizer is not None and row.tokenizer.lower() == wanted


def _distillable(name: str, text: str) -> Test:
    wanted = choice(name, text, ("true", "false")) == "true"
    return lambda row: row.distillable == wanted


def _forgotten(name: str, text: str) -> Test:
    choice(name, text, ("true",))
    return lambda row: row.forgotten


def _region(name: str, text: str) -> Test:
    area = choice(name, text, tuple(REGIONS))
    return lambda row: any(each in REGIONS[area] or each.startswith(f"{area}-") for each in row.regions)


def _age(row: Row) -> float | None:
    return (time.time() - row.created) / DAY if row.created is not None else None


FILTERS: Mapping[str, Make] = {
    "supported_parameters": _all_of(lambda row: row.parameters),
    "input_modalities": _all_of(lambda row: row.inputs),
    "output_modalities": _outputs,
    "q": _search,
    "context": _bound(lambda row: row.context, least=True, whole=True),
    "min_price": _bound(lambda row: row.prompt, least=True, unit=NANO),
    "max_price": _bound(lambda row: row.prompt, least=False, unit=NANO),
    "min_output_price": _bound(lambda row: row.completion, least=True, unit=NANO),
    "max_output_price": _bound(lambda row: row.completion, least=False, unit=NANO),
    "arch": _tokenizer,
    "model_authors": _any_of(lambda row: (row.name.partition("/")[0].lower(),)),
    "providers": _any_of(lambda row: row.providers),
    "distillable": _distillable,
    "zdr": _forgotten,
    "region": _region,
    "min_age_days": _bound(_age, least=True, whole=True),
    "max_age_days": _bound(_age, least=False, whole=True),
    **{f"{end}_{name}_index": _unknowable() for end in ("min", "max") for name in INDICES},
    **{f"{end}_tool_success_rate": _unknowable(Decimal(1)) for end in ("min", "max")},
}
"""By parameter."""


def _speaks(row: Row) -> bool:
    """Whether it may answer in text, as far as is known."""
    return row.outputs is None or "text" in row.outputs


def filtered(rows: Iterable[Row], query: Mapping[str, str]) -> list[Row]:
    """The rows that meet every filter of a query. Without `output_modalities` those that answer otherwise
    than in text are left out. Raises BadRequest."""
    tests = [make(name, text) for name, make in FILTERS.items() if (text := query.get(name, ""))]
    if not query.get("output_modalities"):
        tests.append(_speaks)
    return [row for row in rows if all(test(row) for test in tests)]


SORTS: Mapping[str, tuple[Read | None, bool]] = {
    "most-popular": (None, True),
    "newest": (lambda row: row.created, True),
    "top-weekly": (None, True),
    "pricing-low-to-high": (lambda row: row.mean_price, False),
    "pricing-high-to-low": (lambda row: row.mean_price, True),
    "context-high-to-low": (lambda row: row.context, True),
    "throughput-high-to-low": (None, True),
    "latency-low-to-high": (None, False),
    "intelligence-high-to-low": (lambda row: None, True),
    "coding-high-to-low": (lambda row: None, True),
    "agentic-high-to-low": (lambda row: None, True),
    "design-arena-elo-high-to-low": (lambda row: None, True),
}
"""By name: what it goes by, where that is in the row, and whether the highest comes first."""


def sorted_rows(rows: Iterable[Row], sort: str, measured: Mapping[str, float]) -> list[Row]:
    """The rows in an order; those of which nothing is known come last, as they were. `measured` is what their
    traffic shows, by model."""
    read, falling = SORTS[sort]
    known: list[tuple[float, Row]] = []
    unknown = []
    for row in rows:
        value = read(row) if read is not None else measured.get(row.name)
        if value is None:
            unknown.append(row)
        else:
            known.append((value, row))
    known.sort(key=lambda each: each[0], reverse=falling)
    return [row for _, row in known] + unknown

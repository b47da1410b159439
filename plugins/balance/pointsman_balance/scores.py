"""Scores: what spoke for each endpoint of a choice, in numbers and words, and what is needed to choose again.

Nothing here is told unless somebody wants the decision record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Choice", "Kept", "Value", "stayed"]


@dataclass(frozen=True, slots=True)
class Value:
    """What endpoints are put in order by, under the name of the picker; None is not known. `note` are more
    words."""

    by: str
    value: float | None
    unit: str
    note: str = ""

    def __str__(self) -> str:
        if self.value is None:
            told = "not known"
        elif self.unit == "nano-USD":
            told = f"${self.value / 1e9:.6g}"
        else:
            told = f"{self.value:.3g} {self.unit}"
        return f"{self.by}: {told}{self.note}"

    def data(self) -> dict[str, Any]:
        """As JSON data."""
        return {"by": self.by, "value": self.value, "unit": self.unit}


class Choice:
    """How the endpoints of one choice were put in order, beside their scores: those that `asleep` take no
    requests, the soonest back first; `swapped` says that the second one drawn was less busy than the first;
    `stays` is the endpoint at which a session stays, and why."""

    __slots__ = ("asleep", "by", "ids", "stays", "swapped")

    def __init__(self, by: str, ids: Sequence[str], asleep: Sequence[int], *, swapped: bool = False) -> None:
        self.by = by
        self.ids = ids
        self.asleep = asleep
        self.swapped = swapped
        self.stays: tuple[int, str] | None = None

    def data(self) -> dict[str, Any]:
        """As JSON data."""
        stays = self.stays
        return {
            "by": self.by,
            "endpoints": list(self.ids),
            "asleep": [self.ids[place] for place in self.asleep],
            "swapped": self.swapped,
            "stays": {"at": self.ids[stays[0]], "why": stays[1]} if stays is not None else None,
        }


class Kept:
    """What a decision record says of the endpoints of one choice: by it the same choice is made again.

    `scores` are the numbers of each by its place among `ids`.
    """

    def __init__(self, choice: Choice, scores: Sequence[Mapping[str, Any]]) -> None:
        self.choice = choice
        self.scores = scores

    @classmethod
    def of(cls, record: Mapping[str, Any], by: str, ids: Sequence[str]) -> Kept | None:
        """From a record, for the endpoints `ids`; None where it does not tell of a choice among all of
        them."""
        place_of = {endpoint: place for place, endpoint in enumerate(ids)}
        for told in record.get("health", ()):
            if told["by"] == by and place_of.keys() <= {*told["endpoints"]}:
                break
        else:
            return None
        scores = {place_of[endpoint]: data for endpoint, data in _scores(record, by) if endpoint in place_of}
        if len(scores) < len(ids):
            return None
        asleep = [place_of[each] for each in told["asleep"] if each in place_of]
        choice = Choice(by, ids, asleep, swapped=told["swapped"])
        choice.stays = _stays(told["stays"], ids)
        return cls(choice, [scores[place] for place in range(len(ids))])


def stayed(record: Mapping[str, Any], by: str, ids: Sequence[str]) -> tuple[int, str] | None:
    """At which of the endpoints `ids` a session stayed by a record, and why."""
    found = (_stays(told["stays"], ids) for told in record.get("health", ()) if told["by"] == by)
    return next((stays for stays in found if stays is not None), None)


def _stays(told: Mapping[str, str] | None, ids: Sequence[str]) -> tuple[int, str] | None:
    if told is None or told["at"] not in ids:
        return None
    return ids.index(told["at"]), told["why"]


def _scores(record: Mapping[str, Any], by: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for row in (*record["candidates"], *record["excluded"]):
        for data in row.get("scores", ()):
            if data["by"] == by:
                yield row["endpoint"], data

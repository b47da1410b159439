"""Settings: how often providers are asked, and what an operator knows of models and endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, ClassVar, Self

from pointsman.config import Duration, setting
from pointsman.registers import RegisterSettings

__all__ = ["FACTS", "SOURCE", "CatalogueSettings", "Day", "configured", "declare_facts"]

RELEASED = "released"
"""What the fact `created` is called in a configuration, where it is a day."""
SOURCE = "configuration"
"""Where the facts of an operator come from, in words."""


class Day(str):
    """A date, kept as written; `date` is that."""

    expected: ClassVar[str] = "a date such as 2026-11-01"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "date"}
    date: date

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a date. Raises ValueError."""
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a date") from None
        found = cls(day.isoformat())
        found.date = day
        return found


@dataclass(frozen=True)
class CatalogueSettings:
    """What is known of models, and how it is kept up to date."""

    refresh: Duration = setting(
        default=Duration(3600),
        minimum=60,
        help="How often providers with `discover: true` are asked for their models.",
    )
    prices: bool = setting(
        default=True,
        help="Take prices and contexts from the package genai-prices where neither the configuration nor the "
        "provider's own listing has them.",
    )


FACTS: Mapping[str, tuple[Any, str, dict[str, Any]]] = {
    "name": (str | None, "What people call it.", {"example": "Llama 3.3 70B"}),
    "description": (str | None, "What it is good for, in words.", {}),
    "context": (
        int | None,
        "Tokens of request and answer together, at most.",
        {"minimum": 1, "example": 131072},
    ),
    "max_output": (int | None, "Tokens of the answer, at most.", {"minimum": 1, "example": 32768}),
    "input_modalities": (
        tuple[str, ...] | None,
        "What it takes: text, image, audio, video, file.",
        {"example": ["text", "image"]},
    ),
    "output_modalities": (tuple[str, ...] | None, "What it answers with.", {"example": ["text"]}),
    "parameters": (
        tuple[str, ...] | None,
        "Members of requests that it supports.",
        {"example": ["tools", "temperature"]},
    ),
    "quantization": (str | None, "How its weights are kept.", {"example": "fp8"}),
    "tokenizer": (str | None, "Which tokenizer it has.", {}),
    "released": (Day | None, "When it came out, wherever that was.", {"example": "2025-09-29"}),
    "deprecated": (Day | None, "When it goes away, or went.", {"example": "2026-12-31"}),
    "distillable": (bool | None, "Whether its text may be used to train others.", {}),
}
"""Facts that an operator may know: type, help and rules of each key."""


def declare_facts(register: RegisterSettings) -> None:
    """Add the facts to models and endpoints."""
    for record in ("model", "endpoint"):
        for name, (type_, help_, rules) in FACTS.items():
            register.field(record, name, type_, default=None, help=help_, **rules)


def configured(extra: Mapping[str, Any]) -> dict[str, Any]:
    """The facts among the keys of a model or an endpoint."""
    found = {name: value for name in FACTS if (value := extra.get(name)) is not None}
    if RELEASED in found:
        day = datetime.combine(found.pop(RELEASED).date, time(), UTC)
        found["created"] = int(day.timestamp())
    return found

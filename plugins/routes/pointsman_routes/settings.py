"""The settings of routing rules and of decision records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pointsman.config import Duration, SettingError, setting
from pointsman.routing import WHEN

from .moments import Moment
from .preferences import MaxPrice

__all__ = [
    "AskedSettings",
    "ExpectSettings",
    "ExplainSettings",
    "RouteSettings",
    "RoutesSettings",
    "RuleTestSettings",
    "UseSettings",
    "WhenSettings",
]

INSTANT = 0.001
"""Seconds: the shortest deadline."""


def check_clauses(clauses: tuple[WhenSettings, ...]) -> None:
    """Refuse a list with nothing in it. Raises ValueError."""
    if not clauses:
        raise ValueError("an empty list joins nothing; leave it out or put conditions into it")


@dataclass(frozen=True)
class WhenSettings:
    """What a request must look like. All conditions given must hold; without any, every request matches."""

    record: ClassVar[str] = WHEN
    dotted: ClassVar[bool] = True
    any: tuple[WhenSettings, ...] | None = setting(
        default=None,
        check=check_clauses,
        help="Several such mappings, of which one must hold.",
        example=[{"key.tags": {"any": ["batch"]}}, {"tokens": "> 100k"}],
    )
    all: tuple[WhenSettings, ...] | None = setting(
        default=None, check=check_clauses, help="Several such mappings, which must all hold."
    )
    not_: WhenSettings | None = setting(
        key="not", default=None, help="Such a mapping, which must not hold.", example={"stream": True}
    )
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class UseSettings:
    """Which models a rule's requests go to."""

    record: ClassVar[str] = "use"
    models: tuple[str, ...] = setting(
        default=(), help="Models to try in this order, in place of those asked for.", example=["fast"]
    )
    fallbacks: tuple[str, ...] = setting(
        default=(), help="Models to try when all of those have failed.", example=["small"]
    )
    pick: str | None = setting(
        default=None,
        help="How the endpoints of each model are put in order: balanced, cheapest, fastest, lowest-latency, "
        "least-busy, weighted, ordered, or one of another plugin.",
        example="cheapest",
    )
    across: bool = setting(
        default=False, help="Put the endpoints of all models in one order, not model by model."
    )
    deadline: Duration | None = setting(
        default=None,
        minimum=INSTANT,
        help="Longest that all attempts together may take, from when the request came.",
        example="60s",
    )
    attempts: int | None = setting(
        default=None, minimum=1, maximum=20, help="Most attempts, in place of `attempts` of the whole file."
    )
    hedge: Duration | None = setting(
        default=None,
        minimum=INSTANT,
        help="When an answer that is no stream takes longer, ask the next endpoint, too: the first answer "
        "counts, and both cost. For embeddings, and whatever may be done twice.",
        example="500ms",
    )
    endpoints: tuple[str, ...] = setting(
        default=(),
        help="Endpoints that may be used, in the order in which they are tried: short for `only` and `order` "
        "of `preferences`.",
        example=["lab/large-70b"],
    )
    max_price: MaxPrice | None = setting(
        default=None, help="What the dearest endpoint may ask: short for that of `preferences`."
    )
    on_loss: Literal["warn", "reject", "drop"] | None = setting(
        default=None, help="In place of `on_loss` of the whole file.", example="reject"
    )
    extra: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Each thing once. Raises SettingError."""
        said = self.extra.get("preferences")
        if self.max_price is not None and said is not None and said.max_price is not None:
            raise SettingError("max_price", "it stands in `preferences`, too: say it once")
        both = said is not None and (said.only is not None or said.order is not None)
        if self.endpoints and (both or (said is not None and said.sort is not None)):
            raise SettingError("endpoints", "`preferences` say which and in what order, too: say it once")


@dataclass(frozen=True)
class RouteSettings:
    """One routing rule; the first whose conditions hold decides."""

    name: str = setting(help="Its name in headers, records and messages.", example="night batch")
    when: WhenSettings = setting(factory=WhenSettings, help="What a request must look like.")
    use: UseSettings = setting(factory=UseSettings, help="Which models it goes to.")


@dataclass(frozen=True)
class AskedSettings:
    """The request of a rule test."""

    model: str = setting(help="The model that it asks for.", example="auto")
    key: str | None = setting(
        default=None, help="The name of the key that asks; without it an administrator does.", example="alice"
    )
    surface: str = setting(default="chat", help="The operation.")
    dialect: str | None = setting(default=None, help="The wire format; without it the first of the surface.")
    headers: dict[str, str] = setting(factory=dict, help="Its headers.", example={"x-region": "eu"})
    body: dict[str, Any] = setting(
        factory=dict,
        help="Members of its body, beside those of the smallest request.",
        example={"stream": True},
    )
    at: Moment | None = setting(
        default=None, help="When it comes; without it now.", example="2026-11-28T03:00+01:00"
    )
    values: dict[str, Any] = setting(
        factory=dict,
        help="What variables of `when` are taken to be, by name, whatever the request says.",
        example={"tokens": 250000},
    )


@dataclass(frozen=True)
class ExpectSettings:
    """What a rule test expects; what is left out is not looked at."""

    rule: str | None = setting(default=None, help="The name of the rule that decides.", example="rest")
    no_rule: bool = setting(default=False, help="Whether no rule is to match.")
    models: tuple[str, ...] | None = setting(
        default=None, help="The models to be tried, in this order.", example=["small"]
    )
    provider: str | None = setting(default=None, help="The provider that is tried first.", example="lab")
    endpoints: tuple[str, ...] | None = setting(
        default=None, help="All that may be tried, in this order.", example=["lab/small"]
    )
    error: str | None = setting(
        default=None, help="The code or type of the error that is answered.", example="model_not_found"
    )

    def check(self) -> None:
        """Something must be expected, and nothing that contradicts. Raises ValueError."""
        if self == ExpectSettings():
            raise ValueError("a test that expects nothing finds nothing: say what is expected")
        if self.rule is not None and self.no_rule:
            raise ValueError("`rule` and `no_rule` contradict each other")


@dataclass(frozen=True)
class RuleTestSettings:
    """A test of the rules: a request that is decided, and not sent, by `pointsman check`."""

    name: str = setting(help="What it is about.", example="nightly jobs stay cheap")
    request: AskedSettings = setting(help="The request.")
    expect: ExpectSettings = setting(help="What is expected of it.")


@dataclass(frozen=True)
class RoutesSettings:
    """What counts for requests whose rule does not say it, or that no rule matches."""

    pick: str | None = setting(
        default=None,
        help="How the endpoints of a model are put in order; without it as the plugin `balance` has it.",
        example="ordered",
    )


@dataclass(frozen=True)
class ExplainSettings:
    """Which decision records are kept, beside those of failures and those a client asked for."""

    sample: float = setting(
        default=0.01, minimum=0, maximum=1, help="Share of all other requests whose record is kept."
    )

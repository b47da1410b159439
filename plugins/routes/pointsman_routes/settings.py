"""The settings of routing rules and of decision records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pointsman.config import setting

__all__ = [
    "ExplainSettings",
    "RouteSettings",
    "RoutesSettings",
    "TagsSettings",
    "UseSettings",
    "WhenSettings",
]


def check_names(value: str | tuple[str, ...]) -> None:
    """Refuse a list with nothing in it: it would never match. Raises ValueError."""
    if not value:
        raise ValueError("an empty list matches nothing; leave the condition out or name something")


@dataclass(frozen=True)
class TagsSettings:
    """What the tags of a key must be."""

    any: tuple[str, ...] | None = setting(
        default=None, check=check_names, help="At least one of these.", example=["batch"]
    )
    all: tuple[str, ...] | None = setting(
        default=None, check=check_names, help="Every one of these.", example=["eu", "internal"]
    )

    def check(self) -> None:
        """Something must be asked of the tags."""
        if self.any is None and self.all is None:
            raise ValueError("give `any`, `all` or both")


@dataclass(frozen=True)
class WhenSettings:
    """What a request must look like. All conditions given must hold; without any, every request matches."""

    model: str | tuple[str, ...] | None = setting(
        default=None,
        check=check_names,
        help="Pattern, or list of patterns, for the model asked for; * stands for anything.",
        example="small-*",
    )
    key: str | tuple[str, ...] | None = setting(
        default=None,
        check=check_names,
        help="Pattern, or list of patterns, for the name of the client's key.",
        example="nightly-*",
    )
    surface: str | tuple[str, ...] | None = setting(
        default=None,
        check=check_names,
        help="Operation asked for, or a list of them.",
        example="embeddings",
    )
    stream: bool | None = setting(default=None, help="Whether the answer is to be streamed.")
    tags: TagsSettings | None = setting(key="key.tags", default=None, help="Tags of the client's key.")


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
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RouteSettings:
    """One routing rule; the first whose conditions hold decides."""

    name: str = setting(help="Its name in headers, records and messages.", example="night batch")
    when: WhenSettings = setting(factory=WhenSettings, help="What a request must look like.")
    use: UseSettings = setting(factory=UseSettings, help="Which models it goes to.")


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

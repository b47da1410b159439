"""Preferences: what a request, a key or a rule asks of the endpoints that may answer.

One shape serves all: the member `provider` of a request, in every dialect, and `preferences` of a key, a
team, an organisation and a rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

import msgspec

from pointsman.config import ConfigError, Schema, Usd, build_data, setting
from pointsman.errors import BadRequest
from pointsman.members import BAD_JSON, wrong
from pointsman.types import Request

__all__ = [
    "MEMBER",
    "By",
    "MaxPrice",
    "Percentiles",
    "Preferences",
    "SortSettings",
    "preferences_of",
]

MEMBER = "provider"
"""The member of a request that holds them."""
LONGEST = 8 * 1024
"""Bytes of that member, at most."""
MOST_KEPT = 1024
By = Literal["price", "throughput", "latency", "exacto"]
_PATH = re.compile(rf"`({MEMBER}(?:\.[^`]+)?)`")


def check_slugs(slugs: tuple[str, ...]) -> None:
    """Refuse a list that allows nothing. Raises ValueError."""
    if not slugs:
        raise ValueError("an empty list allows nothing; leave it out, or name something")


@dataclass(frozen=True)
class SortSettings:
    """In which order endpoints are tried."""

    shorthand: ClassVar[str] = "by"
    by: By | None = setting(
        default=None, help="The cheapest first, or the fastest, the quickest to begin, the best with tools."
    )
    partition: Literal["model", "none"] = setting(
        default="model", help="Whether models are tried one after the other, or all endpoints in one order."
    )


@dataclass(frozen=True)
class MaxPrice:
    """What the dearest endpoint may ask, in US dollars; an unknown price is too much."""

    prompt: Usd | None = setting(default=None, help="For a million tokens of the request.", example=1)
    completion: Usd | None = setting(default=None, help="For a million tokens of the answer.", example=2)
    request: Usd | None = setting(default=None, help="For each request.")
    image: Usd | None = setting(default=None, help="For each image of the request.")
    audio: Usd | None = setting(default=None, help="For a million tokens of sound in the request.")


@dataclass(frozen=True)
class Percentiles:
    """What at least so many of an endpoint's answers must be like."""

    shorthand: ClassVar[str] = "p50"
    p50: float | None = setting(default=None, minimum=0, help="Half of them.")
    p75: float | None = setting(default=None, minimum=0, help="Three of four.")
    p90: float | None = setting(default=None, minimum=0, help="Nine of ten.")
    p99: float | None = setting(default=None, minimum=0, help="Ninety-nine of a hundred.")


@dataclass(frozen=True)
class Preferences:
    """Which endpoints may answer, and which are tried first.

    Providers are named by their name here, their vendor, or an endpoint's whole name.
    """

    order: tuple[str, ...] | None = setting(
        default=None, help="Providers to try in this order, before all others.", example=["lab"]
    )
    only: tuple[str, ...] | None = setting(
        default=None, check=check_slugs, help="Providers that may be used.", example=["lab", "spare"]
    )
    ignore: tuple[str, ...] | None = setting(
        default=None, help="Providers that may not be used.", example=["spare"]
    )
    allow_fallbacks: bool | None = setting(
        default=None, help="Whether others may be tried where the first, or those of `order`, fail."
    )
    require_parameters: bool | None = setting(
        default=None, help="Leave out endpoints that are not known to take every parameter of the request."
    )
    data_collection: Literal["allow", "deny"] | None = setting(
        default=None, help="deny leaves out providers that are not known to collect no data."
    )
    zdr: bool | None = setting(
        default=None, help="Leave out providers that are not known to keep no data (zero data retention)."
    )
    enforce_distillable_text: bool | None = setting(
        default=None, help="Leave out models whose text is not known to be free for training others."
    )
    quantizations: tuple[str, ...] | None = setting(
        default=None,
        check=check_slugs,
        help="Precisions an endpoint may have; `unknown` is one.",
        example=["fp16", "bf16"],
    )
    sort: SortSettings | None = setting(default=None, help="What comes first, where `order` does not say.")
    max_price: MaxPrice | None = setting(default=None)
    preferred_min_throughput: Percentiles | None = setting(
        default=None, help="Tokens a second below which an endpoint is tried after the others.", example=50
    )
    preferred_max_latency: Percentiles | None = setting(
        default=None,
        help="Seconds to the first content above which an endpoint is tried after the others.",
        example=2,
    )


@dataclass(frozen=True)
class _Asked:
    """A request, as far as its preferences go."""

    provider: Preferences = setting()


@lru_cache(MOST_KEPT)
def _read(raw: bytes) -> Preferences:
    try:
        data: Any = msgspec.json.decode(raw)
    except BAD_JSON:  # what is read as one member may hold numbers that nothing can
        raise wrong(MEMBER, "an object, with no number out of range") from None
    if not isinstance(data, dict):
        raise BadRequest(f"`{MEMBER}` must be an object", param=MEMBER)
    free = next((name for name in data if name.startswith("x-")), None)
    if free is not None:
        raise BadRequest(f"unknown key `{free}` in `{MEMBER}`", param=MEMBER)
    try:
        asked: _Asked = build_data(Schema(), _Asked, {MEMBER: data})
    except ConfigError as error:
        problem = error.problems[0]
        words = [problem.message, f"expected {problem.expected}" if problem.expected else "", problem.hint]
        found = _PATH.search(problem.message)
        raise BadRequest("; ".join(filter(None, words)), param=found[1] if found else MEMBER) from None
    return asked.provider


def preferences_of(request: Request) -> Preferences | None:
    """What a request asks of endpoints. Raises BadRequest that names the member at fault."""
    raw = request.fields.get(MEMBER)
    if raw is None:
        return None
    data = bytes(raw)
    if data == b"null":
        return None
    if len(data) > LONGEST:
        raise BadRequest(f"`{MEMBER}` has more than {LONGEST} bytes", param=MEMBER)
    return _read(data)

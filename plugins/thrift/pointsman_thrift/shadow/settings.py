"""Settings: how many requests are asked twice, of whom, and for how much money."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.config import Percent, Size, Usd, setting

__all__ = ["CHECKS", "WHOLE", "ShadowSettings"]

CHECKS = "checks"
"""The judge that is no model: answers are held to the schema that the request asks for."""
WHOLE = 1_000_000


@dataclass(frozen=True)
class ShadowSettings:
    """Some answered chats are asked of another model, too, whose answer no client sees. A judge compares
    both: these are the labels by which models are compared."""

    rate: Percent = setting(
        default=Percent(0),
        minimum=0,
        maximum=WHOLE,
        help="How many of the chats are asked twice.",
        example="1%",
    )
    usd_per_day: Usd = setting(
        default=Usd.parse("1"),
        help="What all of it may cost in one day (UTC), rivals' answers and judges' words together. A model "
        "without a known price is not asked.",
        example=2,
    )
    judge: str = setting(
        default=CHECKS,
        help="The model that compares two answers, each order once, without knowing who gave them; or "
        "`checks`: answers are held to the JSON schema that the request asks for, and others not compared.",
        example="acme/large",
    )
    rivals: tuple[str, ...] = setting(
        default=(),
        help="Models to compare with; without any, the others of the rule that decided.",
        example=["acme/small"],
    )
    max_size: Size = setting(
        default=Size(64 * 1024), minimum=1, help="Larger requests and answers are not compared."
    )

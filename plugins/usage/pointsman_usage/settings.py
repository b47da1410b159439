"""Settings: what is recorded, for how long, and what happens when it cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pointsman.config import Duration, setting

__all__ = ["LogBodies", "RetentionSettings", "Settings"]

LogBodies = Literal["off", "errors", "all"]
HOUR = Duration(3600)


@dataclass(frozen=True)
class RetentionSettings:
    """How long records are kept; what has no length is kept for ever."""

    shorthand: ClassVar[str] = "generations"
    generations: Duration | None = setting(
        default=None, minimum=HOUR, help="Rows of single requests.", example="400d"
    )
    bodies: Duration | None = setting(
        default=Duration(30 * 86400), minimum=HOUR, help="Texts of requests and answers, if any are logged."
    )
    minutes: Duration | None = setting(
        default=Duration(7 * 86400), minimum=HOUR, help="Sums by minute; those by hour go on."
    )
    hours: Duration | None = setting(
        default=Duration(90 * 86400), minimum=HOUR, help="Sums by hour; those by day go on."
    )
    days: Duration | None = setting(default=None, minimum=HOUR, help="Sums by day.", example="3650d")


@dataclass(frozen=True)
class Settings:
    """What is recorded of requests."""

    log_bodies: LogBodies = setting(
        default="off",
        help="Whose texts are kept, sealed under `secret_key`: errors is what failed or broke off. A route, "
        "key, team and the organisation may say otherwise: the first of them that does, in this order.",
    )
    max_body: int = setting(
        default=1_000_000,
        minimum=1,
        help="Requests and answers of more bytes than this are logged without their text.",
    )
    client_address: bool = setting(default=False, help="Whether clients' addresses are recorded.")
    when_full: Literal["drop", "refuse"] = setting(
        default="drop",
        help="When the disk refuses and `ledger.queue` is full: drop answers requests and counts the rows "
        "that are lost, refuse answers none until there is room again.",
    )
    retention: RetentionSettings = setting(
        factory=RetentionSettings, help="How long records are kept.", example="400d"
    )

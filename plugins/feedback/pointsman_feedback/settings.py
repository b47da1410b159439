"""Settings: what is looked at, and how much one key may say."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.config import Duration, Percent, Size, setting
from pointsman.setup import Setup

__all__ = ["CheckSettings", "FeedbackSettings", "SignalSettings", "share_of"]

WHOLE = 1_000_000
"""A whole, as shares are counted."""


@dataclass(frozen=True)
class CheckSettings:
    """Checks that always say the same of the same answer: is it JSON, does it keep to its schema, are tools
    called as they are declared."""

    sample: Percent = setting(
        default=Percent.parse("25%"),
        minimum=0,
        maximum=WHOLE,
        help="How many of the requests with a schema or with tools are checked.",
        example="100%",
    )
    max_size: Size = setting(
        default=Size(256 * 1024), minimum=1, help="Larger requests and answers are not checked."
    )


@dataclass(frozen=True)
class SignalSettings:
    """What clients do next, and how answers end: weak signs of how good they were."""

    sample: Percent = setting(
        default=Percent.parse("10%"),
        minimum=0,
        maximum=WHOLE,
        help="How many of the chat requests are watched.",
        example="0%",
    )
    within: Duration = setting(
        default=Duration(120),
        minimum=Duration(1),
        maximum=Duration(3600),
        help="The same key asking the same again within this time says that the answer was of no use.",
    )


@dataclass(frozen=True)
class FeedbackSettings:
    """How good answers were."""

    checks: CheckSettings = setting(factory=CheckSettings, help="Checks of answers, after they were given.")
    signals: SignalSettings = setting(factory=SignalSettings, help="What clients do next.")
    max_share: Percent = setting(
        default=Percent.parse("20%"),
        minimum=1,
        maximum=WHOLE,
        help="Of all that is known of a model at a task, so much may come from one key. Where fewer than "
        "five keys share a gateway, a larger share lets them be heard.",
        example="100%",
    )
    retention: Duration | None = setting(
        default=Duration(400 * 86400), minimum=Duration(86400), help="How long feedback is kept."
    )


def share_of(setup: Setup) -> float:
    """`max_share`, from 0 to 1; what it is by default where the plugin is not in use."""
    used = setup.plugins.get("feedback") is not None
    settings: FeedbackSettings = setup.settings("feedback") if used else FeedbackSettings()
    return settings.max_share / WHOLE

"""The settings of this plugin."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.config import Duration, Percent, setting

from .weights import Taste

__all__ = ["BalanceSettings"]

MILLIONTHS = 1_000_000


@dataclass(frozen=True)
class BalanceSettings:
    """What `pick: balanced` goes by."""

    edge: Percent = setting(
        default=Percent(80_000),
        check=lambda value: _some(value, "edge"),
        help="An endpoint so much dearer than the best, with failures and time priced in, gets half as many "
        "requests; one twice as much dearer hardly any.",
    )
    explore: Percent = setting(
        default=Percent(20_000),
        check=lambda value: _share(value),  # noqa: PLW0108 - it is defined below
        help="Share of requests that goes to endpoints whatever they cost, to see how they do now.",
    )
    patience: Duration = setting(
        default=Duration(10.0),
        check=lambda value: _some(value, "patience"),
        help="How much of a user's time is worth as much as a request costs.",
    )
    sticky: bool = setting(
        default=True,
        help="Send a conversation where it was answered before, as long as its beginning is cheaper there, "
        "or in the memory of a local server.",
    )

    @property
    def taste(self) -> Taste:
        """As the formulas take it."""
        return Taste(self.edge / MILLIONTHS, self.explore / MILLIONTHS, float(self.patience))


def _share(value: float) -> None:
    """Refuse to explore more often than not. Raises ValueError."""
    if value > MILLIONTHS // 2:
        raise ValueError("`explore` is half of the requests at most")


def _some(value: float, name: str) -> None:
    """Refuse zero, by which things would be divided. Raises ValueError."""
    if value <= 0:
        raise ValueError(f"`{name}` must be more than nothing")

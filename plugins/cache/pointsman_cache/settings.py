"""The settings of the cache, and what a route, a key, a team and an organisation may say of it."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.config import Duration, SettingError, Size, setting

from .store import Scope

__all__ = ["LEAST_TTL", "LONGEST_TTL", "CacheSettings", "LifetimeSettings"]

LEAST_TTL = Duration(1)
LONGEST_TTL = Duration(86_400)


@dataclass(frozen=True)
class LifetimeSettings:
    """How long answers are kept."""

    ttl: Duration = setting(minimum=LEAST_TTL, maximum=LONGEST_TTL, help="For how long.", example="1h")


@dataclass(frozen=True)
class CacheSettings:
    """Answers kept for requests that come again."""

    always: bool = setting(
        default=False, help="Use the cache for every request, also where no header, route or key asks for it."
    )
    scope: Scope = setting(
        default="key",
        help="Who shares answers: nobody but the key itself, the keys of a team, or all keys (global).",
    )
    ttl: Duration = setting(
        default=Duration(300),
        minimum=LEAST_TTL,
        maximum=LONGEST_TTL,
        help="For how long answers are kept where nobody says it.",
    )
    max_size: Size = setting(default=Size(256 * 10**6), minimum=1, help="Memory for all answers together.")
    max_entry: Size = setting(default=Size(4 * 2**20), minimum=1, help="Largest answer kept.")
    wait: Duration = setting(
        default=Duration(30),
        maximum=600,
        help="A request waits this long for the answer of an identical one under way; 0 never waits.",
    )

    def check(self) -> None:
        """The largest answer must fit. Raises SettingError."""
        if self.max_entry > self.max_size:
            raise SettingError(
                "max_entry",
                f"an answer of {self.max_entry.text} does not fit into max_size, {self.max_size.text}",
            )

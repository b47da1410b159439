"""The page: everything that the leaderboard says, as JSON data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from cachetools import TTLCache

from pointsman.config import Duration
from pointsman.errors import BadRequest
from pointsman.gateway import Gateway
from pointsman.ledger import Reading
from pointsman_feedback import share_of
from pointsman_keys.reach import Reach
from pointsman_usage.report import Filters

from .prices import price_board
from .quality import RANKED, board_of
from .reliability import endpoints, week
from .savings import Savings, used_tokens
from .shares import shares
from .value import values
from .window import Window

__all__ = ["PARTS", "Asked", "Pages"]

PARTS = ("usage", "quality", "value", "endpoints", "week", "prices", "savings")
FRESH = 10.0
"""Seconds for which what was read counts as current."""
MOST = 64
WEEKS = timedelta(weeks=8)
"""So long is looked back for the hours of the week, if the window is shorter."""
LONGEST = Duration(400 * 86_400)
HOUR = 3600

Json = dict[str, Any]


class Asked(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What is asked for: a `window` that ends now, and which `parts`, by commas."""

    window: str = "7d"
    parts: str = ",".join(PARTS)
    by: Literal["model", "provider", "app", "team", "task"] = "model"
    sort: Literal["tokens", "requests", "cost_nano"] = "tokens"
    task: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 20
    zone: str = "UTC"

    def length(self) -> timedelta:
        """The window's length. Raises BadRequest."""
        try:
            seconds = Duration.parse(self.window)
        except ValueError as error:
            raise BadRequest(f"`window`: {error}", param="window") from None
        if not HOUR <= seconds <= LONGEST:
            raise BadRequest("`window` is from 1h to 400d", param="window")
        return timedelta(seconds=seconds)

    def wanted(self) -> frozenset[str]:
        """The parts. Raises BadRequest."""
        found = frozenset(each.strip() for each in self.parts.split(",") if each.strip())
        for part in sorted(found - {*PARTS}):
            raise BadRequest(f"there is no part `{part[:50]}`: {', '.join(PARTS)}", param="parts")
        return found

    def clock(self) -> ZoneInfo:
        """The zone whose clocks count. Raises BadRequest."""
        try:
            return ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise BadRequest(f"there is no time zone {self.zone[:50]!r}", param="zone") from None


class Pages:
    """Makes pages, and remembers them for a while."""

    def __init__(self) -> None:
        self._kept: TTLCache[tuple[Asked, Reach], Json] = TTLCache(MOST, FRESH)

    async def page(self, gateway: Gateway, asked: Asked, reach: Reach) -> Json:
        """What is asked for, as far as somebody sees: usage, value and savings are those of his own reach;
        quality, endpoints and prices are the same for all. Raises BadRequest, Unavailable."""
        wanted, length, zone = asked.wanted(), asked.length(), asked.clock()
        kept = self._kept.get((asked, reach))
        if kept is not None:
            return kept
        now = datetime.now(UTC)
        window = Window.last(length, now)
        filters = Filters(key=reach.key_id, team=reach.team, task=asked.task)
        share = share_of(gateway.setup)
        look = _Look(asked, wanted, window, filters, zone, share)
        found = await gateway.ledger.read(look) if gateway.ledger.has_table("usage_days") else {}
        used, board = found.pop("used", None), found.pop("board", None)
        if used is not None and board is not None:
            found["savings"] = Savings(used, board, gateway.setup.catalogue, now).shown()
        if "prices" in wanted:
            found["prices"] = price_board(gateway.setup.catalogue, now)
        page = {
            "object": "leaderboard",
            "as_of": now.isoformat(timespec="seconds"),
            "window": window.shown(),
            **found,
        }
        self._kept[asked, reach] = page
        return page


@dataclass(frozen=True)
class _Look:
    """What comes out of the ledger for a page."""

    asked: Asked
    wanted: frozenset[str]
    window: Window
    filters: Filters
    zone: ZoneInfo
    share: float

    def __call__(self, reading: Reading) -> Json:
        found: Json = {}
        asked, window, filters = self.asked, self.window, self.filters
        if "usage" in self.wanted:
            found["usage"] = shares(
                reading, asked.by, window, filters=filters, limit=asked.limit, sort=asked.sort
            )
        if self.wanted & {"quality", "value", "savings"}:
            found |= self._judged(reading)
        if "endpoints" in self.wanted:
            found["endpoints"] = endpoints(reading, window)
        if "week" in self.wanted:
            longer = Window.last(max(window.length, WEEKS), window.until)
            found["week"] = week(reading, longer, self.zone)
        return found

    def _judged(self, reading: Reading) -> Json:
        """What goes by feedback; `board` and `used` are for what else goes by prices."""
        found: Json = {}
        board = board_of(reading, now=self.window.until, share=self.share, task=self.asked.task)
        if "quality" in self.wanted:
            rows = [row for task in board.tasks() for row in board.rows(task)]
            found["quality"] = {"ranked_from": RANKED, "max_share": self.share, "rows": rows}
        if "value" in self.wanted:
            found["value"] = values(reading, board, self.window, filters=self.filters)
        if "savings" in self.wanted:
            found["board"] = board
            found["used"] = used_tokens(reading, self.window, self.filters)
        return found

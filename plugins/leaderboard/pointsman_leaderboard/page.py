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
from pointsman.setup import Setup
from pointsman_keys.reach import Reach
from pointsman_usage.report import Filters

from .prices import price_board
from .quality import RANKED, Beliefs, Board, board_of
from .reliability import endpoints, week
from .savings import Savings
from .shares import shares
from .value import used, values
from .window import Window

__all__ = ["PARTS", "Asked", "Pages"]

PARTS = ("usage", "quality", "value", "endpoints", "week", "prices", "savings")
FRESH = 10.0
"""Seconds for which what was read counts as current."""
SLOW = 60.0
"""The same for what changes slowly."""
MOST = 64
JUDGED = frozenset({"quality", "value", "savings"})
WEEKS = timedelta(weeks=8)
"""So long is looked back for the hours of the week, if the window is shorter."""
LONGEST = Duration(400 * 86_400)
HOUR = 3600

Json = dict[str, Any]


class Asked(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What is asked for: a `window` that ends now, and which `parts`, by commas; of one `task`, or quality
    and value `of_task` and the rest of all: an empty one is that of which most is known."""

    window: str = "7d"
    parts: str = ",".join(PARTS)
    by: Literal["model", "provider", "app", "team", "task"] = "model"
    sort: Literal["tokens", "requests", "cost_nano"] = "tokens"
    task: str | None = None
    of_task: str | None = None
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
    """Makes pages, and remembers them for a while; and what is the same for all who ask."""

    def __init__(self) -> None:
        self._kept: TTLCache[tuple[Asked, Reach], Json] = TTLCache(MOST, FRESH)
        self._boards: TTLCache[int, tuple[Setup, Board]] = TTLCache(1, FRESH)
        """By the identity of the setup."""
        self._weeks: TTLCache[tuple[str, timedelta], Json] = TTLCache(MOST, SLOW)

    async def page(self, gateway: Gateway, asked: Asked, reach: Reach) -> Json:
        """What is asked for, as far as somebody sees: usage, value and savings are those of his own reach;
        quality, endpoints and prices are the same for all. Raises BadRequest, Unavailable."""
        wanted, length, zone = asked.wanted(), asked.length(), asked.clock()
        kept = self._kept.get((asked, reach))
        if kept is not None:
            return kept
        setup, now = gateway.setup, datetime.now(UTC)
        page: Json = {"object": "leaderboard", "as_of": now.isoformat(timespec="seconds")}
        window = Window.last(length, now)
        page["window"] = window.shown()
        if gateway.ledger.has_table("usage_days"):
            board = await self._board(gateway, now) if wanted & JUDGED else None
            filters = Filters(key=reach.key_id, team=reach.team, task=asked.task)
            page |= await gateway.ledger.read(_Look(asked, wanted, window, filters, board))
            if "savings" in wanted and board is not None:
                page["savings"] = Savings(page.pop("used"), board, setup.catalogue, now).shown()
            if "week" in wanted:
                page["week"] = await self._week(gateway, Window.last(max(length, WEEKS), now), zone)
        if "prices" in wanted:
            page["prices"] = price_board(setup.catalogue, now)
        self._kept[asked, reach] = page
        return page

    async def _board(self, gateway: Gateway, now: datetime) -> Board:
        setup = gateway.setup
        kept = self._boards.get(id(setup))
        if kept is not None and kept[0] is setup:
            return kept[1]
        beliefs = Beliefs.of(setup)
        board = await gateway.ledger.read(lambda reading: board_of(reading, beliefs, now))
        self._boards[id(setup)] = setup, board
        return board

    async def _week(self, gateway: Gateway, window: Window, zone: ZoneInfo) -> Json:
        """The hours of the week change slowly, and are many."""
        place = zone.key, window.length // timedelta(hours=1) * timedelta(hours=1)
        if place not in self._weeks:
            self._weeks[place] = await gateway.ledger.read(lambda reading: week(reading, window, zone))
        return self._weeks[place]


@dataclass(frozen=True)
class _Look:
    """What comes out of the ledger for a page; `used` is for what else goes by prices."""

    asked: Asked
    wanted: frozenset[str]
    window: Window
    filters: Filters
    board: Board | None

    def __call__(self, reading: Reading) -> Json:
        found: Json = {}
        asked, window, filters, board = self.asked, self.window, self.filters, self.board
        if "usage" in self.wanted:
            found["usage"] = shares(
                reading, asked.by, window, filters=filters, limit=asked.limit, sort=asked.sort
            )
        tasks = [asked.task] if asked.task is not None else board.tasks() if board is not None else []
        if board is not None and asked.of_task is not None:
            found["tasks"] = tasks
            tasks = [asked.of_task if asked.of_task in tasks else board.most_known()]
            found["task"] = tasks[0]
        if board is not None and "quality" in self.wanted:
            rows = [row for task in tasks for row in board.rows(task)]
            found["quality"] = {"ranked_from": RANKED, "max_share": board.share, "rows": rows}
        spent = used(reading, window, filters) if self.wanted & {"value", "savings"} else []
        if board is not None and "value" in self.wanted:
            told = spent if asked.of_task is None else [row for row in spent if row["task"] in tasks]
            found["value"] = values(told, board)
        if "savings" in self.wanted:
            found["used"] = spent
        if "endpoints" in self.wanted:
            found["endpoints"] = endpoints(reading, window)
        return found

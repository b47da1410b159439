"""What the ledger knows of money: what was spent, what a hard budget reserved, what was granted."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.errors import Unavailable
from pointsman.ledger import Column, Ledger, Table

from .book import Owner

__all__ = [
    "BEGINNING",
    "CREDITS",
    "OWNER_COLUMNS",
    "RESERVATIONS",
    "Records",
    "hour_of",
    "spans",
    "timestamp",
]

log = logging.getLogger(__name__)

OWNER_COLUMNS: Mapping[str, str] = {"key": "key_id", "team": "team", "organisation": "organisation"}
"""The column in which a row says whose it is."""

RESERVATIONS = Table(
    name="reservations",
    columns={
        "id": Column("text", "The generation it was made for.", required=True),
        "at": Column("text", "When: ISO 8601, UTC, milliseconds.", required=True),
        "key_id": Column("text", "The key that asked.", required=True),
        "team": Column("text", "That key's team."),
        "organisation": Column("text", "That team's organisation."),
        "nano": Column("integer", "What the request might cost, in nano-USD.", required=True),
        "state": Column("text", "open, settled, or unknown: the gateway ended before it was.", required=True),
        "settled_nano": Column("integer", "What was really used, in nano-USD."),
    },
    primary_key="id",
    indexes=(("key_id", "at"), ("team", "at"), ("organisation", "at"), ("state",)),
    mutable=True,
)

CREDITS = Table(
    name="credits",
    columns={
        "id": Column("text", "The grant.", required=True),
        "at": Column("text", "When: ISO 8601, UTC, milliseconds.", required=True),
        "owner_kind": Column("text", "Who may spend it: key, team or organisation.", required=True),
        "owner_id": Column("text", "The id of that record.", required=True),
        "owner_name": Column("text", "Its name at the time.", required=True),
        "nano": Column(
            "integer", "How much, in nano-USD; negative where credits are taken back.", required=True
        ),
        "granted_by": Column("text", "The name of the key that granted it.", required=True),
        "note": Column("text", "What for."),
    },
    primary_key="id",
    indexes=(("owner_kind", "owner_id"),),
)

RESERVE = """
insert into reservations (id, at, key_id, team, organisation, nano, state)
values (:id, :at, :key, :team, :organisation, :nano, 'open')
"""
SETTLE = "update reservations set state = 'settled', settled_nano = :nano where id = :id"
FORGET = """
delete from reservations
where exists (select 1 from generations where generations.id = reservations.id)
"""
LOSE = "update reservations set state = 'unknown' where state = 'open'"
"""After a crash: what has a generation is accounted for there, what has none counts as spent."""
GRANT = """
insert into credits (id, at, owner_kind, owner_id, owner_name, nano, granted_by, note)
values (:id, :at, :kind, :owner, :name, :nano, :by, :note)
"""
AUDIT = """
insert into audit (id, at, actor, actor_id, action, subject, detail)
values (:id, :at, :actor, :actor_id, 'credits.grant', :subject, :detail)
"""

SPENT = """
select coalesce(sum(billed_nano), 0) as nano from {table} where at >= :start and at < :end and {whose}
"""
HELD = """
select coalesce(sum(coalesce(settled_nano, nano)), 0) as nano from reservations
where at >= :start and state <> 'open' and {whose}
"""
UNLESS = "and not exists (select 1 from generations where generations.id = reservations.id)"
GRANTED = """
select coalesce(sum(nano), 0) as nano, min(at) as since from credits where {whose}
"""
FAMILY = """key_id in (
with recursive family (id) as (
select :id union select 'key-' || substr(hash, 1, 12) from keys join family on keys.maker = family.id
) select id from family)"""
BEGINNING = ""
END = "~"
"""They sort before and after every time."""


def timestamp(moment: float) -> str:
    """Seconds since 1970 as rows carry their times."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


def hour_of(at: str) -> str:
    """The beginning of the hour that a time is in."""
    return f"{at[:13]}:00:00.000+00:00"


class Records:
    """Reads and writes the ledger. `sums` says that it knows what was spent, because usage is recorded."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._generations = ledger.has_table("generations")
        self.sums = all(map(ledger.has_table, ("usage_minutes", "usage_hours", "usage_days")))

    async def recover(self) -> int:
        """Mark what a process that has ended left open; how many rows that are. Raises Unavailable."""
        await self.forget()
        return (await self._ledger.execute([(LOSE, {})]))[0]

    async def forget(self) -> None:
        """Drop the reservations that have a generation. Raises Unavailable."""
        if self._generations:
            await self._ledger.execute([(FORGET, {})])

    async def flush(self) -> None:
        """Return when what was recorded before is on disk. Raises Unavailable."""
        await self._ledger.flush()

    async def spent(self, owner: Owner | None, since: str) -> int:
        """What an owner, or everybody, spent since the beginning of a minute, by what is on disk, with what
        was reserved and never settled."""
        whose = self._whose(owner) if owner is not None else "true"
        id = owner.id if owner is not None else None
        unless = UNLESS if self._generations else ""
        total = await self._sum(HELD.format(whose=whose) + unless, {"id": id, "start": since})
        for table, start, end in spans(since) if self.sums else ():
            query = SPENT.format(table=table, whose=whose)
            total += await self._sum(query, {"id": id, "start": start, "end": end})
        return total

    def _whose(self, owner: Owner) -> str:
        """Which rows are an owner's: of a key also those of the keys that it made and bounds."""
        if owner.kind == "key" and self._ledger.has_table("keys"):
            return FAMILY
        return f"{OWNER_COLUMNS[owner.kind]} = :id"

    async def granted(self, owner: Owner | None) -> tuple[int, str | None]:
        """What was granted to an owner, or to everybody, and since when."""
        whose, params = "true", {}
        if owner is not None:
            whose = "owner_kind = :kind and owner_id = :id"
            params = {"kind": owner.kind, "id": owner.id}
        row = (await self._ledger.select(GRANTED.format(whose=whose), params))[0]
        return row["nano"], row["since"]

    async def has(self, owner: Owner) -> bool:
        """Whether there is such a key or team that was made while the server ran."""
        if owner.kind == "key" and self._ledger.has_table("keys"):
            query = "select 1 from keys where 'key-' || substr(hash, 1, 12) = :id and revoked_at is null"
        elif owner.kind == "team" and self._ledger.has_table("teams"):
            query = "select 1 from teams where name = :id"
        else:
            return False
        return bool(await self._ledger.select(query, {"id": owner.id}))

    async def grant(
        self, owner: Owner, nano: int, now: float, *, by: Owner, note: str | None
    ) -> dict[str, Any]:
        """Put a grant on disk, and what an administrator did into the audit log; the row. Raises
        Unavailable."""
        row = {
            "id": f"grant-{secrets.token_hex(12)}",
            "at": timestamp(now),
            "kind": owner.kind,
            "owner": owner.id,
            "name": owner.name,
            "nano": nano,
            "by": by.name,
            "note": note,
        }
        statements: list[tuple[str, Mapping[str, object]]] = [(GRANT, row)]
        if self._ledger.has_table("audit"):
            detail = json.dumps({"nano": nano, "note": note})
            done = {"id": row["id"], "at": row["at"], "actor": by.name, "actor_id": by.id, "detail": detail}
            statements.append((AUDIT, {**done, "subject": str(owner)}))
        await self._ledger.execute(statements)
        return row

    async def reserve(self, generation_id: str, owners: Sequence[Owner], nano: int, now: float) -> None:
        """Put a reservation on disk: of the first key among its owners, whose request it is. Raises
        Unavailable."""
        row: dict[str, object] = dict.fromkeys(OWNER_COLUMNS)
        row.update({owner.kind: owner.id for owner in reversed(owners)})
        row.update({"id": generation_id, "at": timestamp(now), "nano": nano})
        await self._ledger.execute([(RESERVE, row)])

    async def settle(self, generation_id: str, nano: int) -> None:
        """Put on disk what came of a reservation. One that cannot be written counts as spent after a
        restart, unless its generation says better."""
        try:
            await self._ledger.execute([(SETTLE, {"id": generation_id, "nano": nano})])
        except Unavailable as error:
            log.error("the reservation of %s is settled in memory only: %s", generation_id, error)

    async def _sum(self, query: str, params: Mapping[str, object]) -> int:
        total: int = (await self._ledger.select(query, params))[0]["nano"]
        return total


def spans(since: str) -> Iterator[tuple[str, str, str]]:
    """The tables that add generations up from a minute on, each from when to when: by minute to the end of
    its hour, by hour to the end of its day, by day from then on, which are few rows and kept longest."""
    if since == BEGINNING:
        yield "usage_days", BEGINNING, END
        return
    minute = datetime.fromisoformat(since)
    hour = _up(minute, minute.replace(minute=0), timedelta(hours=1))
    day = _up(hour, hour.replace(hour=0), timedelta(days=1))
    if minute < hour:
        yield "usage_minutes", minute.isoformat()[:16], hour.isoformat()[:16]
    if hour < day:
        yield "usage_hours", hour.isoformat()[:13], day.isoformat()[:13]
    yield "usage_days", day.isoformat()[:10], END


def _up(moment: datetime, beginning: datetime, length: timedelta) -> datetime:
    """The moment itself where it is a beginning, else the next one."""
    return moment if moment == beginning else beginning + length

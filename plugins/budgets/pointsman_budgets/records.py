"""What the ledger knows of money: what was spent, what a hard budget reserved, what was granted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from pointsman.ledger import Column, Ledger, Table

from .book import Owner

__all__ = ["CREDITS", "OWNER_COLUMNS", "RESERVATIONS", "Records", "timestamp"]

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
        "by": Column("text", "The name of the key that granted it.", required=True),
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
FORGET = "delete from reservations where id in (select id from generations)"
LOSE = "update reservations set state = 'unknown' where state = 'open'"
"""After a crash: what has a generation is accounted for there, what has none counts as spent."""

SPENT = "select coalesce(sum({amount}), 0) as nano from generations where {owner} = :id and at >= :start"
HELD = """
select coalesce(sum(coalesce(settled_nano, nano)), 0) as nano from reservations
where {owner} = :id and at >= :start and state <> 'open'
"""
UNLESS = "and not exists (select 1 from generations where generations.id = reservations.id)"
GRANTED = """
select coalesce(sum(nano), 0) as nano, min(at) as since from credits
where owner_kind = :kind and owner_id = :id
"""
BEGINNING = ""
"""Sorts before every time."""


def timestamp(moment: float) -> str:
    """Seconds since 1970 as rows carry their times."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


class Records:
    """Reads and writes the ledger. `tables` are all that it has, whoever declared them."""

    def __init__(self, ledger: Ledger, tables: tuple[Table, ...]) -> None:
        self._ledger = ledger
        known = next((each.columns.keys() for each in tables if each.name == "generations"), ())
        self._generations = bool(known)
        amount = "coalesce(billed_nano, cost_nano)" if "billed_nano" in known else "cost_nano"
        self._queries: dict[str, list[str]] = {}
        for kind, owner in OWNER_COLUMNS.items():
            queries = [HELD.format(owner=owner) + (UNLESS if known else "")]
            if owner in known:
                queries.append(SPENT.format(owner=owner, amount=amount))
            self._queries[kind] = queries

    async def recover(self) -> int:
        """Mark what a process that has ended left open; how many rows that are. Raises Unavailable."""
        forget: list[tuple[str, dict[str, object]]] = [(FORGET, {})] if self._generations else []
        counts = await self._ledger.execute([*forget, (LOSE, {})])
        return counts[-1]

    async def flush(self) -> None:
        """Return when what was recorded before is on disk. Raises Unavailable."""
        await self._ledger.flush()

    async def spent(self, owner: Owner, since: str) -> int:
        """What an owner spent since a time, by what is on disk, with what was reserved and never settled."""
        params = {"id": owner.id, "start": since}
        answers = [await self._ledger.select(query, params) for query in self._queries[owner.kind]]
        return sum(answer[0]["nano"] for answer in answers)

    async def granted(self, owner: Owner) -> tuple[int, str | None]:
        """What was granted to an owner, and since when."""
        row = (await self._ledger.select(GRANTED, {"kind": owner.kind, "id": owner.id}))[0]
        return row["nano"], row["since"]

    async def reserve(self, generation_id: str, owners: Iterable[Owner], nano: int, now: float) -> None:
        """Put a reservation on disk. Raises Unavailable."""
        row: dict[str, object] = dict.fromkeys(OWNER_COLUMNS)
        row.update({owner.kind: owner.id for owner in owners})
        row.update({"id": generation_id, "at": timestamp(now), "nano": nano})
        await self._ledger.execute([(RESERVE, row)])

    async def settle(self, generation_id: str, nano: int) -> None:
        """Put on disk what came of a reservation. One that cannot be written counts as spent after a
        restart, unless its generation says better."""
        try:
            await self._ledger.execute([(SETTLE, {"id": generation_id, "nano": nano})])
        except Exception as error:
            log.error("the reservation of %s is settled in memory only: %s", generation_id, error)

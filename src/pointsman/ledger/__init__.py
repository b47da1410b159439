"""The durable record of keys, reservations, generations and feedback."""

from __future__ import annotations

from pointsman.ledger.lock import RunningServer, running_server
from pointsman.ledger.protocol import Ledger
from pointsman.ledger.readonly import ReadOnlyLedger, reader
from pointsman.ledger.sqlite import open_ledger
from pointsman.ledger.tables import Column, ColumnType, Derive, Table

__all__ = [
    "Column",
    "ColumnType",
    "Derive",
    "Ledger",
    "ReadOnlyLedger",
    "RunningServer",
    "Table",
    "open_ledger",
    "reader",
    "running_server",
]

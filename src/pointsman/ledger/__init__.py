"""The durable record of keys, reservations, generations and feedback."""

from __future__ import annotations

from pointsman.ledger.lock import RunningServer, running_server
from pointsman.ledger.protocol import Ledger, Reading
from pointsman.ledger.readonly import ReadOnlyLedger, reader
from pointsman.ledger.sqlite import open_ledger
from pointsman.ledger.tables import Column, ColumnType, Derive, Table
from pointsman.ledger.upkeep import Finding, back_up, check_ledger, delete_before

__all__ = [
    "Column",
    "ColumnType",
    "Derive",
    "Finding",
    "Ledger",
    "ReadOnlyLedger",
    "Reading",
    "RunningServer",
    "Table",
    "back_up",
    "check_ledger",
    "delete_before",
    "open_ledger",
    "reader",
    "running_server",
]

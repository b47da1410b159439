"""The contract of a ledger engine, held against the one in the core."""

from __future__ import annotations

import inspect

import pytest

from pointsman.ledger.protocol import Ledger
from pointsman.ledger.sqlite import SqliteLedger

METHODS = [name for name, _ in inspect.getmembers(Ledger, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize("name", METHODS)
def test_the_engine_has_the_method_with_the_same_signature(name: str) -> None:
    promised, kept = getattr(Ledger, name), getattr(SqliteLedger, name)
    assert inspect.signature(kept) == inspect.signature(promised)
    assert inspect.iscoroutinefunction(kept) == inspect.iscoroutinefunction(promised)
    assert inspect.getdoc(promised)

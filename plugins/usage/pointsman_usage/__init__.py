"""Writes a row to the ledger for every generation, and adds the command that reads them."""

from __future__ import annotations

from pointsman import hookimpl
from pointsman.exchange import Exchange
from pointsman.registers import RegisterCommand, RegisterTable

from .generations import GENERATIONS, generation

__all__ = ["POINTSMAN_API", "Usage"]

POINTSMAN_API = 1


class Usage:
    """The plugin."""

    @hookimpl
    def register_tables(self, register: RegisterTable) -> None:
        """Keep generations."""
        register(GENERATIONS)

    @hookimpl
    def register_commands(self, register: RegisterCommand) -> None:
        """Add `pointsman usage`."""
        from .command import usage

        register(usage)

    @hookimpl
    def request_finished(self, exchange: Exchange) -> None:
        """Store the row of a request for which any endpoint was considered."""
        if exchange.admitted:
            exchange.gateway.ledger.insert(GENERATIONS.name, generation(exchange))

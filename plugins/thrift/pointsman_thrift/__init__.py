"""What requests are about, and which model is good enough for that and costs least."""

from __future__ import annotations

from pointsman import hookimpl
from pointsman.registers import RegisterCommand

__all__ = ["POINTSMAN_API", "Thrift"]

POINTSMAN_API = 1


class Thrift:
    """The plugin."""

    @hookimpl
    def register_commands(self, register: RegisterCommand) -> None:
        """Add `pointsman route`."""
        from .command import route

        register(route)

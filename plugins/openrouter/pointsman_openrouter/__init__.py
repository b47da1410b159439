"""The account API in OpenRouter's shapes, and the commands that say the same."""

from __future__ import annotations

from pointsman import hookimpl
from pointsman.registers import RegisterCommand, RegisterHttp

__all__ = ["POINTSMAN_API", "OpenRouter"]

POINTSMAN_API = 1


class OpenRouter:
    """The plugin."""

    @hookimpl
    def register_http(self, register: RegisterHttp) -> None:
        """Serve keys, teams and the audit log under `/api/v1`."""
        from .pages import register_pages

        register_pages(register)

    @hookimpl
    def register_commands(self, register: RegisterCommand) -> None:
        """Add `pointsman keys` and `pointsman teams`."""
        from .command import keys, teams

        register(keys)
        register(teams)

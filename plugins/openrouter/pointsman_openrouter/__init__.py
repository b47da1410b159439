"""OpenRouter's API about models, requests and keys, and the commands that say the same of keys."""

from __future__ import annotations

from pointsman import hookimpl
from pointsman.registers import RegisterCommand, RegisterHttp

__all__ = ["POINTSMAN_API", "OpenRouter"]

POINTSMAN_API = 1


class OpenRouter:
    """The plugin."""

    @hookimpl(tryfirst=True)
    def register_http(self, register: RegisterHttp) -> None:
        """Serve the catalogue, keys, teams and the audit log under `/api/v1`, before whoever serves all there
        is below `/models` there."""
        from .catalogue import CataloguePages
        from .pages import register_pages

        CataloguePages().register(register)
        register_pages(register)

    @hookimpl
    def register_commands(self, register: RegisterCommand) -> None:
        """Add `pointsman keys` and `pointsman teams`."""
        from .command import keys, teams

        register(keys)
        register(teams)

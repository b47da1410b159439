"""The dashboard: pages about usage, models, providers, prices, requests and keys, and a playground."""

from __future__ import annotations

from collections.abc import Callable

from pointsman import hookimpl
from pointsman.gateway import Gateway
from pointsman.registers import RegisterHttp, RegisterSettings
from pointsman.setup import Setup

from .sessions import Sessions
from .settings import Settings

__all__ = ["POINTSMAN_API", "Dashboard"]

POINTSMAN_API = 1


class Dashboard:
    """The plugin."""

    def __init__(self) -> None:
        self._sessions = Sessions(Settings().session)

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """Type the plugin's section."""
        register(Settings)

    @hookimpl
    def startup(self, gateway: Gateway) -> None:
        """Read the settings."""
        self.reload(gateway.setup)()

    @hookimpl
    def reload(self, setup: Setup) -> Callable[[], None]:
        """Go by another length of sessions; those that have begun go on, or end by it."""
        settings: Settings = setup.settings("dashboard")

        def change() -> None:
            self._sessions.seconds = settings.session

        return change

    @hookimpl
    def register_http(self, register: RegisterHttp) -> None:
        """Serve the pages."""
        from .site import register_pages

        register_pages(register, lambda: self._sessions)

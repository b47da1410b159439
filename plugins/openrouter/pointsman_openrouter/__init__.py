"""OpenRouter's API about models, requests and keys, and the commands that say the same of keys."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from pointsman import hookimpl
from pointsman.registers import Handler, RegisterCommand, RegisterHttp

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from .catalogue import CataloguePages

__all__ = ["POINTSMAN_API", "OpenRouter"]

POINTSMAN_API = 1

CATALOGUE: Mapping[str, str] = {
    "/models": "models",
    "/models/count": "count",
    "/models/user": "of_key",
    "/models/{model:path}/endpoints": "endpoints",
    "/model/{model:path}": "model",
    "/embeddings/models": "embeddings",
    "/endpoints/zdr": "forgetting",
    "/providers": "providers",
    "/generation": "generation",
    "/activity": "activity",
    "/datasets/rankings-daily": "rankings_daily",
    "/datasets/app-rankings": "app_rankings",
    "/classifications/task": "task_classifications",
}
"""Paths below `/api/v1`, and the page of `CataloguePages` that each is: whoever has a key sees what it may
use."""


class OpenRouter:
    """The plugin."""

    def __init__(self) -> None:
        self._catalogue: CataloguePages | None = None

    @hookimpl(tryfirst=True)
    def register_http(self, register: RegisterHttp) -> None:
        """Serve the catalogue, keys, teams and the audit log under `/api/v1`, before whoever serves all there
        is below `/models` there."""
        from .pages import PREFIX, register_pages

        for path, name in CATALOGUE.items():
            page: Handler = partial(self._page, name)
            register(PREFIX + path, page, methods=("GET",), role="viewer")
        register_pages(register)

    async def _page(self, name: str, request: Request) -> Response:
        """A page of the catalogue: what it takes is imported when the first is asked for."""
        if self._catalogue is None:
            from .catalogue import CataloguePages

            self._catalogue = CataloguePages()
        page: Handler = getattr(self._catalogue, name)
        return await page(request)

    @hookimpl
    def register_commands(self, register: RegisterCommand) -> None:
        """Add `pointsman keys` and `pointsman teams`."""
        from .command import keys, teams

        register(keys)
        register(teams)

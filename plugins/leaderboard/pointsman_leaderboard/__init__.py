"""Which model is used most, does best and gives most for its price, as far as the traffic here shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pointsman import hookimpl
from pointsman.registers import RegisterHttp

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from pointsman.gateway import Gateway
    from pointsman_keys.reach import Reach

    from .page import Asked, Pages

__all__ = ["POINTSMAN_API", "Leaderboard"]

POINTSMAN_API = 1

PATH = "/v1/leaderboard"


class Leaderboard:
    """The plugin."""

    def __init__(self) -> None:
        self._pages: Pages | None = None

    @hookimpl
    def register_http(self, register: RegisterHttp) -> None:
        """Serve the leaderboard."""
        register(PATH, self._leaderboard, methods=("GET",), role="viewer")

    async def _leaderboard(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        from pointsman_feedback.asked import query_of
        from pointsman_keys.reach import reach_of

        from .page import Asked

        gateway = request.app.state.gateway
        asked = query_of(request.query_params, Asked)
        found = await self.page(gateway, asked, reach_of(gateway, request.state.actor))
        return JSONResponse(found, headers={"cache-control": "no-store"})

    async def page(self, gateway: Gateway, asked: Asked, reach: Reach) -> dict[str, Any]:
        """See `Pages.page`; for other plugins, too."""
        from .page import Pages

        if self._pages is None:
            self._pages = Pages()
        return await self._pages.page(gateway, asked, reach)

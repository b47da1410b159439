"""Signing in with a key, and out."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pointsman.errors import RequestError
from pointsman.secrets import Secret

from .access import check_origin, check_ours, form_of, signed_in
from .sessions import COOKIE, Sessions
from .site import HEADERS, NAVIGATION, ROOT, page

__all__ = ["Signing"]


class Signing:
    """The way in and out."""

    def __init__(self, sessions: Callable[[], Sessions]) -> None:
        self._sessions = sessions

    async def home(self, request: Request) -> Response:
        """Lead on to the first page, or to where one signs in."""
        known = self._sessions().of(request.headers) is not None
        open_to_all = request.app.state.gateway.setup.core.auth == "none"
        place = NAVIGATION[0].name if known or open_to_all else "login"
        return RedirectResponse(f"{ROOT}/{place}", 303, HEADERS)

    async def login(self, request: Request) -> Response:
        """Ask for a key, or begin a session with the one that was sent."""
        if request.method != "POST":
            return page(request, "login.html", None, title="Sign in", error=None)
        check_origin(request)
        key = Secret((await form_of(request)).get("key", "").strip())
        try:
            await signed_in(request, key)
        except RequestError as error:
            return page(request, "login.html", None, error.status, title="Sign in", error=error.message)
        response = RedirectResponse(f"{ROOT}/{NAVIGATION[0].name}", 303, HEADERS)
        response.set_cookie(
            COOKIE,
            self._sessions().begin(key),
            path=ROOT,
            httponly=True,
            samesite="lax",
            secure="https" in (request.url.scheme, urlsplit(request.headers.get("origin", "")).scheme),
        )
        return response

    async def logout(self, request: Request) -> Response:
        """End the session."""
        check_ours(request, self._sessions(), await form_of(request))
        self._sessions().end(request.headers)
        response = RedirectResponse(f"{ROOT}/login", 303, HEADERS)
        response.delete_cookie(COOKIE, path=ROOT)
        return response

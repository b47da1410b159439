"""The site: which page is where, who may see it, and how one is made of a template."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, cast

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pointsman.errors import NotFound, RequestError, Unauthenticated
from pointsman.guard import header_map
from pointsman.registers import Handler, RegisterHttp

from .access import Visitor, check_ours, form_of, visitor_of
from .figures import Figure, csv_of
from .sessions import Sessions

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["NAVIGATION", "ROOT", "Place", "Shown", "page", "register_pages"]

ROOT = "/dashboard"
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
"""What every page says: nothing is loaded from anywhere else, nothing in it runs, and nobody frames it."""
FILES = {
    "app.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "playground.js": "text/javascript",
    "style.css": "text/css",
}
LASTING = {"cache-control": "public, max-age=300", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Place:
    """A page: its name in addresses and of its module, its title, and the role that it needs.

    Of the module, `show` makes the page itself, each of `parts` what stands at its path below it, and each of
    `acts` does what a form there asks for; `calls` are sent by scripts, and read their own bodies.
    """

    name: str
    title: str
    role: Literal["viewer", "member", "admin"] = "viewer"
    parts: Mapping[str, str] = field(default_factory=dict)
    acts: Sequence[str] = ()
    calls: Sequence[str] = ()


NAVIGATION = (
    Place("overview", "Overview"),
    Place("leaderboard", "Leaderboard"),
    Place("providers", "Providers", role="admin"),
    Place("prices", "Prices"),
    Place("logs", "Logs", parts={"tail": "tail", "{id}": "one"}),
    Place("keys", "Keys", role="member", acts=("create", "change", "rotate")),
    Place("playground", "Playground", role="member", acts=("vote",), calls=("chat",)),
)
RANK = {"viewer": 0, "member": 1, "admin": 2}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows: its figures, by which CSV is asked for, and what else its template knows."""

    figures: Sequence[Figure] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


Show = Callable[[Request, Visitor], Awaitable[Shown | Response]]
Act = Callable[[Request, Visitor, Mapping[str, str]], Awaitable[Shown | Response]]
Call = Callable[[Request, Visitor], Awaitable[ASGIApp]]


@cache
def environment() -> Environment:
    """The templates: those of this package, every value escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(__package__ or "pointsman_dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(
    request: Request, template: str, visitor: Visitor | None, status: int = 200, /, **more: Any
) -> Response:
    """A page made of a template."""
    seen = [each for each in NAVIGATION if visitor and RANK[visitor.actor.role] >= RANK[each.role]]
    html = (
        environment()
        .get_template(template)
        .render(
            root=ROOT,
            here=request.url.path,
            visitor=visitor,
            navigation=seen,
            query=request.query_params,
            **more,
        )
    )
    return Response(html, status, HEADERS, "text/html; charset=utf-8")


class Site:
    """The pages with the sessions that lead to them."""

    def __init__(self, sessions: Callable[[], Sessions]) -> None:
        self._sessions = sessions

    def shows(self, place: Place, function: str = "show") -> Handler:
        """The handler of a page, or of a part of it: that function of its module says what is on it."""

        async def answer(request: Request) -> Response:
            show: Show = getattr(_module(place), function)
            visitor = visitor_of(request, self._sessions())
            return self._made(request, place, visitor, await show(request, visitor))

        return answer

    def acts(self, place: Place, function: str) -> Handler:
        """The handler of a form. Raises Forbidden for one that is not of this session."""

        async def answer(request: Request) -> Response:
            act: Act = getattr(_module(place), function)
            form = await form_of(request)
            check_ours(request, self._sessions(), form)
            visitor = visitor_of(request, self._sessions())
            return self._made(request, place, visitor, await act(request, visitor, form))

        return answer

    def calls(self, place: Place, function: str) -> Handler:
        """The handler of a script's request: what answers it reads the body. Raises Forbidden as above."""

        async def answer(request: Request) -> Response:
            call: Call = getattr(_module(place), function)
            sessions = self._sessions()
            check_ours(request, sessions, {})
            return cast("Response", _keyed(await call(request, visitor_of(request, sessions)), sessions))

        return answer

    def _made(self, request: Request, place: Place, visitor: Visitor, shown: Shown | Response) -> Response:
        if isinstance(shown, Response):
            return shown
        if (name := request.query_params.get("csv")) is not None:
            headers = {**HEADERS, "content-disposition": f'attachment; filename="{place.name}.csv"'}
            return PlainTextResponse(
                csv_of(shown.figures, name) + "\n", 200, headers, "text/csv; charset=utf-8"
            )
        figures = {figure.name: figure for figure in shown.figures}
        template, title = f"{place.name}.html", place.title
        return page(request, template, visitor, shown.status, title=title, figures=figures, **shown.more)

    def refused(self, request: Request, error: RequestError) -> Response:
        """A page that says why; without a session the way to one, for what asks for a page."""
        wants_page = "text/html" in request.headers.get("accept", "")
        if isinstance(error, Unauthenticated) and wants_page and request.method == "GET":
            return RedirectResponse(f"{ROOT}/login", 303, HEADERS)
        if not wants_page:
            return PlainTextResponse(f"{error.message}\n", error.status, HEADERS)
        return page(request, "error.html", None, error.status, title="Refused", error=error)


def _keyed(app: ASGIApp, sessions: Sessions) -> ASGIApp:
    """What answers a request as if the key of its session had been sent."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        headers = {**sessions.keyed(header_map(scope["headers"]))}
        headers.pop("cookie", None)
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await app({**scope, "headers": raw}, receive, send)

    return answer


def _module(place: Place) -> Any:
    """The module of a page, read when it is first asked for."""
    return import_module(f".pages.{place.name}", __package__)


async def _file(request: Request) -> Response:
    """Style sheet and scripts."""
    name = request.path_params["name"]
    if name not in FILES:
        raise NotFound(f"there is no file {name[:100]!r}")
    data = (files(__package__ or "pointsman_dashboard") / "static" / name).read_bytes()
    return Response(data, 200, LASTING, f"{FILES[name]}; charset=utf-8")


def register_pages(register: RegisterHttp, sessions: Callable[[], Sessions]) -> None:
    """Register every page, form and file, with its methods and role."""
    from .signing import Signing

    site, signing = Site(sessions), Signing(sessions)
    refused = site.refused

    def keyed(headers: Mapping[str, str]) -> Mapping[str, str]:
        return sessions().keyed(headers)

    register(f"{ROOT}/static/{{name}}", _file, methods=("GET",), role="public", refused=refused)
    register(ROOT, signing.home, methods=("GET",), role="public", refused=refused)
    register(f"{ROOT}/login", signing.login, methods=("GET", "POST"), role="public", refused=refused)
    register(f"{ROOT}/logout", signing.logout, methods=("POST",), role="public", refused=refused)
    for place in NAVIGATION:
        path = f"{ROOT}/{place.name}"
        serve = partial(register, role=place.role, refused=refused, keyed=keyed)
        serve(path, site.shows(place), methods=("GET",))
        for act in place.acts:
            serve(f"{path}/{act}", site.acts(place, act), methods=("POST",))
        for call in place.calls:
            serve(f"{path}/{call}", site.calls(place, call), methods=("POST",))
        for below, part in place.parts.items():
            serve(f"{path}/{below}", site.shows(place, part), methods=("GET",))

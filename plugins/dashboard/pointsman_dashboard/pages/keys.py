"""Keys: make one, bound what it may do and spend, give it a new text, shut it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pointsman.errors import BadRequest, RequestError
from pointsman_dashboard import texts
from pointsman_dashboard.access import Visitor
from pointsman_dashboard.figures import Column, Figure
from pointsman_dashboard.site import Shown
from pointsman_openrouter.book import PAGE, Book

__all__ = ["change", "create", "rotate", "show"]

RESETS = ("daily", "weekly", "monthly")
NONE = "none"
"""Takes a bound away."""
Form = Mapping[str, str]


async def show(request: Request, visitor: Visitor) -> Shown:
    """The page: the keys that the visitor manages, or its own."""
    return await _shown(request, visitor)


async def create(request: Request, visitor: Visitor, form: Form) -> Shown | Response:
    """Make a key, and show its text, this once."""
    body: dict[str, Any] = {"name": form.get("name", "").strip(), **_bounds(form)}
    if team := form.get("team", "").strip():
        body["team"] = team
    return await _done(request, visitor, "create", body)


async def change(request: Request, visitor: Visitor, form: Form) -> Shown | Response:
    """Bound a key otherwise, or shut it, or open it again."""
    if form.get("do") in ("disable", "enable"):
        return await _done(
            request, visitor, "change", {"disabled": form["do"] == "disable"}, form.get("key", "")
        )
    return await _done(request, visitor, "change", _changes(form), form.get("key", ""))


async def rotate(request: Request, visitor: Visitor, form: Form) -> Shown | Response:
    """Give a key a new text, and show it, this once; the old one is good for the overlap."""
    body = {"overlap": form.get("overlap", "").strip() or "24h"}
    return await _done(request, visitor, "rotate", body, form.get("key", ""))


async def _done(
    request: Request, visitor: Visitor, what: str, body: dict[str, Any], name: str = ""
) -> Shown | Response:
    """Do it, and show the page with what came of it."""
    book = Book(visitor.gateway)
    by = book.caller(visitor.actor, request.state.client)
    by.check_admin()
    made, wrong = None, None
    try:
        if what == "create":
            made = await book.create_key(by, body)
        elif what == "rotate":
            made = await book.rotate_key(by, name, body)
        else:
            await book.change_key(by, name, body)
    except RequestError as error:
        wrong = error.message
    return await _shown(request, visitor, made=made, wrong=wrong, status=400 if wrong else 200)


async def _shown(
    request: Request,
    visitor: Visitor,
    *,
    made: Mapping[str, Any] | None = None,
    wrong: str | None = None,
    status: int = 200,
) -> Shown:
    book = Book(visitor.gateway)
    by = book.caller(visitor.actor, request.state.client)
    manages = by.role == "admin"
    rows: list[dict[str, Any]] = []
    teams: list[str] = []
    if manages:
        page: list[dict[str, Any]] = []
        while not rows or len(page) == PAGE:
            page = (await book.list_keys(by, {"include_disabled": "true", "offset": str(len(rows))}))["data"]
            if not page:
                break
            rows += page
        teams = [team["name"] for team in (await book.list_teams(by))["data"]]
    own = (await book.current(by))["data"]
    return Shown(
        [_figure(rows)],
        {
            "manages": manages,
            "rows": rows,
            "teams": teams,
            "own": own,
            "made": made,
            "wrong": wrong,
            "resets": RESETS,
            "money": lambda dollars: texts.usd(dollars * 1e9),
        },
        status,
    )


def _bounds(form: Form) -> dict[str, Any]:
    """What a form says that a key may do and spend; what is left empty is not bounded. Raises BadRequest."""
    body: dict[str, Any] = {}
    limit = form.get("limit", "").strip()
    reset = form.get("reset", "")
    if reset and reset not in RESETS:
        raise BadRequest(f"`reset` must be one of {', '.join(RESETS)}", param="reset")
    body |= {"limit": limit or None, "limit_reset": (reset or None) if limit else None}
    rate = form.get("requests", "").strip()
    if rate or "requests" in form:
        body["limits"] = {"requests": rate} if rate else None
    models = [each.strip() for each in form.get("models", "").split(",") if each.strip()]
    if models:
        body["models"] = models
    if expires := form.get("expires", "").strip():
        body["expires"] = expires
    return body


def _changes(form: Form) -> dict[str, Any]:
    """What a form says that is to be otherwise: what is left empty stays as it is, `none` takes a bound away.
    Raises BadRequest."""
    body: dict[str, Any] = {}
    limit, rate, reset = (form.get(name, "").strip() for name in ("limit", "requests", "reset"))
    if limit:
        body["limit"] = None if limit == NONE else limit
    if reset and limit != NONE:
        if reset not in (*RESETS, NONE):
            raise BadRequest(f"`reset` must be one of {', '.join((*RESETS, NONE))}", param="reset")
        body["limit_reset"] = None if reset == NONE else reset
    if limit == NONE:
        body["limit_reset"] = None
    if rate:
        body["limits"] = None if rate == NONE else {"requests": rate}
    if models := [each.strip() for each in form.get("models", "").split(",") if each.strip()]:
        body["models"] = models
    if not body:
        raise BadRequest("nothing is to be changed: say what")
    return body


def _figure(rows: list[dict[str, Any]]) -> Figure:
    return Figure(
        "keys",
        "Keys",
        [
            Column("name", "Name"),
            Column("team", "Team", lambda team: team or "(none)"),
            Column("role", "Role"),
            Column("usage", "Spent", lambda dollars: texts.usd(dollars * 1e9), number=True),
            Column("usage_monthly", "This month", lambda dollars: texts.usd(dollars * 1e9), number=True),
            Column("limit", "Limit", lambda dollars: texts.usd(dollars * 1e9), number=True),
            Column("limit_remaining", "Left", lambda dollars: texts.usd(dollars * 1e9), number=True),
            Column("models", "Models", ", ".join),
            Column("expires_at", "Expires"),
            Column("disabled", "State", lambda disabled: "disabled" if disabled else "open"),
            Column("origin", "From"),
        ],
        rows,
        empty="There are no keys that you manage.",
    )

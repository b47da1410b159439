"""Playground: two models side by side, answering as they answer everybody, and a vote on which is better."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from pointsman.app import Surface
from pointsman.errors import BadRequest, RequestError, Unavailable
from pointsman_dashboard.access import Visitor
from pointsman_dashboard.site import HEADERS, Shown
from pointsman_openrouter.offers import offer_of

__all__ = ["chat", "show", "vote"]

DIALECT, SURFACE = "openai-chat", "chat"
"""What the script of the page speaks."""


async def show(request: Request, visitor: Visitor) -> Shown:
    """The page."""
    catalogue = visitor.gateway.setup.catalogue
    models = [model for model in catalogue.models.values() if offer_of(catalogue, visitor.actor, model)]
    names = sorted({name for model in models for name in (model.name, *model.aliases)})
    votes = visitor.gateway.setup.plugins.get("feedback") is not None
    return Shown((), {"models": names, "votes": votes})


async def chat(request: Request, visitor: Visitor) -> ASGIApp:
    """The surface of chats itself: the session's key is judged, limited and billed as if it had been sent."""
    codec = visitor.gateway.setup.dialects.get(DIALECT, SURFACE)
    return Surface(visitor.gateway, codec, codec.prefixes[0])


async def vote(request: Request, visitor: Visitor, form: Mapping[str, str]) -> Response:
    """Say which of two answers is better, or how good one is."""
    if visitor.gateway.setup.plugins.get("feedback") is None:
        raise Unavailable("the plugin feedback, which keeps votes, is not in use")
    from pointsman_feedback.votes import Vote
    from pointsman_feedback.votes import vote as write

    scores = {"better": 1.0, "same": 0.5, "worse": 0.0}
    if form.get("is") not in scores:
        raise BadRequest(f"`is` must be one of {', '.join(scores)}", param="is")
    given = Vote(
        generation_id=form.get("generation", ""),
        score=scores[form["is"]],
        rival=form.get("rival") or None,
    )
    try:
        return JSONResponse(await write(visitor.gateway, visitor.actor, given), headers=HEADERS)
    except RequestError as error:
        return JSONResponse({"error": error.message}, error.status, HEADERS)

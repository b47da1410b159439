"""Pages: where votes are sent, and where administrators read them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pointsman.errors import Forbidden
from pointsman_keys.reach import reach_of

from .asked import body_of, query_of
from .listing import Wanted, page
from .votes import Complaint, Vote, complain, vote

__all__ = ["feedback", "openrouter_feedback"]

UNSTORED = {"cache-control": "no-store"}


async def feedback(request: Request) -> Response:
    """Take a vote, or show what was said. Raises RequestError."""
    gateway, actor = request.app.state.gateway, request.state.actor
    if request.method == "POST":
        given = body_of(await request.body(), Vote)
        return JSONResponse(await vote(gateway, actor, given), headers=UNSTORED)
    reach = reach_of(gateway, actor)
    if reach.key_id is not None:
        raise Forbidden(f"key {actor.name!r} is no administrator")
    await gateway.ledger.flush()
    found = await page(gateway.ledger, query_of(request.query_params, Wanted), team=reach.team)
    return JSONResponse(found, headers=UNSTORED)


async def openrouter_feedback(request: Request) -> Response:
    """Take a complaint in OpenRouter's shape. Raises RequestError."""
    given = body_of(await request.body(), Complaint)
    answer = await complain(request.app.state.gateway, request.state.actor, given)
    return JSONResponse(answer, headers=UNSTORED)

"""Access: how somebody signs in, whose request a page answers, and that a form is one of ours."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from pointsman import pipeline
from pointsman.errors import BadRequest, Forbidden, PayloadTooLarge
from pointsman.exchange import Actor, Exchange
from pointsman.gateway import Gateway
from pointsman.guard import header_map
from pointsman.secrets import Secret
from pointsman_keys.reach import Reach, reach_of

from .sessions import Sessions

__all__ = ["TOKEN", "Visitor", "check_ours", "form_of", "signed_in", "visitor_of"]

TOKEN = "x-csrf-token"  # noqa: S105 - the name of a header
"""How a script sends its session's token; forms have it in the field `token`."""
LARGEST = 64 * 1024
"""Bytes of a form."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page: `token` goes into its forms, and is empty where nobody needs to sign in."""

    gateway: Gateway
    actor: Actor
    reach: Reach
    token: str

    @property
    def everywhere(self) -> bool:
        """Whether it sees everybody's records."""
        return self.reach == Reach()


def visitor_of(request: Request, sessions: Sessions) -> Visitor:
    """The visitor of a request that the core has authenticated."""
    gateway, actor = request.app.state.gateway, request.state.actor
    session = sessions.of(request.headers)
    return Visitor(gateway, actor, reach_of(gateway, actor), session.token if session is not None else "")


async def signed_in(request: Request, key: Secret) -> Actor:
    """Who has this key, by the hook that knows keys. Raises Unauthenticated."""
    headers = {**header_map(request.scope["headers"]), "authorization": f"Bearer {key.reveal()}"}
    headers.pop("cookie", None)
    exchange = Exchange(
        request.app.state.gateway,
        None,
        headers,
        client=request.client.host if request.client is not None else "",
        request_id=request.scope.get("request_id"),
    )
    return await pipeline.authenticate(exchange)


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form; of several with one name the last. Raises BadRequest, PayloadTooLarge."""
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > LARGEST:
            raise PayloadTooLarge(f"a form here has at most {LARGEST} bytes")
    try:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=bool(raw)))
    except ValueError:
        raise BadRequest("this is not a form") from None


def check_ours(request: Request, sessions: Sessions, form: Mapping[str, str]) -> None:
    """Refuse what another site's page may have sent. Raises Forbidden."""
    check_origin(request)
    session = sessions.of(request.headers)
    if session is None:  # who sends a key by itself is no browser that was led here
        return
    sent = request.headers.get(TOKEN) or form.get("token", "")
    if not secrets.compare_digest(sent.encode(), session.token.encode()):
        raise Forbidden("this form is not of this session: load the page again")


def check_origin(request: Request) -> None:
    """Refuse what a browser says that another site's page has sent. Raises Forbidden."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign or site not in ("same-origin", "none"):
        raise Forbidden("this was sent by a page of another site")

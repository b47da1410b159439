"""The credential in a request's headers, whichever way a client's dialect sends it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pointsman.errors import Unauthenticated

__all__ = ["Sent", "credential", "sent_in"]

SCHEMES = ("Bearer ", "bearer ")
PLAIN_HEADERS = ("x-api-key", "api-key", "x-goog-api-key")
_BEARER = re.compile(r"bearer\s+(.+)", re.IGNORECASE)
_NEXT_BEARER = re.compile(r",\s*(?=bearer\s)", re.IGNORECASE)


Sent = tuple[str | None, str | None, str | None, str | None]
"""The headers that may have a credential, as they came."""


def sent_in(headers: Mapping[str, str]) -> Sent:
    """Those headers of a request: where they are the same again, so is who asks."""
    get = headers.get
    return get("authorization"), get("x-api-key"), get("api-key"), get("x-goog-api-key")


def credential(headers: Mapping[str, str]) -> str | None:
    """The one credential in the headers. Raises Unauthenticated where there are several."""
    sent = headers.get("authorization", "")
    if sent[:7] in SCHEMES and "," not in sent and headers.keys().isdisjoint(PLAIN_HEADERS):
        return sent[7:].strip() or None  # what nearly every client sends
    several = set(_credentials(headers))
    if len(several) > 1:
        raise Unauthenticated("the request has several different API keys: send one")
    return several.pop() if several else None


def _credentials(headers: Mapping[str, str]) -> Iterator[str]:
    authorization = headers.get("authorization")
    if authorization:
        # several headers of one name are joined by commas, and a key may have commas of its own
        parts = _NEXT_BEARER.split(authorization) if "," in authorization else [authorization]
        for part in parts:
            bearer = _BEARER.fullmatch(part.strip())
            if bearer is not None:
                yield bearer[1]
    for name in PLAIN_HEADERS:
        if name in headers and (value := headers[name].strip()):
            yield value

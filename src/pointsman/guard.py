"""The guard: what every request must pass before it is routed, by whichever door it comes.

A request has one `Host`, one that is answered; a path without slashes in disguise; and on an open gateway no
web page of another site behind it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import BadRequest, Forbidden, NotFound, RequestError
from .hosts import Hosts

if TYPE_CHECKING:
    from .config import ServerSettings
    from .dialects import Codec
    from .gateway import Gateway
    from .ids import Ids

__all__ = ["Entrance", "Guard", "header_map", "log_access", "request_id"]

access_log = logging.getLogger("pointsman.access")

REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
MOST_REMEMBERED = 256
"""Hosts that have been answered before and need not be looked at again."""


class Guard:
    """Says which requests are refused, from their headers and path alone."""

    def __init__(self, gateway: Gateway) -> None:
        server = gateway.setup.core.server
        self._hosts = Hosts(server.allowed_hosts, bound_to=None if server.socket else server.host)
        self._answered: set[str] = set()
        self._open = gateway.setup.core.auth == "none"
        self._origins = frozenset(server.cors)
        paths = [route.path for route in gateway.setup.routes]
        for codec in gateway.setup.dialects:
            paths += [prefix + place for prefix in codec.prefixes for place in codec.places]
        self._named = tuple(path.partition("{")[0].encode() for path in paths if ":path}" in path)
        """Where a name follows in which an encoded slash is a slash."""

    def refusal(self, headers: Mapping[str, str], raw_path: bytes, *, version: str) -> RequestError | None:
        """Why a request is refused, or None. `headers` are as `header_map` makes them."""
        host = headers.get("host")
        error = None if host in self._answered else self._host(host, version)
        if error is None and self._open:
            error = self._origin(headers.get("origin"))
        if error is None and (b"%" in raw_path or b"\\" in raw_path):
            error = self._path(raw_path.lower())
        return error

    def _host(self, host: str | None, version: str) -> RequestError | None:
        if (host is None and version != "1.0") or "," in (host or ""):
            return BadRequest("a request has exactly one Host header")
        if host is not None:
            if not self._hosts.allows(host):
                return BadRequest(
                    "this Host is not answered; list it under server.allowed_hosts", code="host_not_allowed"
                )
            if len(self._answered) < MOST_REMEMBERED:
                self._answered.add(host)
        return None

    def _origin(self, origin: str | None) -> RequestError | None:
        if origin is None or origin in self._origins or self._hosts.allows_origin(origin):
            return None
        return Forbidden("with `auth: none` only web pages of our own hosts and of server.cors are answered")

    def _path(self, path: bytes) -> RequestError | None:
        if not path.startswith(self._named) and (b"%2f" in path or b"%5c" in path or b"\\" in path):
            return NotFound("there is nothing at this path")
        return None


@dataclass(frozen=True, slots=True)
class Entrance:
    """What all connections of a server share. `surfaces` are by path, each with codec and prefix; those whose
    paths are patterns are not among them."""

    gateway: Gateway
    settings: ServerSettings
    guard: Guard
    surfaces: Mapping[bytes, tuple[Codec, str]]
    access: bool

    @classmethod
    def of(cls, gateway: Gateway) -> Entrance:
        """The entrance to a gateway."""
        core = gateway.setup.core
        surfaces = {
            f"{prefix}{codec.path}".encode(): (codec, prefix)
            for codec in gateway.setup.dialects
            if not codec.places
            for prefix in codec.prefixes
        }
        return cls(gateway, core.server, Guard(gateway), surfaces, core.log.access)


def header_map(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name, blanks around them left out; several of one name are joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1").strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def request_id(headers: Mapping[str, str], ids: Ids) -> str:
    """The client's own id of a request where it is a plain one, else a new one."""
    asked = headers.get("x-request-id")
    return asked if asked is not None and REQUEST_ID.fullmatch(asked) else ids.request()


def log_access(method: str, path: str, status: int, *, request_id: str, client: str) -> None:
    """Write the line of one request, for `log: {access: true}`."""
    access_log.info("%s %s %d", method, path, status, extra={"request_id": request_id, "client": client})

"""Reverse proxies in front of this server: whose word on a client's address is taken."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, Self

__all__ = ["Proxy", "client_behind"]

UNIX = "unix"
FORWARDED = "x-forwarded-for"
MOST_HOPS = 16
MOST_KEPT = 4096
_HOP = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?|([0-9.]+)(?::[0-9]+)?|([0-9A-Fa-f:.]+)")


class Proxy(str):
    """An address, a network, or `unix`: whoever connects to the Unix socket."""

    expected: ClassVar[str] = "an address or network such as 10.0.0.2 or 10.0.0.0/8, or unix"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it. Raises ValueError."""
        if text != UNIX:
            ipaddress.ip_network(text, strict=False)
        return cls(text)


def client_behind(peer: str, headers: Mapping[str, str], trusted: tuple[Proxy, ...]) -> str:
    """The address of the client whose request has come from `peer` with these headers.

    Each trusted proxy says in `X-Forwarded-For` whom it got the request from, the last one at the end; what
    stands before the first that is not trusted, anybody may have written.
    """
    client = peer
    hops = headers.get(FORWARDED, "").split(",")[-MOST_HOPS:]
    while hops and _is_trusted(client, trusted):
        match = _HOP.fullmatch(hops.pop().strip())
        address = next(filter(None, match.groups()), "") if match is not None else ""
        try:
            client = str(ipaddress.ip_address(address))
        except ValueError:
            break
    return client


@lru_cache(MOST_KEPT)
def _is_trusted(address: str, trusted: tuple[Proxy, ...]) -> bool:
    if not address:
        return UNIX in trusted
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    plain = getattr(known, "ipv4_mapped", None) or known
    return any(plain in ipaddress.ip_network(each, strict=False) for each in trusted if each != UNIX)

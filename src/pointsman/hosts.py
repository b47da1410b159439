"""Host names: which ones are answered, and which addresses are loopback.

A page in a browser can make a name of its own resolve to this machine; a gateway that answers any `Host`
would take that page's requests. On loopback only loopback's names are answered unless more are listed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

__all__ = ["Hosts", "is_loopback"]

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")


def is_loopback(host: str) -> bool:
    """Whether a bind address can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Hosts:
    """The `Host` headers that are answered. `*.example.com` stands for its subdomains, `*` for any."""

    def __init__(self, allowed: Sequence[str], *, bound_to: str | None) -> None:
        names = [name.lower() for name in allowed]
        if not names and bound_to is not None and is_loopback(bound_to):
            names = [*LOOPBACK_NAMES, bound_to.lower()]
        self._any = not names or "*" in names
        self._exact = frozenset(names)
        self._suffixes = tuple(name[1:] for name in names if name.startswith("*."))

    def allows_origin(self, header: str) -> bool:
        """Whether a page of this `Origin` is one of a host that is answered."""
        scheme, separator, host = header.partition("://")
        return bool(separator) and scheme in ("http", "https") and self.allows(host)

    def allows(self, header: str) -> bool:
        """Whether a request with this `Host` is answered; a malformed one never is."""
        match = _AUTHORITY.fullmatch(header)
        if match is None:
            return False
        name = match[1].lower()
        return self._any or name in self._exact or name.endswith(self._suffixes or ("\0",))

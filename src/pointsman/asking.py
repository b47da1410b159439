"""Asking: how a command reaches the server that runs. Its address is in the lock file beside its ledger."""

from __future__ import annotations

from typing import Any

import httpx

from .config import CoreSettings, Document, Problem, Schema, build, declare_core
from .errors import ConfigError, StartupError
from .ledger import running_server
from .reload import RELOAD

__all__ = ["ask_to_reload", "client_of"]

HERE = "http://localhost"
UNIX = "unix:"
TIMEOUT = 30.0
NEEDED = ("ledger", "admin_key")


def client_of(address: str, key: str | None) -> httpx.AsyncClient:
    """A client for the server at an address as the lock file has it, which sends this key."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    transport = httpx.AsyncHTTPTransport(uds=address[len(UNIX) :]) if address.startswith(UNIX) else None
    base = HERE if transport is not None else address
    return httpx.AsyncClient(
        base_url=base, headers=headers, timeout=TIMEOUT, trust_env=False, transport=transport
    )


async def ask_to_reload(document: Document, key: str | None) -> list[str]:
    """Let the server of a configuration read it again; what is to be said of it. Raises StartupError where
    it refuses, with every problem, and where nobody is reached.

    Of the configuration itself nothing counts here but where the ledger is: the rest is the server's to
    judge, whose environment may be another one.
    """
    core = _needed(document, with_key=not key)
    server = running_server(core.ledger.url, document.base)
    if server is None:
        raise StartupError(f"no server runs that has the ledger {core.ledger.url!r} open")
    if server["address"] is None:
        raise StartupError(f"a server (pid {server['pid']}) has the ledger and does not answer yet")
    own = core.admin_key.reveal() if core.admin_key else None
    async with client_of(server["address"], key or own) as client:
        try:
            answer = await client.post(RELOAD)
            data: Any = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise StartupError(f"the server at {client.base_url} cannot be asked: {error!r}") from None
    if answer.status_code != httpx.codes.OK:
        raise _refused(answer.status_code, data)
    found = data["data"]
    lines = [f"reloaded: {found['providers']} providers, {found['models']} models"]
    return lines + [f"{name} stays as it is until a restart" for name in found["needs_restart"]]


def _needed(document: Document, *, with_key: bool) -> CoreSettings:
    """The core's settings as far as they say where the server is, whatever is wrong with all others."""
    if not document.complete:
        raise ConfigError.of(document.problems)
    schema = Schema()
    declare_core(schema)
    return build(document.only(*(NEEDED if with_key else NEEDED[:1])), schema).core


def _refused(status: int, data: Any) -> StartupError:
    """The error for what a server answers that does not reload."""
    error = data.get("error") if isinstance(data, dict) else None
    error = error if isinstance(error, dict) else {}
    problems = (error.get("metadata") or {}).get("problems")
    if isinstance(problems, list):
        return ConfigError.of([Problem(**problem) for problem in problems])
    message = error.get("message") or f"the server answered with status {status}"
    hint = ": give its admin key with --key or POINTSMAN_ADMIN_KEY" if status in (401, 403) else ""
    return StartupError(f"{message}{hint}")

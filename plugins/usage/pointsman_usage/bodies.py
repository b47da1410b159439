"""Bodies: the texts of requests and answers, sealed, of those whose configuration says so."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from pointsman.dialects import Mark
from pointsman.errors import ConfigError, UpstreamStatus
from pointsman.exchange import Exchange
from pointsman.ledger import Column, Reading, Table
from pointsman.setup import Setup
from pointsman.stored import Stored
from pointsman.vault import Vault

from .generations import timestamp
from .settings import LogBodies

__all__ = ["BODIES", "FIELD", "PURPOSE", "Bodies", "check_sealable", "opened_bodies"]

log = logging.getLogger(__name__)

PURPOSE = "body"
"""What bodies are sealed for. Each is bound to its generation's id and to its own column."""
FIELD = "log_bodies"
"""The field of a route, a key, a team and an organisation."""
SAYS, ANSWER = "usage.log_bodies", "usage.answer"
"""Notes of what is to be logged of an exchange, and of its answer."""

BODIES = Table(
    name="bodies",
    columns={
        "id": Column("text", "The generation.", required=True),
        "at": Column("text", "When the request arrived.", required=True),
        "key_id": Column("text", "The key that asked."),
        "request": Column("text", "The request's body, sealed."),
        "answer": Column(
            "text", "The body of an answer, or of a provider's error, or what was sent of a stream, sealed."
        ),
        "partial": Column("boolean", "Whether that is a stream that broke off, or that its client left."),
    },
    primary_key="id",
    indexes=(("at",),),
)


def check_sealable(setup: Setup) -> None:
    """Require `secret_key` where bodies are to be logged. Raises ConfigError with each such place."""
    if setup.core.secret_keys:
        return
    places = [place for place, says in _places(setup) if says not in (None, "off")]
    if places:
        message = "bodies are kept sealed only, and there is no `secret_key` to seal them with"
        hint = "set it, or turn this off"
        raise ConfigError.of([setup.config.problem(place, message, hint=hint) for place in places])


def _places(setup: Setup) -> Iterator[tuple[str, LogBodies | None]]:
    """Every place of the configuration where it may be said, and what it says."""
    yield "plugins.usage.log_bodies", setup.settings("usage").log_bodies
    sections = setup.config.sections
    for number, key in enumerate(sections.get("keys", ())):
        yield f"keys.{number}.log_bodies", key.extra.get("log_bodies")
    for name, team in sections.get("teams", {}).items():
        yield f"teams.{name}.log_bodies", team.extra.get("log_bodies")
    organisation = sections.get("organisation")
    if organisation is not None:
        yield "organisation.log_bodies", organisation.extra.get("log_bodies")
    for number, route in enumerate(sections.get("routes", ())):
        yield f"routes.{number}.use.log_bodies", route.use.extra.get("log_bodies")


class Bodies:
    """Decides whose bodies are logged, and makes their rows. `most` is the largest text kept, in bytes."""

    def __init__(self, vault: Vault, wanted: LogBodies, *, most: int) -> None:
        self._vault = vault
        self._wanted = wanted
        self._most = most
        self._told = False

    def begin(self, exchange: Exchange) -> None:
        """Ask for the answer to be kept, where it is to be logged. Of errors only a stream has a text."""
        says = self._says(exchange)
        if says != "off":
            exchange.notes[SAYS] = says
            if says == "all" or exchange.peek.stream:
                exchange.keep = max(exchange.keep, self._most)

    def answered(self, exchange: Exchange, stored: Stored) -> None:
        """Remember the text of a complete answer until the row is made."""
        if exchange.notes.get(SAYS) == "all":
            exchange.notes[ANSWER] = _text(stored)

    def row(self, exchange: Exchange) -> tuple[object, ...] | None:
        """The row of an exchange that has ended; None where its body is not logged."""
        notes = exchange.notes
        says = notes.get(SAYS, "off") if exchange.reserved else self._says(exchange)
        if says == "off" or (says == "errors" and exchange.outcome not in ("failed", "incomplete")):
            return None
        answer, sent = notes.pop(ANSWER, b""), exchange.sent
        if sent:
            answer = sent
        elif exchange.stored is not None:
            answer = _text(exchange.stored)
        elif isinstance(exchange.error, UpstreamStatus):
            answer = answer or exchange.error.body
        return (
            exchange.generation_id,
            timestamp(exchange.at),
            exchange.actor.key_id if exchange.actor else None,
            self._sealed(exchange, "request", exchange.request.raw),
            self._sealed(exchange, "answer", answer) if answer else None,
            bool(sent),
        )

    def _sealed(self, exchange: Exchange, column: str, data: bytes) -> str | None:
        if len(data) > self._most:
            return None
        return self._vault.seal(data, purpose=PURPOSE, about=f"{exchange.generation_id} {column}")

    def _says(self, exchange: Exchange) -> LogBodies:
        """What the nearest says that says anything: the route, the key and those above it, the setting.
        Without anything to seal with, nothing is logged; nor is what a plugin asks itself, for it may hold
        the texts of a key that says otherwise."""
        if exchange.actor is not None and exchange.actor.inner:
            return "off"
        says: LogBodies = self._wanted
        for said in exchange.said(FIELD):
            if said is not None:
                says = said
                break
        if says == "off" or self._vault:
            return says
        if not self._told:
            self._told = True
            log.error("bodies are to be logged, and are not: there is no `secret_key` to seal them with")
        return "off"


def _text(stored: Stored) -> bytes:
    """What the client gets of an answer."""
    return b"".join(data for data, mark in stored.frames if not mark & Mark.PRIVATE)


def opened_bodies(ledger: Reading, vault: Vault, generation_id: str) -> dict[str, Any] | None:
    """The texts of a generation, and whether the answer is `partial`; None where none are kept. Raises
    SealError where they cannot be opened."""
    if not ledger.has_table(BODIES.name):
        return None
    rows = ledger.select_sync("select * from bodies where id = :id", {"id": generation_id})
    if not rows:
        return None
    row = rows[0]

    def opened(column: str) -> str | None:
        if row[column] is None:
            return None
        data = vault.open(row[column], purpose=PURPOSE, about=f"{generation_id} {column}")
        return data.decode("utf-8", "replace")

    return {
        "id": generation_id,
        "request": opened("request"),
        "answer": opened("answer"),
        "partial": bool(row.get("partial")),
    }

"""Decision records: which are kept, where, and who may read them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from pointsman.errors import NotFound
from pointsman.exchange import Exchange
from pointsman.ledger import Column, Table

__all__ = ["DECISIONS", "SELECT_DECISION", "keep", "show_decision"]

DECISIONS = Table(
    name="decisions",
    columns={
        "id": Column("text", "The generation whose record this is.", required=True),
        "at": Column("text", "When the request arrived, in UTC.", required=True),
        "key_id": Column("text", "The key that asked: it may read the record.", required=True),
        "record": Column("json", "Why the request went where it went.", required=True),
    },
    primary_key="id",
)
SELECT_DECISION = "select key_id, record from decisions where id = :id"


def keep(exchange: Exchange) -> None:
    """Store the record of a request.

    One that ended before anything was decided, because its client left, has none.
    """
    decided = exchange.error is not None or exchange.plan is not None
    if exchange.actor is None or not decided:
        return
    record = exchange.record()
    exchange.gateway.ledger.insert(
        DECISIONS.name,
        {"id": record["id"], "at": record["at"], "key_id": exchange.actor.key_id, "record": record},
    )


async def show_decision(request: Request) -> JSONResponse:
    """The record of a generation, for the key that made it and for administrators. Raises NotFound."""
    actor = request.state.actor
    name = request.path_params["id"]
    rows = await request.app.state.gateway.ledger.select(SELECT_DECISION, {"id": name})
    if rows and actor.explains and (actor.role == "admin" or rows[0]["key_id"] == actor.key_id):
        return JSONResponse(rows[0]["record"])
    raise NotFound(
        f"no decision record {name[:100]!r}; records are kept of failures, of requests with "
        "`x-pointsman-explain: true`, and of a sample (explain.sample)"
    )

"""The list of models: `/v1/models`, what the asking key may use and nothing else."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pointsman.catalogue import Catalogue, Resolution
from pointsman.dialects import ErrorView
from pointsman.exchange import Actor
from pointsman.providers import Provider

from .errors import encode_error

__all__ = ["list_models", "show_model"]


async def list_models(request: Request) -> Response:
    """Every listed model and alias that the actor may use."""
    catalogue: Catalogue = request.app.state.gateway.setup.catalogue
    found = (_usable(catalogue, request.state.actor, name) for name in catalogue.names())
    rows = [_row(catalogue, each) for each in found if each is not None]
    return _json({"object": "list", "data": rows})


async def show_model(request: Request) -> Response:
    """One of them; 404 in OpenAI's shape for any other name."""
    name: str = request.path_params["model"]
    catalogue: Catalogue = request.app.state.gateway.setup.catalogue
    found = _usable(catalogue, request.state.actor, name) if name in set(catalogue.names()) else None
    if found is not None:
        return _json(_row(catalogue, found))
    error = ErrorView(
        404,
        "not_found",
        f"there is no model {name!r} that this key may use; GET /v1/models lists those it may",
        code="model_not_found",
        param="model",
    )
    return Response(encode_error(error), 404, media_type="application/json")


def _usable(catalogue: Catalogue, actor: Actor, name: str) -> Resolution | None:
    """What a name means, where the actor may use it, and one at least of who serves it."""
    found = catalogue.resolve(name)
    if found is None or not actor.may_use(*found.names):
        return None
    reached = not found.endpoints or any(_may_call(actor, each.provider) for each in found.endpoints)
    return found if reached else None


def _may_call(actor: Actor, provider: Provider) -> bool:
    return actor.may_reach(provider.name) and actor.may_tell(provider.about)


def _row(catalogue: Catalogue, found: Resolution) -> dict[str, object]:
    owner = found.endpoints[0].provider.name if found.endpoints else found.model.partition("/")[0]
    model = catalogue.models.get(found.model)
    created = model.facts.get("created") if model is not None else None
    return {
        "id": found.asked,
        "object": "model",
        "created": created.value if created else 0,
        "owned_by": owner,
    }


def _json(data: object) -> Response:
    return Response(msgspec.json.encode(data), media_type="application/json")

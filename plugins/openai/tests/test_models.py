"""The list of models."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pointsman.catalogue import Catalogue, Endpoint, Model
from pointsman.exchange import Actor
from pointsman.facts import Fact
from pointsman.providers import Provider
from pointsman.registers import Handler
from pointsman_openai import register_http


@pytest.fixture
def catalogue() -> Catalogue:
    lab, acme = Provider("lab", kind="k"), Provider("acme", kind="k")
    catalogue = Catalogue({"lab": lab, "acme": acme})
    catalogue.add(Model("author/big", [Endpoint(lab, "big-1"), Endpoint(acme, "big")], aliases=("best",)))
    catalogue.add(Model("lab/small", [Endpoint(lab, "small")]))
    catalogue.add(Model("author/planned"))
    catalogue.add(Model("lab/hidden", [Endpoint(lab, "hidden")], listed=False))
    return catalogue


def client(catalogue: Catalogue, *models: str) -> httpx.AsyncClient:
    """A client of the pages, registered as the plugin registers them, for an actor of these models."""
    routes: list[Route] = []

    def register(path: str, handler: Handler, *, methods: Any, role: str) -> None:
        assert role == "viewer"

        async def page(request: Request) -> Response:
            request.state.actor = Actor("a", "key-a", models=models)
            return await handler(request)

        routes.append(Route(path, page, methods=list(methods)))

    register_http(register)
    app = Starlette(routes=routes)
    app.state.gateway = SimpleNamespace(setup=SimpleNamespace(catalogue=catalogue))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")


async def test_models_and_aliases_are_listed_with_who_serves_them(catalogue: Catalogue) -> None:
    async with client(catalogue, "*") as http:
        answer = await http.get("/v1/models")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "object": "list",
        "data": [
            {"id": "author/big", "object": "model", "created": 0, "owned_by": "lab"},
            {"id": "lab/small", "object": "model", "created": 0, "owned_by": "lab"},
            {"id": "author/planned", "object": "model", "created": 0, "owned_by": "author"},
            {"id": "best", "object": "model", "created": 0, "owned_by": "lab"},
        ],
    }


async def test_only_what_the_key_may_use_is_listed(catalogue: Catalogue) -> None:
    async with client(catalogue, "author/b*") as http:
        rows = (await http.get("/v1/models")).json()["data"]
    assert [row["id"] for row in rows] == ["author/big", "best"]


async def test_one_model_is_shown(catalogue: Catalogue) -> None:
    async with client(catalogue, "*") as http:
        answer = await http.get("/v1/models/author/big")
    assert answer.json() == {"id": "author/big", "object": "model", "created": 0, "owned_by": "lab"}


@pytest.mark.parametrize("name", ["nobody/knows", "lab/hidden", "lab/small", "lab/anything"])
async def test_another_model_is_not_found_in_openais_shape(catalogue: Catalogue, name: str) -> None:
    async with client(catalogue, "author/*") as http:
        answer = await http.get(f"/api/v1/models/{name}")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert name in error["message"]


async def test_when_a_model_was_made_is_told_where_it_is_known(catalogue: Catalogue) -> None:
    catalogue.models["author/big"].facts = {"created": Fact(1_760_000_000, "a listing")}
    async with client(catalogue, "*") as http:
        answer = await http.get("/v1/models/author/big")
    assert answer.json()["created"] == 1_760_000_000

"""The catalogue under `/api/v1`: models, endpoints and providers, as far as the key that asks may use
them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pointsman.catalogue import Catalogue
from pointsman.errors import BadRequest, NotFound
from pointsman.exchange import Actor
from pointsman.gateway import Gateway
from pointsman_keys.reach import Reach, reach_of

from . import datasets
from .activity import PARAMETERS, activity
from .filters import CATEGORIES, FILTERS, SORTS, check_names, choice, filtered, number, sorted_rows
from .generation import generation
from .listing import TURN, Listings
from .offers import Offer, named_offer
from .pages import PREFIX
from .popularity import Popularity
from .providers import may_ask, provider_shape
from .rows import Row, details_of, encoded, endpoint_shape, row_of
from .traffic import NOTHING, Traffic, TrafficWatch

__all__ = ["CataloguePages"]

PAGING = ("offset", "limit")
PAGE = 500
LARGEST_PAGE = 1000
FLAGS = ("use_rss", "use_rss_chat_links")
MODEL_PARAMETERS = (*FILTERS, *PAGING, *FLAGS, "sort", "category")
BY_TOKENS = frozenset({"most-popular", "top-weekly"})
FASTEST, SOONEST = "throughput-high-to-low", "latency-low-to-high"
LONGEST_SHOWN = 200
Query = Mapping[str, str]
Dataset = Callable[[Gateway, Reach, Query], Awaitable[dict[str, Any]]]


class CataloguePages:
    """The pages, and what they remember."""

    def __init__(self) -> None:
        self._listings = Listings()
        self._traffic = TrafficWatch()
        self._popularity = Popularity()

    async def models(self, request: Request) -> Response:
        """Models, filtered, in an order, page by page or all at once; or as a feed."""
        query = _query(request, MODEL_PARAMETERS)
        as_feed, chat_links = (_flag(query, name) for name in FLAGS)
        if chat_links:
            raise BadRequest(f"`{FLAGS[1]}`: there is no chat here to link to", param=FLAGS[1])
        rows = await self._in_order(request, filtered(await self._in_category(request), query))
        if as_feed:
            from .rss import feed

            page = _page(rows, query)
            base = str(request.base_url).rstrip("/")
            return Response(feed(page, base), media_type="application/rss+xml")
        return _listed(request, rows)

    async def count(self, request: Request) -> Response:
        """How many models there are."""
        query = _query(request, ("output_modalities",))
        rows = filtered(await self._rows(request), query)
        return _answer({"data": {"count": len(rows)}})

    async def of_key(self, request: Request) -> Response:
        """Every model, whatever it answers with."""
        _query(request, PAGING)
        return _listed(request, await self._rows(request))

    async def embeddings(self, request: Request) -> Response:
        """The models that make embeddings."""
        _query(request, PAGING)
        rows = filtered(await self._rows(request), {"output_modalities": "embeddings"})
        return _listed(request, rows)

    async def model(self, request: Request) -> Response:
        """One model, by any of its names."""
        _query(request)
        offer = await self._offer(request)
        return _json(b'{"data":%b}' % row_of(offer, time.time()).text)

    async def endpoints(self, request: Request) -> Response:
        """A model's endpoints, with what their traffic shows."""
        _query(request)
        offer = await self._offer(request)
        return _answer({"data": {**details_of(offer), "endpoints": await self._shapes(request, [offer])}})

    async def forgetting(self, request: Request) -> Response:
        """Endpoints at providers that are known to keep nothing of what they are sent."""
        _query(request)
        found = []
        for row in await self._rows(request):
            kept = tuple(each for each in row.offer.endpoints if each.provider.about.forgets)
            if kept:
                found.append(Offer(row.offer.model, kept))
        return _answer({"data": await self._shapes(request, found)})

    async def providers(self, request: Request) -> Response:
        """The providers that a key may use."""
        _query(request)
        actor: Actor = request.state.actor
        found = [
            provider_shape(each)
            for each in _gateway(request).setup.providers.values()
            if may_ask(actor, each)
        ]
        return _answer({"data": found})

    async def generation(self, request: Request) -> Response:
        """One generation."""
        id = _query(request, ("id",)).get("id", "")
        return _answer({"data": await generation(_gateway(request), request.state.actor, id)})

    async def activity(self, request: Request) -> Response:
        """What was used, by day, model and provider."""
        query = _query(request, PARAMETERS)
        found = await activity(_gateway(request), request.state.actor, query)
        return _answer({"data": found})

    async def rankings_daily(self, request: Request) -> Response:
        """The models with most tokens, by day."""
        return await self._dataset(request, datasets.rankings_daily, datasets.RANKING_PARAMETERS)

    async def app_rankings(self, request: Request) -> Response:
        """The applications with most tokens."""
        return await self._dataset(request, datasets.app_rankings, datasets.APP_PARAMETERS)

    async def task_classifications(self, request: Request) -> Response:
        """The shares of tasks."""
        return await self._dataset(request, datasets.task_classifications, datasets.TASK_PARAMETERS)

    async def _dataset(self, request: Request, make: Dataset, known: Collection[str]) -> Response:
        """A dataset, of what the key that asks may see."""
        query, gateway = _query(request, known), _gateway(request)
        return _answer(await make(gateway, reach_of(gateway, request.state.actor), query))

    async def _rows(self, request: Request) -> Sequence[Row]:
        return await self._listings.rows(_gateway(request).setup.catalogue, request.state.actor)

    async def _in_category(self, request: Request) -> Sequence[Row]:
        """The rows that a query's category leaves: of models that were used for it in the last week."""
        rows = await self._rows(request)
        category = request.query_params.get("category")
        if not category:
            return rows
        choice("category", category, CATEGORIES)
        used = await self._popularity.of_task(_gateway(request).ledger, category)
        return [row for row in rows if row.name in used]

    async def _in_order(self, request: Request, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows in the order that a query asks for."""
        sort, ledger = request.query_params.get("sort"), _gateway(request).ledger
        if not sort:
            return rows
        choice("sort", sort, tuple(SORTS))
        measured: Mapping[str, float] = {}
        if sort in BY_TOKENS:
            measured = await self._popularity.tokens(ledger)
        elif sort in (FASTEST, SOONEST):
            measured = _medians(rows, await self._traffic.traffic(ledger), sort)
        return sorted_rows(rows, sort, measured)

    async def _offer(self, request: Request) -> Offer:
        """The offer that a path names. Raises NotFound."""
        catalogue: Catalogue = _gateway(request).setup.catalogue
        name: str = request.path_params["model"]
        offer = named_offer(catalogue, request.state.actor, name)
        if offer is None:
            usable = [row.name for row in await self._rows(request)]
            near = catalogue.near(name[:LONGEST_SHOWN], among=usable)
            hint = f"did you mean {' or '.join(near)}?" if near else f"GET {PREFIX}/models lists all there is"
            raise NotFound(f"there is no model {name[:LONGEST_SHOWN]!r} that this key may use; {hint}")
        return offer

    async def _shapes(self, request: Request, offers: Iterable[Offer]) -> list[dict[str, Any]]:
        """The endpoints of some offers; others get their turn in between."""
        traffic = await self._traffic.traffic(_gateway(request).ledger)
        now, found = time.time(), []
        for place, offer in enumerate(offers, 1):
            if place % TURN == 0:
                await asyncio.sleep(0)
            found += [
                endpoint_shape(offer, each, now, traffic.get(each.id, NOTHING)) for each in offer.endpoints
            ]
        return found


def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


def _query(request: Request, known: Collection[str] = ()) -> Query:
    """The parameters of a request, each once and of those that are known: the rest would be ignored in
    silence. Raises BadRequest."""
    query = request.query_params
    check_names(query, known)
    for name in query:
        if len(query.getlist(name)) > 1:
            raise BadRequest(f"`{name}` is given twice", param=name)
    return query


def _flag(query: Query, name: str) -> bool:
    return choice(name, query.get(name) or "false", ("true", "false")) == "true"


def _medians(rows: Iterable[Row], traffic: Mapping[str, Traffic], sort: str) -> dict[str, float]:
    """The median of each model's best endpoint."""
    found = {}
    for row in rows:
        seen = [traffic[each.id] for each in row.offer.endpoints if each.id in traffic]
        shares = [each.throughput if sort == FASTEST else each.latency for each in seen]
        medians = [each["p50"] for each in shares if each is not None]
        if medians:
            found[row.name] = max(medians) if sort == FASTEST else min(medians)
    return found


def _page(rows: Sequence[Row], query: Query) -> Sequence[Row]:
    """The part of the rows that a query asks for: all of them, where it does not say. Raises BadRequest."""
    if not any(query.get(name) for name in PAGING):
        return rows
    offset, limit = _paging(query)
    return rows[offset : offset + limit]


def _paging(query: Query) -> tuple[int, int]:
    offset = int(number("offset", query.get("offset") or "0", whole=True))
    limit = int(number("limit", query.get("limit") or str(PAGE), most=Decimal(LARGEST_PAGE), whole=True))
    if not limit:
        raise BadRequest(f"`limit` must be a whole number from 1 to {LARGEST_PAGE}", param="limit")
    return offset, limit


def _listed(request: Request, rows: Sequence[Row]) -> Response:
    """A page of rows, with the way to the next one."""
    query = request.query_params
    page, following = _page(rows, query), "null"
    if len(page) < len(rows):
        offset, limit = _paging(query)
        if offset + limit < len(rows):
            more = {**query, "offset": str(offset + limit), "limit": str(limit)}
            following = msgspec.json.encode(f"{request.url.path}?{urlencode(more)}").decode()
    data = b",".join([row.text for row in page])
    count = len(rows)
    return _json(b'{"data":[%b],"total_count":%d,"links":{"next":%b}}' % (data, count, following.encode()))


def _answer(data: Any) -> Response:
    return _json(encoded(data))


def _json(data: bytes) -> Response:
    return Response(data, media_type="application/json", headers={"cache-control": "no-store"})

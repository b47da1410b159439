"""Pages: the routes of this API, each a call of the book."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pointsman.errors import BadRequest, PayloadTooLarge
from pointsman.json_guard import check_json
from pointsman.registers import Handler, RegisterHttp
from pointsman_keys import Caller

from .book import Book

__all__ = ["PREFIX", "register_pages"]

PREFIX = "/api/v1"
LARGEST = 64 * 1024
"""Bytes of a body."""

Work = Callable[[Book, Caller, Request], Awaitable[dict[str, Any]]]


def register_pages(register: RegisterHttp) -> None:
    """Register every route, with its methods and role."""
    register(f"{PREFIX}/key", _page({"GET": _current}), methods=("GET",), role="viewer")
    for path, works in ADMIN.items():
        register(PREFIX + path, _page(works, admins=True), methods=tuple(works), role="member")


def _page(works: dict[str, Work], *, admins: bool = False) -> Handler:
    """The handler of a path: for each method what it does. To the router an administrator of a team is a
    member, so that whether one asks is seen here."""

    async def answer(request: Request) -> Response:
        book = Book(request.app.state.gateway)
        caller = book.caller(request.state.actor, request.state.client)
        if admins:
            caller.check_admin()
        method = "GET" if request.method == "HEAD" else request.method
        made = await works[method](book, caller, request)
        created = method == "POST" and "rotate" not in request.url.path
        return JSONResponse(made, 201 if created else 200, {"cache-control": "no-store"})

    return answer


async def _body(request: Request) -> dict[str, Any]:
    """A JSON object. Raises BadRequest, PayloadTooLarge."""
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > LARGEST:
            raise PayloadTooLarge(f"a body here has at most {LARGEST} bytes")
    if not raw:
        return {}
    check_json(bytes(raw))
    try:
        body = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise BadRequest(f"this is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    return body


async def _current(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    return await book.current(by)


async def _list_keys(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    return await book.list_keys(by, request.query_params)


async def _create_key(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    return await book.create_key(by, await _body(request))


async def _show_key(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    return await book.show_key(by, request.path_params["hash"])


async def _change_key(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    return await book.change_key(by, request.path_params["hash"], await _body(request))


async def _delete_key(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    return await book.delete_key(by, request.path_params["hash"])


async def _rotate_key(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    return await book.rotate_key(by, request.path_params["hash"], await _body(request))


async def _list_teams(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    return await book.list_teams(by)


async def _create_team(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    return await book.create_team(by, await _body(request))


async def _show_team(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    return await book.show_team(by, request.path_params["name"])


async def _change_team(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    return await book.change_team(by, request.path_params["name"], await _body(request))


async def _delete_team(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    return await book.delete_team(by, request.path_params["name"])


async def _list_credentials(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    return await book.list_credentials(by, request.path_params["name"])


async def _put_credential(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    found = request.path_params
    return await book.put_credential(by, found["name"], found["provider"], await _body(request))


async def _drop_credential(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    return await book.drop_credential(by, request.path_params["name"], request.path_params["provider"])


async def _audit(book: Book, by: Caller, request: Request) -> dict[str, Any]:
    return await book.audit(by, request.query_params)


ADMIN: dict[str, dict[str, Work]] = {
    "/keys": {"GET": _list_keys, "POST": _create_key},
    "/keys/{hash}": {"GET": _show_key, "PATCH": _change_key, "DELETE": _delete_key},
    "/keys/{hash}/rotate": {"POST": _rotate_key},
    "/teams": {"GET": _list_teams, "POST": _create_team},
    "/teams/{name}": {"GET": _show_team, "PATCH": _change_team, "DELETE": _delete_team},
    "/teams/{name}/credentials": {"GET": _list_credentials},
    "/teams/{name}/credentials/{provider}": {"PUT": _put_credential, "DELETE": _drop_credential},
    "/audit": {"GET": _audit},
}
"""What administrators may do: by path, by method."""

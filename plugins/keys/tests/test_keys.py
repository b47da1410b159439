"""Who asks: credentials as clients send them, and what is refused."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from pointsman.errors import StartupError
from pointsman.testing import Running

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]
Digest = Callable[[str], str]

KEY = "pm-alice-0123456789"
OTHER = "pm-bob-0123456789"


@pytest.fixture
def keys(digest: Digest) -> Callable[..., str]:
    """The section with a key for alice, with more settings of hers, and one for bob."""

    def write(more: str = "") -> str:
        return f"""
keys:
  - {{name: alice, key_hash: {digest(KEY)}{", " + more if more else ""}}}
  - {{name: bob, key_hash: {digest(OTHER)}}}
"""

    return write


def message(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["message"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", f"Bearer {KEY}"),
        ("authorization", f"bearer {KEY}"),
        ("authorization", f"BEARER   {KEY}"),
        ("x-api-key", KEY),
        ("X-API-Key", KEY),
        ("api-key", KEY),
        ("x-goog-api-key", KEY),
    ],
)
async def test_a_key_is_known_in_every_header_that_clients_use(
    serve: Serve, ask: Ask, keys: Callable[..., str], name: str, value: str
) -> None:
    async with serve(keys()) as served:
        assert (await ask(served, {name: value})).status_code == 200


async def test_a_record_names_the_key_and_a_part_of_its_digest(
    serve: Serve, ask: Ask, keys: Callable[..., str], digest: Digest
) -> None:
    async with serve(keys()) as served:
        await ask(served, {"x-api-key": KEY})
        await ask(served, {"x-api-key": OTHER})
        rows = await served.rows("generations")
        assert [(row["key_name"], row["key_id"]) for row in rows] == [
            ("alice", f"key-{digest(KEY)[:12]}"),
            ("bob", f"key-{digest(OTHER)[:12]}"),
        ]


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer"}, {"authorization": "Basic YWxpY2U6"}, {"x-api-key": ""}],
)
async def test_a_request_without_a_key_is_told_to_send_one(
    serve: Serve, ask: Ask, keys: Callable[..., str], headers: dict[str, str]
) -> None:
    async with serve(keys()) as served:
        answer = await ask(served, headers)
        assert answer.status_code == 401
        assert message(answer).startswith("no API key: send one")


@pytest.mark.parametrize("wrong", ["pm-mallory-0123", KEY[:-1], KEY + "0", KEY.upper(), f"{KEY} {KEY}"])
@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
async def test_a_wrong_key_is_refused_and_printed_nowhere(
    serve: Serve,
    ask: Ask,
    keys: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
    header: str,
    wrong: str,
) -> None:
    caplog.set_level(logging.DEBUG, "pointsman")
    async with serve(keys()) as served:
        answer = await ask(served, {header: f"Bearer {wrong}" if header == "authorization" else wrong})
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_api_key"
        assert message(answer) == "this API key is not known"
        shown = answer.text + str(answer.headers) + caplog.text + str(await served.rows("generations"))
        assert wrong not in shown


async def test_the_digest_of_a_key_is_not_a_key(
    serve: Serve, ask: Ask, keys: Callable[..., str], digest: Digest
) -> None:
    async with serve(keys()) as served:
        assert (await ask(served, {"x-api-key": digest(KEY)})).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", f"Bearer {KEY}"), ("x-api-key", OTHER)],
        [("authorization", f"Bearer {KEY}"), ("authorization", f"Bearer {OTHER}")],
        [("x-api-key", KEY), ("x-goog-api-key", "pm-nobody")],
        [("authorization", f"Bearer {KEY}, Bearer {OTHER}"), ("api-key", KEY)],
        [("authorization", f"Bearer {KEY},bearer {OTHER}")],
    ],
)
async def test_two_different_keys_in_one_request_are_refused(
    serve: Serve, ask: Ask, keys: Callable[..., str], headers: list[tuple[str, str]]
) -> None:
    async with serve(keys()) as served:
        answer = await ask(served, headers)
        assert answer.status_code == 401
        assert "several different API keys" in message(answer)
        assert KEY not in answer.text


async def test_the_same_key_in_several_headers_is_one_key(
    serve: Serve, ask: Ask, keys: Callable[..., str]
) -> None:
    async with serve(keys()) as served:
        same = {"authorization": f"Bearer {KEY}", "x-api-key": KEY, "x-goog-api-key": KEY}
        assert (await ask(served, same)).status_code == 200


async def test_credentials_of_another_kind_beside_a_key_do_not_matter(
    serve: Serve, ask: Ask, keys: Callable[..., str]
) -> None:
    async with serve(keys()) as served:
        headers = {"authorization": "Basic cHJveHk6", "x-api-key": KEY}
        assert (await ask(served, headers)).status_code == 200


async def test_a_key_may_have_letters_of_any_language(serve: Serve, ask: Ask, digest: Digest) -> None:
    async with serve(f"keys: [{{name: alice, key_hash: {digest('schlüssel-€')}}}]") as served:
        headers = [(b"x-api-key", "schlüssel-€".encode())]
        assert (await ask(served, headers)).status_code == 200


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
async def test_a_key_may_have_commas_and_spaces(serve: Serve, ask: Ask, digest: Digest, header: str) -> None:
    key = "commas, spaces, and so on"
    async with serve(f"keys: [{{name: alice, key_hash: {digest(key)}}}]") as served:
        value = f"Bearer {key}" if header == "authorization" else key
        assert (await ask(served, {header: value})).status_code == 200
        with_basic = [("authorization", "Basic cHJveHk6"), ("authorization", f"Bearer {key}")]
        assert (await ask(served, with_basic)).status_code == 200


async def test_a_digest_may_be_written_in_capitals(serve: Serve, ask: Ask, digest: Digest) -> None:
    async with serve(f"keys: [{{name: alice, key_hash: {digest(KEY).upper()}}}]") as served:
        assert (await ask(served, {"x-api-key": KEY})).status_code == 200


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("disabled: true", "key 'alice' is disabled"),
        ("expires: 2020-01-01", "key 'alice' expired at 2020-01-01T00:00:00+00:00"),
        ('expires: "2020-01-01T12:00:00+02:00"', "key 'alice' expired at 2020-01-01T12:00:00+02:00"),
    ],
)
async def test_a_key_out_of_use_is_told_why(
    serve: Serve, ask: Ask, keys: Callable[..., str], more: str, said: str
) -> None:
    async with serve(keys(more)) as served:
        answer = await ask(served, {"x-api-key": KEY})
        assert (answer.status_code, message(answer)) == (401, said)
        assert (await ask(served, {"x-api-key": OTHER})).status_code == 200


@pytest.mark.parametrize("expires", ["2099-01-01", "2099-01-01T12:00:00Z"])
async def test_a_key_is_good_until_it_expires(
    serve: Serve, ask: Ask, keys: Callable[..., str], expires: str
) -> None:
    async with serve(keys(f"expires: {expires}")) as served:
        assert (await ask(served, {"x-api-key": KEY})).status_code == 200


@pytest.mark.parametrize(("explain", "shown"), [("true", True), ("false", False)])
async def test_a_key_sees_decision_records_if_it_may(
    serve: Serve, ask: Ask, keys: Callable[..., str], explain: str, shown: bool
) -> None:
    async with serve(keys(f"explain: {explain}")) as served:
        answer = await ask(served, {"x-api-key": KEY, "x-pointsman-explain": "true"})
        assert ("x-pointsman-decision" in answer.headers) is shown


async def test_tags_of_a_key_decide_about_its_route(serve: Serve, ask: Ask, keys: Callable[..., str]) -> None:
    routes = "routes: [{name: night, when: {key.tags: {any: [batch]}}, use: {models: [fast]}}]"
    async with serve(keys("tags: [batch]") + routes) as served:
        assert (await ask(served, {"x-api-key": KEY})).headers["x-pointsman-model"] == "acme/small"
        assert (await ask(served, {"x-api-key": OTHER})).headers["x-pointsman-model"] == "acme/large"


async def test_a_viewer_may_not_call_models(serve: Serve, ask: Ask, keys: Callable[..., str]) -> None:
    async with serve(keys("role: viewer")) as served:
        answer = await ask(served, {"x-api-key": KEY})
        assert answer.status_code == 403
        assert "'alice' is a viewer" in message(answer)


async def test_the_admin_key_of_the_configuration_is_an_administrators(
    serve: Serve, ask: Ask, keys: Callable[..., str]
) -> None:
    async with serve(keys() + "admin_key: the-admin-key\n") as served:
        assert served.gateway.session_key is None
        answer = await ask(served, {"x-api-key": KEY, "x-pointsman-explain": "true"})
        await served.gateway.ledger.flush()
        path = f"/v1/decisions/{answer.headers['x-generation-id']}"
        statuses = [
            (await served.client.get(path, headers={"x-api-key": key})).status_code
            for key in ("the-admin-key", KEY, OTHER)
        ]
        assert statuses == [200, 200, 404]
        assert (await ask(served, {"x-api-key": "the-admin-key"})).status_code == 200


async def test_an_admin_key_that_is_also_a_members_key_is_refused_at_the_start(
    serve: Serve, keys: Callable[..., str]
) -> None:
    with pytest.raises(StartupError, match="the same as key 'alice'") as raised:
        async with serve(keys() + f"admin_key: {KEY}\n"):
            pass
    assert KEY not in str(raised.value)


async def test_no_secret_is_in_the_representation_of_what_is_running(
    serve: Serve, keys: Callable[..., str]
) -> None:
    async with serve(keys() + "admin_key: the-admin-key\n") as served:
        setup = served.gateway.setup
        plugin: Any = setup.plugins.get("keys")
        shown = repr(setup.core) + repr(setup.section("keys")) + repr(vars(plugin.target))
        assert "alice" in shown
        assert "the-admin-key" not in shown
        assert KEY not in shown

"""What a rule says of requests that belong together, over real sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pointsman.config import ConfigError
from pointsman.testing import FakeProvider, Received, Running, Script, running
from pointsman_routes.dry import codec_of, dry_run

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
}
CHAT = "/v1/chat/completions"
ENOUGH = 16
"""Requests that come to one endpoint by chance once in 2^15 times at most."""
USERS = ("ann", "ben", "cleo", "dan", "eve", "fay")


class Hosts:
    """Two endpoints of one price that are no replicas of each other, a model of one endpoint behind them, and
    what of it fails."""

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.fake = FakeProvider(self._play)

    def _play(self, received: Received) -> Script:
        if received.json["model"] in self.failing:
            return Script.json({"error": {"message": "no"}}, status=500)
        return Script.json(ANSWER)

    def config(self, use: Mapping[str, Any] | None, **more: Any) -> dict[str, Any]:
        return {
            "auth": "none",
            "providers": {"lab": {"base_url": self.fake.url, "dialects": ["openai-chat"], "discover": False}},
            "models": {
                "acme/large": {
                    "endpoints": [
                        {"endpoint": f"lab/{name}", "price": {"input": 1, "output": 1}} for name in ("a", "b")
                    ]
                },
                "acme/small": {"endpoints": ["lab/c"]},
            },
            "routes": [{"name": "rule", "use": dict(use)}] if use is not None else [],
            "log": {"level": "error"},
            **more,
        }

    @asynccontextmanager
    async def served(self, use: Mapping[str, Any] | None) -> AsyncIterator[Running]:
        async with self.fake, running(self.config(use)) as server:
            yield server


async def ask(server: Running, *, headers: Mapping[str, str] | None = None, **more: Any) -> str:
    """The model at the host that answered, `a`, `b` or `c`."""
    body = {"model": "acme/large", "messages": [{"role": "user", "content": "Hello"}], **more}
    told = {"x-pointsman-explain": "true", **(headers or {})}
    answer = await server.client.post(CHAT, json=body, headers=told)
    assert answer.status_code == 200, answer.text
    number = answer.headers["x-generation-id"]
    (row,) = [each for each in await server.rows("decisions") if each["id"] == number]
    attempts = row["record"]["outcomes"]["attempts"]
    return str(attempts[-1]["endpoint"].removeprefix("lab/"))


@pytest.mark.parametrize("pick", ["balanced", "cheapest", "fastest", "weighted", "ordered", "least-busy"])
async def test_what_belongs_together_stays_together_whatever_is_picked(pick: str) -> None:
    hosts = Hosts()
    async with hosts.served({"sticky": "user", "pick": pick}) as server:
        hosts.failing = {"a"}
        assert await ask(server, user="ann") == "b"
        hosts.failing = set()
        assert {await ask(server, user="ann") for _ in range(ENOUGH)} == {"b"}


async def test_others_go_their_own_ways() -> None:
    hosts = Hosts()
    async with hosts.served({"sticky": ["user", "headers.X-Room"]}) as server:
        rooms = [(user, room) for user in USERS for room in ("1", "2", "3")]
        first = {each: await ask(server, user=each[0], headers={"x-room": each[1]}) for each in rooms}
        again = {each: await ask(server, user=each[0], headers={"x-room": each[1]}) for each in rooms}
        assert again == first
        assert {*first.values()} == {"a", "b"}


async def test_what_is_not_known_of_a_request_leaves_it_alone() -> None:
    hosts = Hosts()
    async with hosts.served({"sticky": "user"}) as server:
        assert {await ask(server) for _ in range(ENOUGH)} == {"a", "b"}


async def test_what_has_several_members_may_be_in_common_too() -> None:
    hosts = Hosts()
    async with hosts.served({"sticky": ["metadata", "key.tags"], "pick": "ordered"}) as server:
        assert await ask(server, metadata={"room": "1"}) == "a", "nobody has tags: it stands alone"
    hosts = Hosts()
    async with hosts.served({"sticky": "metadata", "pick": "ordered"}) as server:
        hosts.failing = {"a"}
        assert await ask(server, metadata={"room": "1", "row": "2"}) == "b"
        hosts.failing = set()
        assert await ask(server, metadata={"row": "2", "room": "1"}) == "b"
        assert await ask(server, metadata={"room": "1"}) == "a"
        assert await ask(server) == "a"


async def test_the_model_stays_the_same_too() -> None:
    hosts = Hosts()
    use = {"models": ["acme/large", "acme/small"], "sticky": True, "pick": "ordered"}
    async with hosts.served(use) as server:
        hosts.failing = {"a", "b"}
        assert await ask(server, session_id="s") == "c"
        hosts.failing = set()
        assert [await ask(server, session_id="s") for _ in range(3)] == ["c", "c", "c"]
        assert await ask(server, session_id="t") == "a"
        hosts.failing = {"c"}
        assert await ask(server, session_id="s") == "a", "who cannot be asked is not"
        hosts.failing = set()
        assert await ask(server, session_id="s") == "a", "an answer moves a session"


async def test_an_order_of_its_own_counts_before() -> None:
    hosts = Hosts()
    use = {"models": ["acme/large", "acme/small"], "sticky": "user"}
    async with hosts.served(use) as server:
        hosts.failing = {"a", "b"}
        assert await ask(server, user="ann") == "c"
        hosts.failing = set()
        for name in ("a", "b", "a"):
            assert await ask(server, user="ann", provider={"order": [f"lab/{name}"]}) == name


@pytest.mark.parametrize(("sticky", "expected"), [(None, {"b"}), (False, {"a", "b"})], ids=["usual", "never"])
async def test_a_rule_may_say_that_nothing_sticks(sticky: bool | None, expected: set[str]) -> None:
    """Cached input is cheaper here, so that sessions stay unless a rule is against it."""
    hosts = Hosts()
    config = hosts.config(None if sticky is None else {"sticky": sticky})
    for endpoint in config["models"]["acme/large"]["endpoints"]:
        endpoint["price"]["cache_read"] = 0.1
    async with hosts.fake:
        config["providers"]["lab"]["base_url"] = hosts.fake.url
        async with running(config) as server:
            hosts.failing = {"a"}
            assert await ask(server, session_id="s") == "b"
            hosts.failing = set()
            assert {await ask(server, session_id="s") for _ in range(ENOUGH)} == expected


async def test_sessions_of_several_models_are_told_apart() -> None:
    """A session stays at an endpoint of the model that answered, also where there are others behind it."""
    hosts = Hosts()
    async with hosts.fake:
        config = hosts.config(None)
        price = {"input": 1, "output": 1, "cache_read": 0.1}
        config["models"] = {
            "acme/large": {"endpoints": [{"endpoint": f"lab/{each}", "price": price} for each in "ab"]},
            "acme/small": {"endpoints": [{"endpoint": f"lab/{each}", "price": price} for each in "cd"]},
        }
        async with running(config) as server:
            hosts.failing = {"a"}
            assert await ask(server, session_id="s", models=["acme/small"]) == "b"
            hosts.failing = set()
            found = {await ask(server, session_id="s", models=["acme/small"]) for _ in range(ENOUGH)}
            assert found == {"b"}


async def test_it_is_decided_again_by_its_record() -> None:
    """Where nothing is known of who has answered before, the record says it."""
    hosts = Hosts()
    use = {"models": ["acme/large", "acme/small"], "sticky": "user"}
    async with hosts.served(use) as server:
        hosts.failing = {"a", "b"}
        assert await ask(server, user="ann") == "c"
        assert await ask(server, user="ann") == "c"
        setup, record = server.gateway.setup, (await server.rows("decisions"))[-1]["record"]
        body = {"model": "acme/large", "messages": [{"role": "user", "content": "Hello"}], "user": "ann"}
        again, error = await dry_run(
            setup, codec_of(setup, "chat", "openai-chat"), json.dumps(body).encode(), again=record
        )
    assert error is None
    assert record["choice"] == again["choice"] == "lab/c"
    assert record["fallbacks"] == again["fallbacks"]


async def test_a_new_configuration_moves_nothing() -> None:
    hosts = Hosts()
    async with hosts.served({"sticky": "user"}) as server:
        hosts.failing = {"a"}
        assert await ask(server, user="ann") == "b"
        hosts.failing = set()
        await server.reload(hosts.config({"sticky": "user", "attempts": 3}))
        assert {await ask(server, user="ann") for _ in range(ENOUGH)} == {"b"}


@pytest.mark.parametrize(
    ("sticky", "words", "hint"),
    [
        ("usr", "requests have no 'usr' in common", "did you mean user?"),
        (["user", "headers"], "", ""),
        (["user", "header.x"], "requests have no 'header.x' in common", "did you mean headers?"),
        ([], "nothing is named", ""),
    ],
)
async def test_what_no_request_has_is_told_at_its_place(sticky: Any, words: str, hint: str) -> None:
    hosts = Hosts()
    async with hosts.fake:
        if not words:
            async with running(json.dumps(hosts.config({"sticky": sticky}))):
                return
        with pytest.raises(ConfigError) as caught:
            async with running(json.dumps(hosts.config({"sticky": sticky}))):
                pass
    (problem,) = caught.value.problems
    assert words in problem.message
    assert problem.hint == hint

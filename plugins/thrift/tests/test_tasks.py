"""Tasks of requests, through a real server: what rules see, who has the last word, and what is recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pointsman.config import read_text
from pointsman.errors import ConfigError, StartupError
from pointsman.gateway import Gateway
from pointsman.setup import assemble
from pointsman.testing import Running, running
from pointsman_routes.dry import dry_exchange
from pointsman_thrift import Thrift
from pointsman_thrift.tasks.weights import Model, save

CODE = "Write a Python function that sorts a list of dictionaries by a key."
POEM = "Write a haiku about autumn rain."
ROUTES = [
    {"name": "code", "when": {"model": "auto", "task": "programming"}, "use": {"models": ["echo/echo"]}},
    {
        "name": "sure",
        "when": {"model": "auto", "task": ["writing", "legal"], "task.confidence": ">= 0.8"},
        "use": {"models": ["echo/echo"]},
    },
    {"name": "law", "when": {"model": "law"}, "use": {"models": ["echo/echo"], "task": "legal"}},
    {"name": "rest", "when": {"model": "*"}, "use": {"models": ["echo/echo"]}},
]


def config(routes: list[dict[str, Any]] = ROUTES, **tasks: Any) -> dict[str, Any]:
    return {
        "auth": "none",
        "explain": {"sample": 0},
        "plugins": {"thrift": {"tasks": {"sample": 0, **tasks}}},
        "routes": routes,
    }


async def ask(
    server: Running, text: str, *, model: str = "auto", task: str | None = None, **fields: Any
) -> str:
    """Ask, and say which rule decided."""
    headers = {"x-pointsman-task": task} if task is not None else {}
    body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
    answer = await server.client.post("/v1/chat/completions", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.headers["x-pointsman-route"])


async def recorded(server: Running) -> list[str | None]:
    assert await server.gateway.idle(10)
    return [row["task"] for row in await server.rows("generations")]


async def test_rules_ask_what_a_request_is_about_and_its_record_says_so() -> None:
    async with running(config()) as server:
        assert await ask(server, CODE) == "code"
        assert await ask(server, POEM) == "sure"
        assert await ask(server, "hello") == "rest"
        assert await recorded(server) == ["programming", "writing", "general"]


async def test_who_says_it_is_believed_and_a_rule_before_anybody() -> None:
    async with running(config()) as server:
        assert await ask(server, POEM, task="Programming") == "code"
        assert await ask(server, POEM, metadata={"task": "coding"}) == "code"
        assert await ask(server, POEM, task="legal", metadata={"task": "programming"}) == "sure"
        assert await ask(server, POEM, task="no such task") == "sure"
        assert await ask(server, POEM, metadata={"task": 3}) == "sure"
        assert await ask(server, CODE, model="law", task="trivia") == "law"
        assert await recorded(server) == [
            "programming",
            "programming",
            "legal",
            "writing",
            "writing",
            "legal",
        ]


async def test_a_turn_with_a_tools_result_is_work_of_an_agent() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    turns = [
        {"role": "user", "content": POEM},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "1", "content": "rain"},
    ]
    async with running(config()) as server:
        assert await ask(server, "", messages=turns) == "rest"
        assert await recorded(server) == ["agentic"]


async def test_nobody_is_classified_who_is_not_asked_about_but_for_a_sample() -> None:
    alone = [{"name": "all", "when": {"model": "*"}, "use": {"models": ["echo/echo"]}}]
    async with running(config(alone)) as server:
        await ask(server, CODE)
        assert await recorded(server) == [None]
        assert plugin_of(server)._classifier._model is None
        await server.reload(config(alone, sample=1))
        await ask(server, CODE)
        await ask(server, POEM)
        assert await recorded(server) == [None, "programming", "writing"]


async def test_the_sample_is_in_records_that_are_written_before_the_answer_ends() -> None:
    strict = {**config(sample=1), "ledger": {"url": "sqlite:///strict.db", "durability": "strict"}}
    async with running({**strict, "routes": ROUTES[3:]}) as server:
        await ask(server, CODE)
        assert await recorded(server) == ["programming"]


def plugin_of(server: Running) -> Thrift:
    plugin = server.gateway.setup.plugins.get("thrift")
    assert plugin is not None
    assert isinstance(plugin.target, Thrift)
    return plugin.target


async def test_what_is_no_prompt_has_no_task() -> None:
    embedded = [{"name": "all", "when": {"task": "*"}, "use": {"models": ["echo/echo"]}}]
    with pytest.raises(ConfigError, match=r"there is no task '\*'"):
        async with running(config(embedded)):
            pass
    async with running(config(sample=1)) as server:
        body = {"model": "echo/echo", "input": "translate this"}
        assert (await server.client.post("/v1/embeddings", json=body)).status_code == 200
        assert await recorded(server) == [None]


async def test_explain_tells_what_a_rule_saw(tmp_path: Path) -> None:
    text = json.dumps(config())
    setup = assemble(read_text(text, name="proxy.yaml", env={}, base=tmp_path), env={})
    async with Gateway.dry(setup) as gateway:
        codec = setup.dialects.get("openai-chat", "chat")
        body = {"model": "auto", "messages": [{"role": "user", "content": POEM}]}
        exchange, error = await dry_exchange(gateway, codec, json.dumps(body).encode())
    assert error is None
    values = exchange.record()["values"]
    assert values["task"] == "writing"
    assert 0.8 <= values["task.confidence"] <= 1


async def test_weights_of_an_operator_are_taken_and_checked(tmp_path: Path) -> None:
    own = tmp_path / "own.bin"
    save(Model({}, 1.0), own)
    async with running(config(weights="own.bin"), folder=tmp_path) as server:
        assert await ask(server, CODE) == "rest"
        (tmp_path / "bad.bin").write_bytes(b"something else")
        with pytest.raises(StartupError, match=r"bad\.bin has no weights of tasks in it"):
            await server.reload(config(weights="bad.bin"))
        assert await ask(server, CODE) == "rest"
        await server.reload(config())
        assert await ask(server, CODE) == "code"
    with pytest.raises(ConfigError, match=r"none\.bin"):
        async with running(config(weights="none.bin"), folder=tmp_path):
            pass


async def test_a_task_that_is_misspelt_in_a_rule_is_told() -> None:
    routes = [{"name": "x", "when": {"task": "progamming"}, "use": {"models": ["echo/echo"]}}]
    with pytest.raises(ConfigError, match="did you mean 'programming'"):
        async with running(config(routes)):
            pass

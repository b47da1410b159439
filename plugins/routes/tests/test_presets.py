"""Presets, over real sockets: what of them the providers get to see, in every dialect and lane."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pointsman.config import ConfigError
from pointsman.testing import FakeProvider, Received, Running, Script, running

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "large",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
TURN = {"role": "user", "content": "Hello"}
TOLD = {"role": "system", "content": "Be brief."}
PRESETS = """
presets:
  brief:
    models: [acme/large, acme/small]
    params: {temperature: 0.25, max_tokens: 77, seed: 5}
    system: Be brief.
    preferences: {order: [spare]}
    cache: true
  hot: {params: {temperature: 1.5}}
"""
NOBODY = "@preset/brief"
CHAT = "/v1/chat/completions"
GEMINI = "/v1beta/models/{model}:generateContent"
ASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": (CHAT, {"messages": [TURN]}),
    "responses": ("/v1/responses", {"input": "Hello"}),
    "messages": ("/v1/messages", {"messages": [TURN]}),
    "gemini": (GEMINI, {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}),
}
"""A request in each dialect, but for its model."""


@asynccontextmanager
async def served(more: str = PRESETS) -> AsyncIterator[tuple[Running, list[Received]]]:
    """A server in front of two providers, which fail for the model `bad`, and what they get."""
    fails = Script.json({"error": {"message": "no"}}, status=500)

    def play(received: Received) -> Script:
        return fails if received.json["model"] == "bad" else Script.json(ANSWER)

    async with FakeProvider(play) as fake:
        config = f"""
auth: keys
admin_key: pm-root
keys: [{{name: small, key_hash: {HASH}, models: [acme/small]}}]
providers:
  lab: {{base_url: "{fake.url}", dialects: [openai-chat]}}
  spare: {{base_url: "{fake.url}", dialects: [openai-chat]}}
models:
  acme/large: {{endpoints: [{{endpoint: lab/large, params: {{temperature: 0.5, top_p: 0.5}}}}, spare/large]}}
  acme/small: {{endpoints: [lab/small]}}
  acme/bad: {{endpoints: [lab/bad]}}
{more}
"""
        async with running(config, key="pm-root") as server:
            yield server, fake.requests


HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
"""Of the key `test`."""


async def ask(server: Running, dialect: str, model: str = NOBODY, **more: Any) -> Any:
    path, body = ASKS[dialect]
    asked = {**body, **more} if dialect == "gemini" else {"model": model, **body, **more}
    return await server.client.post(path.format(model=model), json=asked)


@pytest.mark.parametrize("dialect", [*ASKS])
async def test_all_of_a_preset_reaches_the_provider(dialect: str) -> None:
    async with served() as (server, requests):
        answer = await ask(server, dialect)
        assert answer.status_code == 200, answer.text
    (got,) = requests
    assert got.json["model"] == "large"
    assert answer.headers["x-pointsman-provider"] == "spare"
    assert (got.json["temperature"], got.json["seed"]) == (0.25, 5)
    assert got.json.get("max_tokens", got.json.get("max_completion_tokens")) == 77
    assert got.json["messages"][0] == TOLD
    assert got.json["messages"][1]["role"] == "user"
    assert not {"preset", "models", "provider"} & got.json.keys()


@pytest.mark.parametrize("dialect", [*ASKS])
async def test_what_a_request_says_counts_before_it(dialect: str) -> None:
    own: dict[str, dict[str, Any]] = {
        "chat": {"temperature": 0, "max_completion_tokens": 9, "messages": [{**TOLD, "content": "x"}, TURN]},
        "responses": {"temperature": 0, "max_output_tokens": 16, "instructions": "x"},
        "messages": {"temperature": 0, "max_tokens": 9, "system": "x"},
        "gemini": {
            "generationConfig": {"temperature": 0, "maxOutputTokens": 9},
            "system_instruction": {"parts": [{"text": "x"}]},
        },
    }
    async with served() as (server, requests):
        answer = await ask(server, dialect, **own[dialect], provider={"order": ["lab"]})
        assert answer.status_code == 200, answer.text
    (got,) = requests
    limits = [got.json[name] for name in ("max_tokens", "max_completion_tokens") if name in got.json]
    assert limits in ([9], [16])
    assert (got.json["temperature"], got.json["messages"][0]["content"]) == (0, "x")
    assert got.json["seed"] == 5
    assert answer.headers["x-pointsman-provider"] == "lab"
    assert got.json["top_p"] == 0.5, "the endpoint's own default"


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
@pytest.mark.parametrize(
    "asked",
    [
        {"model": "acme/small@preset/brief"},
        {"model": "acme/small", "preset": "brief"},
        {"model": "acme/small", "preset": "@preset/brief"},
        {"model": "acme/small@preset/brief", "preset": "brief"},
    ],
    ids=str,
)
async def test_a_request_may_name_its_own_model(dialect: str, asked: dict[str, Any]) -> None:
    async with served() as (server, requests):
        answer = await ask(server, dialect, **asked)
        assert answer.status_code == 200, answer.text
        assert [each.json["model"] for each in requests] == ["small"]
        assert requests[0].json["temperature"] == 0.25


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
async def test_the_member_alone_says_it_all(dialect: str) -> None:
    path, body = ASKS[dialect]
    async with served() as (server, requests):
        answer = await server.client.post(path, json={**body, "preset": "brief"})
        assert answer.status_code == 200, answer.text
        assert requests[0].json["model"] == "large"


async def test_its_models_are_tried_in_order_and_those_of_a_request_in_place_of_its_others() -> None:
    two = "presets: {two: {models: [acme/bad, acme/small]}}"
    async with served(two) as (server, requests):
        assert (await ask(server, "chat", "@preset/two")).headers["x-pointsman-model"] == "acme/small"
        assert [each.json["model"] for each in requests] == ["bad", "small"]
        answer = await ask(server, "chat", "@preset/two", models=["acme/large"])
        assert answer.headers["x-pointsman-model"] == "acme/large"


async def test_rules_see_the_model_and_stay_a_ceiling() -> None:
    rules = """
routes:
  - {name: kept, when: {preset: brief, model: "acme/*"}, use: {preferences: {only: [lab]}, cache: false}}
"""
    async with served(PRESETS + rules) as (server, _):
        answer = await ask(server, "chat")
        assert answer.headers["x-pointsman-provider"] == "lab"
        assert answer.headers["x-pointsman-route"] == "kept"
        assert "x-pointsman-cache" not in answer.headers
        assert (await ask(server, "chat", provider={"only": ["spare"]})).status_code == 404


async def test_answers_are_kept_where_it_says_so_and_told_apart_by_it() -> None:
    async with served() as (server, requests):
        found = [(await ask(server, "chat")).headers.get("x-pointsman-cache") for _ in range(2)]
        assert found == ["miss", "hit"]
        assert "x-pointsman-cache" not in (await ask(server, "chat", "acme/large@preset/hot")).headers
        headers = {"x-openrouter-cache": "true"}
        for model in ("acme/small", "acme/small@preset/hot"):
            body = {"model": model, "messages": [TURN]}
            answer = await server.client.post(CHAT, json=body, headers=headers)
            assert answer.headers["x-pointsman-cache"] == "miss", model
        assert len(requests) == 4


async def test_a_key_gets_no_further_by_it() -> None:
    async with served() as (server, requests):
        headers = {"authorization": "Bearer test"}
        for model, status in ((NOBODY, 200), ("acme/large@preset/brief", 403)):
            body = {"model": model, "messages": [TURN]}
            answer = await server.client.post(CHAT, json=body, headers=headers)
            assert answer.status_code == status, answer.text
        assert [each.json["model"] for each in requests] == ["small"]


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ({"model": "@preset/breif"}, 404, "there is no preset 'breif'; did you mean brief?"),
        ({"model": "acme/large", "preset": "none"}, 404, "there is no preset 'none'"),
        ({"model": "@preset/"}, 400, "must be followed by the name of a preset"),
        ({"model": "@preset/brief", "preset": "hot"}, 400, "`model` asks for preset 'brief'"),
        ({"model": "@preset/hot"}, 400, "preset 'hot' names no model"),
        ({"preset": 3, "model": "acme/large"}, 400, "`preset` must be the name of a preset"),
    ],
)
async def test_what_is_wrong_is_told(asked: dict[str, Any], status: int, words: str) -> None:
    async with served() as (server, requests):
        answer = await server.client.post(CHAT, json={"messages": [TURN], **asked})
        assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True), answer.text
        assert not requests


async def test_a_request_without_any_is_one_like_all() -> None:
    async with served() as (server, requests):
        answer = await ask(server, "chat", "acme/small", preset=None)
        assert answer.status_code == 200
        assert requests[0].json["messages"] == [TURN]


async def test_instructions_have_no_place_on_other_surfaces_and_that_is_told() -> None:
    async with served() as (server, _):
        answer = await server.client.post("/v1/completions", json={"model": NOBODY, "prompt": "Hello"})
        assert answer.headers["x-pointsman-lost"] == "preset.system"


async def test_the_record_tells_what_was_asked_for() -> None:
    async with served() as (server, _):
        body, headers = {"model": NOBODY, "messages": [TURN]}, {"x-pointsman-explain": "true"}
        await server.client.post(CHAT, json=body, headers=headers)
        (row,) = await server.rows("decisions")
    record = row["record"]
    assert (record["requested"], record["values"]["preset"]) == (NOBODY, "brief")
    assert record["models"] == ["acme/large", "acme/small"]


@pytest.mark.parametrize("dialect", [*ASKS])
async def test_empty_instructions_are_none(dialect: str) -> None:
    async with served("presets: {x: {models: [acme/large], system: ''}}") as (server, requests):
        assert (await ask(server, dialect, "@preset/x")).status_code == 200
    (got,) = requests
    assert [each["role"] for each in got.json["messages"]] == ["user"]


async def test_what_is_no_parameter_is_told_where_it_stands() -> None:
    with pytest.raises(ConfigError) as caught:
        async with served("presets:\n  x:\n    params:\n      seed: 5\n      stream: true\n"):
            pass
    (problem,) = caught.value.problems
    assert problem.source_line.strip() == "stream: true"


@pytest.mark.parametrize(
    ("presets", "words"),
    [
        ("{x: {models: [acme/lagre]}}", "preset 'x' names model 'acme/lagre', which no provider has"),
        ("{x: {models: ['~acme/none-latest']}}", "which no provider has"),
        ("{x: {params: {messages: []}}}", "`messages` is no parameter"),
        ("{x: {param: {}}}", "did you mean `params`"),
    ],
)
async def test_mistakes_are_told_at_their_place(presets: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        async with served(f"presets: {presets}"):
            pass
    (problem,) = caught.value.problems
    assert words in f"{problem.message} {problem.hint}"
    assert problem.line == 12


LANES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "chat": ("openai-chat", ANSWER, {"max_tokens": 77, "temperature": 0.25, "messages": [TOLD, TURN]}),
    "responses": (
        "openai-responses",
        {"id": "r", "object": "response", "status": "completed", "model": "m", "output": []},
        {"max_output_tokens": 77, "temperature": 0.25, "instructions": "Be brief."},
    ),
    "messages": (
        "anthropic-messages",
        {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [{"type": "text", "text": "Hi"}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 3, "output_tokens": 1},
        },
        {"max_tokens": 77, "temperature": 0.25, "system": "Be brief."},
    ),
    "gemini": (
        "gemini",
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]},
        {
            "generationConfig": {"maxOutputTokens": 77, "temperature": 0.25, "seed": 5},
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
        },
    ),
}
"""By dialect: what a provider is called that speaks it, what it answers, and what it is to get."""


@pytest.mark.parametrize("dialect", [*ASKS])
async def test_providers_of_the_clients_own_dialect_get_it_in_their_words(dialect: str) -> None:
    spoken, answered, expected = LANES[dialect]
    async with FakeProvider(Script.json(answered)) as fake:
        config = f"""
providers: {{lab: {{base_url: "{fake.url}", dialects: [{spoken}]}}}}
models: {{acme/large: {{endpoints: [lab/large]}}}}
presets:
  brief:
    models: [acme/large]
    system: Be brief.
    params: {{temperature: 0.25, max_tokens: 77, seed: 5}}
"""
        async with running(config) as server:
            answer = await ask(server, dialect)
            assert answer.status_code == 200, answer.text
        (got,) = fake.requests
    assert {name: got.json.get(name) for name in expected} == expected

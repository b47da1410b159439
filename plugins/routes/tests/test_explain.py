"""The command: dry runs that decide as the server does, records from the ledger, and clear refusals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from pointsman.gateway import Gateway
from pointsman_routes.explain import explain

Config = Callable[..., Path]
Serve = Callable[..., AbstractAsyncContextManager[tuple[Gateway, httpx.AsyncClient]]]

RULES = """
explain: {sample: 1}
routes:
  - {name: night, when: {key: "nightly-*"}, use: {models: [acme/tiny]}}
  - {name: streams, when: {stream: true}, use: {models: [big]}}
  - {name: rest, use: {fallbacks: [big]}}
"""
OUTCOMES = ("id", "at", "timings", "outcomes")


def run(config: Path, *arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(explain, ["--config", str(config), *arguments], input=text)


def decided(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in OUTCOMES}


def test_a_dry_run_tells_rules_candidates_and_choice(config: Config) -> None:
    result = run(config(RULES), "--model", "fast", "--at", "2026-11-28T03:00+01:00")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "request: model fast",
        "         chat in openai-chat by admin, at 2026-11-28 02:00Z",
        "         about 10 tokens, and 500 back",
        "rules:",
        '  no   night (proxy.yaml:4): key is "admin", expected "nightly-*"',
        "  no   streams (proxy.yaml:5): stream is false, expected true",
        "  yes  rest (proxy.yaml:6)",
        "route: rest",
        "models: fast, big",
        "candidates:",
        "      endpoint     model       lane   price now",
        "  1.  lab/small    acme/small  bytes    unknown",
        "  2.  lab/large    acme/large  bytes   $0.01402",
        "  3.  spare/large  acme/large  bytes   $0.00451",
        "why:",
        "  1. 1st choice: model fast, endpoint 1 of 1",
        "  2. 2nd choice: model big, endpoint 1 of 2",
        "  3. 2nd choice: model big, endpoint 2 of 2",
        "excluded: none",
        "choice: lab/small",
        "fallbacks: lab/large, spare/large",
    ]


def test_a_dry_run_leaves_no_ledger_behind(config: Config, tmp_path: Path) -> None:
    assert run(config(RULES), "--model", "fast").exit_code == 0
    assert not list(tmp_path.glob("*.db*"))


def test_json_of_a_dry_run_equals_the_record_of_the_same_request_sent(config: Config, serve: Serve) -> None:
    body = {"model": "nowhere", "models": ["fast"], "messages": [{"role": "user", "content": "Hi"}]}

    async def send() -> dict[str, Any]:
        async with serve(RULES) as (gateway, client):
            answer = await client.post("/v1/chat/completions", json=body, headers={"x-api-key": "admin"})
            await gateway.ledger.flush()
            path = f"/v1/decisions/{answer.headers['x-generation-id']}"
            record: dict[str, Any] = (await client.get(path, headers={"x-api-key": "admin"})).json()
            return record

    sent = asyncio.run(send())
    text = json.dumps(body, separators=(",", ":"))  # to the byte as it was sent: prices go by the length
    result = run(config(RULES), "--body", "-", "--json", text=text)
    explained = json.loads(result.output)
    assert decided(explained) == decided(sent)
    assert explained.keys() == sent.keys()
    assert explained["outcomes"]["attempts"] == []
    assert explained["excluded"] == [{"endpoint": "nowhere", "by": "routes", "why": "no such model"}]


def test_a_body_is_read_from_a_file_and_the_model_may_be_replaced(config: Config, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text('{"model": "fast", "stream": true, "messages": [{"role": "user", "content": "Hi"}]}')
    record = json.loads(run(config(RULES), "--body", str(file), "--model", "acme/tiny", "--json").output)
    assert (record["requested"], record["rule"]) == ("acme/tiny", "streams")


@pytest.mark.parametrize("surface", ["chat", "completions", "embeddings"])
def test_the_smallest_request_is_made_for_each_surface(config: Config, surface: str) -> None:
    result = run(config(), "--model", "fast", "--surface", surface, "--json")
    assert json.loads(result.output)["choice"] == "lab/small"


def test_a_seed_is_put_on_record(config: Config) -> None:
    result = run(config(), "--model", "fast", "--seed", "7")
    assert "seed: 7" in result.output
    assert json.loads(run(config(), "--model", "fast", "--seed", "7", "--json").output)["seed"] == 7


def test_an_excluded_endpoint_is_told_with_plugin_and_reason(config: Config) -> None:
    body = '{"model": "nowhere", "models": ["fast"], "messages": [{"role": "user", "content": "Hi"}]}'
    result = run(config(), "--body", "-", text=body)
    assert "excluded:\n  nowhere by routes: no such model\n" in result.output


def test_a_key_is_asked_for_by_its_name_and_decides_as_that_key(config: Config) -> None:
    sections = (
        f"keys: [{{name: nightly-1, key_hash: {'ab' * 32}, tags: [batch]}}]\n"
        "routes: [{name: night, when: {key: nightly-*, key.tags: {all: [batch]}}, use: {models: [big]}}]\n"
    )
    record = json.loads(run(config(sections), "--model", "fast", "--key", "nightly-1", "--json").output)
    assert (record["rule"], record["choice"]) == ("night", "lab/large")
    assert record["values"] == {"key": "nightly-1", "key.tags": ["batch"]}
    wrong = run(config(sections), "--model", "fast", "--key", "nightly-2")
    assert wrong.exit_code == 1
    assert "there is no key 'nightly-2'; did you mean 'nightly-1'?" in wrong.stderr


def test_a_key_is_refused_where_there_is_none(config: Config) -> None:
    result = run(config(), "--model", "fast", "--key", "alice")
    assert result.exit_code == 1
    assert "there is no key 'alice'; list it under `keys:`" in result.stderr


def test_a_header_is_part_of_the_request(config: Config) -> None:
    rules = "routes: [{name: bulk, when: {headers: {x-job: bulk}}, use: {models: [big]}}]\n"
    record = json.loads(run(config(rules), "--model", "fast", "--header", "X-Job: bulk", "--json").output)
    assert (record["rule"], record["values"]) == ("bulk", {"headers.x-job": "bulk"})
    wrong = run(config(rules), "--model", "fast", "--header", "x-job")
    assert wrong.exit_code == 2
    assert "a header is NAME:VALUE" in wrong.output


def test_a_request_is_decided_as_at_the_time_of_a_record(config: Config, serve: Serve) -> None:
    rules = (
        "explain: {sample: 1}\n"
        'routes: [{name: dawn, when: {time: "00:00-12:00 UTC"}, use: {models: [big]}}, {name: late}]\n'
    )

    async def send() -> dict[str, Any]:
        async with serve(rules) as (gateway, client):
            body = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]}
            answer = await client.post("/v1/chat/completions", json=body, headers={"x-api-key": "alice"})
            await gateway.ledger.flush()
            path = f"/v1/decisions/{answer.headers['x-generation-id']}"
            record: dict[str, Any] = (await client.get(path, headers={"x-api-key": "root"})).json()
            return record

    kept = asyncio.run(send())
    record = json.loads(run(config(rules), "--model", "fast", "--like", kept["id"], "--json").output)
    assert (record["at"], record["rule"], record["values"]) == (kept["at"], kept["rule"], kept["values"])
    other = run(config(rules), "--model", "fast", "--like", kept["id"], "--at", "2026-11-28T03:00Z", "--json")
    assert json.loads(other.output)["rule"] == "dawn", "what is given counts"
    assert "no decision record of 'gen-0'" in run(config(rules), "--model", "fast", "--like", "gen-0").stderr


def test_without_authentication_the_request_is_anybodys(config: Config) -> None:
    sections = "auth: none\nroutes: [{name: open, when: {key: anonymous}}]\n"
    assert json.loads(run(config(sections), "--model", "fast", "--json").output)["rule"] == "open"


def test_a_request_that_nobody_can_answer_ends_with_its_exclusions_and_exit_status_1(config: Config) -> None:
    result = run(config(), "--model", "shut/any")
    assert result.exit_code == 1
    assert "excluded:\n  shut/any by core: is closed\nchoice: none\n" in result.stdout
    assert "no endpoint can answer for model 'shut/any'" in result.stderr


def test_an_unknown_model_ends_with_its_rules_a_message_and_exit_status_1(config: Config) -> None:
    result = run(config("routes: [{name: x, when: {stream: true}}]\n"), "--model", "acme/smal")
    assert result.exit_code == 1
    assert "no   x (proxy.yaml:1): stream is false, expected true" in result.stdout
    assert "Error: there is no model 'acme/smal'; did you mean " in result.stderr


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "must be a JSON object"),
        ('{"messages": []}', "model"),
        ('{"model": "fast", "messages": ' + "[" * 70 + "]" * 70 + "}", "nests deeper"),
    ],
)
def test_a_wrong_body_ends_with_the_words_a_client_would_get(config: Config, body: str, message: str) -> None:
    result = run(config(), "--body", "-", text=body)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert message in result.stderr


def test_a_wrong_body_is_told_when_its_model_is_to_be_replaced(config: Config) -> None:
    result = run(config(), "--body", "-", "--model", "fast", text="[]")
    assert result.exit_code == 1
    assert "--body: the body must be a JSON object" in result.stderr


@pytest.mark.parametrize("arguments", [["--surface", "songs"], ["--dialect", "esperanto"]])
def test_an_unknown_surface_or_dialect_is_told_with_what_is_served(
    config: Config, arguments: list[str]
) -> None:
    result = run(config(), "--model", "fast", *arguments)
    assert result.exit_code == 1
    assert "is not served; served are: chat in openai-chat" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["gen-1", "--model", "fast"], ["gen-1", "--body", "-"]])
def test_it_must_be_said_what_to_explain(config: Config, arguments: list[str]) -> None:
    result = run(config(), *arguments)
    assert result.exit_code == 2
    assert "either a GENERATION_ID, or --model or --body" in result.stderr


def test_a_record_that_was_kept_is_printed_with_its_attempts(config: Config, serve: Serve) -> None:
    async def send() -> str:
        async with serve(RULES) as (_, client):
            body = {"model": "acme/broken", "messages": [{"role": "user", "content": "Hi"}]}
            answer = await client.post("/v1/chat/completions", json=body, headers={"x-api-key": "alice"})
            return answer.headers["x-generation-id"]

    generation_id = asyncio.run(send())
    text = run(config(RULES), generation_id).output
    assert "attempts:\n  lab/broken: provider_unavailable: the lab is closed\n  lab/large: answered\n" in text
    assert json.loads(run(config(RULES), generation_id, "--json").output)["id"] == generation_id
    missing = run(config(RULES), "gen-0")
    assert missing.exit_code == 1
    assert "no decision record of 'gen-0'" in missing.stderr


def test_a_dry_run_may_be_of_another_moment(config: Config) -> None:
    rules = 'routes: [{name: night, when: {time: "22:00-06:00 Europe/Paris"}, use: {models: [big]}}]\n'
    night = run(config(rules), "--model", "fast", "--at", "2026-11-28T03:00+01:00")
    assert "  yes  night (proxy.yaml:1)" in night.output
    noon = run(config(rules), "--model", "fast", "--at", "2026-11-28T12:00Z")
    assert (
        '  no   night (proxy.yaml:1): time is "Sat 2026-11-28 13:00 Europe/Paris", '
        'expected "22:00-06:00 Europe/Paris"'
    ) in noon.output
    record = json.loads(run(config(rules), "--model", "fast", "--at", "2026-11-28T12:00Z", "--json").output)
    assert record["at"] == "2026-11-28T12:00:00+00:00"
    assert record["values"] == {"time": "Sat 2026-11-28 12:00 UTC"}
    wrong = run(config(rules), "--model", "fast", "--at", "noon")
    assert wrong.exit_code == 2
    assert "'noon' is not a moment" in wrong.output

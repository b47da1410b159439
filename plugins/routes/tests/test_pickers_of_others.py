"""A picker and a variable of somebody else's plugin: the best endpoint for what a request is about."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.config import json_schema, read_text
from pointsman.errors import ConfigError, PluginError
from pointsman.setup import assemble
from pointsman.testing import Running, running

PLUGIN = """
from pointsman import hookimpl

POINTSMAN_API = 1
SCORES = {"sums": {"echo/slow": 0.9, "echo/echo": 0.4}, "verses": {"echo/echo": 0.8, "echo/slow": 0.2}}

def subject(exchange):
    return "sums" if b"+" in exchange.request.raw else "verses"

def best(exchange, candidates):
    about = subject(exchange)
    scores = {each.endpoint.id: SCORES[about].get(each.endpoint.id, 0.0) for each in candidates}
    for each in candidates:
        each.reasons.append(f"best-for-subject: {scores[each.endpoint.id]:g} for {about}")
    return sorted(candidates, key=lambda each: -scores[each.endpoint.id])

@hookimpl
def register_routing(register):
    register("best-for-subject", best, help="the best for what a request is about first")
    register.variable("subject", str, subject, help="What a request is about.", few=True)
"""
RULES = """
  - {name: reckoning, when: {subject: sums}, use: {models: [acme/both], pick: best-for-subject}}
  - {name: rest, use: {models: [acme/both], pick: best-for-subject}}
"""


def config(rules: str) -> str:
    return f"""
auth: none
plugins: {{./subjects.py: {{}}}}
models: {{acme/both: {{aliases: [auto], endpoints: [echo/echo, echo/slow]}}}}
routes: {rules}
"""


def body(text: str) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": "user", "content": text}]}


@asynccontextmanager
async def serving(folder: Path, plugin: str = PLUGIN, rules: str = RULES) -> AsyncIterator[Running]:
    (folder / "subjects.py").write_text(plugin)
    async with running(config(rules), folder=folder) as served:
        yield served


async def ask(served: Running, text: str) -> tuple[httpx.Response, dict[str, Any]]:
    """The answer and its decision record."""
    answer = await served.client.post(
        "/v1/chat/completions", json=body(text), headers={"x-pointsman-explain": "true"}
    )
    await served.gateway.ledger.flush()
    identity = answer.headers["x-generation-id"]
    return answer, (await served.client.get(f"/v1/decisions/{identity}")).json()


@pytest.mark.parametrize(
    ("text", "rule", "order", "score"),
    [
        ("1 + 1", "reckoning", ["echo/slow", "echo/echo"], "0.9 for sums"),
        ("a rose", "rest", ["echo/echo", "echo/slow"], "0.8 for verses"),
    ],
)
async def test_it_picks_by_what_a_request_is_about_and_says_why(
    tmp_path: Path, text: str, rule: str, order: list[str], score: str
) -> None:
    async with serving(tmp_path) as served:
        answer, record = await ask(served, text)
        assert answer.status_code == 200
        assert answer.headers["x-pointsman-route"] == rule
        assert [each["endpoint"] for each in record["candidates"]] == order
        assert record["candidates"][0]["reasons"][-1] == f"best-for-subject: {score}"
        assert record["values"]["subject"] in score


@pytest.mark.parametrize(
    ("rules", "told", "hint"),
    [
        ("[{name: a, when: {subject: {any: [sums]}}}]", "subject", "a string"),
        ("[{name: a, when: {subjct: sums}}]", "subjct", "subject"),
        ("[{name: a, use: {pick: best-for-subjects}}]", "best-for-subjects", "best-for-subject"),
    ],
)
async def test_what_a_rule_says_of_it_is_checked(tmp_path: Path, rules: str, told: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        async with serving(tmp_path, rules=rules):
            pass
    assert "proxy.yaml:" in str(caught.value)
    assert told in str(caught.value)
    assert hint in str(caught.value)


def test_the_schema_knows_the_variable(tmp_path: Path) -> None:
    (tmp_path / "subjects.py").write_text(PLUGIN)
    setup = assemble(read_text(config(RULES), name="proxy.yaml", env={}, base=tmp_path), env={})
    schema = json.dumps(json_schema(setup.schema))
    assert '"subject"' in schema
    assert "What a request is about." in schema


@pytest.mark.parametrize(
    "picked",
    ["candidates[:1]", "[candidates[0]] * len(candidates)", "1 / 0", "None"],
    ids=["drops one", "names one twice", "raises", "forgets to answer"],
)
async def test_one_that_is_at_fault_is_named_and_loses_no_endpoint(
    tmp_path: Path, picked: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = PLUGIN.replace("return sorted(candidates, key=lambda each: -scores[each.endpoint.id])", picked)
    wrong = wrong.replace(f"\n    {picked}\n", f"\n    return {picked}\n")
    async with serving(tmp_path, wrong) as served:
        answer = await served.client.post("/v1/chat/completions", json=body("1 + 1"))
        assert answer.status_code == 500
        assert "subjects" not in answer.text
    assert "plugin 'subjects' failed in pick 'best-for-subject'" in caplog.text


@pytest.mark.parametrize(
    ("function", "what"), [("best", "pick 'best-for-subject'"), ("subject", "variable 'subject'")]
)
async def test_one_that_would_have_requests_wait_is_refused(tmp_path: Path, function: str, what: str) -> None:
    waiting = PLUGIN.replace(f"def {function}(", f"async def {function}(")
    with pytest.raises(PluginError, match=f"{what}: it may not be `async def`"):
        async with serving(tmp_path, waiting):
            pass

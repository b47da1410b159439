"""The command: two configurations, the records of requests that were really sent, and where they would go."""

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
from pointsman_routes.changes import Change
from pointsman_routes.diff import Moves, as_text, diff

Config = Callable[..., Path]
Serve = Callable[..., AbstractAsyncContextManager[tuple[Gateway, httpx.AsyncClient]]]

KEYS = f"keys: [{{name: alice, key_hash: {'ab' * 32}}}, {{name: bob, key_hash: {'cd' * 32}}}]\n"
OLD = f"""explain: {{sample: 1}}
{KEYS}
routes:
  - {{name: bulk, when: {{headers: {{x-job: bulk}}}}, use: {{models: [acme/tiny]}}}}
  - {{name: rest, use: {{fallbacks: [big]}}}}
"""


def ask(serve: Serve, sections: str, *requests: tuple[str, str, dict[str, str]]) -> None:
    """Send requests: model, key and headers of each."""

    async def send() -> None:
        async with serve(sections) as (gateway, client):
            for model, key, headers in requests:
                body = {"model": model, "messages": [{"role": "user", "content": "Hello there"}]}
                await client.post("/v1/chat/completions", json=body, headers={"x-api-key": key, **headers})
            await gateway.ledger.flush()

    asyncio.run(send())


def compared(config: Config, old: str, new: str, *arguments: str) -> Result:
    second = config(new)
    second.rename(second.with_name("new.yaml"))
    first = config(old)
    return CliRunner().invoke(diff, [str(first), str(second.with_name("new.yaml")), *arguments])


def test_nothing_changes(config: Config, serve: Serve) -> None:
    ask(serve, OLD, ("fast", "alice", {}), ("fast", "bob", {"x-job": "bulk"}), ("nowhere", "alice", {}))
    result = compared(config, OLD, OLD)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "the configurations send requests to the same places",
        "",
        "0 of 3 recorded requests would go elsewhere",
    ]


def test_requests_that_would_go_elsewhere_are_grouped_counted_and_priced(
    config: Config, serve: Serve
) -> None:
    ask(serve, OLD, *[("big", "alice", {})] * 3, ("fast", "alice", {}), ("big", "bob", {"x-job": "bulk"}))
    new = OLD.replace("use: {fallbacks: [big]}", "use: {models: [acme/tiny]}")
    result = compared(config, OLD, new, "--json")
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert found["changes"] == [
        {
            "what": "rule",
            "name": "rest",
            "change": "changed",
            "detail": "models [] → [acme/tiny], fallbacks [big] → []",
            "at": "new.yaml:6",
        }
    ]
    assert found["requests"] == {
        "total": 5,
        "same": 1,
        "other_fallbacks": 0,
        "elsewhere": 4,
        "not_replayed": 0,
        "why_not": {},
    }
    first, second = found["groups"]
    assert first["example"].startswith("gen-")
    assert (first["count"], first["priced"]) == (3, 3)
    assert first["old"] == {"rule": "rest", "models": ["big"], "endpoint": "lab/large", "refused": None}
    assert first["new"]["endpoint"] == "spare/large"
    each = 12 * 2000 + 3 * 8000 + 10_000_000
    assert (first["old_nano"], first["new_nano"]) == (3 * each, 3 * (12 * 1000 + 3 * 9000))
    assert (second["count"], second["priced"], second["old_nano"]) == (1, 0, None), "unknown is not nothing"


def test_the_text_says_what_moves_and_what_could_not_be_replayed(config: Config, serve: Serve) -> None:
    ask(serve, OLD, ("big", "alice", {}), ("big", "bob", {}), ("fast", "alice", {}))
    new = OLD.replace(f", {{name: bob, key_hash: {'cd' * 32}}}", "").replace(
        "  - {name: rest",
        "  - {name: large, when: {model: big}, use: {models: [acme/tiny, fast]}}\n  - {name: rest",
    )
    lines = compared(config, OLD, new).output.splitlines()
    assert lines[:2] == ["+ rule large (new.yaml:6)", "- key bob"]
    assert "1 of 3 recorded requests would go elsewhere; 1 could not be replayed" in lines
    assert "  1 not replayed: NEW does not have its key" in lines
    row = next(line for line in lines if line.startswith("rest"))
    assert row.split()[:7] == ["rest", "large", "big", "acme/tiny,", "fast", "lab/large", "spare/large"]
    assert lines[-1].startswith("at list prices 1 of those cost $0.010048, and $0.000039 then")


def test_values_that_the_old_rules_asked_for_are_kept_though_no_rule_looked_at_them(
    config: Config, serve: Serve
) -> None:
    asks_later = OLD.replace(
        "  - {name: rest",
        "  - {name: late, when: {metadata: {job: x}, app: y}, use: {models: [big]}}\n  - {name: rest",
    ).replace(", app: y", "")
    ask(serve, asks_later, ("fast", "alice", {"x-job": "bulk"}))
    new = asks_later.replace("headers: {x-job: bulk}", "metadata: {job: nobody}")
    found = json.loads(compared(config, asks_later, new, "--json").output)
    assert found["requests"]["not_replayed"] == 0
    assert found["groups"][0]["new"]["rule"] == "rest"


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("{user: ann}", "a rule of NEW asks for `user`, which was not kept"),
        ("{headers: {x-team: a}}", "a rule of NEW asks for `headers.x-team`, which was not kept"),
    ],
)
def test_a_rule_that_asks_for_what_was_not_kept_is_not_guessed_at(
    config: Config, serve: Serve, when: str, why: str
) -> None:
    ask(serve, OLD, ("fast", "alice", {}), ("fast", "alice", {"x-job": "bulk"}))
    new = OLD.replace("  - {name: rest", f"  - {{name: mine, when: {when}}}\n  - {{name: rest")
    found = json.loads(compared(config, OLD, new, "--json").output)
    assert found["requests"]["why_not"] == {why: 1}, "the other one goes by an earlier rule"


def test_records_of_another_configuration_are_not_taken_for_its_own(config: Config, serve: Serve) -> None:
    ask(serve, OLD, ("fast", "alice", {}))
    other = OLD.replace("name: rest", "name: others")
    found = json.loads(compared(config, other, other, "--json").output)
    assert found["requests"]["why_not"] == {
        "OLD decides otherwise than was decided then: it has changed since": 1
    }


def test_which_records_are_replayed_can_be_said(config: Config, serve: Serve) -> None:
    ask(serve, OLD, ("fast", "alice", {}), ("fast", "alice", {}))

    def total(*arguments: str) -> int:
        found: int = json.loads(compared(config, OLD, OLD, "--json", *arguments).output)["requests"]["total"]
        return found

    assert total() == 2
    assert total("--limit", "1") == 1
    assert total("--since", "2999-01-01") == 0
    assert total("--since", "2020-01-01") == 2
    assert total("--ledger", "sqlite:///pointsman.db") == 2


def test_without_records_the_files_are_compared(config: Config, tmp_path: Path) -> None:
    result = compared(config, OLD, OLD.replace("name: bulk", "name: jobs"))
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "- rule bulk (proxy.yaml:5)",
        "+ rule jobs (new.yaml:5)",
        "",
        "no recorded requests to replay: records are kept as `explain: {sample}` says",
    ]
    assert not list(tmp_path.glob("*.db*"))


@pytest.mark.parametrize(
    ("new", "arguments", "why"),
    [
        ("routes: [{nam: x}]\n", (), "did you mean"),
        (OLD, ("--ledger", "sqlite:///none.db"), "no ledger at"),
    ],
)
def test_trouble_is_told_with_exit_status_2(
    config: Config, new: str, arguments: tuple[str, ...], why: str
) -> None:
    result = compared(config, OLD, new, *arguments)
    assert result.exit_code == 2
    assert why in result.stderr


def test_a_file_that_is_not_there_is_trouble(config: Config, tmp_path: Path) -> None:
    result = CliRunner().invoke(diff, [str(config(OLD)), str(tmp_path / "nothing.yaml")])
    assert result.exit_code == 2
    assert "NEW: there is no configuration file" in result.stderr


def test_the_records_are_of_requests_not_of_their_content(config: Config, serve: Serve) -> None:
    ask(serve, OLD, ("fast", "alice", {}))
    shown: Any = compared(config, OLD, OLD, "--json").output
    assert "Hello" not in shown


def test_changes_that_are_alike_are_told_in_one_line() -> None:
    dearer = [Change("endpoint", f"lab/{name}", "changed", "prompt $1.00 → $2.00") for name in "abcde"]
    others = [Change("endpoint", "spare/a", "changed", "prompt $1.00 → $2.00")]
    added = [Change("model", f"acme/{name}", "added") for name in "abc"]
    assert as_text([*dearer, *others, *added], Moves()).splitlines()[:5] == [
        "~ endpoint lab/a, lab/b, lab/c and 2 more: prompt $1.00 → $2.00",
        "~ endpoint spare/a: prompt $1.00 → $2.00",
        "+ model acme/a",
        "+ model acme/b",
        "+ model acme/c",
    ]

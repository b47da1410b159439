"""End to end: traffic becomes evidence, evidence becomes choices, and every choice says why."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from pointsman.config import Percent, Usd
from pointsman.errors import ConfigError
from pointsman.testing import FakeProvider, Received, Running, Script, running
from pointsman_thrift import Thrift
from pointsman_thrift.live.engine import Engine
from pointsman_thrift.live.told import order_again

CONFIG = """
auth: none
plugins:
  balance: {{}}
  thrift:
    tasks: {{sample: 1}}
    choice: {{least_labels: {labels}, explore: 0%, {choice}}}
    shadow: {{rate: 100%, judge: judge, usd_per_day: 100}}
  feedback: {{checks: {{sample: 0%}}, signals: {{sample: 0%}}, max_share: 100%}}
providers:
  lab: {{base_url: "{url}", price: {{input: 0.1, output: 0.1}}}}
models:
  acme/large: {{endpoints: [{{endpoint: lab/large, price: {{input: 10, output: 10}}}}]}}
  acme/small: {{endpoints: [{{endpoint: lab/small, price: {{input: 1, output: 1}}}}]}}
  judge: {{endpoints: [lab/judge]}}
routes:
  - {{name: code, when: {{model: coding}}, use: {{models: [acme/large, acme/small], pick: thrift, {use}}}}}
"""
PROMPT = "Write a Python function that adds two numbers.\n```python\ndef add(a, b):"
ENOUGH = 48
"""So many comparisons tell that two models are alike, within the five per cent that may be lost."""
CHEAPER = ("budget", "best")
"""Why the cheaper of two models that are alike answers: it loses little, or is itself the best by a hair."""


class World:
    """A provider whose models answer rightly or not, and whose judge can tell."""

    def __init__(self) -> None:
        self.right = {"large": True, "small": True}
        self.seen: list[dict[str, Any]] = []

    def play(self, received: Received) -> Script:
        body = json.loads(received.body)
        self.seen.append(body)
        if body["model"] == "judge":
            told = body["messages"][1]["content"]
            first, second = told.index("<first answer"), told.index("<second answer")
            points = [9 if "right" in part else 2 for part in (told[first:second], told[second:])]
            text = json.dumps({"first": points[0], "second": points[1]})
        else:
            text = "the right answer" if self.right[body["model"]] else "another answer"
        return Script.json(
            {
                "id": "1",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [
                    {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
                ],
                "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
            }
        )


class Lab:
    """A gateway in front of that world."""

    def __init__(self, served: Running, world: World) -> None:
        self.served = served
        self.world = world

    @property
    def engine(self) -> Engine:
        plugin = self.served.gateway.setup.plugins.get("thrift")
        assert plugin is not None
        assert isinstance(plugin.target, Thrift)
        assert plugin.target.engine is not None
        return plugin.target.engine

    async def ask(self, model: str = "coding", **more: Any) -> httpx.Response:
        headers = more.pop("headers", {})
        body = {"model": model, "messages": [{"role": "user", "content": PROMPT}], **more}
        answer = await self.served.client.post("/v1/chat/completions", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer

    async def learn(self, requests: int, **more: Any) -> list[str]:
        """Send requests, have them compared, and read what is known then; which models answered."""
        answered = []
        for _ in range(requests):
            answered.append((await self.ask(**more)).headers["x-pointsman-model"])
        await self.engine.shadow.work()
        await self.served.gateway.ledger.flush()
        await self.engine.refresh()
        return answered

    async def why(self, **more: Any) -> dict[str, Any]:
        """The decision record of one more request."""
        answer = await self.ask(headers={"x-pointsman-explain": "true"}, **more)
        found: dict[str, Any] = json.loads(answer.headers["x-pointsman-decision"])
        return found


@asynccontextmanager
async def lab(*, choice: str = "", use: str = "", labels: int = 10) -> AsyncIterator[Lab]:
    world = World()
    async with FakeProvider(world.play) as fake:
        config = CONFIG.format(url=fake.url, choice=choice, use=use, labels=labels)
        async with running(config) as served:
            yield Lab(served, world)


def told(record: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in record["health"] if each["by"] == "thrift")
    return found


async def test_a_cheap_model_answers_once_it_has_been_seen_to_be_as_good_and_no_longer_when_it_is_not() -> (
    None
):
    async with lab() as found:
        assert set(await found.learn(ENOUGH)) == {"acme/large"}
        record = await found.why()
        assert record["candidates"][0]["model"] == "acme/small"
        assert told(record)["cause"] in CHEAPER
        assert "may answer" in " ".join(record["candidates"][0]["reasons"])
        assert set(await found.learn(5)) == {"acme/small"}
        found.world.right["small"] = False
        await found.learn(ENOUGH)
        assert set(await found.learn(3)) == {"acme/large"}
        record = await found.why()
        assert told(record)["reference"] == "acme/large"
        small = next(each for each in record["candidates"] if each["model"] == "acme/small")
        assert any("not good enough" in reason for reason in small["reasons"])


async def test_without_labels_enough_a_model_is_only_suggested() -> None:
    async with lab(labels=60) as found:
        assert set(await found.learn(ENOUGH)) == {"acme/large"}
        record = await found.why()
        assert told(record)["model"] == "acme/large"
        assert told(record)["suggestion"] == "acme/small"


async def test_labels_are_paired_judged_blind_in_both_orders_and_seen_by_no_client() -> None:
    async with lab() as found:
        found.world.right["small"] = False
        answer = await found.ask()
        assert answer.json()["choices"][0]["message"]["content"] == "the right answer"
        await found.engine.shadow.work()
        rows = {row["model"]: row for row in await found.served.rows("feedback")}
        assert (rows["acme/large"]["score"], rows["acme/small"]["score"]) == (1.0, 0.0)
        assert (rows["acme/large"]["own_score"], rows["acme/small"]["own_score"]) == (0.9, 0.2)
        assert rows["acme/large"]["pair"] == rows["acme/small"]["pair"]
        assert {row["task"] for row in rows.values()} == {"programming"}
        assert {row["source"] for row in rows.values()} == {"shadow"}
        judged = [body["messages"][1]["content"] for body in found.world.seen if body["model"] == "judge"]
        assert len(judged) == 2
        assert [text.index("the right answer") < text.index("another answer") for text in judged] == [
            True,
            False,
        ]
        assert not any(name in text for text in judged for name in ("acme", "large", "small"))
        inner = [row for row in await found.served.rows("generations") if row["key_id"] == "system"]
        assert [row["model"] for row in inner] == ["acme/small", "judge", "judge"]


async def test_a_day_costs_no_more_than_it_may() -> None:
    async with lab() as found:
        settings = found.engine.shadow._settings
        # a comparison is thought to cost 0.00499 at most, and costs some 0.00014: there is room for one
        found.engine.shadow.use(replace(settings, usd_per_day=Usd.parse("0.0050")))
        await found.learn(5)
        assert len(await found.served.rows("feedback")) == 2


async def test_a_rule_and_the_settings_may_keep_requests_out() -> None:
    async with lab(use="thrift: false, shadow: false") as found:
        await found.learn(3)
        assert await found.served.rows("feedback") == []
        assert told(await found.why())["cause"] == "protected"
    async with lab(choice="protected: [programming]") as found:
        assert set(await found.learn(ENOUGH)) == {"acme/large"}
        assert set(await found.learn(2)) == {"acme/large"}
        assert told(await found.why())["why"] == "the task programming is protected"


async def test_a_tools_result_goes_to_the_model_that_called_it_and_a_conversation_stays() -> None:
    async with lab() as found:
        first: dict[str, Any] = {
            "messages": [{"role": "user", "content": PROMPT}],
            "session_id": "s-1",
        }
        assert (await found.ask(**first)).headers["x-pointsman-model"] == "acme/large"
        assert set(await found.learn(ENOUGH)) == {"acme/large"}
        assert (await found.ask()).headers["x-pointsman-model"] == "acme/small"
        call = {"id": "c1", "type": "function", "function": {"name": "run", "arguments": "{}"}}
        result: dict[str, Any] = {
            "messages": [
                {"role": "user", "content": PROMPT},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "c1", "content": "3"},
            ],
            "session_id": "s-1",
            "tools": [{"type": "function", "function": {"name": "run", "parameters": {"type": "object"}}}],
        }
        record = await found.why(**result)
        assert (told(record)["cause"], told(record)["model"]) == ("tool result", "acme/large")


async def test_auto_means_the_models_of_the_configuration_and_picks_so() -> None:
    async with lab() as found:
        found.world.right["judge"] = True
        assert (await found.ask("auto")).headers["x-pointsman-model"] == "acme/large"
        record = await found.why(model="auto")
        assert told(record)["order"][0] == "acme/large"


async def test_what_is_known_outlasts_a_restart(tmp_path: Any) -> None:
    world = World()
    async with FakeProvider(world.play) as fake:
        config = CONFIG.format(url=fake.url, choice="", use="", labels=10)
        config += f"ledger: sqlite:///{tmp_path}/pointsman.db\n"
        async with running(config) as served:
            await Lab(served, world).learn(ENOUGH)
        async with running(config) as served:
            assert (await Lab(served, world).ask()).headers["x-pointsman-model"] == "acme/small"


async def test_a_vote_counts_as_a_label_does() -> None:
    async with lab(choice="within: 20%", labels=1) as found:
        found.engine.shadow.use(replace(found.engine.shadow._settings, rate=Percent(0)))
        for _ in range(12):
            one = (await found.ask("acme/large")).headers["x-generation-id"]
            other = (await found.ask("acme/small")).headers["x-generation-id"]
            body = {"generation_id": one, "rival": other, "score": 0.5}
            assert (await found.served.client.post("/v1/feedback", json=body)).status_code == 200
        await found.engine.refresh()
        await found.ask()
        await found.engine.refresh()
        assert (await found.ask()).headers["x-pointsman-model"] == "acme/small"


async def test_a_decision_is_made_again_by_its_record() -> None:
    async with lab() as found:
        await found.learn(ENOUGH)
        record = await found.why()
        order = [each["model"] for each in record["candidates"]]
        assert order == ["acme/small", "acme/large"]
        assert order_again(record, ["acme/large", "acme/small"]) == order
        assert order_again(record, ["acme/large", "acme/other"]) is None


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("within: 120%", "within"),
        ("objective: beauty", "objective"),
        ("protected: [cooking]", "there is no task 'cooking'"),
        ("priors: {models: {a: 2}, date: 2026-11-01}", "is a share from 0 to 1"),
        ("priors: {models: {a: 0.5}}", "need the `date`"),
    ],
)
async def test_wrong_settings_are_refused_at_their_place(choice: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        async with lab(choice=choice):
            pass

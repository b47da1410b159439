"""The whole loop, end to end: requests and votes become evidence, evidence moves requests, and whoever asks
why is told the same by the decision record, by the leaderboard's data and by its page.

A provider stands behind it whose models answer rightly or wrongly; nothing in the gateway is reached into but
to wait until what is under way has been written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pointsman.testing import FakeProvider, Received, Running, Script, running
from pointsman_leaderboard import Leaderboard
from pointsman_thrift import Thrift

from .conftest import KEY, Visit, Visiting

LARGE, SMALL = "acme/large", "acme/small"
CONFIG = """
auth: keys
ledger: sqlite:///{folder}/pointsman.db
keys: [{{name: root, key_hash: {hash}, role: admin}}]
plugins:
  thrift:
    choice: {{explore: 0%, refresh: 0.1s}}
    shadow: {{rate: 100%, judge: judge, usd_per_day: 5}}
  feedback: {{checks: {{sample: 0%}}, signals: {{sample: 0%}}, max_share: 100%}}
providers:
  lab: {{base_url: "{url}", price: {{input: 0.1, output: 0.1}}}}
models:
  acme/large: {{endpoints: [{{endpoint: lab/large, price: {{input: 10, output: 10}}}}]}}
  acme/small: {{endpoints: [{{endpoint: lab/small, price: {{input: 1, output: 1}}}}]}}
  judge: {{endpoints: [lab/judge]}}
routes:
  - name: code
    when: {{model: coding}}
    use: {{models: [acme/large, acme/small], pick: thrift, task: programming}}
"""
MOST = 2_000
"""Requests within which something has to happen."""


class World:
    """Models that answer rightly or not, and a judge who can tell."""

    def __init__(self) -> None:
        self.right = {"large": True, "small": True}

    def play(self, received: Received) -> Script:
        body = json.loads(received.body)
        if body["model"] == "judge":
            told = body["messages"][1]["content"]
            second = told.index("<second answer")
            points = [9 if "right" in part else 2 for part in (told[:second], told[second:])]
            text = json.dumps({"first": points[0], "second": points[1]})
        else:
            text = "the right answer" if self.right[body["model"]] else "a wrong one"
        message = {"role": "assistant", "content": text}
        return Script.json(
            {
                "id": "1",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
            }
        )


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def served(tmp_path: Path, world: World) -> AsyncIterator[Running]:
    """A server in front of that world."""
    hash = hashlib.sha256(KEY.encode()).hexdigest()
    async with FakeProvider(world.play) as fake:
        config = CONFIG.format(folder=tmp_path, hash=hash, url=fake.url)
        async with running(config) as server:
            server.client.headers["authorization"] = f"Bearer {KEY}"
            yield server


class Client:
    """Somebody who asks for a function, and says of some answers whether they were right."""

    def __init__(self, served: Running) -> None:
        self.served = served
        self.asked = 0

    async def ask(self, **headers: str) -> Any:
        prompt = f"Write function {self.asked}, which adds."  # no two are one conversation
        body = {"model": "coding", "messages": [{"role": "user", "content": prompt}]}
        answer = await self.served.client.post("/v1/chat/completions", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        self.asked += 1
        if self.asked % 4 == 0:
            right = "right" in answer.json()["choices"][0]["message"]["content"]
            vote = {"generation_id": answer.headers["x-generation-id"], "score": float(right)}
            voted = await self.served.client.post("/v1/feedback", json=vote)
            assert voted.status_code == 200, voted.text
        return answer

    async def until(self, model: str) -> list[str]:
        """Go on asking until a model answers; who answered before."""
        before: list[str] = []
        for _ in range(MOST):
            answered = (await self.ask()).headers["x-pointsman-model"]
            if answered == model:
                return before
            before.append(answered)
        pytest.fail(f"{model} has answered none of {MOST} requests")

    async def why(self, model: str) -> tuple[str, str]:
        """A request that a model answers: its generation, and what its decision record says of the smaller
        one."""
        for _ in range(MOST):
            answer = await self.ask(**{"x-pointsman-explain": "true"})
            record = json.loads(answer.headers["x-pointsman-decision"])
            if record["candidates"][0]["model"] == model:
                (small,) = (each for each in record["candidates"] if each["model"] == SMALL)
                return answer.headers["x-generation-id"], " ".join(small["reasons"])
        pytest.fail(f"{model} has answered none of {MOST} requests")

    async def settled(self) -> None:
        """Wait until what is under way is compared and written, and let nothing older be shown."""
        plugins = self.served.gateway.setup.plugins
        thrift, board = plugins.get("thrift"), plugins.get("leaderboard")
        assert thrift is not None
        assert isinstance(thrift.target, Thrift)
        assert thrift.target.engine is not None
        await thrift.target.engine.shadow.work()
        await self.served.gateway.ledger.flush()
        assert board is not None
        assert isinstance(board.target, Leaderboard)
        board.target._pages = None

    async def board(self) -> dict[str, dict[str, Any]]:
        """What the leaderboard says of the quality of each model at the task."""
        found = (await self.served.client.get("/v1/leaderboard?parts=quality&task=programming")).json()
        return {row["model"]: row for row in found["quality"]["rows"]}


async def page_of(visit: Visit) -> dict[str, list[str]]:
    """The rows of the page's table of quality, by model."""
    await visit.go("leaderboard?task=programming&window=24h")
    rows = visit.page.locator("section", has=visit.page.locator("#f-quality")).locator("tbody tr")
    found = [await row.locator("td").all_inner_texts() for row in await rows.all()]
    return {row[0]: row[1:] for row in found}


async def check_page(visit: Visit, board: dict[str, dict[str, Any]]) -> None:
    """The page says of each model what the data say: ties, quality, interval and labels."""
    page = await page_of(visit)
    assert page.keys() == board.keys()
    for model, row in board.items():
        _rank, tied, mean, interval, n, *_rest = page[model]
        assert tied == (", ".join(row["tied_with"]) or "-")
        assert float(mean.rstrip("%")) / 100 == pytest.approx(row["mean"], abs=0.0006)
        for end, said in zip(("low", "high"), interval.split(" to "), strict=True):
            assert float(said.rstrip("%")) / 100 == pytest.approx(row[end], abs=0.0006)
        assert int(n.replace(",", "")) == row["n"]


async def test_requests_go_where_evidence_leads_and_everybody_says_the_same_of_it(
    visiting: Visiting, served: Running, world: World
) -> None:
    client = Client(served)
    async with visiting() as visit:
        # nothing is known: the best answers, until the cheaper one has been seen to be as good
        assert set(await client.until(SMALL)) == {LARGE}
        id, said = await client.why(SMALL)
        assert "may answer: loses" in said
        assert "acme/small costs 10% of acme/large for a good answer" in said
        await client.settled()
        board = await client.board()
        assert (board[LARGE]["tied_with"], board[SMALL]["tied_with"]) == ([SMALL], [LARGE])
        await check_page(visit, board)
        await visit.go(f"logs/{id}")
        assert "may answer: loses" in await visit.page.inner_text("main")

        # it degrades: the other one answers again, and nobody has to say so
        world.right["small"] = False
        await client.until(LARGE)
        for _ in range(20):
            await client.ask()
        id, said = await client.why(LARGE)
        assert "not good enough: loses" in said
        await client.settled()
        board = await client.board()
        assert board[LARGE]["low"] > board[SMALL]["high"]
        assert (board[LARGE]["rank"], board[LARGE]["tied_with"]) == ({"low": 1, "high": 1}, [])
        assert {"vote", "shadow"} <= board[SMALL]["sources"].keys()
        await check_page(visit, board)
        await visit.go(f"logs/{id}")
        assert "not good enough: loses" in await visit.page.inner_text("main")

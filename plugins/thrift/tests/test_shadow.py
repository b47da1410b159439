"""Shadow evaluation in bad weather: what may not be told is not told, what fails says nothing of quality."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pointsman.exchange import Plan
from pointsman.testing import FakeProvider, Received, Running, Script, running
from pointsman.testing.script import Hang
from pointsman.types import Chat, Media, Message, Text
from pointsman_thrift import Thrift
from pointsman_thrift.shadow.asking import comparable, most_written, restrictions, rivals_body
from pointsman_thrift.shadow.shadow import MOST_WAITING, Shadow

KEYS = {"plain": "", "careful": "preferences: {ignore: [other]}", "quiet": "log_bodies: 'off'"}
CONFIG = """
auth: keys
secret_key: 0123456789abcdef0123456789abcdef
plugins:
  usage: {{log_bodies: all}}
  balance: {{}}
  thrift:
    tasks: {{sample: 1}}
    shadow: {{rate: 100%, judge: {judge}, usd_per_day: {usd}, rivals: [acme/small]}}
  feedback: {{checks: {{sample: 0%}}, signals: {{sample: 0%}}}}
providers:
  lab: {{base_url: "{url}", price: {{input: 1, output: 1}}}}
  free: {{base_url: "{url}"}}
  other: {{base_url: "{url}", price: {{input: 1, output: 1}}}}
models:
  acme/large: {{endpoints: [lab/large]}}
  acme/small: {{endpoints: [other/small]}}
  judge: {{endpoints: [other/judge]}}
  unpriced: {{endpoints: [free/judge]}}
keys:
{keys}
"""


def said(model: str, text: str, finish: str = "stop") -> Script:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    return Script.json(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [choice],
            "usage": usage,
        }
    )


GOOD = {
    "large": said("large", "one answer"),
    "small": said("small", "another answer"),
    "judge": said("judge", '{"first": 9, "second": 2}'),
}
"""The judge always likes the first, whichever that is: it contradicts itself, and nobody wins."""


class Room:
    """A gateway, what its providers were asked, and how they answer."""

    def __init__(self, served: Running, seen: list[dict[str, Any]], judging: asyncio.Event) -> None:
        self.served = served
        self.seen = seen
        self.judging = judging

    @property
    def shadow(self) -> Shadow:
        plugin = self.served.gateway.setup.plugins.get("thrift")
        assert plugin is not None
        assert isinstance(plugin.target, Thrift)
        assert plugin.target.engine is not None
        return plugin.target.engine.shadow

    async def ask(self, key: str = "plain", **more: Any) -> None:
        body = {"model": "acme/large", "messages": [{"role": "user", "content": "hello"}], **more}
        headers = {"authorization": f"Bearer key-of-{key}"}
        answer = await self.served.client.post("/v1/chat/completions", json=body, headers=headers)
        assert answer.status_code == 200, answer.text

    async def compared(self, key: str = "plain", **more: Any) -> list[str]:
        """Ask, have that compared; who was asked then."""
        before = len(self.seen)
        await self.ask(key, **more)
        await self.shadow.work()
        return [body["model"] for body in self.seen[before:]]

    async def spent(self) -> int:
        """What comparisons cost, as the ledger has it, in nano-USD."""
        rows = await self.served.rows("generations")
        return sum(row["cost_nano"] or 0 for row in rows if row["key_id"] == "system")


@asynccontextmanager
async def room(
    scripts: Mapping[str, Script] = GOOD, *, by: str = "judge", usd: float = 100
) -> AsyncIterator[Room]:
    seen: list[dict[str, Any]] = []
    judging = asyncio.Event()

    def play(received: Received) -> Script:
        body = json.loads(received.body)
        seen.append(body)
        if body["model"] == "judge":
            judging.set()
        return {**GOOD, **scripts}[body["model"]]

    keys = "".join(
        f"  - {{name: {name}, key_hash: {hashlib.sha256(f'key-of-{name}'.encode()).hexdigest()}, {more}}}\n"
        for name, more in KEYS.items()
    )
    async with FakeProvider(play) as fake:
        config = CONFIG.format(url=fake.url, judge=by, usd=usd, keys=keys)
        async with running(config) as served:
            yield Room(served, seen, judging)


async def test_what_may_be_compared_is_and_the_rival_has_its_bounds() -> None:
    async with room() as found:
        assert await found.compared(user="ann", metadata={"a": "b"}) == ["large", "small", "judge", "judge"]
        rival = found.seen[1]
        assert (rival["max_tokens"], rival.get("user"), rival.get("metadata")) == (4000, None, None)
        assert {row["score"] for row in await found.served.rows("feedback")} == {0.5}


async def test_what_a_key_or_a_request_keeps_from_a_provider_is_kept_from_rival_and_judge() -> None:
    async with room() as found:
        assert await found.compared("careful") == ["large"]
        assert await found.compared(provider={"only": ["lab"]}) == ["large"]
        assert await found.compared(provider={"zdr": False}) == ["large", "small", "judge", "judge"]
        assert await found.served.rows("feedback") != []


async def test_texts_of_a_key_that_wants_none_kept_are_not_kept_by_a_comparison() -> None:
    async with room() as found:
        assert len(await found.compared("quiet")) == 4
        assert await found.served.rows("bodies") == []
        assert len(await found.compared("plain")) == 4
        (row,) = await found.served.rows("bodies")
        assert row["key_id"] != "system"


@pytest.mark.parametrize(
    ("scripts", "asked"),
    [
        ({"small": Script.json({"error": {"message": "no"}}, status=429)}, ["small"]),
        ({"small": Script.json({"error": {"message": "no"}}, status=500)}, ["small"]),
        ({"small": said("small", "so far", "length")}, ["small"]),
        ({"small": said("small", "", "content_filter")}, ["small"]),
        ({"small": said("small", " ")}, ["small"]),
        ({"small": Script.whole(b"<html>")}, ["small"]),
        ({"judge": Script.json({"error": {"message": "no"}}, status=500)}, ["small", "judge"]),
        ({"judge": said("judge", "I cannot say.")}, ["small", "judge"]),
        ({"large": said("large", "so far", "length")}, []),
    ],
)
async def test_what_fails_says_nothing_of_quality(scripts: dict[str, Script], asked: list[str]) -> None:
    async with room(scripts) as found:
        said = await found.compared()
        assert list(dict.fromkeys(said[1:])) == asked
        assert await found.served.rows("feedback") == []
        spent = [
            row["cost_nano"] or 0
            for row in await found.served.rows("generations")
            if row["key_id"] == "system"
        ]
        assert found.shadow._purse.left == 100 * 10**9 - sum(spent)


async def test_a_model_without_a_price_is_not_asked() -> None:
    async with room(by="unpriced") as found:
        assert await found.compared() == ["large"]


async def test_no_more_is_spent_than_there_is_however_many_ask_at_once() -> None:
    async with room(usd=0.02) as found:  # each is thought to cost some 0.0127 at most
        await asyncio.gather(*(found.ask() for _ in range(8)))
        assert found.shadow._purse.left >= 0
        await found.shadow.work()
        spent = [
            row["cost_nano"] for row in await found.served.rows("generations") if row["key_id"] == "system"
        ]
        assert 0 < sum(spent) <= 20_000_000
        assert found.shadow._purse.left == 20_000_000 - sum(spent)


async def test_no_more_waits_than_has_room() -> None:
    async with room({"small": Script(steps=(Hang(),))}) as found:
        for _ in range(MOST_WAITING + 20):
            await found.ask()
        assert found.shadow.waiting <= MOST_WAITING


async def test_who_never_answers_holds_up_neither_clients_nor_the_end() -> None:
    async with room({"judge": Script(steps=(Hang(),), framing="chunked")}) as found:
        await found.ask()
        await found.judging.wait()  # what waits is looked at every second
        await found.ask()
        assert found.shadow.waiting == 1
        assert found.shadow._purse.left < 100 * 10**9


def chat(*parts: Any, **params: Any) -> Chat:
    return Chat("m", [Message("user", [*parts] or [Text("hello")])], params=params)


@pytest.mark.parametrize(
    "body",
    [
        {"previous_response_id": "r"},
        {"plugins": [{"id": "web"}]},
        {"preset": "x"},
        {"model": "@preset/x"},
        {"background": True},
    ],
)
def test_what_hangs_on_more_than_the_request_is_not_compared(body: dict[str, Any]) -> None:
    assert comparable({"model": "m"}, chat())
    assert not comparable({"model": "m", **body}, chat())


def test_what_a_judge_of_texts_cannot_see_is_not_compared() -> None:
    assert not comparable({}, chat(Media("image", "image/png", "eA==")))


def test_a_rival_may_write_several_times_as_much_and_no_more_than_the_client_allows() -> None:
    assert most_written(chat(), 10) == 4000
    assert most_written(chat(), 3000) == 12_000
    assert most_written(chat(max_tokens=100), 10) == 100


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"messages": []}, ("max_tokens",)),
        ({"messages": [], "max_completion_tokens": 9}, ("max_completion_tokens",)),
        ({"input": "x"}, ("max_output_tokens",)),
        ({"contents": [], "generationConfig": {"topK": 3}}, ("generationConfig", "maxOutputTokens")),
    ],
)
def test_the_bound_stands_where_the_dialect_has_it(body: dict[str, Any], place: tuple[str, ...]) -> None:
    found: Any = rivals_body({**body, "n": 3, "models": ["a"]}, "rival", most=7, restricted={"zdr": True})
    assert (found["model"], found["stream"], found["provider"]) == ("rival", False, {"zdr": True})
    assert {"n", "models"}.isdisjoint(found)
    for name in place:
        found = found[name]
    assert found == 7


def test_only_what_says_who_may_have_the_text_is_handed_on() -> None:
    wishes = {"sort": "price", "only": ["lab"], "zdr": True, "order": ["lab"]}
    assert restrictions(Plan(None, (), preferences={"provider": wishes})) == {"only": ["lab"], "zdr": True}
    assert restrictions(Plan(None, ())) == restrictions(None) == {}

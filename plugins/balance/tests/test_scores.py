"""Scores: in words, as data, and from a record as they were."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pointsman.testing import FakeProvider, Received, Running, Script, running
from pointsman_balance.scores import Choice, Kept, Value
from pointsman_routes.dry import codec_of, dry_run

BODY = json.dumps({"model": "acme/m", "messages": [{"role": "user", "content": "Hello"}]})
EXPLAIN = {"x-pointsman-explain": "true", "content-type": "application/json"}
NUMBERS = {
    "weight",
    "share",
    "adjusted_nano",
    "errors",
    "first_content",
    "throughput",
    "room",
    "cap",
    "in_flight",
}


@pytest.mark.parametrize(
    ("value", "words", "data"),
    [
        (Value("cheapest", 1500, "nano-USD", " for 3 tokens"), "cheapest: $1.5e-06 for 3 tokens", 1500),
        (Value("cheapest", None, "nano-USD"), "cheapest: not known", None),
        (Value("fastest", 0.51234, "s"), "fastest: 0.512 s", 0.51234),
        (Value("least-busy", 3, "under way"), "least-busy: 3 under way", 3),
    ],
)
def test_a_value_is_told_in_words_and_as_data(value: Value, words: str, data: float | None) -> None:
    assert str(value) == words
    assert value.data() == {"by": value.by, "value": data, "unit": value.unit}


def choice(*, stays: tuple[int, str] | None = None) -> Choice:
    made = Choice("balanced", ["a/m", "b/m", "c/m"], [1], swapped=True)
    made.stays = stays
    return made


def record(made: Choice) -> dict[str, Any]:
    rows = [{"endpoint": each, "scores": [{"by": "balanced", "weight": 1}]} for each in made.ids]
    return {"health": [made.data()], "candidates": rows[1:], "excluded": rows[:1]}


def test_a_choice_comes_back_from_a_record() -> None:
    told = json.loads(json.dumps(record(choice(stays=(2, "it was here before")))))
    kept = Kept.of(told, "balanced", ["c/m", "a/m", "b/m"])
    assert kept is not None
    assert kept.choice.data() == {
        "by": "balanced",
        "endpoints": ["c/m", "a/m", "b/m"],
        "asleep": ["b/m"],
        "swapped": True,
        "stays": {"at": "c/m", "why": "it was here before"},
    }
    assert [each["weight"] for each in kept.scores] == [1, 1, 1]
    fewer = Kept.of(told, "balanced", ["a/m"])
    assert fewer is not None
    assert (fewer.choice.asleep, fewer.choice.stays) == ([], None)


@pytest.mark.parametrize(
    ("by", "ids"), [("fastest", ["a/m"]), ("balanced", ["a/m", "d/m"]), ("balanced", ["d/m"])]
)
def test_what_a_record_does_not_tell_is_not_made_up(by: str, ids: list[str]) -> None:
    assert Kept.of(record(choice()), by, ids) is None
    without = {**record(choice()), "excluded": []}
    assert Kept.of(without, "balanced", ["a/m", "b/m"]) is None


@asynccontextmanager
async def market(folder: Path, pick: str, *, same: bool) -> AsyncIterator[Running]:
    """Three endpoints, one of them failing, picked so; replicas if they are the `same`."""

    def play(received: Received, name: str) -> Script:
        if name == "one":
            return Script.json({"error": {"message": "no"}}, status=500)
        message = {"role": "assistant", "content": "Hi"}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        headers = {"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": "60"}
        return Script.json({"id": "1", "choices": choices, "usage": usage}, headers=headers)

    async with AsyncExitStack() as stack:
        providers = ""
        for number, name in enumerate(("one", "two", "three"), 1):
            fake = await stack.enter_async_context(
                FakeProvider(lambda received, name=name: play(received, name))
            )
            price = 1 if same else number
            providers += (
                f'  {name}: {{base_url: "{fake.url}", api_key: k, price: {{input: {price}, output: 1}}}}\n'
            )
        yield await stack.enter_async_context(
            running(
                f"""
auth: none
providers:
{providers}
models: {{acme/m: {{endpoints: [one/m, two/m, three/m]}}}}
routes: [{{name: all, use: {{pick: {pick}}}}}]
""",
                folder=folder,
            )
        )


PICKS = ("balanced", "cheapest", "fastest", "lowest-latency", "least-busy", "weighted", "ordered")


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("pick", PICKS)
async def test_a_request_decided_again_from_its_record_goes_the_same_way(
    tmp_path: Path, pick: str, same: bool
) -> None:
    async with market(tmp_path, pick, same=same) as served:
        setup, records = served.gateway.setup, []
        for _ in range(12):
            answer = await served.client.post("/v1/chat/completions", content=BODY, headers=EXPLAIN)
            await served.gateway.ledger.flush()
            path = f"/v1/decisions/{answer.headers['x-generation-id']}"
            records.append((await served.client.get(path)).json())
        for kept in records:
            again, error = await dry_run(setup, codec_of(setup, "chat", None), BODY.encode(), again=kept)
            assert error is None
            for told in (again, kept):
                for name in ("id", "timings", "outcomes"):
                    del told[name]
            assert again == kept
        assert all(each["scores"] for record in records for each in record["candidates"])
        last = records[-1]
        if pick == "ordered":
            assert last["health"][0]["asleep"] == ["one/m"], "it failed whenever it was asked, and rests"
            assert last["choice"] == "two/m"
        if pick == "balanced":
            scores = [each["scores"][0] for each in last["candidates"]]
            assert all(each.keys() >= NUMBERS for each in scores)
            assert sum(each["share"] for each in scores) == pytest.approx(1)
            assert all(0 <= each["errors"] < 1 and 0 < each["room"] <= 1 for each in scores)

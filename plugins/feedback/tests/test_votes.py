"""Votes over real sockets: who may vote on what, and what is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from pointsman.testing import Script, shared_path
from pointsman_feedback.evidence import evidence, paired

Serve = Callable[..., Any]


async def test_a_vote_is_written_with_what_it_is_about(serve: Serve) -> None:
    async with serve() as desk:
        id = await desk.ask()
        answer = await desk.vote(generation_id=id, thumb="up", comment="Right.")
        assert answer.status_code == 200, answer.text
        (row,) = await desk.rows()
    assert answer.json() == {"object": "feedback", "id": row["id"], "generation_id": id, "score": 1.0}
    found = {
        "generation_id": id,
        "key_name": "alice",
        "team": "red",
        "model": "acme/large",
        "provider": "lab",
        "endpoint": "lab/large",
        "task": None,
        "source": "vote",
        "kind": "thumb",
        "score": 1.0,
        "weight": 1.0,
        "pair": None,
        "comment": "Right.",
    }
    assert row.items() >= found.items()


@pytest.mark.parametrize(
    ("said", "score"),
    [
        ({"thumb": "down"}, 0.0),
        ({"rating": 1}, 0.0),
        ({"rating": 4}, 0.75),
        ({"score": 0.3}, 0.3),
        ({"score": 1}, 1.0),
    ],
)
async def test_a_vote_may_be_said_in_several_ways(serve: Serve, said: dict[str, Any], score: float) -> None:
    async with serve() as desk:
        answer = await desk.vote(generation_id=await desk.ask(), **said)
        assert answer.json()["score"] == score
        (row,) = await desk.rows()
    assert row["score"] == score


async def test_the_last_vote_of_a_key_counts(serve: Serve) -> None:
    async with serve() as desk:
        id = await desk.ask()
        await desk.vote(generation_id=id, thumb="up")
        await desk.vote(generation_id=id, thumb="down", comment="No, wrong.")
        await desk.vote("chief", generation_id=id, rating=5)
        rows = await desk.rows()
        (found,) = await desk.served.gateway.ledger.read(evidence)
    assert [(row["key_name"], row["score"], row["comment"]) for row in rows] == [
        ("alice", 0.0, "No, wrong."),
        ("chief", 1.0, None),
    ]
    assert (found.total.labels, found.total.good) == (2, 1.0)


@pytest.mark.parametrize(
    ("key", "status"),
    [("alice", 200), ("chief", 200), ("root", 200), ("bob", 404), ("carol", 404), ("reader", 403)],
)
async def test_only_who_may_see_a_request_votes_on_it(serve: Serve, key: str, status: int) -> None:
    async with serve() as desk:
        answer = await desk.vote(key, generation_id=await desk.ask(), thumb="up")
        assert answer.status_code == status, answer.text
        assert len(await desk.rows()) == (status == 200)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"thumb": "up", "score": 1},
        {"thumb": "sideways"},
        {"score": 1.5},
        {"score": "1"},
        {"rating": 0},
        {"thumb": "up", "colour": "red"},
        {"thumb": "up", "comment": "x" * 1001},
    ],
)
async def test_what_is_no_vote_is_refused(serve: Serve, said: dict[str, Any]) -> None:
    async with serve() as desk:
        answer = await desk.vote(generation_id=await desk.ask(), **said)
        assert answer.status_code == 400, answer.text
        assert await desk.rows() == []


async def test_a_generation_that_is_not_there_is_not_voted_on(serve: Serve) -> None:
    async with serve() as desk:
        assert (await desk.vote(generation_id="gen-1", thumb="up")).status_code == 404
        answer = await desk.served.client.post(
            "/v1/feedback", content=b"{" * 70, headers={"authorization": "Bearer alice"}
        )
        assert answer.status_code == 400
        large = await desk.vote(generation_id="gen-1", thumb="up", comment="x" * 70_000)
        assert large.status_code == 413


@pytest.mark.parametrize("status", [429, 500])
async def test_an_error_says_nothing_of_a_models_quality(serve: Serve, status: int) -> None:
    async with serve(Script.json({"error": {"message": "no"}}, status=status)) as desk:
        id = await desk.ask()
        answer = await desk.vote(generation_id=id, thumb="down")
        assert answer.status_code == 400
        assert "no answer to judge" in answer.text
        complaint = {"generation_id": id, "category": "incorrect_response"}
        assert (await desk.post("/api/v1/generation/feedback", complaint)).status_code == 200
        (row,) = await desk.rows()
        assert row["weight"] == 0
        assert await desk.served.gateway.ledger.read(evidence) == []


async def test_two_answers_to_the_same_request_are_compared(serve: Serve) -> None:
    async with serve() as desk:
        large, small = await desk.ask(), await desk.ask(model="acme/small")
        first = await desk.vote(generation_id=large, rival=small, score=1)
        assert first.status_code == 200, first.text
        again = await desk.vote(generation_id=small, rival=large, score=0.5)
        assert again.status_code == 200
        rows = await desk.rows()
        (found,) = await desk.served.gateway.ledger.read(paired)
        same = await desk.vote(generation_id=large, rival=await desk.ask(), score=1)
    assert {(row["model"], row["rival"], row["score"]) for row in rows} == {
        ("acme/large", "acme/small", 0.5),
        ("acme/small", "acme/large", 0.5),
    }
    assert len({row["pair"] for row in rows}) == 1
    assert (found.a, found.b, found.labels, found.ties) == ("acme/large", "acme/small", 1, 1.0)
    assert same.status_code == 400


@pytest.mark.parametrize(
    ("category", "weight"),
    [("incorrect_response", 1.0), ("formatting", 1.0), ("latency", 0.0), ("billing", 0.0)],
)
async def test_openrouters_clients_complain_in_their_shape(
    serve: Serve, category: str, weight: float
) -> None:
    async with serve() as desk:
        complaint = {"generation_id": await desk.ask(), "category": category, "comment": "It repeats itself."}
        answer = await desk.post("/api/v1/generation/feedback", complaint)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"data": {"success": True}}
        (row,) = await desk.rows()
        wrong = await desk.post("/api/v1/generation/feedback", {**complaint, "category": "taste"})
    assert (row["category"], row["score"], row["weight"]) == (category, 0.0, weight)
    assert row["comment"] == "It repeats itself."
    assert wrong.status_code == 400


async def test_the_shapes_are_those_of_the_specification(serve: Serve) -> None:
    shared = shared_path()
    if shared is None:
        pytest.skip("the specification is not here")
    text = (shared / "specs" / "openrouter-openapi.yaml").read_bytes()
    read = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    asked = read["paths"]["/generation/feedback"]["post"]
    sent = asked["requestBody"]["content"]["application/json"]
    given = asked["responses"]["200"]["content"]["application/json"]["schema"]
    async with serve() as desk:
        body = {**sent["example"], "generation_id": await desk.ask()}
        answer = await desk.post("/api/v1/generation/feedback", body)
    for data, schema in ((body, sent["schema"]), (answer.json(), given)):
        Draft202012Validator({**schema, "components": read["components"]}).validate(data)

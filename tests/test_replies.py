"""Replies: what every answer carries, its cost, and how errors are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.catalogue import Model
from pointsman.testing import Script

Boot = Callable[..., Any]
CHAT = "/v1/chat/completions"


async def test_what_every_answer_carries(pair: Boot, whole_answer: Script, whole_stream: Script) -> None:
    async with pair([whole_answer, whole_stream]) as both:
        whole = await both.running.client.post(CHAT, json=both.body(), headers={"x-request-id": "mine-1"})
        stream = await both.running.client.post(CHAT, json=both.body(stream=True))
        for answer in (whole, stream):
            assert answer.headers["x-generation-id"].startswith("gen-")
            assert answer.headers["x-pointsman-provider"] == "one"
            assert answer.headers["x-pointsman-model"] == "demo/model"
            assert answer.headers["x-pointsman-attempts"] == "1"
            assert "set-cookie" not in answer.headers
        assert whole.headers["x-request-id"] == "mine-1"
        assert stream.headers["x-request-id"].startswith("req-")
        assert whole.headers["x-pointsman-cost"] == "0.000013"
        assert "x-pointsman-cost" not in stream.headers, "known at its end only"
        await both.idle()
        rows = await both.running.rows("generations")
        assert [row["cost_nano"] for row in rows] == [13_000, 13_000]
        assert rows[0]["id"] == whole.headers["x-generation-id"]


async def test_a_decision_record_that_is_too_long_for_a_header_is_shortened(
    pair: Boot, whole_answer: Script
) -> None:
    explained = {"x-pointsman-explain": "true"}
    async with pair([whole_answer, whole_answer]) as both:
        whole = await both.running.client.post(CHAT, json=both.body(), headers=explained)
        record = json.loads(whole.headers["x-pointsman-decision"])
        assert len(record["candidates"]) == len(record["fallbacks"]) + 1
        others = [f"nobody/{'x' * 90}-{number}" for number in range(99)]
        short = await both.running.client.post(CHAT, json=both.body(models=others), headers=explained)
        told = json.loads(short.headers["x-pointsman-decision"])
        assert (told["id"], told["shortened"]) == (short.headers["x-generation-id"], True)
        await both.running.gateway.ledger.flush()
        kept = (await both.running.client.get(f"/v1/decisions/{told['id']}")).json()
        assert len(kept["excluded"]) == 99


@pytest.mark.parametrize(
    ("prefix", "wanted", "fields", "shown"),
    [
        ("/v1", "auto", {}, False),
        ("/v1", "auto", {"usage": {"include": True}}, True),
        ("/api/v1", "auto", {}, True),
        ("/api/v1", "never", {}, False),
        ("/v1", "always", {"stream_options": {"include_usage": True}}, True),
    ],
)
async def test_the_cost_is_spliced_in_only_where_it_is_wanted(
    pair: Boot,
    whole_answer: Script,
    whole_stream: Script,
    events_of: Callable[[bytes], list[Any]],
    prefix: str,
    wanted: str,
    fields: dict[str, Any],
    shown: bool,
) -> None:
    async with pair([whole_answer, whole_stream], more=f"cost_in_body: {wanted}") as both:
        path = f"{prefix}/chat/completions"
        whole = await both.running.client.post(path, json=both.body(**fields))
        usage = json.loads(whole.content, parse_float=str)["usage"]
        assert usage.get("cost") == ("0.000013" if shown else None)
        if not shown and prefix == "/v1":
            assert whole.content == whole_answer.body()
        stream = await both.running.client.post(path, json=both.body(stream=True, **fields))
        usages = [event["usage"] for event in events_of(stream.content)[:-1] if event.get("usage")]
        assert [usage.get("cost") for usage in usages] == ([0.000013] if shown else usages and [None])


async def test_below_the_account_api_an_answer_goes_by_the_id_of_its_generation(
    pair: Boot, whole_answer: Script, whole_stream: Script, events_of: Callable[[bytes], list[Any]]
) -> None:
    for prefix, dressed in (("/v1", False), ("/api/v1", True)):
        async with pair([whole_answer, whole_stream]) as both:
            path = f"{prefix}/chat/completions"
            whole = await both.running.client.post(path, json=both.body())
            stream = await both.running.client.post(path, json=both.body(stream=True))
        for answer, told in ((whole, [whole.json()]), (stream, events_of(stream.content)[:-1])):
            id = answer.headers["x-generation-id"] if dressed else "1"
            assert [each["id"] for each in told] == [id] * len(told)


async def test_an_unknown_price_is_unpriced_and_never_zero(pair: Boot, whole_answer: Script) -> None:
    async with pair(whole_answer) as both:
        both.running.gateway.setup.providers["one"].extra.clear()
        answer = await both.running.client.post(f"/api{CHAT}", json=both.body())
        assert answer.headers["x-pointsman-cost"] == "unpriced"
        assert answer.json()["usage"]["cost"] is None
        assert (await both.row())["cost_nano"] is None


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 400, "no body"),
        (b"{", 400, "not valid JSON"),
        (b"[]", 400, "must be a JSON object"),
        (b'{"model": "fast", "messages": "\xff"}', 400, "not UTF-8"),
        (b'{"model": "fast", "messages": ' + b"[" * 200 + b"]" * 200 + b"}", 400, "deeper than 64"),
        (b'{"messages": [{"role": "user"}]}', 400, "`model` is missing"),
        (b'{"model": 5, "messages": [{"role": "user"}]}', 400, "`model` must be"),
        (b'{"model": "fast"}', 400, "`messages` is missing"),
        (b'{"model": "fast", "messages": {}}', 400, "`messages` must be a list"),
        (b'{"model": "fast", "messages": [5]}', 400, "messages[0]"),
        (b'{"model": "fast", "messages": [{"role": "user"}], "stream": "yes"}', 400, "`stream` must be"),
        (b'{"model": "fsat", "messages": [{"role": "user"}]}', 400, "did you mean fast"),
        (b'{"model": "\\ud800", "messages": [{"role": "user"}]}', 400, "not valid JSON"),
    ],
)
async def test_bad_input_is_told_in_the_clients_dialect(
    pair: Boot, content: bytes, status: int, words: str
) -> None:
    async with pair(()) as both:
        answer = await both.running.client.post(CHAT, content=content)
        assert answer.status_code == status
        error = answer.json()["error"]
        assert words in error["message"]
        assert error["metadata"]["error_type"] in ("invalid_request", "not_found")
        assert "Traceback" not in answer.text
        assert both.one.requests == []


async def test_names_in_headers_are_encoded_and_cannot_break_out(pair: Boot, whole_answer: Script) -> None:
    async with pair(lambda received: whole_answer) as both:
        catalogue = both.running.gateway.setup.catalogue
        catalogue.add(Model("größe/x\r\ny: z", list(catalogue.models["demo/model"].endpoints)))
        answer = await both.running.client.post(CHAT, json=both.body(model="größe/x\r\ny: z"))
        assert answer.headers["x-pointsman-model"] == "gr%C3%B6%C3%9Fe/x%0D%0Ay: z"

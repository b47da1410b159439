"""The cost in an answer's bytes."""

from __future__ import annotations

import json

from pointsman.money import Cost
from pointsman.sse import format_event
from pointsman_openai.responses.cost import with_cost

COST = Cost(nano=1_500)


def test_a_whole_answer_has_its_cost_in_its_usage() -> None:
    body = json.loads(with_cost(b'{"usage":{"input_tokens":1}}', COST, stream=False))
    assert body["usage"]["cost"] == 0.0000015
    assert body["usage"]["input_tokens"] == 1


def test_a_stream_has_it_in_the_response_of_its_last_event() -> None:
    event = format_event(
        b'{"type":"response.completed","response":{"id":"r","usage":{"input_tokens":1}},"sequence_number":3}',
        name="response.completed",
    )
    priced = with_cost(event, COST, stream=True)
    assert priced.startswith(b"event: response.completed\ndata: ")
    body = json.loads(priced.partition(b"data: ")[2])
    assert body["response"]["usage"]["cost"] == 0.0000015
    assert body["sequence_number"] == 3


def test_an_event_without_usage_stays_as_it_is() -> None:
    for event in (b": ping\n\n", b'data: {"type":"x"}\n\n', b'data: {"response":{"usage":null}}\n\n'):
        assert with_cost(event, COST, stream=True) == event

"""Peeking at requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.types import Request
from pointsman_openai.responses.peek import peek


def asked(**members: Any) -> Request:
    return Request(json.dumps({"model": "m", "input": "Hello", **members}).encode())


def test_what_routing_needs_is_read() -> None:
    peeked = peek(
        asked(
            instructions="Be brief.",
            max_output_tokens=50,
            stream=True,
            tools=[{"type": "web_search"}],
            models=["n"],
            usage={"include": True},
        )
    )
    assert (peeked.model, peeked.models, peeked.stream, peeked.max_tokens) == ("m", ("n",), True, 50)
    assert peeked.has_tools
    assert peeked.cost_in_body
    assert peeked.usage_in_stream
    assert peeked.characters == len('"Hello"') + len('"Be brief."')


def test_no_tools_are_none() -> None:
    peeked = peek(asked(input=[{"role": "user", "content": "hi"}], tools=[]))
    assert not peeked.has_tools
    assert not peeked.cost_in_body


def test_the_first_of_the_models_stands_in_for_a_missing_one() -> None:
    peeked = peek(asked(model=None, models=["a", "b"]))
    assert (peeked.model, peeked.models) == ("a", ("b",))


@pytest.mark.parametrize("member", ["previous_response_id", "conversation", "prompt"])
def test_stored_context_may_stand_in_place_of_an_input(member: str) -> None:
    assert peek(Request.of({"model": "m", member: "x"})).characters == 0


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 1}, "model"),
        ({"models": [""]}, "models"),
        ({"input": None}, "input"),
        ({"input": 1}, "input"),
        ({"input": ["text"]}, "input"),
        ({"max_output_tokens": "many"}, "max_output_tokens"),
        ({"max_output_tokens": -1}, "max_output_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"tools": {}}, "tools"),
    ],
)
def test_what_is_wrong_is_named(members: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        peek(asked(**members))
    assert caught.value.param == param
    assert f"`{param}`" in caught.value.message


def test_whom_the_client_asks_for_is_read_where_it_is_a_text() -> None:
    assert [peek(asked(user=user)).user for user in ("u-1", None, 7)] == ["u-1", None, None]

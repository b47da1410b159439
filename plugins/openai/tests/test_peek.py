"""Peeking."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from pointsman.errors import BadRequest
from pointsman.types import Peek, Request
from pointsman_openai.peek import asks_accounting, peek


def peeked(**members: Any) -> Peek:
    request = {"model": "m", "messages": [{"role": "user"}], **members}
    return peek(Request(json.dumps(request).encode()), content="messages")


def fields(**members: Any) -> dict[str, msgspec.Raw]:
    return Request(json.dumps(members).encode()).fields


def test_a_bare_request_has_defaults() -> None:
    assert peeked() == Peek("m", characters=len('[{"role": "user"}]'))


def test_everything_routing_needs_is_read() -> None:
    found = peeked(
        messages=[{"role": "user", "content": "hello"}],
        stream=True,
        max_tokens=7,
        n=3,
        tools=[{"type": "function"}],
        stream_options={"include_usage": True, "other": 1},
        models=["x", "y"],
    )
    assert found.stream
    assert found.max_tokens == 7
    assert found.choices == 3
    assert found.has_tools
    assert found.usage_in_stream
    assert not found.cost_in_body
    assert found.models == ("x", "y")
    assert found.characters == len('[{"role": "user", "content": "hello"}]')


def test_null_is_as_good_as_absent() -> None:
    names = ("stream", "max_tokens", "max_completion_tokens", "n", "tools", "stream_options", "models")
    assert peeked(**dict.fromkeys(names)) == peeked()


def test_max_completion_tokens_wins_over_its_older_name() -> None:
    assert peeked(max_tokens=5, max_completion_tokens=9).max_tokens == 9


def test_older_functions_are_tools() -> None:
    assert peeked(functions=[{"name": "f"}]).has_tools
    assert not peeked(tools=[]).has_tools


def test_usage_include_asks_for_usage_and_cost() -> None:
    found = peeked(usage={"include": True})
    assert found.cost_in_body
    assert found.usage_in_stream
    assert not peeked(usage={"include": False}).cost_in_body


@pytest.mark.parametrize(
    ("usage", "asks"), [({"include": True}, True), ({"include": None}, False), ({"x": 1}, None), (3, None)]
)
def test_a_usage_of_another_shape_is_not_the_gateways(usage: Any, asks: bool | None) -> None:
    assert asks_accounting(fields(usage=usage)) is asks
    assert asks_accounting(fields()) is None


def test_the_first_of_models_stands_in_for_a_missing_model() -> None:
    found = peeked(model=None, models=["a", "b", "c"])
    assert (found.model, found.models) == ("a", ("b", "c"))


@pytest.mark.parametrize(
    ("members", "param", "words"),
    [
        ({"model": None}, "model", "`model` is missing"),
        ({"model": None, "models": []}, "model", "`model` is missing"),
        ({"model": ""}, "model", "non-empty string"),
        ({"model": 4}, "model", "non-empty string"),
        ({"models": "x"}, "models", "list of model names"),
        ({"models": ["x", ""]}, "models", "non-empty model names"),
        ({"stream": "yes"}, "stream", "true or false"),
        ({"max_tokens": "9"}, "max_tokens", "whole number of at least 0"),
        ({"max_completion_tokens": -1}, "max_completion_tokens", "whole number of at least 0"),
        ({"n": 0}, "n", "whole number of at least 1"),
        ({"n": True}, "n", "whole number of at least 1"),
        ({"tools": {}}, "tools", "a list"),
        ({"stream_options": []}, "stream_options", "include_usage"),
        ({"stream_options": {"include_usage": 1}}, "stream_options", "include_usage"),
        ({"usage": {"include": "yes"}}, "usage", "include"),
    ],
)
def test_a_wrong_type_is_refused_by_its_name(members: dict[str, Any], param: str, words: str) -> None:
    with pytest.raises(BadRequest, match=words) as refused:
        peeked(**members)
    assert refused.value.param == param


def test_missing_content_is_refused_by_its_name() -> None:
    with pytest.raises(BadRequest, match="`messages` is missing"):
        peek(Request(b'{"model": "m"}'), content="messages")


def test_messages_with_roles_pass_whatever_else_they_hold() -> None:
    messages = b'[{"role": "user", "content": {"odd": 1}, "role2": []}, {"role": "x"}]'
    for more in (b"", b', "models": ["b"]'):  # read at once, and member by member
        assert peek(Request(b'{"model": "a", "messages": ' + messages + more + b"}"), content="messages")


@pytest.mark.parametrize(
    ("turn", "thoughtless"),
    [
        (b'"content": "my \\"reasoning\\""', True),
        (b'"reasoning_content": null', True),
        (b'"reasoning_content": "hm"', False),
        (b'"reasoning": ""', False),
        (b'"reasoning_details": [{"type": "reasoning.text"}]', False),
        (b'"reasoning_details": [1], "reasoning_details": null', False),
    ],
)
def test_it_is_seen_that_no_turn_holds_a_thought(turn: bytes, thoughtless: bool) -> None:
    asked = Request(b'{"model": "a", "messages": [{"role": "user"}, {"role": "assistant", ' + turn + b"}]}")
    assert not asked.thoughtless
    assert peek(asked, content="messages").model == "a"
    assert asked.thoughtless is thoughtless


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (b"null", "messages"),
        (b'"hello"', "messages"),
        (b"[]", "messages"),
        (b'[{"role": "user"}, "hello"]', "messages[1]"),
        (b'[{"content": "hello"}]', "messages[0].role"),
        (b'[{"role": "user"}, {"role": 3}]', "messages[1].role"),
        (b'[{"role": "\xff"}]', "messages"),
    ],
)
def test_wrong_messages_are_refused_by_their_path(messages: bytes, param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        peek(Request(b'{"model": "a", "messages": ' + messages + b"}"), content="messages")
    assert refused.value.param == param
    assert f"`{param}`" in refused.value.message


@pytest.mark.parametrize("further", [{}, {"usage": {"include": True}}])
@pytest.mark.parametrize(("user", "found"), [("u-1", "u-1"), (None, None), (7, None), ({}, None)])
def test_whom_the_client_asks_for_is_read_where_it_is_a_text(
    user: Any, found: str | None, further: dict[str, Any]
) -> None:
    assert peeked(user=user, **further).user == found

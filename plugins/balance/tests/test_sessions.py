"""Which requests belong together."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pointsman.exchange import Exchange
from pointsman.types import Request
from pointsman_balance.sessions import LONG, Session, Sessions, beginning, session_of

SYSTEM = {"role": "system", "content": "You help."}
FIRST = {"role": "user", "content": "Hello"}
ANSWER = {"role": "assistant", "content": "Hi"}
NEXT = {"role": "user", "content": "And now?"}


def session(body: dict[str, Any], *, key: str = "k1", **headers: str) -> Session | None:
    """Of a request with this body: all that is read of an exchange."""
    exchange = SimpleNamespace(
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        request=Request(json.dumps(body).encode()),
        actor=SimpleNamespace(key_id=key),
    )
    return session_of(cast(Exchange, exchange))


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ({"messages": [SYSTEM, FIRST]}, {"messages": [SYSTEM, FIRST, ANSWER, NEXT], "temperature": 1}),
        ({"messages": [FIRST]}, {"messages": [FIRST, ANSWER, NEXT]}),
        ({"system": "s", "messages": [FIRST]}, {"system": "s", "messages": [FIRST, ANSWER, NEXT]}),
        ({"instructions": "s", "input": [FIRST]}, {"instructions": "s", "input": [FIRST, ANSWER]}),
        ({"input": "Hello"}, {"input": "Hello", "stream": True}),
        (
            {"contents": [{"role": "user", "parts": [{"text": "a"}]}]},
            {"contents": [{"role": "user", "parts": [{"text": "a"}]}, {"role": "model", "parts": []}]},
        ),
    ],
)
def test_the_turns_of_one_conversation_are_one_session(first: dict[str, Any], later: dict[str, Any]) -> None:
    assert session(first) == session(later) is not None


@pytest.mark.parametrize(
    "other",
    [
        {"messages": [SYSTEM, NEXT]},
        {"messages": [{**SYSTEM, "content": "You hinder."}, FIRST]},
        {"messages": [FIRST]},
        {"system": "You help.", "messages": [FIRST]},
    ],
)
def test_other_beginnings_are_other_sessions(other: dict[str, Any]) -> None:
    assert session({"messages": [SYSTEM, FIRST]}) != session(other)


def test_two_keys_share_no_session() -> None:
    body = {"messages": [FIRST], "session_id": "s"}
    assert session(body) != session(body, key="k2")


@pytest.mark.parametrize("member", ["session_id", "prompt_cache_key"])
def test_what_a_client_says_counts_before_how_a_request_begins(member: str) -> None:
    one, two = {"messages": [FIRST], member: "s"}, {"messages": [NEXT], member: "s"}
    assert session(one) == session(two)
    assert session(one, x_session_id="t") == session({"messages": [ANSWER]}, x_session_id="t") != session(one)


@pytest.mark.parametrize("named", [5, None, ""])
def test_a_name_that_is_none_is_passed_over(named: object) -> None:
    assert session({"messages": [FIRST], "session_id": named}) == session({"messages": [FIRST]})


@pytest.mark.parametrize("body", [{}, {"model": "m"}])
def test_a_request_without_a_beginning_is_in_no_session(body: dict[str, Any]) -> None:
    assert session(body) is None
    assert beginning(Request(json.dumps(body).encode())) == b""


def test_only_a_long_beginning_or_a_named_session_is_worth_a_place_in_a_cache() -> None:
    found = [
        session({"messages": [FIRST]}),
        session({"messages": [FIRST], "session_id": "s"}),
        session({"messages": [{**SYSTEM, "content": "x" * LONG}, FIRST]}),
    ]
    assert [each.long for each in found if each is not None] == [False, True, True]


def test_turns_that_are_none_are_taken_as_they_are() -> None:
    assert beginning(Request(b'{"messages": [1, 2]}')) == b"1[1, 2]"


def test_an_answer_says_where_a_session_is() -> None:
    sessions = Sessions()
    assert sessions.place(b"s", "m") is None
    sessions.answered(Session(b"s", long=True), "m", "a/m")
    assert sessions.place(b"s", "m") == "a/m"
    assert sessions.place(b"s", "n") is None

"""Instructions for requests that have none, in the dialects of this plugin."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.types import Request
from pointsman_openai import ResponsesCodec
from pointsman_openai.codecs import ChatCodec, EmbeddingsCodec

TURN = {"role": "user", "content": "Hello"}
TOLD = {"role": "system", "content": "Be brief."}


def test_a_chat_begins_with_them() -> None:
    found = ChatCodec().instructed(Request.of({"model": "m", "messages": [TURN]}), "Be brief.")
    assert found.body == {"model": "m", "messages": [TOLD, TURN]}


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_chat_that_has_some_keeps_them(role: str) -> None:
    asked = Request.of({"messages": [TURN, {"role": role, "content": ""}]})
    assert ChatCodec().instructed(asked, "Be brief.") is asked


@pytest.mark.parametrize("messages", ["Hello", 3, {}])
def test_messages_that_are_no_list_are_told(messages: Any) -> None:
    with pytest.raises(BadRequest, match="`messages` must be a list of messages"):
        ChatCodec().instructed(Request.of({"messages": messages}), "Be brief.")


def test_responses_have_a_member_for_them() -> None:
    for said in ({}, {"instructions": None}):
        found = ResponsesCodec().instructed(Request.of({"input": "Hello", **said}), "Be brief.")
        assert found.body == {"input": "Hello", "instructions": "Be brief."}
    own = Request.of({"input": "Hello", "instructions": "Be long."})
    assert ResponsesCodec().instructed(own, "Be brief.") is own


def test_other_surfaces_have_no_place_for_them() -> None:
    assert EmbeddingsCodec().instructed(Request.of({"input": "Hello"}), "Be brief.") is None

"""Forwarding."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.dialects import Codec, Quirks
from pointsman.sealing import seal
from pointsman.types import Reasoning, Request
from pointsman_openai import ChatCodec, CompletionsCodec, EmbeddingsCodec

CHAT = ChatCodec()
CODECS: tuple[Codec, ...] = (CHAT, CompletionsCodec(), EmbeddingsCodec())


def sent(
    body: dict[str, Any],
    *,
    quirks: Quirks | None = None,
    params: dict[str, Any] | None = None,
    model: str = "native",
) -> tuple[dict[str, Any], list[str]]:
    request = Request(json.dumps({"model": "asked", "messages": [{"role": "user"}], **body}).encode())
    data, lost = CHAT.forward(
        request, model=model, peek=CHAT.peek(request), quirks=quirks or Quirks(), params=params or {}
    )
    forwarded = json.loads(data)
    assert forwarded.pop("messages") == [{"role": "user"}]
    assert forwarded.pop("model") == model
    return forwarded, lost


def test_a_request_that_needs_no_change_goes_out_as_the_very_bytes() -> None:
    raw = b'{ "model":"m",\n"messages":[{"role":"user","content":"caf\\u00e9 \xe2\x80\xa8"}],"seed":1.50e2 }'
    request = Request(raw)
    data, lost = CHAT.forward(request, model="m", peek=CHAT.peek(request), quirks=Quirks(), params={})
    assert data is raw
    assert lost == []


def test_members_that_do_not_change_keep_their_bytes() -> None:
    raw = b'{"model":"asked","messages":[{"role":"user","content":"\\u00e9"}],"seed":1.50e2,"n":1}'
    request = Request(raw)
    data, _ = CHAT.forward(request, model="n", peek=CHAT.peek(request), quirks=Quirks(), params={})
    assert data == raw.replace(b'"asked"', b'"n"')


def test_a_stream_is_asked_for_usage() -> None:
    assert sent({"stream": True})[0] == {"stream": True, "stream_options": {"include_usage": True}}
    assert sent({"stream": True, "stream_options": None})[0]["stream_options"] == {"include_usage": True}


def test_other_stream_options_are_kept() -> None:
    options = {"include_obfuscation": False, "include_usage": False}
    assert sent({"stream": True, "stream_options": options})[0]["stream_options"] == {
        "include_obfuscation": False,
        "include_usage": True,
    }


def test_usage_is_asked_for_even_where_the_gateways_own_member_asked() -> None:
    forwarded, lost = sent({"stream": True, "usage": {"include": True}})
    assert forwarded == {"stream": True, "stream_options": {"include_usage": True}}
    assert lost == []


@pytest.mark.parametrize("stream_usage", ["always", "never"])
def test_a_host_that_is_not_to_be_asked_is_not_asked(stream_usage: str) -> None:
    assert sent({"stream": True}, quirks=Quirks(stream_usage=stream_usage))[0] == {"stream": True}


def test_a_whole_answer_is_not_asked_for_stream_usage() -> None:
    assert sent({})[0] == {}


def test_params_fill_in_what_the_request_lacks() -> None:
    forwarded, _ = sent({"temperature": 1}, params={"temperature": 0.2, "top_p": 0.5})
    assert forwarded == {"temperature": 1, "top_p": 0.5}


def test_a_token_limit_is_not_added_beside_its_other_name() -> None:
    assert sent({"max_completion_tokens": 5}, params={"max_tokens": 9})[0] == {"max_completion_tokens": 5}


def test_what_the_host_refuses_is_dropped_and_told() -> None:
    forwarded, lost = sent(
        {"logit_bias": {}, "user": "u"}, quirks=Quirks(drop=frozenset({"logit_bias", "seed"}))
    )
    assert forwarded == {"user": "u"}
    assert lost == ["logit_bias"]


def test_stream_options_are_not_lost_on_a_host_that_always_tells_usage() -> None:
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    always = Quirks(stream_usage="always", drop=frozenset({"stream_options"}))
    never = Quirks(stream_usage="never", drop=frozenset({"stream_options"}))
    assert sent(asked, quirks=always) == ({"stream": True}, [])
    assert sent(asked, quirks=never) == ({"stream": True}, ["stream_options"])


def test_what_the_host_calls_otherwise_is_renamed() -> None:
    quirks = Quirks(rename={"seed": "random_seed"})
    assert sent({"seed": 3}, quirks=quirks) == ({"random_seed": 3}, [])
    assert sent({"seed": 3, "random_seed": 4}, quirks=quirks) == ({"random_seed": 4}, [])


def test_the_gateways_own_members_are_consumed() -> None:
    own = {"models": ["a"], "provider": {"order": ["x"]}, "session_id": "s", "usage": {"include": False}}
    assert sent(own) == ({}, [])


def test_a_host_that_is_a_gateway_too_keeps_them() -> None:
    own = {"models": ["a"], "provider": {"order": ["x"]}, "session_id": "s", "usage": {"include": False}}
    assert sent(own, quirks=Quirks(keeps=frozenset(own))) == (own, [])


def test_a_usage_of_another_shape_is_carried() -> None:
    assert sent({"usage": {"tokens": 3}})[0] == {"usage": {"tokens": 3}}


def test_recorded_requests_change_in_nothing_else(recordings: list[dict[str, Any]]) -> None:
    for record in recordings:
        body = record["request"]
        codec = next(each for each in CODECS if record["path_url"].endswith(each.path))
        request = Request(json.dumps(body).encode())
        data, lost = codec.forward(
            request, model="native", peek=codec.peek(request), quirks=Quirks(), params={}
        )
        forwarded = json.loads(data)
        assert forwarded.pop("model") == "native", record["id"]
        ours = {"model", "models", "provider", "usage"}
        expected = {name: body[name] for name in body if name not in ours}
        if body.get("stream") and codec.surface != "embeddings":
            options = body.get("stream_options") or {}
            expected["stream_options"] = {**options, "include_usage": True}
        assert forwarded == expected, record["id"]
        assert lost == [], record["id"]


THOUGHT = Reasoning("hm", "s", origin="anthropic-messages")
OPAQUE = {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1"}
SIGNED = {**OPAQUE, "signature": seal(THOUGHT)}
PLAIN = {"type": "reasoning.text", "text": "hm"}


def remembered(turn: dict[str, Any], quirks: Quirks) -> tuple[dict[str, Any], list[str], bool]:
    """An assistant's turn as it goes out, what was lost, and whether the messages are the very bytes."""
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y", **turn}]
    request = Request(json.dumps({"model": "m", "messages": messages}).encode())
    data, lost = CHAT.forward(request, model="m", peek=CHAT.peek(request), quirks=quirks, params={})
    sent_messages = json.loads(data)["messages"]
    assert sent_messages[0] == messages[0]
    return sent_messages[1], lost, data is request.raw


def test_opaque_thoughts_of_others_are_taken_out_and_plain_ones_stay() -> None:
    turn = {"reasoning_details": [SIGNED, PLAIN], "reasoning": "hm"}
    found, lost, _ = remembered(turn, Quirks())
    assert found == {"role": "assistant", "content": "y", "reasoning": "hm"}
    assert lost == ["reasoning"]
    found, lost, _ = remembered({"reasoning_details": [SIGNED]}, Quirks())
    assert found == {"role": "assistant", "content": "y"}
    assert lost == ["reasoning"]


def test_opaque_thoughts_of_the_host_go_back_to_it_as_the_very_bytes() -> None:
    assert remembered({"reasoning_details": [OPAQUE]}, Quirks())[1:] == ([], True)
    words = Quirks(reasoning="reasoning_content")
    assert remembered({"reasoning_details": [OPAQUE]}, words)[1] == ["reasoning"]


@pytest.mark.parametrize(
    "quirks", [Quirks(reasoning="reasoning_details"), Quirks(keeps=frozenset({"reasoning_details"}))]
)
def test_a_gateway_gets_opaque_thoughts_as_the_very_bytes(quirks: Quirks) -> None:
    assert remembered({"reasoning_details": [OPAQUE]}, quirks)[1:] == ([], True)
    assert remembered({"reasoning_details": [SIGNED]}, quirks)[1] == ["reasoning"], "seals are for nobody"


def test_a_host_that_refuses_thoughts_gets_none() -> None:
    never = Quirks(reasoning="never")
    found, lost, _ = remembered({"reasoning_content": "hm", "reasoning": None}, never)
    assert found == {"role": "assistant", "content": "y"}
    assert lost == ["reasoning"]
    assert remembered({"reasoning_content": None}, never)[:2] == ({"role": "assistant", "content": "y"}, [])


def test_talk_of_thoughts_changes_nothing() -> None:
    for turn in (
        {"content": '"reasoning_details"'},
        {"reasoning_details": [PLAIN]},
        {"reasoning_details": 1},
    ):
        assert remembered(turn, Quirks())[1:] == ([], True)

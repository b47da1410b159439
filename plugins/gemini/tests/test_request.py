"""Canonical content as a request of this dialect."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.losses import Losses
from pointsman.testing import Recording
from pointsman.types import Chat, Message, Reasoning, Request, Text, Tool, ToolChoice, Unknown
from pointsman_gemini import ContentCodec
from pointsman_gemini.parts import sealed

Sent = Callable[[Chat], tuple[dict[str, Any], Losses]]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def chat(model: str = "gemini-2.5-flash", **fields: Any) -> Chat:
    return Chat(model, [Message("user", [Text("Hi")], path="messages[0]")], dialect="other", **fields)


def test_a_request_of_this_dialect_is_what_it_was(
    recorded: list[Recording], codec: ContentCodec, sent: Sent
) -> None:
    compared = 0
    for recording in recorded:
        if recording.status == 200:
            body = {"model": "m", **recording.request}
            written, losses = sent(codec.decode_request(Request.of(body)))
            assert (written, losses) == (body, Losses()), recording.id
            compared += 1
    assert compared > 300


@pytest.mark.parametrize(
    "body",
    [
        {"system_instruction": "Be brief.", "stream": True},
        {"systemInstruction": {"parts": {"text": "Be brief."}}},
        {"contents": {"role": "user", "parts": [{"text": "Hi"}]}},
        {"contents": [{"role": "model"}, {"role": "user", "parts": []}]},
        {"tools": {"functionDeclarations": [{"name": "f"}]}},
        {"toolConfig": {"functionCallingConfig": {"mode": "NEW"}}, "safetySettings": []},
        {"generation_config": {"topP": 1, "thinkingConfig": {"new": 1}}, "service_tier": "flex"},
    ],
    ids=str,
)
def test_rarer_requests_of_this_dialect_too(codec: ContentCodec, sent: Sent, body: dict[str, Any]) -> None:
    whole = {"model": "m", "contents": [{"role": "user", "parts": [{"text": "Hi"}]}], **body}
    assert sent(codec.decode_request(Request.of(whole))) == (whole, Losses())


def test_thoughts_of_other_origin_stay_behind(codec: ContentCodec, sent: Sent) -> None:
    seal = sealed(Reasoning("Hm.", "theirs", origin="other"))
    thought = {"text": "Hm.", "thought": True, "thoughtSignature": seal}
    contents = [
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "model", "parts": [thought]},
        {"role": "model", "parts": [thought, {"text": "So."}]},
    ]
    body, losses = sent(codec.decode_request(Request.of({"model": "m", "contents": contents})))
    assert body["contents"] == [contents[0], {"role": "model", "parts": [{"text": "So."}]}]
    assert losses.parameters == ["reasoning"]


def test_every_parameter_has_its_place(sent: Sent) -> None:
    params = {
        "max_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "seed": 7,
        "n": 2,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "logprobs": True,
        "top_logprobs": 3,
        "stop": ["END"],
        "service_tier": "flex",
        "reasoning": {"effort": "low"},
    }
    body, losses = sent(chat(params=params, stream=True))
    assert body == {
        "model": "gemini-2.5-flash",
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "stream": True,
        "serviceTier": "flex",
        "generationConfig": {
            "maxOutputTokens": 100,
            "temperature": 0.5,
            "topP": 0.9,
            "topK": 40,
            "seed": 7,
            "candidateCount": 2,
            "presencePenalty": 0.1,
            "frequencyPenalty": 0.2,
            "responseLogprobs": True,
            "logprobs": 3,
            "stopSequences": ["END"],
            "thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": True},
        },
    }
    assert losses == Losses()


def test_what_has_no_place_is_told_by_the_clients_name(sent: Sent) -> None:
    params = {
        "user": "u",
        "metadata": {"a": "b"},
        "logit_bias": {"1": 1},
        "parallel_tool_calls": False,
        "top_logprobs": 2,
        "temperature": "hot",
        "stop": ["a", "b", "c", "d", "e", "f"],
        "service_tier": "scale",
        "response_format": {"type": "grammar"},
        "verbosity": "low",
    }
    body, losses = sent(
        chat(params=params, names={"user": "metadata.user_id"}, extra={"other": {"odd": 1, "~note": 2}})
    )
    assert body["generationConfig"] == {"stopSequences": ["a", "b", "c", "d", "e"]}
    assert losses.parameters == [
        *("temperature", "top_logprobs", "stop", "response_format", "service_tier", "logit_bias"),
        *("verbosity", "metadata", "parallel_tool_calls", "metadata.user_id", "odd"),
    ]


def test_what_says_nothing_is_not_lost(sent: Sent) -> None:
    params = {
        "n": 1,
        "presence_penalty": 0,
        "parallel_tool_calls": True,
        "store": False,
        "service_tier": "auto",
        "response_format": {"type": "text"},
        "metadata": {},
        "logprobs": False,
    }
    body, losses = sent(chat(params=params))
    assert "generationConfig" not in body
    assert losses == Losses()


@pytest.mark.parametrize(
    ("wanted", "config", "lost"),
    [
        ({"type": "json_object"}, {"responseMimeType": "application/json"}, []),
        (
            {"type": "json_schema", "schema": SCHEMA, "name": "x", "strict": True},
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
            [],
        ),
        (
            {"type": "json_schema", "schema": SCHEMA, "description": "D."},
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
            ["response_format.description"],
        ),
    ],
)
def test_the_form_of_the_answer(sent: Sent, wanted: Any, config: Any, lost: list[str]) -> None:
    body, losses = sent(chat(params={"response_format": wanted}))
    assert (body["generationConfig"], losses.parameters) == (config, lost)


def test_tools_are_declared_by_json_schema(sent: Sent) -> None:
    tools: list[Tool | Unknown] = [
        Tool("a", "A.", SCHEMA, cache={"type": "ephemeral"}),
        Tool("b", parameters={"properties": {}}),
        Tool("c"),
        Unknown("gemini", {"googleSearch": {}}),
    ]
    body, losses = sent(chat(tools=tools))
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {"name": "a", "description": "A.", "parametersJsonSchema": SCHEMA},
                {"name": "b", "parametersJsonSchema": {"type": "object", "properties": {}}},
                {"name": "c"},
            ]
        },
        {"googleSearch": {}},
    ]
    assert "toolConfig" not in body
    assert (losses.parameters, losses.content) == (["cache_control"], [])


@pytest.mark.parametrize(
    ("choice", "strict", "calling"),
    [
        (None, None, None),
        (None, True, {"mode": "VALIDATED"}),
        (ToolChoice("auto"), None, {"mode": "AUTO"}),
        (ToolChoice("auto"), True, {"mode": "VALIDATED"}),
        (ToolChoice("auto", ("a",)), None, {"mode": "VALIDATED", "allowedFunctionNames": ["a"]}),
        (ToolChoice("none"), True, {"mode": "NONE"}),
        (ToolChoice("required"), None, {"mode": "ANY"}),
        (ToolChoice("required", ("a",)), True, {"mode": "ANY", "allowedFunctionNames": ["a"]}),
    ],
)
def test_the_choice_of_tools(sent: Sent, choice: ToolChoice | None, strict: Any, calling: Any) -> None:
    body, losses = sent(chat(tools=[Tool("a", strict=strict), Tool("b")], tool_choice=choice))
    assert body.get("toolConfig", {}).get("functionCallingConfig") == calling
    assert losses == Losses()


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"tools": [Unknown("other", {})]}, "tools[0]"),
        ({"tools": [Tool("9a")]}, "tools[0]"),
        ({"tools": [Tool("a")], "tool_choice": ToolChoice("required", ("b",))}, "tool_choice"),
        ({"tool_choice": ToolChoice("required")}, "tool_choice"),
    ],
    ids=str,
)
def test_tools_without_a_place_are_told(sent: Sent, fields: dict[str, Any], path: str) -> None:
    _, losses = sent(chat(**fields))
    assert [each.path for each in losses.content] == [path]


def test_the_newest_models_begin_answers_of_their_own(sent: Sent) -> None:
    begun = Message("assistant", [Text("It")], path="messages[1]")
    asked = chat("gemini-3.6-flash", params={"temperature": 0.5}, names={"temperature": "heat"})
    asked.messages.append(begun)
    _, losses = sent(asked)
    assert [each.path for each in losses.content] == ["messages[1]"]
    assert losses.parameters == ["heat"]
    asked.model = "gemini-2.5-flash"
    assert sent(asked)[1] == Losses()


def test_members_of_this_dialect_in_a_foreign_request_are_sent(sent: Sent) -> None:
    extra = {"gemini": {"safetySettings": [{"category": "X"}], "generationConfig": {"topP": 1}}}
    body, losses = sent(chat(params={"temperature": 0.5, "top_p": 0.1}, extra=extra))
    assert body["safetySettings"] == [{"category": "X"}]
    assert body["generationConfig"] == {"temperature": 0.5, "topP": 1}
    assert losses == Losses()


def test_what_is_written_is_json(sent: Sent) -> None:
    body, _ = sent(chat())
    assert json.loads(json.dumps(body)) == body

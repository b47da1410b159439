"""Canonical content as a request."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.losses import Losses
from pointsman.types import Chat, Message, Reasoning, Text, Tool, ToolCall, ToolChoice, Unknown
from pointsman_anthropic.names import DIALECT
from pointsman_anthropic.request import encode_chat

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def chat(**fields: Any) -> Chat:
    hello = [Message("user", [Text("Hi")], path="messages[0]")]
    return Chat(**{"model": "claude-3-5-haiku-latest", "messages": hello, "dialect": "other", **fields})


def written(**fields: Any) -> tuple[dict[str, Any], Losses]:
    losses = Losses()
    return encode_chat(chat(**fields), losses=losses), losses


def test_a_small_chat() -> None:
    body, losses = written(
        stream=True, messages=[Message("system", [Text("S")]), Message("user", [Text("Hi")])]
    )
    assert body == {
        "model": "claude-3-5-haiku-latest",
        "system": [{"type": "text", "text": "S"}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "stream": True,
    }
    assert losses == Losses()


def test_tools() -> None:
    mark = {"type": "ephemeral"}
    tools = [
        Tool("f", "does", SCHEMA, strict=True, cache=mark),
        Tool("g", strict=False),
        Unknown(DIALECT, {"type": "x"}),
    ]
    body, losses = written(tools=tools)
    assert body["tools"] == [
        {"name": "f", "description": "does", "input_schema": SCHEMA, "strict": True, "cache_control": mark},
        {"name": "g", "input_schema": {"type": "object"}},
        {"type": "x"},
    ]
    assert losses == Losses()


def test_tools_without_a_place_are_told_by_their_path() -> None:
    tools: list[Any] = [Tool("a.b"), Unknown("other", {}), Tool("f", extra={"other": {"meta": 1}})]
    body, losses = written(tools=tools)
    assert [each["name"] for each in body["tools"]] == ["f"]
    assert [each.path for each in losses.content] == ["tools[0]", "tools[1]"]
    assert losses.parameters == ["tools.meta"]


@pytest.mark.parametrize(
    ("choice", "given", "shown"),
    [
        (ToolChoice("auto"), {"type": "auto"}, ["f", "g", "h"]),
        (ToolChoice("none"), {"type": "none"}, ["f", "g", "h"]),
        (ToolChoice("required"), {"type": "any"}, ["f", "g", "h"]),
        (ToolChoice("required", ("g",)), {"type": "tool", "name": "g"}, ["f", "g", "h"]),
        (ToolChoice("required", ("f", "g")), {"type": "any"}, ["f", "g"]),
        (ToolChoice("auto", ("h",)), {"type": "auto"}, ["h"]),
    ],
)
def test_the_choice_of_tools(choice: ToolChoice, given: dict[str, Any], shown: list[str]) -> None:
    body, losses = written(tools=[Tool("f"), Tool("g"), Tool("h")], tool_choice=choice)
    assert (body["tool_choice"], [each["name"] for each in body["tools"]]) == (given, shown)
    assert losses == Losses()


def test_a_choice_that_cannot_be_met_is_lost_content() -> None:
    for fields in (
        {"tools": [Tool("f")], "tool_choice": ToolChoice("required", ("x",))},
        {"tool_choice": ToolChoice("required")},
    ):
        body, losses = written(**fields)
        assert "tool_choice" not in body
        assert [each.path for each in losses.content] == ["tool_choice"]
    assert written(tool_choice=ToolChoice("auto"))[1] == Losses()


@pytest.mark.parametrize(
    ("choice", "given"),
    [
        (None, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("required"), {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice("none"), {"type": "none"}),
    ],
)
def test_one_call_at_a_time(choice: ToolChoice | None, given: dict[str, Any]) -> None:
    body, losses = written(tools=[Tool("f")], tool_choice=choice, params={"parallel_tool_calls": False})
    assert body["tool_choice"] == given
    assert losses == Losses()
    assert "tool_choice" not in written(params={"parallel_tool_calls": False})[0]


def test_parameters_with_a_place() -> None:
    body, losses = written(
        params={
            "max_tokens": 10,
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 4,
            "stop": ["END"],
            "user": "u",
            "service_tier": "default",
            "response_format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True},
            "parallel_tool_calls": True,
        },
        model="claude-3-5-haiku-20241022",
    )
    expected = {"max_tokens": 10, "temperature": 0.5, "top_p": 0.9, "top_k": 4, "stop_sequences": ["END"]}
    assert {name: body[name] for name in expected} == expected
    assert body["metadata"] == {"user_id": "u"}
    assert body["service_tier"] == "standard_only"
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert losses == Losses()


@pytest.mark.parametrize(
    "params",
    [
        {
            "n": 1,
            "logprobs": False,
            "frequency_penalty": 0,
            "presence_penalty": 0.0,
            "store": False,
            "logit_bias": {},
        },
        {"response_format": {"type": "text"}, "service_tier": "auto", "seed": None, "verbosity": "medium"},
        {"safety_identifier": "u"},
        {"user": "u", "safety_identifier": "u"},
        {"stop": []},
        {"stop": None, "user": None, "temperature": None},
    ],
    ids=str,
)
def test_defaults_are_no_loss(params: dict[str, Any]) -> None:
    assert written(params=params)[1] == Losses()


@pytest.mark.parametrize(
    ("params", "lost"),
    [
        ({"n": 2}, "n"),
        ({"seed": 0}, "seed"),
        ({"logprobs": True}, "logprobs"),
        ({"frequency_penalty": 0.1}, "frequency_penalty"),
        ({"logit_bias": {"1": 2}}, "logit_bias"),
        ({"verbosity": "low"}, "verbosity"),
        ({"metadata": {"a": "b"}}, "metadata"),
        ({"prompt_cache_key": "k"}, "prompt_cache_key"),
        ({"store": True}, "store"),
        ({"user": "a", "safety_identifier": "b"}, "safety_identifier"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        (
            {"response_format": {"type": "json_schema", "schema": {}, "description": "d"}},
            "response_format.description",
        ),
        ({"temperature": 1.5}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop": ["\n", "x"]}, "stop"),
    ],
    ids=str,
)
def test_parameters_without_a_place_are_named(params: dict[str, Any], lost: str) -> None:
    _, losses = written(params=params)
    assert (losses.parameters, losses.content) == ([lost], [])


def test_a_loss_has_the_clients_name() -> None:
    _, losses = written(params={"stop": [" "]}, names={"stop": "stop_sequence"})
    assert losses.parameters == ["stop_sequence"]


def test_a_blank_stop_is_left_out_and_a_hot_temperature_is_cooled() -> None:
    body, _ = written(params={"stop": ["\n\n", "END"], "temperature": 2}, model="m")
    assert (body["stop_sequences"], body["temperature"]) == (["END"], 1)


def test_reasoning_is_fitted_to_the_model() -> None:
    names = {"reasoning": "reasoning_effort"}
    params = {"reasoning": {"effort": "high"}, "temperature": 0.3, "max_tokens": 10_000}
    body, losses = written(params=params, names=names, model="claude-sonnet-4-5")
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 8000}
    assert losses.parameters == ["temperature"]


def test_what_only_another_dialect_has_is_named_and_what_this_one_has_is_written() -> None:
    body, losses = written(extra={"other": {"modalities": ["text"], "~note": 1}, DIALECT: {"container": "c"}})
    assert (body["container"], losses.parameters) == ("c", ["modalities"])


def test_thoughts_of_other_origin_leave_a_chat_of_this_dialect() -> None:
    sealed = Reasoning("Hm", signature="s", origin="other")
    own = Reasoning("Ha", signature="t", origin=DIALECT)
    messages = [
        Message("user", [Text("a")]),
        Message("assistant", [sealed]),
        Message("assistant", [sealed, own, ToolCall("c", "f", "{}")]),
    ]
    body, losses = written(messages=messages, dialect=DIALECT)
    assert [message["role"] for message in body["messages"]] == ["user", "assistant"]
    assert [block["type"] for block in body["messages"][1]["content"]] == ["thinking", "tool_use"]
    assert losses.parameters == ["reasoning"]


@pytest.mark.parametrize("dialect", ["other", DIALECT])
def test_an_answer_that_is_begun_has_no_place_at_models_that_begin_all_of_theirs(dialect: str) -> None:
    messages = [Message("user", [Text("Hi")]), Message("assistant", [Text("Well")], path="messages[1]")]
    body, losses = written(messages=messages, dialect=dialect)
    assert body["messages"][-1]["role"] == "assistant"
    assert losses.content == []
    _, losses = written(messages=messages, dialect=dialect, model="claude-opus-4-7")
    assert [each.path for each in losses.content] == ["messages[1]"]

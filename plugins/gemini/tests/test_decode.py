"""Requests of this dialect as canonical content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.testing import Recording
from pointsman.types import Chat, Reasoning, Request, Text, Tool, ToolCall, ToolChoice, ToolResult, Unknown
from pointsman_gemini import ContentCodec
from pointsman_gemini.decode import Ids

ChatOf = Callable[..., Chat]


def test_contents_are_messages_in_order(chat_of: ChatOf) -> None:
    chat = chat_of(
        systemInstruction={"role": "user", "parts": [{"text": "Be brief."}]},
        contents=[
            {"parts": [{"text": "Weather?"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"city": "Paris"}}}]},
            {
                "role": "function",
                "parts": [{"functionResponse": {"name": "f", "response": {"output": "18"}}}],
            },
        ],
        stream=True,
    )
    assert [message.role for message in chat.messages] == ["system", "user", "assistant", "user"]
    assert [message.path for message in chat.messages] == [
        *("systemInstruction", "contents[0]", "contents[1]", "contents[2]"),
    ]
    assert chat.messages[0].text == "Be brief."
    call, result = chat.messages[2].parts[0], chat.messages[3].parts[0]
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert result.call_id == call.id
    assert (chat.dialect, chat.stream, chat.model) == ("gemini", True, "m")


def test_results_without_ids_answer_the_calls_of_their_function_in_order() -> None:
    ids = Ids("seed")
    first, other, second = ids.call("f", None), ids.call("g", None), ids.call("f", None)
    assert len({first, other, second}) == 3
    assert [ids.result(name, None) for name in ("f", "f", "g")] == [first, second, other]
    assert ids.result("h", None) not in (first, second, other), "a result whose call is not there"
    assert ids.call("f", "mine") == ids.result("f", "mine") == "mine"


def test_one_content_or_part_may_stand_alone(chat_of: ChatOf) -> None:
    chat = chat_of(contents={"role": "user", "parts": {"text": "Hi"}}, system_instruction="Be brief.")
    assert [message.text for message in chat.messages] == ["Be brief.", "Hi"]


def test_tools_are_functions_and_what_only_this_dialect_has(chat_of: ChatOf) -> None:
    schema = {"type": "object", "properties": {}}
    chat = chat_of(
        tools=[
            {
                "functionDeclarations": [
                    {"name": "a", "description": "A.", "parametersJsonSchema": schema},
                    {"name": "b", "parameters": {"type": "OBJECT"}, "response": {"type": "STRING"}},
                    {"name": "c"},
                ],
                "googleSearch": {},
            },
            {"codeExecution": {}},
        ]
    )
    a, b, c, search, code = chat.tools
    assert a == Tool("a", "A.", schema)
    assert isinstance(b, Tool)
    assert (b.parameters, b.extra) == ({"type": "object"}, {"gemini": {"response": {"type": "STRING"}}})
    assert isinstance(c, Tool)
    assert c.parameters == {"type": "object", "properties": {}}
    assert [search, code] == [
        Unknown("gemini", {"googleSearch": {}}),
        Unknown("gemini", {"codeExecution": {}}),
    ]


@pytest.mark.parametrize(
    ("calling", "choice"),
    [
        ({"mode": "AUTO"}, ToolChoice("auto")),
        ({}, ToolChoice("auto")),
        ({"mode": "none"}, ToolChoice("none")),
        ({"mode": "ANY"}, ToolChoice("required")),
        ({"mode": "ANY", "allowed_function_names": ["a"]}, ToolChoice("required", ("a",))),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["a"]}, ToolChoice("auto", ("a",))),
        ({"mode": "VALIDATED"}, None),
        ({"mode": "NEW"}, None),
    ],
)
def test_the_choice_of_tools(chat_of: ChatOf, calling: dict[str, Any], choice: ToolChoice | None) -> None:
    tools = [{"functionDeclarations": [{"name": "a"}]}]
    chat = chat_of(tools=tools, toolConfig={"functionCallingConfig": calling, "retrievalConfig": {"x": 1}})
    assert chat.tool_choice == choice
    (tool,) = chat.tools
    assert isinstance(tool, Tool)
    assert tool.strict is (True if calling.get("mode") == "VALIDATED" else None)
    assert "toolConfig" in chat.extra["gemini"], "what else it holds is carried"


def test_thoughts_of_others_are_opened(chat_of: ChatOf) -> None:
    from pointsman_gemini.parts import sealed

    thought = Reasoning("Hm.", "theirs", origin="other")
    part = {"text": "Hm.", "thought": True, "thoughtSignature": sealed(thought)}
    chat = chat_of(contents=[{"role": "model", "parts": [part, {"text": "So."}]}])
    assert chat.messages[0].parts[0] == thought
    assert isinstance(chat.messages[0].parts[1], Text)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"contents": []}, "contents"),
        ({"contents": 5}, "contents"),
        ({"contents": ["Hi"]}, "contents[0]"),
        ({"contents": [{"role": "assistant", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"role": 5, "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": "Hi"}]}, "contents[0].parts"),
        ({"systemInstruction": 5}, "systemInstruction"),
        ({"tools": ["a"]}, "tools[0]"),
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations"),
        ({"tools": [{"functionDeclarations": "f"}]}, "tools[0].functionDeclarations"),
        (
            {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": 5}}},
            "toolConfig.functionCallingConfig.allowedFunctionNames",
        ),
        (
            {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f", 5]}}},
            "toolConfig.functionCallingConfig.allowedFunctionNames",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(chat_of: ChatOf, body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        chat_of(**body)
    assert caught.value.param == param


def test_every_recorded_request_is_read(recorded: list[Recording], codec: ContentCodec) -> None:
    for recording in recorded:
        if recording.status == 200:
            chat = codec.decode_request(Request.of({"model": "m", **recording.request}))
            assert chat.messages, recording.id

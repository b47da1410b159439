"""Requests read as canonical content, and written back as they were."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.losses import Losses
from pointsman.sealing import seal
from pointsman.testing import Recording
from pointsman.types import Chat, Media, Reasoning, Request, Text, ToolCall, ToolResult, Unknown
from pointsman_openai.responses.decode import decode_request
from pointsman_openai.responses.encode import encode_request


def chat(**members: Any) -> Chat:
    return decode_request(Request.of({"model": "m", **members}), model="m")


def again(body: dict[str, Any]) -> dict[str, Any]:
    """The request, read and written; nothing of it may be lost."""
    losses = Losses()
    found = decode_request(Request.of(body), model=body["model"])
    written = encode_request(found, losses=losses)
    assert losses == Losses()
    return written


def same(**members: Any) -> None:
    body = {"model": "m", **members}
    assert again(body) == body


def test_a_plain_message_needs_no_notes_and_others_come_back_in_their_form() -> None:
    plain = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
    untyped = {"role": "user", "content": plain["content"]}
    text = {"type": "message", "role": "user", "content": "Hello"}
    found = chat(input=[plain, untyped, text])
    assert [each.text for each in found.messages] == ["Hello"] * 3
    assert [bool(each.extra) for each in found.messages] == [False, True, True]
    same(input=[plain, untyped, text, {"role": "user", "content": []}, {"role": "user", "content": None}])


def test_instructions_and_a_text_are_two_messages() -> None:
    found = chat(instructions="Be brief.", input="Hello")
    assert [(each.role, each.text, each.path) for each in found.messages] == [
        ("system", "Be brief.", "instructions"),
        ("user", "Hello", "input"),
    ]
    assert found.dialect == "openai-responses"
    same(instructions="Be brief.", input="Hello")


def test_consecutive_items_of_the_assistant_are_one_message() -> None:
    items = [
        {"role": "user", "content": "Weather?"},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
            "encrypted_content": "gAAA",
        },
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "phase": "commentary",
            "content": [
                {"type": "output_text", "text": "I look", "annotations": [], "logprobs": []},
                {"type": "refusal", "refusal": "no"},
            ],
        },
        {"role": "assistant", "content": "once."},
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "c1",
            "name": "f",
            "arguments": "{}",
            "status": None,
        },
        {"type": "function_call_output", "call_id": "c1", "output": "rain"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Thanks"}]},
    ]
    same(input=items)
    user, turn, result, last = chat(input=items).messages
    assert (user.role, turn.role, result.role, last.role) == ("user", "assistant", "tool", "user")
    assert turn.path == "input[1]"
    thought, *texts, call = turn.parts
    assert isinstance(thought, Reasoning)
    assert (thought.text, thought.summary, thought.redacted) == ("a\n\nb", True, "gAAA")
    assert (thought.origin, thought.id) == ("openai-responses", "rs_1")
    assert [(each.text, each.refusal) for each in texts if isinstance(each, Text)] == [
        ("I look", False),
        ("no", True),
        ("once.", False),
    ]
    assert isinstance(call, ToolCall)
    assert (call.id, call.name, call.arguments) == ("c1", "f", "{}")
    assert result.parts == [ToolResult("c1", [Text("rain")], extra=result.parts[0].extra)]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "item",
    [
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": []},
        {"role": "assistant", "content": None},
        {"role": "assistant"},
        {"role": "user", "content": ""},
        {"role": "user", "content": []},
        {"role": "system", "content": "x", "type": "message", "id": None},
        {"role": "developer", "content": [{"type": "input_text", "text": "x", "later": 1}]},
        {
            "role": "assistant",
            "content": [{"type": "output_audio", "data": "x"}, {"type": "output_text", "text": "y"}],
        },
        {"role": "assistant", "content": [{"type": "input_text", "text": "y"}], "name": "Bob"},
        {
            "type": "reasoning",
            "id": "rs",
            "summary": [],
            "content": [{"type": "reasoning_text", "text": "t"}],
        },
        {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": None, "status": "completed"},
        {"type": "reasoning", "summary": None, "format": "x", "signature": "s"},
        {"type": "function_call", "call_id": "c" * 80, "name": "f", "arguments": "", "namespace": "n"},
        {"type": "custom_tool_call", "id": "ctc", "call_id": "c", "name": "patch", "input": 'a "b"\n\u00e9'},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "done"},
        {"type": "function_call_output", "call_id": "c", "output": ""},
        {"type": "function_call_output", "call_id": "c", "output": []},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
        {"type": "function_call_output", "call_id": "c", "output": None, "status": "completed", "id": "fco"},
        {"type": "item_reference", "id": "msg_1"},
        {"type": "web_search_call", "id": "ws", "status": "completed", "action": {}},
        {"type": "computer_call_output", "call_id": "c", "output": {}},
        {"type": "mcp_approval_response", "approve": True},
        {"type": "additional_tools", "role": "developer", "tools": []},
        {"type": "compaction", "id": "cmp", "encrypted_content": "x"},
    ],
    ids=str,
)
def test_each_item_comes_back_as_it_was(item: dict[str, Any]) -> None:
    same(input=[item])
    same(input=[{"role": "user", "content": "a"}, item, {"role": "assistant", "content": "b"}])


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_image", "image_url": "https://x/y.png"},
        {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
        {"type": "input_image", "image_url": None, "file_id": "file_1", "detail": "auto"},
        {"type": "input_file", "file_id": "file_1"},
        {"type": "input_file", "file_url": "https://x/y.pdf", "filename": None},
        {"type": "input_file", "file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"},
        {"type": "input_file", "file_data": "aGk=", "filename": "a.pdf"},
        {"type": "input_file", "file_data": "data:text/plain,hello"},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
        {"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "text", "text": "x"},
        {"type": "new", "x": 1},
    ],
    ids=str,
)
def test_each_part_comes_back_as_it_was(part: dict[str, Any]) -> None:
    same(input=[{"role": "user", "content": [part]}])
    same(input=[{"type": "function_call_output", "call_id": "c", "output": [part]}])


def test_pictures_and_files_are_media() -> None:
    content = [
        {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
        {"type": "input_file", "file_url": "https://x/y.pdf", "filename": "y.pdf"},
        {"type": "input_file", "file_id": "file_1"},
    ]
    image, file, stored = chat(input=[{"role": "user", "content": content}]).messages[0].parts
    assert isinstance(image, Media)
    assert (image.kind, image.data, image.mime, image.detail) == ("image", "aGk=", "image/png", "low")
    assert isinstance(file, Media)
    assert (file.kind, file.url, file.name) == ("document", "https://x/y.pdf", "y.pdf")
    assert isinstance(stored, Unknown)


def test_what_a_custom_tool_takes_is_wrapped() -> None:
    item = {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": 'say "hi"'}
    (call,) = chat(input=[item]).messages[0].parts
    assert isinstance(call, ToolCall)
    assert call.arguments == '{"input":"say \\"hi\\""}'


def test_sealed_reasoning_is_opened_and_goes_to_nobody_who_did_not_make_it() -> None:
    thought = Reasoning("hm", signature="sig", origin="anthropic-messages")
    item = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": seal(thought, text=True)}
    found = chat(input=[item, {"role": "assistant", "content": "x"}])
    assert found.messages[0].parts[0] == thought
    losses = Losses()
    assert len(encode_request(found, losses=losses)["input"]) == 1
    assert losses.parameters == ["reasoning"]


def test_content_stored_at_the_provider_is_noted() -> None:
    body = {"input": "x", "previous_response_id": "resp_1", "background": True, "conversation": None}
    mine = chat(**body).extra["openai-responses"]
    assert mine["~content"] == ["previous_response_id", "background"]
    assert mine["previous_response_id"] == "resp_1"
    same(**body)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": 1}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"input": [{"role": "alien", "content": "x"}]}, "input[0].role"),
        ({"input": [{"content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 1}]}, "input[0].content"),
        ({"input": [{"role": "assistant", "content": 1}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": ["x"]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": ""}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": 1}]}, "input[0].output"),
        ({"input": "x", "instructions": 1}, "instructions"),
        ({"input": "x", "tools": {"a": 1}}, "tools"),
        ({"input": "x", "tools": ["f"]}, "tools[0]"),
        ({"input": "x", "tool_choice": "maybe"}, "tool_choice"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        chat(**body)
    assert caught.value.param == param


@pytest.mark.parametrize("odd", [[], {}, 1, True, ["x"], {"type": []}], ids=str)
def test_members_of_odd_types_do_no_harm(odd: Any) -> None:
    same(input=[{"type": [odd]}, {"role": "assistant", "content": [{"type": [odd]}]}])
    same(input=[{"role": "user", "content": [{"type": "input_image", "image_url": "u", "detail": odd}]}])
    same(input="x", tools=[{"type": [odd]}, {}], text={"format": {"type": [odd]}}, include=odd, user=odd)
    with pytest.raises(BadRequest):
        chat(input=[{"role": odd, "content": "x"}])


def test_every_recorded_request_comes_back_as_it_was(exchanges: list[Recording]) -> None:
    for each in exchanges:
        expected = {name: value for name, value in each.request.items() if name != "provider"}
        assert again(each.request) == expected, each.id

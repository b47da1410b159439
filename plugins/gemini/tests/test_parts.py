"""Parts, both ways."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from pointsman.sealing import seal
from pointsman.types import Media, Reasoning, Text, ToolCall, ToolResult, Unknown
from pointsman_gemini.names import DIALECT
from pointsman_gemini.parts import (
    SEALED,
    UNSIGNED,
    kind_of,
    opened,
    read_part,
    sealed,
    write_media,
    write_part,
    write_response,
)

PARTS: list[dict[str, Any]] = [
    {"text": "Hi"},
    {"text": ""},
    {"text": "Hm.", "thought": True},
    {"text": "Hm.", "thought": True, "thoughtSignature": "c2ln"},
    {"text": "So.", "thought_signature": "c2ln"},
    {"text": "", "thoughtSignature": "c2ln"},
    {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"},
    {"function_call": {"id": "x", "name": "f", "willContinue": False}},
    {"functionResponse": {"name": "f", "response": {"output": "fine"}, "scheduling": "SILENT"}},
    {"functionResponse": {"id": "x", "name": "f", "response": {"error": "no"}}},
    {"functionResponse": {"name": "f"}},
    {
        "functionResponse": {
            "name": "f",
            "response": {},
            "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}],
        }
    },
    {"inlineData": {"mimeType": "image/png", "data": "AA==", "displayName": "a.png"}},
    {"inline_data": {"mime_type": "audio/wav", "data": "AA=="}, "videoMetadata": {"fps": 1}},
    {"fileData": {"fileUri": "https://example.org/a.pdf", "mimeType": "application/pdf"}},
    {"fileData": {"fileUri": "gs://bucket/a.pdf", "mimeType": "application/pdf"}},
    {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x"}},
    {"executableCode": {"code": "1", "language": "PYTHON"}, "thoughtSignature": "c2ln"},
    {"toolCall": {"id": "t", "toolType": "FILE_SEARCH"}},
    {"thoughtSignature": "c2ln"},
    {"somethingNew": {}},
    {"inlineData": {"mimeType": "image/png", "data": "aGk="}, "fileData": ["odd"]},
]


def ids(name: str, given: str | None) -> str:
    return given or f"made-{name}"


@pytest.mark.parametrize("data", PARTS, ids=str)
def test_a_part_comes_back_as_it_was(data: dict[str, Any]) -> None:
    written = [each for part in read_part(data, ids) if (each := write_part(part)) is not None]
    assert written == [data]


def test_a_signature_is_a_thought_of_its_own() -> None:
    signs, call = read_part(PARTS[6], ids)
    assert isinstance(signs, Reasoning)
    assert isinstance(call, ToolCall)
    assert (signs.redacted, signs.id, signs.origin) == ("c2ln", call.id, DIALECT)
    assert (call.id, call.name, call.arguments) == ("made-f", "f", '{"a":1}')
    before, text = read_part(PARTS[4], ids)
    assert isinstance(text, Text)
    assert isinstance(before, Reasoning)
    assert (text.text, before.signature, before.redacted, before.id) == ("So.", "c2ln", None, None)
    (alone,) = read_part(PARTS[5], ids)
    assert isinstance(alone, Reasoning)
    assert alone.redacted == "c2ln"


def test_what_stands_in_place_of_a_signature_is_none() -> None:
    data = {"functionCall": {"id": "x", "name": "f", "args": {}}, "thoughtSignature": UNSIGNED}
    (call,) = read_part(data, ids)
    assert isinstance(call, ToolCall)
    assert write_part(call) == data


def test_thoughts_are_summaries_with_their_own_signature() -> None:
    (thought,) = read_part(PARTS[3], ids)
    assert isinstance(thought, Reasoning)
    assert (thought.text, thought.signature, thought.summary, thought.redacted) == ("Hm.", "c2ln", True, None)


def test_results_are_told_by_what_they_hold() -> None:
    fine, failed, nothing, picture = (read_part(PARTS[at], ids)[0] for at in (8, 9, 10, 11))
    assert isinstance(fine, ToolResult)
    assert isinstance(failed, ToolResult)
    assert isinstance(nothing, ToolResult)
    assert isinstance(picture, ToolResult)
    assert (fine.call_id, fine.parts, fine.is_error) == ("made-f", [Text("fine")], False)
    assert fine.extra[DIALECT]["scheduling"] == "SILENT"
    assert (failed.call_id, failed.parts, failed.is_error) == ("x", [Text("no")], True)
    assert nothing.parts == []
    assert isinstance(picture.parts[0], Media)
    (other,) = read_part({"functionResponse": {"name": "f", "response": {"a": 1, "b": [2]}}}, ids)
    assert isinstance(other, ToolResult)
    assert other.parts == [Text('{"a":1,"b":[2]}')]


def test_what_is_stored_at_the_provider_is_nobody_elses() -> None:
    assert isinstance(read_part(PARTS[14], ids)[0], Media)
    assert [type(read_part(PARTS[at], ids)[0]) for at in (15, 16)] == [Unknown, Unknown]


@pytest.mark.parametrize(
    "data",
    [
        "text",
        None,
        {"functionCall": {"name": 5}},
        {"functionCall": {"name": "f", "args": []}},
        {"functionCall": "f"},
        {"functionResponse": {"response": {}}},
        {"inlineData": {"mimeType": "a/b"}},
        {"fileData": {}},
        {"text": 5},
    ],
    ids=str,
)
def test_what_cannot_be_read_is_carried(data: Any) -> None:
    assert read_part(data, ids) == [Unknown(DIALECT, data)]


def test_a_part_that_was_changed_says_what_it_says_now() -> None:
    (text,) = read_part({"text": "secret", "partMetadata": {}}, ids)
    assert isinstance(text, Text)
    text.text = "[gone]"
    assert write_part(text) == {"text": "[gone]"}
    (call,) = read_part({"functionCall": {"name": "f", "args": {"a": 1}}}, ids)
    assert isinstance(call, ToolCall)
    call.arguments = '{"a":2}'
    assert write_part(call)["functionCall"]["args"] == {"a": 2}
    (result,) = read_part({"functionResponse": {"name": "f", "response": {"output": "x"}}}, ids)
    assert isinstance(result, ToolResult)
    result.parts = [Text("y")]
    assert write_part(result) == {
        "functionResponse": {"id": "made-f", "name": "f", "response": {"output": "y"}}
    }
    (picture,) = read_part({"inlineData": {"mimeType": "image/png", "data": "AA=="}}, ids)
    assert isinstance(picture, Media)
    picture.data = "BB=="
    assert write_part(picture) == {"inlineData": {"mimeType": "image/png", "data": "BB=="}}


def test_the_thought_of_another_dialect_goes_sealed_and_is_opened_again() -> None:
    thought = Reasoning("Hm.", "their signature", origin="other", id="r1", summary=True)
    signature = sealed(thought)
    assert signature.startswith(SEALED.decode())
    assert base64.b64decode(signature, validate=True) == seal(thought).encode()
    for given in (signature, signature.replace("+", "-").replace("/", "_")):
        (back,) = read_part({"text": "Hm.", "thought": True, "thoughtSignature": given}, ids)
        assert back == thought
    assert opened("c2ln") is None
    assert opened(SEALED.decode() + "!") is None
    before, text = read_part({"text": "So.", "thoughtSignature": signature}, ids)
    assert isinstance(text, Text)
    assert isinstance(before, Reasoning)
    assert before.signature == "their signature"


@pytest.mark.parametrize(
    ("result", "response"),
    [
        (ToolResult("x", []), {}),
        (ToolResult("x", [Text("18 degrees")]), {"output": "18 degrees"}),
        (ToolResult("x", [Text('{"a": 1}')]), {"a": 1}),
        (ToolResult("x", [Text("[1]")]), {"output": "[1]"}),
        (ToolResult("x", [Text("{}")]), {"output": "{}"}),
        (ToolResult("x", [Text("a"), Text("b")]), {"output": "a\nb"}),
        (ToolResult("x", [Text('{"a": 1}')], is_error=True), {"error": '{"a": 1}'}),
    ],
)
def test_what_a_function_came_to_is_an_object(result: ToolResult, response: dict[str, Any]) -> None:
    assert write_response(result) == response


def test_media() -> None:
    assert [kind_of(mime) for mime in ("image/png", "audio/wav", "video/mp4", "text/plain", None)] == [
        *("image", "audio", "video"),
        *("document", "document"),
    ]
    assert write_media(Media("image", url="https://example.org/a")) == {
        "fileData": {"fileUri": "https://example.org/a"}
    }

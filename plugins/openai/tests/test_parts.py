"""Parts of content."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.types import Media, Message, Part, Reasoning, Text, ToolCall, Unknown
from pointsman_openai.parts import content_value, decode_content, decode_part, part_object

CACHE = {"type": "ephemeral"}
PARTS: list[tuple[dict[str, Any], Part]] = [
    ({"type": "text", "text": "look", "cache_control": CACHE}, Text("look", cache=CACHE)),
    (
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        Media("image", url="https://x/y.png", detail="low"),
    ),
    (
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        Media("image", data="AAAA", mime="image/png"),
    ),
    ({"type": "video_url", "video_url": {"url": "https://x/y"}}, Media("video", url="https://x/y")),
    (
        {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "wav"}},
        Media("audio", data="BBBB", mime="audio/wav"),
    ),
    ({"type": "file", "file": {"file_id": "file-1"}}, Unknown("openai-chat", {})),
    ({"type": "hologram", "x": 1}, Unknown("openai-chat", {})),
]


@pytest.mark.parametrize(("data", "part"), PARTS)
def test_parts_are_read_and_written_back(data: dict[str, Any], part: Part) -> None:
    found = decode_part(data, "content[0]")
    assert found == (Unknown("openai-chat", data) if isinstance(part, Unknown) else part)
    assert part_object(found, cache=True) == data


@pytest.mark.parametrize(
    "data",
    [
        {"type": "text", "text": "x", "image_url": None, "note": 1},
        {"type": "image_url", "image_url": "https://x", "text": None},
        {"type": "image_url", "image_url": {"url": "https://x", "detail": None, "more": 1}, "uuid": "u"},
        {"type": "document_url", "document_url": "https://x/y.pdf", "document_name": "y"},
        {"type": "audio_url", "audio_url": {"url": "https://x"}},
        {"type": "input_audio", "input_audio": {"data": "B", "format": "ogg", "rate": 8}},
        {"type": "file", "file": {"file_data": "https://x/y.pdf"}, "cache_control": CACHE},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,C", "filename": "a.pdf", "z": 1}},
        {"type": "refusal", "refusal": "no"},
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True},
        {"type": "thinking", "thinking": "hm"},
    ],
)
def test_unusual_forms_are_kept(data: dict[str, Any]) -> None:
    found = decode_part(data, "content[0]")
    assert not isinstance(found, Unknown)
    assert part_object(found, cache=True) == data


def test_a_thought_in_content_is_a_thought() -> None:
    found = decode_part({"type": "thinking", "thinking": [{"text": "a"}, {"text": "b"}, 3]}, "p")
    assert isinstance(found, Reasoning)
    assert found.text == "ab"
    found.text = "changed"
    changed = part_object(found, cache=True)
    assert changed == {"type": "thinking", "thinking": [{"type": "text", "text": "changed"}]}


def test_a_document_by_url_is_a_document() -> None:
    found = decode_part({"type": "document_url", "document_url": "https://x/y.pdf"}, "p")
    assert isinstance(found, Media)
    assert (found.kind, found.url) == ("document", "https://x/y.pdf")


def test_media_of_another_dialect() -> None:
    document = Media("document", data="CC", mime="application/pdf", name="a.pdf")
    assert part_object(document, cache=False) == {
        "type": "file",
        "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,CC"},
    }
    sound = part_object(Media("audio", data="B", mime="audio/mpeg"), cache=False)
    assert sound == {"type": "input_audio", "input_audio": {"data": "B", "format": "mp3"}}


@pytest.mark.parametrize(
    "part",
    [
        Media("document", url="https://x/y.pdf"),
        Media("audio", data="B", mime="audio/flac"),
        Media("audio", url="https://x"),
        Reasoning("hm"),
        ToolCall("c", "f", "{}"),
        Unknown("messages", {"type": "x"}),
    ],
)
def test_what_has_no_place_in_content(part: Part) -> None:
    assert part_object(part, cache=True) is None


def test_marks_are_written_where_they_are_wanted() -> None:
    assert part_object(Text("x", cache=CACHE), cache=False) == {"type": "text", "text": "x"}


@pytest.mark.parametrize(
    "message",
    [{}, {"content": None}, {"content": ""}, {"content": []}, {"content": "x"}, {"content": [PARTS[0][0]]}],
)
def test_the_form_of_content_is_kept(message: dict[str, Any]) -> None:
    parts, form = decode_content(message, "messages[0]")
    found = Message("user", parts, {"openai-chat": {"~content": form}} if form else {})
    objects = [each for each in (part_object(part, cache=True) for part in parts) if each is not None]
    assert content_value(found.extra, objects, joined="", empty=None) == message.get("content")


def test_texts_are_joined_where_no_list_is_wanted() -> None:
    objects = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    message = Message("user", [])
    assert content_value(message.extra, objects, joined="\n", empty="") == "a\nb"
    assert content_value(message.extra, objects, joined=None, empty="") == objects
    assert content_value(message.extra, objects[:1], joined=None, empty="") == "a"
    assert content_value(message.extra, [], joined=None, empty="") == ""

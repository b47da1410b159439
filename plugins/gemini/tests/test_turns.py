"""Messages from another dialect as contents."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.losses import Losses
from pointsman.types import Citation, Media, Message, Part, Reasoning, Text, ToolCall, ToolResult, Unknown
from pointsman_gemini.parts import UNSIGNED
from pointsman_gemini.turns import Turns

OLD, NEW = "gemini-2.5-pro", "gemini-3-pro"


def turns(*messages: Message, model: str = OLD) -> tuple[Turns, Losses]:
    losses = Losses()
    found = Turns(model, losses)
    for message in messages:
        found.take(message)
    found.finish()
    return found, losses


def said(*parts: Part, model: str = OLD) -> tuple[list[Any], Losses]:
    found, losses = turns(Message("assistant", list(parts), path="messages[0]"), model=model)
    return (found.contents[0]["parts"] if found.contents else []), losses


def sign(text: str, call: str | None = None) -> Reasoning:
    return Reasoning("", redacted=text, origin="gemini", id=call)


def call(identity: str) -> dict[str, Any]:
    return {"functionCall": {"id": identity, "name": "f", "args": {}}}


def test_user_and_model_take_turns_and_the_system_stands_apart() -> None:
    found, losses = turns(
        Message("system", [Text("Be brief.")]),
        Message("user", [Text("a")]),
        Message("user", [Text("b"), Text("")]),
        Message("assistant", [Text("c")]),
        Message("developer", [Text("Later.")]),
    )
    assert found.system == [{"text": "Be brief."}, {"text": "Later."}]
    assert found.contents == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}]},
    ]
    assert losses.parameters == ["messages.role"]


def test_a_system_prompt_alone_is_what_the_user_says() -> None:
    found, losses = turns(Message("system", [Text("Be brief.")]))
    assert (found.system, losses.parameters) == ([], ["messages.role"])
    assert found.contents == [{"role": "user", "parts": [{"text": "Be brief."}]}]


def test_results_come_first_with_the_name_of_their_function() -> None:
    found, losses = turns(
        Message("assistant", [ToolCall("x", "f", '{"a": 1}'), ToolCall("y", "g", "")]),
        Message("tool", [ToolResult("x", [Text("18")])]),
        Message("user", [Text("And?"), ToolResult("y", [Text("no")], is_error=True)]),
    )
    assert found.contents[0]["parts"][1]["functionCall"] == {"id": "y", "name": "g", "args": {}}
    assert found.contents[1]["parts"] == [
        {"functionResponse": {"id": "x", "name": "f", "response": {"output": "18"}}},
        {"functionResponse": {"id": "y", "name": "g", "response": {"error": "no"}}},
        {"text": "And?"},
    ]
    assert (losses.parameters, losses.content) == ([], [])


def test_pictures_in_results_stand_inside_or_behind_them() -> None:
    messages = [
        Message("assistant", [ToolCall("x", "f", "{}")]),
        Message("tool", [ToolResult("x", [Text("see"), Media("image", data="AA==", mime="image/png")])]),
    ]
    picture = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
    new, _ = turns(*messages, model=NEW)
    assert new.contents[1]["parts"][0]["functionResponse"]["parts"] == [picture]
    old, _ = turns(*messages, model=OLD)
    assert old.contents[1]["parts"][1:] == [picture]


def test_signatures_stand_on_what_they_sign() -> None:
    parts, losses = said(
        Text("a"), sign("sa"), sign("sx", "x"), ToolCall("x", "f", "{}"), ToolCall("y", "f", "{}")
    )
    assert parts == [
        {"text": "a", "thoughtSignature": "sa"},
        {**call("x"), "thoughtSignature": "sx"},
        call("y"),
    ]
    assert losses.parameters == []


def test_signatures_find_their_places_in_the_order_of_other_dialects() -> None:
    """Some gather thoughts first, then what is said, then the calls; and put one thought to the next."""
    together = Reasoning("Hm.", redacted="sx", origin="gemini", id="x")
    parts, losses = said(
        sign("sa"), sign("sb"), together, Text("ab"), ToolCall("y", "f", "{}"), ToolCall("x", "f", "{}")
    )
    assert parts == [
        {"text": "Hm.", "thought": True},
        {"text": "ab", "thoughtSignature": "sa"},
        call("y"),
        {**call("x"), "thoughtSignature": "sx"},
        {"text": "", "thoughtSignature": "sb"},
    ]
    assert losses.parameters == []


def test_thoughts_go_back_to_who_made_them_and_to_nobody_else() -> None:
    own = Reasoning("Hm.", "own", origin="gemini", summary=True)
    foreign = Reasoning("Hm.", "theirs", origin="other")
    plain = Reasoning("Hm.")
    parts, losses = said(own, foreign, plain, Reasoning("", "sig", origin="gemini"), Text("So."))
    assert parts == [
        {"text": "Hm.", "thought": True, "thoughtSignature": "own"},
        {"text": "So.", "thoughtSignature": "sig"},
    ]
    assert losses.parameters == ["reasoning"]
    user, losses = turns(Message("user", [own]))
    assert (user.contents, losses.parameters) == ([], ["reasoning"])


def test_a_signature_whose_call_is_gone_is_told() -> None:
    parts, losses = said(sign("sx", "x"), Text("So."))
    assert (parts, losses.parameters) == ([{"text": "So."}], ["reasoning"])


def test_calls_of_others_pass_where_signatures_are_demanded() -> None:
    parts, _ = said(Text("a"), ToolCall("x", "f", "{}"), ToolCall("y", "f", "{}"), model=NEW)
    assert parts[1:] == [{**call("x"), "thoughtSignature": UNSIGNED}, call("y")]
    signed, _ = said(sign("sx", "x"), ToolCall("x", "f", "{}"), model=NEW)
    assert signed == [{**call("x"), "thoughtSignature": "sx"}]


@pytest.mark.parametrize(
    ("media", "written"),
    [
        (
            Media("image", data="iVBORw0KGgoA"),
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgoA"}},
        ),
        (
            Media("image", data="AA", mime="image/jpg"),
            {"inlineData": {"mimeType": "image/jpeg", "data": "AA"}},
        ),
        (
            Media("document", data="AA", mime="text/plain; charset=utf-8"),
            {"inlineData": {"mimeType": "text/plain", "data": "AA"}},
        ),
        (
            Media("document", url="https://example.org/a.pdf?x=1.png"),
            {"fileData": {"fileUri": "https://example.org/a.pdf?x=1.png", "mimeType": "application/pdf"}},
        ),
        (Media("video", url="https://youtu.be/x"), {"fileData": {"fileUri": "https://youtu.be/x"}}),
        (
            Media("audio", url="gs://b/a.wav", mime="audio/wav"),
            {"fileData": {"fileUri": "gs://b/a.wav", "mimeType": "audio/wav"}},
        ),
    ],
)
def test_media(media: Media, written: Any) -> None:
    found, losses = turns(Message("user", [media]))
    assert found.contents[0]["parts"] == [written]
    assert losses.content == []


@pytest.mark.parametrize(
    ("role", "part", "what"),
    [
        ("user", Media("image", url="file:///etc/passwd"), "neither http nor gs"),
        ("user", Media("image"), "neither data nor URL"),
        ("user", Media("document", data="AAAA"), "without a type"),
        ("user", Unknown("other", {}), "only other knows"),
        ("user", ToolCall("x", "f", "{}"), "the user makes"),
        ("user", ToolResult("x", [Text("a")]), "whose call is not there"),
        ("system", Media("image", data="AA", mime="image/png"), "a system prompt with Media"),
        ("system", Unknown("other", {}), "a system prompt with Unknown"),
        ("assistant", ToolCall("x", "9 lives", "{}"), "a tool named '9 lives'"),
        ("assistant", ToolResult("x", []), "the model brings"),
        ("assistant", Unknown("other", {}), "only other knows"),
    ],
)
def test_content_without_a_place_is_told(role: str, part: Part, what: str) -> None:
    _, losses = turns(Message(role, [Text("a"), part], path="messages[0]"))
    (missing,) = losses.content
    assert missing.path == "messages[0].content[1]"
    assert what in missing.what


def test_a_result_with_odd_things_in_it_is_told() -> None:
    _, losses = turns(
        Message("assistant", [ToolCall("x", "f", "{}")]),
        Message("tool", [ToolResult("x", [Reasoning("Hm.")])], path="messages[1]"),
    )
    assert [str(each) for each in losses.content] == [
        "`messages[1].content[0]` (a result of a tool with Reasoning in it)"
    ]


def test_parts_of_this_dialect_go_as_they_are() -> None:
    own = Unknown("gemini", {"executableCode": {}})
    found, losses = turns(Message("system", [own]), Message("user", [own]), Message("assistant", [own]))
    assert found.system == [own.data]
    assert [content["parts"] for content in found.contents] == [[own.data], [own.data]]
    assert losses.content == []


def test_what_stands_beside_is_told() -> None:
    text = Text("a", {"other": {"odd": 1}}, citations=[Citation("u")], cache={"type": "ephemeral"})
    picture = Media("image", data="AA", mime="image/png", detail="high", name="a.png")
    _, losses = turns(Message("user", [text, picture], {"other": {"name": "Bob"}}))
    assert losses.parameters == [
        *("messages.name", "messages.content.odd", "cache_control", "annotations", "citations"),
        *("messages.content.detail", "filename"),
    ]


def test_a_picture_the_model_made_is_kept() -> None:
    parts, _ = said(Media("image", data="AA", mime="image/png"))
    assert parts == [{"inlineData": {"mimeType": "image/png", "data": "AA"}}]

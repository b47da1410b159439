"""What an assistant says, as output items."""

from __future__ import annotations

from typing import Any

from pointsman.losses import Losses
from pointsman.sealing import unseal
from pointsman.types import Citation, Media, Message, Reasoning, Request, Text, ToolCall, Unknown
from pointsman_openai.responses.output import Output


def items(
    *parts: Any, losses: Losses | None = None, base: str = "abc", incomplete: bool = False, **asked: Any
) -> list[dict[str, Any]]:
    output = Output(base, Request.of({"model": "m", **asked}), losses if losses is not None else Losses())
    return output.items(Message("assistant", list(parts)), incomplete=incomplete)


def test_texts_that_follow_one_another_are_one_message() -> None:
    message, call, last = items(Text("a"), Text("b"), ToolCall("c", "f", "{}"), Text("d"))
    assert [part["text"] for part in message["content"]] == ["a", "b"]
    assert (message["id"], call["id"], last["id"]) == ("msg_abc_0", "fc_abc_1", "msg_abc_2")
    assert (call["call_id"], call["name"], call["arguments"], call["status"]) == ("c", "f", "{}", "completed")


def test_ids_are_short_whatever_they_are_made_of() -> None:
    for base in ("x" * 200, "gen/1:2", ""):
        assert len(items(Text("a"), base=base)[0]["id"]) <= 64


def test_the_text_of_an_incomplete_answer_says_so() -> None:
    assert items(Text("a"), incomplete=True)[0]["status"] == "incomplete"


def test_a_call_of_a_tool_declared_custom_is_one() -> None:
    tools = [{"type": "custom", "name": "patch"}]
    (call,) = items(ToolCall("c", "patch", '{"input":"text"}'), tools=tools)
    assert (call["type"], call["input"]) == ("custom_tool_call", "text")


def test_a_thought_is_sealed_unless_it_is_of_this_dialect() -> None:
    foreign = Reasoning("hm", signature="s", origin="anthropic-messages")
    sealed, own = items(
        foreign, Reasoning("sum", origin="openai-responses", redacted="gAAA", id="rs_9", summary=True)
    )
    assert unseal(sealed["encrypted_content"]) == foreign
    assert sealed["content"] == [{"type": "reasoning_text", "text": "hm"}]
    assert (own["id"], own["encrypted_content"]) == ("rs_9", "gAAA")
    assert own["summary"] == [{"type": "summary_text", "text": "sum"}]


def test_a_picture_is_a_generated_image_and_the_rest_is_told() -> None:
    losses = Losses()
    found = items(
        Media("image", data="aGk=", mime="image/png"),
        Media("image", url="https://x"),
        Media("audio", data="x"),
        Unknown("gemini", {"type": "executable_code"}),
        Unknown("openai-responses", {"type": "web_search_call"}),
        losses=losses,
    )
    assert [item["type"] for item in found] == ["image_generation_call", "web_search_call"]
    assert found[0]["result"] == "aGk="
    assert losses.answer == ["image", "audio", "executable_code"]


def test_citations_without_a_place_are_told() -> None:
    losses = Losses()
    text = Text("x", citations=[Citation(url="u", quote="q"), Citation(quote="q")])
    (message,) = items(text, losses=losses)
    assert [each["url"] for each in message["content"][0]["annotations"]] == ["u"]
    assert losses.answer == ["citations.quote", "citations"]

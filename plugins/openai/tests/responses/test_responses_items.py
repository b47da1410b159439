"""Items as parts of a turn."""

from __future__ import annotations

from pointsman.types import Reasoning, Text, ToolCall, Unknown
from pointsman_openai.responses.items import (
    Turn,
    read_item,
    read_result,
    write_call,
    write_head,
    write_reasoning,
)


def test_a_turn_notes_what_its_messages_were_like() -> None:
    turn = Turn()
    content = [{"type": "output_text", "text": "a"}, {"type": "odd"}]
    item = {"type": "message", "id": "m1", "role": "assistant", "phase": "final", "content": content}
    read_item(item, "i", turn)
    read_item({"type": "new_call", "x": 1}, "i", turn)
    read_item({"role": "assistant", "content": "b"}, "i", turn)
    assert [type(part) for part in turn.parts] == [Text, Unknown, Unknown, Text]
    mine = turn.extra["openai-responses"]
    assert mine["~inside"] == [1]
    assert mine["~heads"][0] == item
    assert mine["phase"] == "final"
    assert set(mine["~heads"]) == {0, 3}


def test_a_head_keeps_the_form_unless_there_is_other_content_now() -> None:
    text = [{"type": "output_text", "text": "now"}]
    assert write_head({"role": "assistant", "content": "x"}, text)["content"] == "now"
    assert write_head({"role": "assistant", "content": None}, text)["content"] == text
    assert write_head({"role": "assistant"}, []) == {"role": "assistant"}


def test_own_words_come_before_what_sums_them_up() -> None:
    turn = Turn()
    item = {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "s"}, "odd"],
        "content": [{"type": "reasoning_text", "text": "c"}],
    }
    read_item(item, "i", turn)
    (thought,) = turn.parts
    assert isinstance(thought, Reasoning)
    assert (thought.text, thought.summary) == ("c", False)


def test_a_thought_is_written_with_its_text_of_now() -> None:
    summed = Reasoning("new", summary=True, extra={"openai-responses": {"~text": "old"}})
    assert write_reasoning(summed, {"id": "rs", "summary": []}) == {
        "type": "reasoning",
        "id": "rs",
        "summary": [{"type": "summary_text", "text": "new"}],
    }
    assert write_reasoning(Reasoning("t"), {})["content"] == [{"type": "reasoning_text", "text": "t"}]
    assert write_reasoning(Reasoning(""), {}) == {"type": "reasoning", "summary": []}


def test_calls_are_of_functions_or_of_custom_tools() -> None:
    call = ToolCall("c", "f", "{}")
    assert write_call(call, "c", {"id": "fc"}, custom=None)["arguments"] == "{}"
    assert write_call(call, "c", {}, custom="text") == {
        "type": "custom_tool_call",
        "call_id": "c",
        "name": "f",
        "input": "text",
    }


def test_a_result_is_a_text_or_parts() -> None:
    item = {"type": "function_call_output", "call_id": "c", "output": "x"}
    assert read_result(item, "i").parts == [Text("x")]
    item["output"] = ""
    assert read_result(item, "i").parts == []
